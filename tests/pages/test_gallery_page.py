"""The gallery without a browser: order, filters, slices and tags against the run's own predictions."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.metrics import bootstrap_mean
from fisa.runs import load_run
from fisa.slices import Mark, Notebook, Slice, list_slices, save_slice
from fisa.ui import slices
from fisa.ui.marks import as_csv

Visit = Callable[..., AppTest]
LABELS = list(MIKELS8.labels)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def known(full: Path) -> pd.DataFrame:
    """What must be shown of the 60 test images, from stored predictions and the manifest alone."""
    manifest = open_dataset("planted-tiny").manifest
    truth = manifest[[f"truth_{label}" for label in LABELS]].to_numpy(float)
    first, second = (load_run(full / name).predictions[LABELS].to_numpy(float) for name in ("fisa", "cnn"))
    errors = [(truth * np.log(truth / q)).sum(1) for q in (first, second)]
    return pd.DataFrame(
        {
            "id": manifest["id"],
            "predicted": np.array(LABELS)[first.argmax(1)],
            "dominant": np.array(LABELS)[truth.argmax(1)],
            "error": errors[0],
            "fixed": errors[0] - errors[1],
            "disagreement": [jensenshannon(p, q) ** 2 for p, q in zip(first, second, strict=True)],
        }
    )


def shown(app: AppTest) -> list[str]:
    """Ids of the pictures of the gallery, in order."""
    labels = [re.sub(r"[\\*\]]|:primary\[", "", str(link.label)) for link in app.get("page_link")]
    return [label for label in labels if label.startswith("iid-")]


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning)
    return re.sub(r"\\(?=\W)|\*\*", "", "\n".join(str(each.value) for kind in kinds for each in kind))


def test_pictures_stand_in_the_order_of_pandas_page_by_page(visit: Visit, known: pd.DataFrame) -> None:
    worst = known.sort_values("error", ascending=False, kind="stable")
    app = visit("gallery", run="fisa", sort="error")
    assert not app.exception and not app.error and not app.warning
    assert shown(app) == worst["id"].head(24).to_list()
    assert f"Error {worst['error'].iloc[0]:.3f}" in said(app)
    app = visit("gallery", run="fisa", sort="error", sheet="3")
    assert shown(app) == worst["id"].iloc[48:].to_list()
    app = visit("gallery", run="fisa", sort="error", reverse="on")
    assert shown(app) == worst["id"].to_list()[:-25:-1]


@pytest.mark.parametrize("sort", ["fixed", "broke", "disagreement"])
def test_order_by_another_run(sort: str, visit: Visit, known: pd.DataFrame) -> None:
    values = -known["fixed"] if sort == "broke" else known[sort]
    app = visit("gallery", run="fisa", against="cnn", sort=sort)
    assert not app.exception and not app.warning
    assert shown(app) == known["id"].iloc[np.argsort(-values, kind="stable")].head(24).to_list()
    assert app.query_params["against"] == "cnn"


def test_a_filter_in_the_address_holds_on_every_page(visit: Visit, known: pd.DataFrame) -> None:
    emotion, bound = known["predicted"].mode()[0], float(known["error"].median())
    some = known[(known["predicted"] == emotion) & (known["error"] > bound)].sort_values("error", ascending=False)
    link = {"run": "fisa", "sort": "error", "filter": f"predicted={emotion};error>{bound}"}
    app = visit("gallery", **link)
    assert shown(app) == some["id"].head(24).to_list()
    assert f"{len(some)} of 60: predicted {emotion}" in said(app)
    app = visit("explain", **link)
    assert app.query_params["image"] == some["id"].iloc[0]
    assert app.query_params["filter"] == link["filter"]
    app.button(key="next_image").click().run()
    assert app.query_params["image"] == some["id"].iloc[1]
    app.button(key="show_all").click().run()
    assert "filter" not in app.query_params and app.query_params["image"] == some["id"].iloc[1]


def test_an_image_outside_the_filter_is_shown_and_marked(visit: Visit, known: pd.DataFrame) -> None:
    some = known.nlargest(3, "error")
    outside = known.nsmallest(1, "error")["id"].iloc[0]
    bound = float(known["error"].nlargest(4).iloc[-1])
    app = visit("explain", run="fisa", sort="error", filter=f"error>{bound}", image=outside)
    assert not app.exception and app.query_params["image"] == outside
    assert f"{outside} is not among them" in said(app)
    app.button(key="next_image").click().run()
    assert app.query_params["image"] == some["id"].iloc[0]


def test_an_empty_filter_says_which_condition_to_loosen(visit: Visit, known: pd.DataFrame) -> None:
    emotion = known["dominant"].iloc[0]
    count = int((known["dominant"] == emotion).sum())
    app = visit("gallery", run="fisa", filter=f"dominant={emotion};error>99")
    assert not app.exception and "Loosen one condition" in said(app) and shown(app) == []
    (button,) = (each for each in app.button if each.key == "loosen_0")
    assert f"without error above 99: {count} images" == button.label.replace("\\", "")
    button.click().run()
    assert app.query_params["filter"] == f"dominant={emotion}" and len(shown(app)) == min(count, 24)


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("nonsense", "“nonsense” is no condition"),
        ("size>1", "These images have no size"),
        ("predicted=feer", "There is no emotion “feer” here; taking “fear” instead"),
        ("predicted>1", "predicted is no number"),
        ("error>=<script>🙂", "compares with"),
    ],
)
def test_a_condition_that_means_nothing_is_left_out_and_said(text: str, notice: str, full: Path, visit: Visit) -> None:
    app = visit("gallery", run="fisa", filter=text)
    assert not app.exception and not app.error
    assert len(app.warning) == 1 and notice in re.sub(r"\\(?=\W)", "", app.warning[0].value)


def test_filters_are_chosen_in_the_popover(visit: Visit, known: pd.DataFrame) -> None:
    emotion = known["dominant"].mode()[0]
    app = visit("gallery", run="fisa")
    app.multiselect(key="filter_dominant").set_value([emotion]).run()
    assert app.query_params["filter"] == f"dominant={emotion}"
    assert shown(app) == known.loc[known["dominant"] == emotion, "id"].head(24).to_list()
    app.slider(key="filter_error").set_value((0.01, app.slider(key="filter_error").max)).run()
    assert app.query_params["filter"] == f"dominant={emotion};error>0.01"


def test_a_slice_of_ids_is_saved_chosen_renamed_shared_and_deleted(visit: Visit, known: pd.DataFrame) -> None:
    dataset = open_dataset("planted-tiny")
    names = known["id"].iloc[[5, 2, 40]].to_list()
    link = slices.save(dataset, names, "lasso ;~")
    assert slices.save(dataset, names, "lasso ;~") == link  # the same again is no second slice
    app = visit("gallery", run="fisa", slice=link)
    assert not app.warning and sorted(names) == shown(app)  # by number
    app.text_input(key="slice_name").set_value("<b>mine</b>").run()
    assert [one.name for one in list_slices(dataset.name, dataset.split)[0]] == ["<b>mine</b>"]
    assert not app.exception and sorted(names) == shown(app)
    app.button(key="delete_slice").click().run()
    assert list_slices(dataset.name, dataset.split) == ([], []) and len(shown(app)) == 24
    app = visit("gallery", run="fisa", slice=link)  # elsewhere, where the slice is not kept
    assert not app.warning and sorted(names) == shown(app)


def test_a_filter_is_saved_as_a_slice(full: Path, visit: Visit) -> None:
    app = visit("gallery", run="fisa", filter="entropy>0.1")
    app.text_input(key="new_slice").set_value("unsure")
    (save,) = (button for button in app.button if button.label == "Save")
    save.click().run()
    dataset = open_dataset("planted-tiny")
    stored = Slice("unsure", dataset.name, dataset.split, dataset.version, filter="entropy>0.1")
    assert list_slices(dataset.name, dataset.split) == ([stored], [])
    app = visit("gallery", run="fisa")
    app.selectbox(key="slice_choice").set_value("unsure").run()
    assert app.query_params["filter"] == "entropy>0.1"


def test_a_slice_that_is_gone_shows_all_and_says_so(full: Path, visit: Visit) -> None:
    app = visit("gallery", run="fisa", slice="worst <b>")
    assert len(app.warning) == 1 and "There is no slice “worst <b>”" in re.sub(r"\\(?=\W)", "", app.warning[0].value)
    assert len(shown(app)) == 24 and "slice" not in app.query_params
    app = visit("gallery", run="fisa", slice="worst~iid-0000~1~9~x")
    assert "1 of the 3 images" in app.warning[0].value and shown(app) == ["iid-00001", "iid-00009"]
    app = visit("gallery", run="fisa", slice="worst~photo~1")
    assert "No image of the slice" in app.warning[0].value and len(shown(app)) == 24


def test_a_damaged_slice_is_named_and_nothing_else_breaks(own_home: Path, full: Path, visit: Visit) -> None:
    dataset = open_dataset("planted-tiny")
    file = save_slice(Slice("mine", dataset.name, dataset.split, dataset.version, ("iid-00001",)))
    file.write_text("{")
    app = visit("gallery", run="fisa", slice="mine")
    assert not app.exception and len(shown(app)) == 24 and "is damaged" in app.warning[0].value
    assert any("is damaged" in caption.value for caption in app.caption)


def test_tags_are_written_filtered_by_and_exported_without_formulas(full: Path, visit: Visit) -> None:
    dataset = open_dataset("planted-tiny")
    app = visit("explain", run="fisa", image="iid-00007")
    app.multiselect(key="mark_tags").set_value(["check <b>"]).run()
    app.text_area(key="mark_note").set_value("=1+1").run()
    assert not app.exception and not app.warning
    marks = Notebook(dataset.name, dataset.split, dataset.version).read()
    assert marks == {"iid-00007": Mark(("check <b>",), "=1+1")}
    assert as_csv(marks) == "id,tags,note\niid-00007,check <b>,'=1+1\n"
    app = visit("gallery", run="fisa", filter="tag=check %3Cb%3E")
    assert not app.warning and shown(app) == ["iid-00007"]
    assert "check <b>" in said(app)


def test_a_tag_is_given_to_all_that_pass(full: Path, visit: Visit) -> None:
    dataset = open_dataset("planted-tiny")
    notebook = Notebook(dataset.name, dataset.split, dataset.version)
    notebook.tag(["iid-00050"], "odd")  # AppTest cannot type an option that is not there yet
    app = visit("gallery", run="fisa", slice="some~iid-0000~1~2")
    app.radio(key="tag_whom").set_value("all")
    app.selectbox(key="new_tag").set_value("odd")
    (add,) = (button for button in app.button if button.label == "Add")
    add.click().run()
    assert notebook.read() == {f"iid-000{number}": Mark(("odd",)) for number in ("01", "02", "50")}


def test_measures_of_a_slice_stand_beside_those_of_all(visit: Visit, known: pd.DataFrame) -> None:
    emotion = known["dominant"].mode()[0]
    rows = (known["dominant"] == emotion).to_numpy()
    app = visit("gallery", run="fisa", panel="measures", filter=f"dominant={emotion}")
    assert not app.exception
    table = app.table[0].value
    assert [str(column) for column in table.columns] == [f"these {rows.sum()}", "all 60"]
    for column, values in zip(table.columns, (known["error"][rows], known["error"]), strict=True):
        interval = bootstrap_mean(values.to_numpy(float))
        expected = f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
        assert re.sub(r"\\(?=\W)", "", table[column].iloc[0]) == expected


def test_slices_that_stand_out_are_said_to_be_found_by_looking(full: Path, visit: Visit) -> None:
    app = visit("gallery", run="fisa", panel="found")
    assert not app.exception and "slices with at least 20 images" in said(app)


@pytest.mark.parametrize("page", ["gallery"])
def test_the_gallery_opens_without_runs(page: str, shelf: Path, visit: Visit) -> None:
    app = visit(page)
    assert not app.exception and not app.error and "No trained run was found" in app.info[0].value
