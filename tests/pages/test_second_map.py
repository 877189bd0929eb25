"""Two maps of the same images side by side: made at a click, linked, and offered for print with their places."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.evaluation import open_test_split
from fisa.explain.maps import Made, look_at_map, map_if_kept, start_map, usual
from fisa.figures import paper
from fisa.runs import load_run
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]


@pytest.fixture
def made(full: Path) -> Made:
    """The map by the backbone, beside that of the run's own vectors."""
    run = load_run(full / "fisa")
    data = open_test_split(run)
    wanted = Made("backbone", usual("class_features", len(data)).settings)
    start_map(run, data, wanted)
    for _ in range(1200):
        if look_at_map(run, data, wanted).state != "running":
            return wanted
        time.sleep(0.1)
    pytest.fail("the process does not end")


def charts(app: AppTest) -> list[dict[str, object]]:
    found = [each.proto for each in app.get("plotly_chart") if "Map of" in each.proto.alt]
    return [{"alt": each.alt, **json.loads(each.spec)} for each in found]


def test_it_is_made_at_a_click(full: Path, visit: Visit, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit("map", run="fisa", second="backbone")
    assert not app.exception and len(charts(app)) == 1
    begun: list[Made] = []
    monkeypatch.setattr("fisa.ui.map_choice.start_map", lambda _run, _data, wanted: begun.append(wanted))
    app.button(key="map_run").click().run()
    assert begun == [Made("backbone", usual("class_features", 60).settings)] and not app.exception


def test_one_is_chosen_beside_the_other_and_taken_away(full: Path, visit: Visit, made: Made) -> None:
    app = visit("map", run="fisa")
    assert len(charts(app)) == 1
    app.selectbox(key="choose_second").set_value("backbone").run()
    assert not app.exception and len(charts(app)) == 2
    app.selectbox(key="choose_second").set_value("").run()
    assert not app.exception and len(charts(app)) == 1 and "second" not in app.query_params


def test_both_stand_side_by_side_and_one_dims_what_is_not_selected_on_the_other(
    full: Path, visit: Visit, made: Made
) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    app = visit("map", run="fisa", second="backbone")
    assert not app.exception and not app.error and not app.warning
    assert app.query_params["second"] == "backbone" and len(charts(app)) == 2
    said = [each.value for each in app.markdown]
    assert "**Class features, side by side**" in said and "**Backbone, averaged over places**" in said
    assert all("are selected" not in str(each["alt"]) for each in charts(app))
    app.session_state["map_picked"] = ((run.digest, data.version), ["iid-00001", "iid-00004"])
    for dragged, dimmed in (("map", 1), ("map_second", 0)):
        app.session_state["map_picked_on"] = dragged
        app.run()
        told = ["2 are selected" in str(each["alt"]) for each in charts(app)]
        assert told[dimmed] and not told[1 - dimmed]


def test_vectors_that_are_those_of_the_map_itself_or_of_another_run_are_no_second_map(full: Path, visit: Visit) -> None:
    app = visit("map", run="fisa", second="class_features")
    assert not app.exception and not app.warning and len(charts(app)) == 1 and "second" not in app.query_params
    app = visit("map", run="fisa", second="sentiment_vector")
    assert not app.exception and len(charts(app)) == 1 and "second" not in app.query_params


def test_they_are_offered_for_print_with_the_places_of_every_image(
    full: Path, visit: Visit, made: Made, offers: list[Offer]
) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    visit("map", run="fisa", second="backbone", colour="entropy", lang="zh-Hans")
    (offer,) = offers
    figure = offer.figures["map"]("two")
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        "Class features, side by side", "Backbone, averaged over places"
    ]  # fmt: skip
    assert all(paper.to_bytes(figure, form, offer.about) for form in paper.FORMS)
    table = pd.read_csv(io.StringIO(text_of(offer, "places", "csv"))).set_index("id")
    assert "perplexity 19" in table["map"].iloc[0] and run.digest in table["run"].iloc[0]
    for wanted, title in (
        (usual("class_features", 60), "Class features, side by side"),
        (made, figure.axes[1].get_title()),
    ):
        shown = map_if_kept(run, data, wanted)
        assert shown is not None
        np.testing.assert_allclose(table[f"x, {title}"], shown.points["x"], rtol=1e-6)
        np.testing.assert_allclose(table[f"y, {title}"], shown.points["y"], rtol=1e-6)
    predicted = run.predictions[list(run.space.labels)].to_numpy(float)
    entropy = -(predicted * np.log(predicted)).sum(1)
    np.testing.assert_allclose(table["entropy of the prediction in nats"], entropy, rtol=1e-6)
