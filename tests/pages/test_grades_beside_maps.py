"""Beside every map stands what its method is worth on this run: stored numbers, said the same way on every page."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graded_runs import store_by_hand
from streamlit.testing.v1 import AppTest

from fisa.explain import localisation
from fisa.explain.attribution import applicable
from fisa.runs import load_run
from fisa.ui import graded as beside

Visit = Callable[..., AppTest]


def captions(app: AppTest) -> list[str]:
    return [re.sub(r"\\(?=\W)", "", caption.value) for caption in app.caption]


def ways_to_grades(app: AppTest) -> list[str]:
    return [link.proto.query_string for link in app.main.get("page_link") if link.proto.page == "grades"]


def brief_of(folder: Path) -> dict[str, Any]:
    """What the training graded of the attention."""
    grades = load_run(folder).grades
    assert grades is not None
    found: dict[str, Any] = grades["localisation"]
    return found


def hit_of(folder: Path) -> str:
    told = brief_of(folder)
    return f"hit rate {told['hit']:.2f} [{told['low']:.2f}, {told['high']:.2f}]"


def test_explain_says_what_its_attention_is_worth(graded: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localisation, "render", None)  # nothing is graded when the page opens
    app = visit("explain", run="fisa", image="iid-00003")
    assert not app.exception and not app.error
    lift = brief_of(graded / "fisa")["lift"]  # the grades by hand have no lift
    assert f"Planted scenes: hit rate 0.96 [0.95, 0.97], lift {lift:.1f}" in captions(app)
    assert ways_to_grades(app) == ["run=fisa&part=attention&grade=localisation"]
    assert not visit("grades", run="fisa", part="attention", grade="localisation").warning


def test_what_the_training_graded_counts_where_nothing_else_is_stored(full: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image="iid-00003")
    lift = brief_of(full / "fisa")["lift"]
    assert f"Planted scenes: {hit_of(full / 'fisa')}, lift {lift:.1f}" in captions(app)
    app = visit("explain", run="cnn", image="iid-00003")
    assert not app.exception and not ways_to_grades(app)  # without maps there is nothing to say
    assert not any(caption.startswith("Planted scenes") for caption in captions(app))


def test_every_method_side_by_side_has_its_own_grade(graded: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", image="iid-00003", methods="on")
    assert not app.exception and not app.error
    said = [caption for caption in captions(app) if re.match(r"faithfulness \d|not graded$", caption)]
    others = len(applicable(load_run(graded / "fisa"))) - 2
    assert sorted(said) == [
        "faithfulness 0.50 [0.45, 0.55]",
        "faithfulness 0.70 [0.65, 0.75]",
        *["not graded"] * others,
    ]
    assert "Faithfulness is of the run on planted scenes" in " ".join(captions(app))


def test_compare_says_it_of_every_run_with_maps(graded: Path, tiny_runs: Path, visit: Visit) -> None:
    shutil.copytree(tiny_runs / "fisa", graded / "again")
    app = visit("compare", run="fisa", against="again,cnn", image="iid-00003", emotion="awe")
    assert not app.exception and not app.error
    said = [caption for caption in captions(app) if caption.startswith("hit rate")]
    assert said == ["hit rate 0.96 [0.95, 0.97]", hit_of(graded / "again")]
    assert ways_to_grades(app) == ["run=fisa&beside=again%2Ccnn&part=attention&grade=localisation"]


def test_a_grade_of_another_split_names_it_and_a_baseline_is_none(graded: Path) -> None:
    run = load_run(graded / "cnn")
    assert beside.of_attention(run) == beside.of_method(run, "attention") == "not graded"
    store_by_hand(run, "rendering", 0.2)
    assert beside.of_attention(run) == "hit rate 0.76 [0.75, 0.77] (rendering)"  # .96 less .2
    assert beside.of_method(run, "attention") == "faithfulness 0.30 [0.25, 0.35] (rendering)"  # .5 less .2
    assert beside.of_method(run, "same") == "not graded"


def test_a_run_on_files_cannot_be_graded(photograph_runs: Path) -> None:
    run = load_run(photograph_runs / "fisa")
    assert beside.of_attention(run) == "not graded"
    said = beside.of_method_in_full(run, "contributions")
    assert said.startswith("Not graded: only") and "fisa grade" not in said


def test_a_map_of_another_head_or_baseline_is_not_what_was_graded(graded: Path) -> None:
    run, unlike = load_run(graded / "fisa"), "That is with the usual head and baseline."
    assert unlike in beside.of_method_in_full(run, "grad_cam", as_usual=False)
    assert unlike not in beside.of_method_in_full(run, "grad_cam")
    assert unlike not in beside.of_method_in_full(run, "occlusion", as_usual=False)  # which was not graded at all
