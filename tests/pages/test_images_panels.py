"""Your images has the panels of Explain: attribution, which waits until it is asked for, and What if."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from offering import buttons, check_figures, table_of
from PIL import Image
from streamlit.testing.v1 import AppTest

from fisa.datasets.planted import PlantedDataset
from fisa.explain import explain
from fisa.explain.attribution import METHODS, applicable
from fisa.explain.edits import Cover, Feature
from fisa.explain.what_if import feature_means, what_if
from fisa.figures.checks import signed
from fisa.runs import load_run
from fisa.ui import counted
from fisa.ui.export import Offer

Visit = Callable[..., AppTest]


def uploaded(visit: Visit, content: bytes, name: str = "mine.png", **query: str) -> AppTest:
    app = visit("images", **query)
    app.file_uploader[0].set_value((name, content, "image/png")).run()
    assert not app.exception and not app.error
    return app


@pytest.fixture
def content() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def said(app: AppTest) -> str:
    texts = [str(element.value) for kind in (app.markdown, app.caption) for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def test_methods_are_asked_only_where_a_person_wants_them(
    graded: Path, visit: Visit, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(counted.FILE, str(tmp_path / "computed"))
    app = uploaded(visit, content, run="fisa")
    assert "hit rate 0.96 [0.95, 0.97]" in said(app)
    assert "attribution" not in counted.read_counts(tmp_path / "computed")[0]
    assert "method" not in app.query_params and not [box for box in app.selectbox if box.key == "choose_method"]

    app.toggle(key="photographs_places").set_value(True).run()
    assert not app.exception and not app.error and app.query_params["method"] == "contributions"
    assert counted.read_counts(tmp_path / "computed")[0]["attribution"] == 1
    assert "KL to the truth" not in app.selectbox(key="choose_target").options  # nobody knows it
    app.selectbox(key="choose_method").set_value("grad_cam").run()
    assert "faithfulness 0.70 [0.65, 0.75], best baseline 0.60" in said(app)

    app.toggle(key="methods_toggle").set_value(True).run()
    assert not app.exception and app.query_params["methods"] == "on"
    every = {METHODS[method].title for method in applicable(load_run(graded / "fisa"))}
    assert {title for title in every if re.search(rf"\*\*{title}( \(fails a sanity check\))?\*\*", said(app))} == every


def test_everything_of_a_photograph_can_be_taken_away(
    full: Path, visit: Visit, content: bytes, offers: list[Offer]
) -> None:
    app = uploaded(visit, content, "von mir.png", run="fisa", emotion="awe", image="iid-00003")
    assert buttons(app)[-9:] == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX", "HTML", "JSON", "NPZ"]
    offer = offers[-1]
    assert offer.name == "fisa-von mir" and "attribution" not in offer.figures
    check_figures(offer, ("contributions-to-awe",))
    run = load_run(full / "fisa")
    table = table_of(offer, "prediction").set_index("emotion")
    expected = explain(run, np.asarray(Image.open(io.BytesIO(content)))).distribution
    np.testing.assert_allclose(table.loc[list(run.space.labels), "fisa"], expected, atol=1e-9)
    assert "truth" not in table and table["data"].iloc[0] == "a file, of which nothing is known"
    assert table["command"].iloc[0] == f"python -m fisa explain {run.path} 'von mir.png' --out explained"
    told = json.loads(offer.others["json"]())
    assert told["familiarity"]["held_out"] > 0 and not told["attribution"]

    app.toggle(key="photographs_places").set_value(True).run()
    app.toggle(key="methods_toggle").set_value(True).run()
    assert not app.exception and not app.error
    curves = table_of(offers[-1], "deletion-and-insertion")
    assert "attribution" in offers[-1].figures and "image=" not in curves["page"].iloc[0]
    assert curves["page"].iloc[0].startswith("images?run=fisa&emotion=awe")


def test_another_photograph_changes_the_map(full: Path, visit: Visit, content: bytes) -> None:
    app = uploaded(visit, content, run="cnn")
    app.toggle(key="photographs_places").set_value(True).run()
    first = said(app)
    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(file, "PNG")
    app.file_uploader[0].set_value(("grey.png", file.getvalue(), "image/png")).run()
    assert not app.exception and not app.error and app.query_params["method"] == "grad_cam"
    values = [re.search(r"The target is \*\*(.+?)\*\*", text)[1] for text in (first, said(app))]  # type: ignore[index]
    assert values[0] != values[1]


# A file may be called as a planted scene is, and is still none.
def test_what_if_edits_a_photograph(full: Path, visit: Visit, content: bytes) -> None:
    asked = "cover:0,0,0.5,0.5;feature:awe"
    app = uploaded(visit, content, "iid-00003", run="fisa", edits=f"remove:fear;{asked}")
    assert "only a drawn scene can leave out its motifs" in re.sub(r"\\(?=\W)", "", app.warning[0].value)
    assert app.query_params["edits"] == asked
    run, scenes = load_run(full / "fisa"), PlantedDataset("planted-tiny", "iid", 64)
    image = np.asarray(Image.open(io.BytesIO(content)))
    edits = [Cover(0, 0, 0.5, 0.5), Feature("awe")]
    outcome = what_if(run, image, edits, None, feature_means(run, scenes))
    (table,) = (each.value for each in app.table if "change" in each.value)
    changes = [re.sub(r"\\(?=\W)", "", text) for text in table["change"]]
    assert changes == [signed(outcome.change[column], 3) for column in run.space.wheel]


def test_without_the_test_images_one_sentence_says_so_and_the_rest_is_shown(
    full: Path, visit: Visit, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("/photos: no such folder")

    monkeypatch.setattr("fisa.ui.cache.test_data", gone)
    app = visit("images", run="fisa", edits="feature:awe")
    app.file_uploader[0].set_value(("mine.png", content, "image/png")).run()
    assert not app.exception and len(app.error) == 1 and "no such folder" in app.error[0].value
    assert any("trained on" in str(each.value) for each in (*app.caption, *app.warning))  # how far it lies: the last
