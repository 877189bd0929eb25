"""The section What if of Explain: what it shows is what the library computes, and the address holds the edits."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from fisa.datasets.planted import PlantedDataset
from fisa.emotions import MIKELS8
from fisa.explain.edits import Edit, Feature, Remove, Silence, join_edits
from fisa.explain.what_if import Outcome, feature_means, shown_by, what_if
from fisa.figures.checks import signed
from fisa.runs import load_run

Visit = Callable[..., AppTest]
IMAGE = "iid-00003"


def words(app: AppTest) -> str:
    texts = [str(element.value) for kind in (app.markdown, app.caption, app.warning) for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def add(app: AppTest) -> AppTest:
    (button,) = (button for button in app.button if button.label == "Add")
    return button.click().run()


def expected(folder: Path, edits: list[Edit]) -> Outcome:
    run, data = load_run(folder / "fisa"), PlantedDataset("planted-tiny", "iid", 64)
    return what_if(run, data[3].image, edits, data.scene(3), feature_means(run, data))


def changes(app: AppTest) -> list[str]:
    """The column of changes of the table of logits, in wheel order."""
    (table,) = (table.value for table in app.table if "change" in table.value)
    return [re.sub(r"\\(?=\W)", "", text) for text in table["change"]]


def test_it_is_closed_until_it_is_asked_for(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image=IMAGE)
    assert not app.exception and not app.toggle(key="what_if_open").value
    assert not [button for button in app.button if button.label == "Add"]
    app.toggle(key="what_if_open").set_value(True).run()
    assert not app.exception and [button for button in app.button if button.label == "Add"]
    assert "would predict" not in words(app)


def test_a_link_shows_the_changes_of_the_library(full: Path, visit: Visit) -> None:
    shown = shown_by(PlantedDataset("planted-tiny", "iid", 64).scene(3))
    edits: list[Edit] = [Remove(shown[0]), Silence(2), Feature("awe")]
    app = visit("explain", run="fisa", image=IMAGE, edits=join_edits(edits))
    assert not app.exception and not app.error and not app.warning
    outcome = expected(full, edits)
    order = outcome.before.space.wheel
    assert changes(app) == [signed(outcome.change[column], 3) for column in order]
    assert app.query_params["edits"] == join_edits(edits)
    assert "The truth is that of the scene without what was left out." in words(app)


def test_what_cannot_be_done_is_named_and_left_out(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image=IMAGE, edits="paint:red;silence:2;cover:0,0,2,1;silence:9;feature:joy")
    assert not app.exception and not app.error
    said = [re.sub(r"\\(?=\W)", "", warning.value) for warning in app.warning]
    assert [re.search("'(.*?)'", text)[1] for text in said] == [  # type: ignore[index]
        "paint:red", "cover:0,0,2,1", "silence:9", "feature:joy",
    ]  # fmt: skip
    assert app.query_params["edits"] == "silence:2"
    assert changes(app) == [signed(c, 3) for c in expected(full, [Silence(2)]).change[[6, 7, 5, 4, 0, 2, 1, 3]]]


def test_edits_are_added_by_their_fields_and_taken_back(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image=IMAGE)
    app.toggle(key="what_if_open").set_value(True).run()
    app.number_input(key="what_if_left").set_value(0.1)
    app.selectbox(key="what_if_fill").set_value("mean")
    add(app)
    assert app.query_params["edits"] == "cover:0.1,0.25,0.75,0.75,mean"
    app.selectbox(key="what_if_kind").set_value("Scale an interaction").run()
    app.selectbox(key="what_if_source").set_value("awe")
    app.selectbox(key="what_if_target").set_value("fear")
    app.number_input(key="what_if_factor").set_value(-1.0)
    add(app)
    assert app.query_params["edits"] == "cover:0.1,0.25,0.75,0.75,mean;scale:fear<-awe,-1"
    assert "What awe contributes to fear, times -1" in words(app)
    app.button(key="what_if_drop_0").click().run()
    assert app.query_params["edits"] == "scale:fear<-awe,-1"
    app.button(key="what_if_reset").click().run()
    assert not app.exception and "edits" not in app.query_params and "would predict" not in words(app)


def test_one_of_several_motifs_can_be_left_out(full: Path, visit: Visit) -> None:
    data = PlantedDataset("planted-tiny", "iid", 64)
    app = visit("explain", run="fisa", image="iid-00005")
    app.toggle(key="what_if_open").set_value(True).run()
    app.selectbox(key="what_if_kind").set_value("Leave out motifs").run()
    motifs = [motif for motif in data.scene(5).motifs if motif.emotion == 7]
    name, titles = MIKELS8.labels[7], app.selectbox(key="what_if_motif").options
    assert f"{name}, all" in titles and len(titles) == 4  # one emotion has one motif, the other two
    (second,) = (title for title in titles if f"{name}, motif 2" in title)
    assert second.endswith(f"strength {motifs[1].strength:.2f}")
    app.selectbox(key="what_if_motif").set_value(f"remove:{name},2")
    add(app)
    assert not app.exception and app.query_params["edits"] == f"remove:{name},2"
    assert f"Leave out motif 2 of {name}" in words(app)
    assert "The truth is that of the scene without what was left out." in words(app)


def test_fields_that_make_no_edit_are_one_sentence(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image=IMAGE)
    app.toggle(key="what_if_open").set_value(True).run()
    app.number_input(key="what_if_left").set_value(0.9)
    add(app)
    assert not app.exception and "edits" not in app.query_params
    assert "needs 0 <= left < right <= 1" in words(app)


def test_another_system_says_what_works_for_it(full: Path, visit: Visit) -> None:
    app = visit("explain", run="cnn", image=IMAGE, edits="cover:0,0,0.5,0.5;silence:1")
    assert not app.exception and len(app.warning) == 1
    assert app.query_params["edits"] == "cover:0,0,0.5,0.5"
    assert app.selectbox(key="what_if_kind").options == ["Cover a region", "Leave out motifs"]
    assert "cnn has no class features of emotions; boxes can be covered" in words(app)


def test_a_photograph_has_no_motifs(photograph_runs: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_ARTIFACTS", str(photograph_runs))
    monkeypatch.setenv("FISA_RUNS", str(photograph_runs / "none"))
    streamlit.cache_resource.clear()
    app = visit("explain", run="fisa", edits="remove:fear;feature:fear;cover:0,0,1,1")
    assert not app.exception and not app.error
    assert [re.sub(r"\\(?=\W)", "", warning.value) for warning in app.warning] == [
        "Left out: edit 'remove:fear': only a drawn scene can leave out its motifs; cover them with a box."
    ]
    assert app.query_params["edits"] == "feature:fear;cover:0,0,1,1"
    (table,) = (table.value for table in app.table if "change" in table.value)
    assert "in the gauge" not in table
