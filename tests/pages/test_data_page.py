"""The Data page, without a browser: what it says of sets of every layout, broken ones among them, and what links do."""

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trees
from PIL import Image
from saying import unescaped, well, words
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset, statistics, whole
from fisa.emotions import MIKELS8
from fisa.ui.datasets import Library
from fisa.ui.datasets_gallery import PAGE

Visit = Callable[..., AppTest]
LABELS = list(MIKELS8.labels)
pytestmark = pytest.mark.usefixtures("nothing_known")


def figure(app: AppTest, alt: str) -> dict[str, Any]:
    """The figure whose alternative text begins with ``alt``."""
    drawn = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    (found,) = [each for each in drawn if each["layout"]["meta"]["alt"].startswith(alt)]
    return found


def shown(app: AppTest) -> list[str]:
    """Names of the images in the gallery, in order."""
    return [unescaped(button.label) for button in app.button if str(button.key).startswith("button_gallery_")]


def vectors(root: Path) -> None:
    root.mkdir(parents=True)
    drawn = np.random.default_rng(0)
    np.savez(root / "vectors.npz", features=drawn.normal(size=(40, 3)), labels=drawn.dirichlet(np.ones(7), 40))


def scores(root: Path) -> None:
    drawn = np.random.default_rng(0)
    rows = [[f"{number}.png", *drawn.multinomial(20 + number, [0.2] * 5)] for number in range(20)]
    trees.manifest(root, ["image", *"12345"], rows)


def own_votes(root: Path) -> None:
    rows = [[f"{number}.png", *cast, number / 20] for number, cast in enumerate(trees.votes(20))]
    trees.manifest(root, ["image", *LABELS, "valence"], rows)


def test_what_planted_data_hold_is_what_their_manifest_says(visit: Visit) -> None:
    app = well(visit("data", data="planted-tiny", split="train"))
    manifest = open_dataset("planted-tiny", None, "train").manifest
    bars = figure(app, "Bar chart of votes for each label")["data"][0]
    totals = np.rint(manifest[LABELS] * 10).sum().astype(int)
    order = np.argsort(totals.to_numpy(), kind="stable")
    assert [int(text.replace(",", "")) for text in bars["text"]] == totals.to_numpy()[order].tolist()
    spoken = figure(app, "Emotion wheel")["layout"]["meta"]["alt"]
    top = manifest[LABELS].mean().sort_values(ascending=False)
    assert f"mean: {top.index[0]} {top.iloc[0]:.0%}" in spoken
    assert "160 images" in figure(app, "Histogram of the entropy")["layout"]["meta"]["alt"]
    said = words(app)
    assert "Each of 160 images has 10 votes." in said and "does not rate both valence and arousal" in said
    low = [unescaped(button.label) for button in app.button if str(button.key).startswith("button_low")]
    assert low == manifest.loc[manifest[LABELS].max(axis=1) == 1, "id"].head(6).to_list()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (trees.emotion6, ["ekman7 have no wheel", "How many raters voted on an image is not known"]),
        (trees.ldl, ["30 images of 11,150 published", "Each of 30 images has 11 votes"]),
        (trees.oasis, ["names no emotion", "valence 1 to 7 and arousal 1 to 7"]),
        (scores, ["scores5 have no wheel"]),
        (vectors, ["feature vectors and no images", "40 vectors"]),
        (own_votes, ["It does not rate both valence and arousal"]),
        (trees.classes, ["Every image has one label alone"]),
    ],
)
def test_each_layout_gets_what_applies_and_a_line_for_what_does_not(
    make: Callable[[Path], object], says: list[str], tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "shelf" / "a set"
    make(root)
    monkeypatch.setenv("FISA_DATA", str(tmp_path / "shelf"))
    app = well(visit("data"))
    assert app.query_params["data"] == str(root)  # the first of what is found comes before what is drawn
    for sentence in says:
        assert sentence in words(app)
    app = well(visit("data", view="gallery"))
    assert "of" in words(app) and not app.warning
    item = str(whole.read_whole(_layout(app), root).manifest["id"].iloc[-1])
    app = well(visit("data", view="gallery", item=item))
    assert unescaped(app.subheader[0].value) == item
    app = well(visit("data", view="check"))
    assert "Check everything" in [button.label for button in app.button]


def _layout(app: AppTest) -> str:
    return str(app.sidebar.selectbox(key="choose_layout").value)


def test_with_nothing_in_the_variable_drawn_sets_are_there(visit: Visit) -> None:
    app = well(visit("data"))
    assert app.query_params["data"] == "planted-small"
    drawn = [f"{name} (drawn)" for name in ("planted-small", "planted", "planted-tiny")]
    assert app.selectbox(key="choose_data").options == drawn
    assert "nothing on disk to check" in words(well(visit("data", view="check", data="planted-tiny")))


def test_what_is_not_recognised_is_listed_with_its_reason(
    tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf" / "holiday").mkdir(parents=True)
    trees.oasis(tmp_path / "shelf" / "oasis")
    monkeypatch.setenv("FISA_DATA", f"{tmp_path / 'shelf'}:{tmp_path / 'gone'}")
    app = well(visit("data"))
    (listed,) = (part for part in app.sidebar.expander if part.label == "Not recognised: 2")
    reasons = [unescaped(caption.value) for caption in listed.caption]
    assert "holiday: neither a list" in reasons[0] and "gone: no such folder" in reasons[1]


def test_a_typed_path_is_shown_and_stays_in_the_address(tmp_path: Path, visit: Visit) -> None:
    root = tmp_path / "Emotion6 <b>x & 🙂 ü"
    trees.emotion6(root)
    app = well(visit("data", data="planted-tiny", view="gallery", label="awe"))
    app.sidebar.text_input(key="data_path").set_value(f" '{root}' ").run()
    well(app)
    assert app.query_params["data"] == str(root) and "label" not in app.query_params
    assert root.name in app.selectbox(key="choose_data").options and str(root) in words(app)
    again = well(visit("data", **{name: str(value) for name, value in app.query_params.items()}))
    assert str(root) in words(again) and shown(again) == shown(app)
    app.sidebar.text_input(key="data_path").set_value("/nowhere/at/all").run()
    assert any("/nowhere/at/all: no such folder" in unescaped(warning.value) for warning in app.warning)
    assert app.query_params["data"] == str(root) and not app.exception


@pytest.mark.parametrize("path", ["~nobody-of-this-name/set", "/" + "x" * 5000])
def test_a_path_that_no_machine_has_is_one_sentence(
    path: str, tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.oasis(tmp_path / "oasis")
    monkeypatch.setenv("FISA_DATA", str(tmp_path / "oasis"))
    app = visit("data", data=path)
    assert not app.exception and "There is no data set" in app.warning[0].value
    app.sidebar.text_input(key="data_path").set_value(path).run()
    assert not app.exception


def test_a_folder_that_is_not_recognised_can_be_read_as_what_one_says(tmp_path: Path, visit: Visit) -> None:
    trees.oasis(tmp_path / "set")
    (tmp_path / "set" / "OASIS.csv").rename(tmp_path / "set" / "list.csv")
    app = visit("data", data=str(tmp_path / "set"))
    assert not app.exception and "list.csv has no column of images" in unescaped(app.error[0].value)
    app = visit("data", data=str(tmp_path / "set"), layout="oasis")
    assert not app.exception and "OASIS.csv is missing" in unescaped(app.error[0].value)
    (tmp_path / "set" / "list.csv").rename(tmp_path / "set" / "OASIS.csv")
    well(visit("data", data=str(tmp_path / "set"), layout="oasis"))


def test_filters_narrow_the_gallery_and_a_link_repeats_them(visit: Visit) -> None:
    app = well(visit("data", data="planted-tiny", view="gallery"))
    manifest = whole.read_whole("planted-tiny", None).manifest
    assert shown(app) == manifest["id"].head(PAGE).to_list()
    app.selectbox(key="choose_label").set_value("awe").run()
    app.selectbox(key="choose_split").set_value("train").run()
    app.selectbox(key="choose_order").set_value("awe").run()
    awe = manifest[(manifest["dominant"] == "awe") & (manifest["split"] == "train")]
    expected = awe.sort_values("awe", ascending=False, kind="stable")["id"].to_list()
    assert shown(well(app)) == expected[:PAGE]
    assert f"**{len(awe)}** of 260 images" in words(app)
    assert {name: app.query_params[name] for name in ("label", "split", "order")} == {
        "label": "awe", "split": "train", "order": "awe",
    }  # fmt: skip
    again = well(visit("data", **{name: str(value) for name, value in app.query_params.items()}))
    assert shown(again) == shown(app)
    app.text_input(key="choose_text").set_value("no such <i>").run()
    assert not app.exception and "No image passes these filters" in app.info[0].value


def test_pages_turn_and_an_image_leads_to_the_next(visit: Visit) -> None:
    app = well(visit("data", data="planted-tiny", view="gallery", split="train", leaf="2"))
    ids = whole.read_whole("planted-tiny", None).manifest["id"].to_list()
    assert shown(app) == ids[PAGE : 2 * PAGE]
    app.button(key=f"button_gallery_{PAGE + 3}").click().run()
    assert app.query_params["item"] == ids[PAGE + 3] and unescaped(app.subheader[0].value) == ids[PAGE + 3]
    app.button(key="data_next").click().run()
    assert app.query_params["item"] == ids[PAGE + 4]
    app.button(key="data_back").click().run()
    assert "item" not in app.query_params and shown(well(app)) == ids[PAGE : 2 * PAGE]


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("data", "/gone/🙂", "planted-small"),
        ("data", "planted-tinny", "planted-tiny"),
        ("item", "train-09999", "train-00159"),
        ("split", "tran", "train"),
        ("label", "<b>awe", "awe"),
        ("leaf", "99", "11"),
        ("order", "entropie", None),
        ("entropy", "9-10", None),
        ("entropy", "x", None),
        ("view", "galery", "gallery"),
    ],
)
def test_a_link_to_what_is_gone_opens_the_nearest_and_says_so(
    name: str, value: str, becomes: str | None, visit: Visit
) -> None:
    app = visit("data", **{"data": "planted-tiny", "view": "gallery", name: value})
    assert not app.exception and not app.error
    assert len(app.warning) == 1 and value in unescaped(app.warning[0].value)
    assert app.query_params.get(name) == becomes


def test_a_bar_of_entropies_opens_the_images_that_it_counts() -> None:
    def click() -> None:
        import streamlit

        from fisa.ui import datasets_overview, state

        streamlit.session_state.update(fisa_view={}, fisa_notices=[])
        datasets_overview._take_entropy(streamlit.session_state["edges"][-1])
        low, high = state.resolve_range("entropy", 0, 2.08, "Entropy") or (0, 2.08)
        streamlit.text(f"{low} {high}")

    votes = np.random.default_rng(0).integers(0, 3, (400, 8)) + np.eye(8, dtype=int)[0]
    votes = np.concatenate([votes, np.tril(np.ones((8, 8), int))])  # one to eight labels alike: at edges
    values = statistics.entropies(votes / votes.sum(1, keepdims=True))
    edges, counts = statistics.entropy_histogram(values, MIKELS8)
    app = AppTest.from_function(click, default_timeout=60)
    app.session_state["edges"] = edges.tolist()
    for bounds, count in zip(pairwise(edges), counts, strict=True):
        app.session_state["data_entropy"] = {"selection": {"points": [{"customdata": [float(end) for end in bounds]}]}}
        low, high = map(float, app.run().text[0].value.split())
        assert ((values >= low) & (values <= high)).sum() == count


def test_a_set_of_which_nothing_is_right_is_its_problems(tmp_path: Path, visit: Visit) -> None:
    trees.write_lines(tmp_path / "set" / "ground_truth.txt", [trees.LDL_HEADER, "absent.jpg 1 0 0 0 0 0 0 0"])
    for view in ("holds", "gallery", "check"):
        app = well(visit("data", data=str(tmp_path / "set"), view=view, text="a"))
        assert "0 images of 11,150 published" in words(app)
    assert app.dataframe[0].value["image"].tolist() == ["absent.jpg"]


def test_no_more_images_are_decoded_than_one_page_shows(
    tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.ldl(tmp_path / "many", 120)
    decoded: list[Path] = []
    real = whole.decode_within
    monkeypatch.setattr(whole, "decode_within", lambda file, side: (decoded.append(file), real(file, side))[1])
    app = well(visit("data", data=str(tmp_path / "many"), view="gallery"))
    assert len(shown(app)) == len(decoded) == PAGE
    well(app.run())
    assert len(decoded) == PAGE  # what is known by its content is not decoded again


def test_a_picture_that_is_written_over_is_seen(tmp_path: Path, visit: Visit) -> None:
    root = tmp_path / "one"
    rows = [["a.png", 1, 0, 0, 0, 0, 0, 0, 0]]
    trees.manifest(root, ["image", *LABELS], rows)
    app = well(visit("data", data=str(root), view="gallery"))
    assert "cannot be" not in words(app) and "There are no splits" in words(visit("data", data=str(root)))
    (root / "a.png").write_text("no picture any more")
    assert "is not an image" in words(app.run())
    Image.new("RGB", (4, 4)).save(root / "a.png")
    assert "is not an image" not in words(app.run())


def test_a_data_set_is_read_once_for_all_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    library, started = Library(), threading.Event()

    def slowly(name: str, root: Path | None, progress: object) -> str:
        started.set()
        time.sleep(0.2)
        return f"{name} read"

    monkeypatch.setattr("fisa.ui.datasets.read_whole", slowly)
    got: list[object] = []
    visitors = [
        threading.Thread(target=lambda: got.append(library.read("planted", None, lambda done, total: None)))
        for _ in range(5)
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert got == ["planted read"] * 5 and library.count == 1
    for name in ("a", "b", "c", "d", "planted"):  # the first has left by now
        library.read(name, None, lambda done, total: None)
    assert library.count == 6


def test_a_planted_test_scene_leads_to_explain(full: Path, visit: Visit) -> None:
    app = well(visit("data", data="planted-tiny", view="gallery", item="iid-00003"))
    (link,) = (link for link in app.get("page_link") if "Explain it" in link.label)
    assert link.label == "Explain it with fisa"
    app = well(visit("data", data="planted-tiny", view="gallery", item="train-00003"))
    assert not [link for link in app.get("page_link") if "Explain it" in link.label]
