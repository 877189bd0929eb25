"""The head and the baseline of a method on Explain: where it takes them, in the address and the command."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.explain.asking import Settings
from fisa.explain.attribution import METHODS, applicable, attribute
from fisa.explain.targets import Target
from fisa.runs import load_run
from fisa.ui.attributions import COMPARED
from fisa.ui.export import Offer

Visit = Callable[..., AppTest]
HEAD, BASELINE = "choose_method_head", "choose_baseline"


def keys(app: AppTest) -> set[str]:
    return {str(box.key) for box in app.selectbox} & {HEAD, BASELINE}


def said(app: AppTest) -> str:
    texts = [str(element.value) for kind in (app.markdown, app.caption, app.warning) for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def head_of(offer: Offer) -> object:
    """The head of the map that the page shows, as who downloads it reads it."""
    return json.loads(str(offer.others["json"]()))["attribution"]["settings"]["head"]


def test_those_methods_take_a_baseline_that_answer_otherwise_with_another(full: Path) -> None:
    run, image = load_run(full / "fisa"), open_dataset("planted-tiny")[3].image
    assert applicable(run) == tuple(METHODS)
    changed = set()
    for method in METHODS:
        usual, black = (
            attribute(run, image, method, Target("logit", 0), Settings(each, steps=4, most_steps=4, most_samples=1))
            for each in (None, "black")
        )
        changed |= {method} if black.baseline != usual.baseline else set()
    assert changed == COMPARED


def test_a_head_is_chosen_and_shared(full: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("explain", run="fisa", image="iid-00003", emotion="awe", method="interaction", target="<-fear")
    assert not app.exception and not app.warning and keys(app) == {HEAD}
    box = app.selectbox(key=HEAD)
    assert box.options == ["Mean over heads", "Head 1", "Head 2", "Head 3", "Head 4"]
    box.set_value("2").run()
    assert not app.exception and app.query_params["method_head"] == "2" and "baseline" not in app.query_params
    assert [head_of(offers[0]), head_of(offers[-1])] == ["all heads", 2] and "Head 2." in said(app)
    assert "--head" not in offers[0].about["command"]
    assert "--method interaction --target 'awe<-fear' --head 2 --out" in offers[-1].about["command"]


def test_a_baseline_is_chosen_and_shared(full: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("explain", run="fisa", image="iid-00003", emotion="awe", method="feature_ablation")
    assert not app.exception and keys(app) == {BASELINE} and "from the image blurred" in said(app)
    app.selectbox(key=BASELINE).set_value("black").run()
    assert not app.exception and app.query_params["baseline"] == "black"
    assert "from a black image" in said(app)
    assert "--method feature_ablation --target awe --baseline black --out" in offers[-1].about["command"]
    again = visit("explain", run="fisa", image="iid-00003", emotion="awe", method="feature_ablation", baseline="black")
    assert "from a black image" in said(again) and not again.warning
    app.selectbox(key="choose_method").set_value("grad_cam").run()
    assert not app.exception and not keys(app) and "baseline" not in app.query_params


def test_a_method_that_takes_neither_is_asked_as_usual(graded: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("explain", run="fisa", method="attention", baseline="black", method_head="2")
    assert not app.exception and not app.warning and not keys(app)
    assert "faithfulness 0.50" in said(app) and "the usual head and baseline" not in said(app)
    assert "--baseline" not in offers[0].about["command"] and "--head" not in offers[0].about["command"]


def test_what_there_is_not_becomes_the_nearest_and_is_told(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", method="interaction", method_head="9")
    assert app.query_params["method_head"] == "4" and "There is no head “9” here" in said(app)
    app = visit("explain", run="fisa", method="occlusion", baseline="blak")
    assert app.query_params["baseline"] == "black" and "There is no baseline “blak” here" in said(app)
