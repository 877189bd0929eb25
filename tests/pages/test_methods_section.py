"""Every method side by side on Explain: which, in which order, and what their curves say."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.explain.attribution import METHODS, applicable, attribute
from fisa.explain.deletion import curves
from fisa.explain.targets import Target
from fisa.runs import load_run

Visit = Callable[..., AppTest]


def titles(app: AppTest) -> list[str]:
    bold = [re.fullmatch(r"\*\*(.+)\*\*", text.value) for text in app.markdown]
    return [each[1] for each in bold if each and each[1] in {method.title for method in METHODS.values()}]


def test_all_that_can_answer_stand_in_the_order_of_what_deletion_and_insertion_say(full: Path, visit: Visit) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    name = str(data.manifest["id"].iloc[3])
    app = visit("explain", run="fisa", image=name, emotion="awe")
    assert not titles(app) and not app.exception  # nothing is computed before it is asked for
    app.toggle(key="methods_toggle").set_value(True).run()
    assert not app.exception and app.query_params["methods"] == "on"

    target, image = Target.parse("awe", run.space), data[3].image
    maps = {method: attribute(run, image, method, target).values for method in applicable(run)}
    found = curves(run, image, maps, target)
    chance = found["random"]
    whole = abs(chance.deletion[0] - chance.deletion[-1])
    gains = {
        method: ((chance.deletion - found[method].deletion).mean() / whole,
                 (found[method].insertion - chance.insertion).mean() / whole)
        for method in maps
    }  # fmt: skip
    expected = sorted(maps, key=lambda method: -sum(gains[method]))
    assert titles(app) == [METHODS[method].title for method in expected]
    assert np.isfinite(list(gains.values())).all()
    down, up = gains[expected[0]]
    assert f"deletion {down:+.0%} · insertion {up:+.0%}" in [caption.value for caption in app.caption]


def test_a_system_without_maps_has_those_methods_that_need_none(full: Path, visit: Visit) -> None:
    app = visit("explain", run="cnn", methods="on")
    assert not app.exception
    assert set(titles(app)) == {METHODS[method].title for method in applicable(load_run(full / "cnn"))}
