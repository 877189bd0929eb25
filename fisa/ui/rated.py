"""What the pages show of runs that predict valence and arousal in place of a distribution."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.datasets import Dataset
from fisa.emotions import DIMENSIONS
from fisa.evaluation import EvaluationError
from fisa.ratings import PARTS, RATING_MEASURES, bootstrap_ratings
from fisa.records import Explanation
from fisa.runs import Run
from fisa.studies.rated import groups_of
from fisa.ui import browse, cache, compare, extras, photographs, reading, state
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import html_table, number

SCALE = "Valence runs from −1, unpleasant, to 1, pleasant; arousal from −1, calm, to 1, excited."


def is_rated(run: Run) -> bool:
    """Whether the pages show ratings of ``run``, and no distributions."""
    return run.task.name == "valence_arousal"


def explain_page(run: Run, bar: DeltaGenerator) -> None:
    """Draw Explain: an image, what is predicted of it and what was rated, and what only this system has."""
    dataset = cache.test_data(run)
    walk = browse.settle_walk(run, dataset)
    name = walk.chosen
    subject = cache.subject(dataset, name)
    found = cache.explanation(run, subject)
    state.share("run", *walk.keys)
    with bar:
        browse.draw(run, walk)
    row = dataset.manifest.loc[dataset.manifest["id"] == name, list(DIMENSIONS)].to_numpy(float)[0]
    rated = dict(zip(DIMENSIONS, row.tolist(), strict=True))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(headline(found, run, rated), width="content")
        reading.show("ratings")
    left, right = st.columns(2, gap="medium")
    with left:
        st.image(subject.image, width="stretch", alt=name)
    with right:
        ratings_table(found, rated)
        table = cache.samples(run, dataset)
        error = table["error"].to_numpy(float)
        worse = float(np.mean(error > error[list(table["id"]).index(name)]))
        st.caption(f"Its mean squared error is smaller than on {worse:.0%} of the {len(error)} test images. {SCALE}")
    extras.draw(found, run.name, subject)


def images_page(run: Run, subjects: Mapping[str, Subject], refused: int) -> None:
    """Draw Your images: a table of ratings, and one of the photographs."""
    found = {name: cache.explanation(run, subject) for name, subject in subjects.items()}
    rows = {name: _ratings(each) for name, each in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(DIMENSIONS)).rename_axis("file")
    picked = photographs.pick(list(subjects))
    state.share("run")
    st.dataframe(table, alt="Predicted valence and arousal, a row a file")
    photographs.download(table, run, refused)
    st.header(plain(picked), anchor=False)
    left, right = st.columns(2, gap="medium")
    left.image(subjects[picked].image, width="stretch", alt=picked)
    with right:
        st.badge("no ground truth", icon=":material/help:", color="gray")
        st.markdown(headline(found[picked], run))
        reading.show("ratings")
        st.caption(SCALE)
    extras.draw(found[picked], run.name, subjects[picked])


def headline(found: Explanation, run: Run, rated: Mapping[str, float] | None = None) -> str:
    """Say in Markdown what is predicted and, where it is known, what was rated."""
    words = f"**{plain(run.name)}** predicts {_words(dict(zip(DIMENSIONS, _ratings(found), strict=True)))}."
    return f"{words} It was rated {_words(rated)}." if rated else words


def ratings_table(found: Explanation, rated: Mapping[str, float]) -> None:
    """Draw what was rated beside what is predicted."""
    rows = {
        name: [rated[name], float(value), float(value) - rated[name]]
        for name, value in zip(DIMENSIONS, _ratings(found), strict=True)
    }
    shown = pd.DataFrame.from_dict(rows, orient="index", columns=["rated", "predicted", "difference"])
    html_table(shown, alt="Valence and arousal, rated and predicted")


def compare_page(a: Run, b: Run) -> None:
    """Draw Compare: measures with paired intervals, and settings; or one line where the tasks differ."""
    state.share("run", "against")
    if a.task.name != b.task.name:
        rated, other = (a, b) if is_rated(a) else (b, a)
        st.info(
            f"{plain(rated.name)} predicts valence and arousal, and {plain(other.name)} does not: no measure compares "
            "them.",
            icon=":material/compare:",
        )
        return
    dataset = cache.test_data(a)
    left, right = st.columns(2, gap="medium")
    with left:
        reading.header("Measures", "paired")
        _measures(a, b, dataset)
    with right:
        st.header("What differs", anchor=False)
        compare.settings(a, b)


def _measures(a: Run, b: Run, dataset: Dataset) -> None:
    if not (list(a.predictions["id"]) == list(b.predictions["id"]) == list(dataset.manifest["id"])):
        raise EvaluationError(f"{a.name} and {b.name} were not tested on the same images; evaluate both on one split")
    target = dataset.manifest[list(DIMENSIONS)].to_numpy(float)
    first, second = (run.predictions[list(DIMENSIONS)].to_numpy(float) for run in (a, b))
    groups = groups_of(dataset)
    gaps = bootstrap_ratings(target, first, groups, second)
    one, other = (bootstrap_ratings(target, values, groups) for values in (first, second))
    rows = {}
    for measure in RATING_MEASURES.values():
        for part in PARTS:
            key, arrow = f"{measure.name}_{part}", "↑" if measure.higher_is_better else "↓"
            gap = gaps[key]
            words = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]" if gap.value == gap.value else "–"
            rows[f"{measure.title} {part} {arrow}"] = [number(one[key].value), number(other[key].value), words]
    shown = pd.DataFrame.from_dict(rows, orient="index", columns=[a.name, b.name, "difference [95 %]"])
    html_table(shown, alt=f"Measures of {a.name} and {b.name} with their paired difference")
    unit = "images" if groups is None else f"{len(np.unique(groups))} groups of images"
    st.caption(f"Over {len(dataset)} test images; intervals by paired bootstrap over {unit}.")


def _ratings(found: Explanation) -> np.ndarray:
    assert found.prediction.ratings is not None
    return np.asarray(found.prediction.ratings[0])


def _words(ratings: Mapping[str, float]) -> str:
    return " and ".join(f"{name} {value:+.2f}" for name, value in ratings.items())
