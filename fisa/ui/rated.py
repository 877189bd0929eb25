"""What the pages show of runs that predict valence and arousal in place of a distribution."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.datasets import Dataset, groups_of
from fisa.emotions import DIMENSIONS
from fisa.evaluation import EvaluationError
from fisa.export import provenance_of, words_of
from fisa.figures.checks import listed
from fisa.language import ENGLISH, mark, sentences, tr, using
from fisa.ratings import PARTS, RATING_MEASURES, bootstrap_ratings
from fisa.records import Explanation, Interval
from fisa.runs import Run
from fisa.ui import (
    browse,
    cache,
    compare_export,
    compare_measures,
    export,
    extras,
    image_export,
    photographs,
    reading,
    state,
)
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.state import plain
from fisa.ui.widgets import html_table, number

_Measured = dict[str, dict[str, Interval]]
"""Run -> measure -> mean, or difference to the first run, with its interval."""

SCALE = mark("Valence runs from −1, unpleasant, to 1, pleasant; arousal from −1, calm, to 1, excited.")


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
        known = replace(subject, known={**subject.known, "rated": row})
        export.draw(image_export.offer_of(run, dataset, found, known))
    left, right = st.columns(2, gap="medium")
    with left:
        st.image(subject.image, width="stretch", alt=name)
    with right:
        ratings_table(found, rated)
        table = cache.samples(run, dataset)
        error = table["error"].to_numpy(float)
        worse = float(np.mean(error > error[list(table["id"]).index(name)]))
        text = tr("Its mean squared error is smaller than on {worse:.0%} of the {n} test images.",
                  worse=worse, n=len(error))  # fmt: skip
        st.caption(sentences(text, tr(SCALE)))
    extras.draw(found, run.name, subject)


def images_page(run: Run, subjects: Mapping[str, Subject], refused: int) -> None:
    """Draw Your images: a table of ratings, and one of the photographs."""
    found = {name: cache.explanation(run, subject) for name, subject in subjects.items()}
    rows = {name: _ratings(each) for name, each in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(DIMENSIONS)).rename_axis("file")
    picked = photographs.pick(list(subjects))
    state.share("run")
    columns = {name: tr(name) for name in ("file", *DIMENSIONS)}
    st.dataframe(table, column_config=columns, alt=tr("Predicted valence and arousal, a row a file"))
    photographs.download(table, run, refused)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(plain(picked), anchor=False, width="content")
        export.draw(image_export.offer_of(run, None, found[picked], subjects[picked]))
    left, right = st.columns(2, gap="medium")
    left.image(subjects[picked].image, width="stretch", alt=picked)
    with right:
        st.badge(tr("no ground truth"), icon=":material/help:", color="gray")
        st.markdown(headline(found[picked], run))
        reading.show("ratings")
        st.caption(tr(SCALE))
    extras.draw(found[picked], run.name, subjects[picked])


def headline(found: Explanation, run: Run, rated: Mapping[str, float] | None = None) -> str:
    """Say in Markdown what is predicted and, where it is known, what was rated."""
    predicted = _words(dict(zip(DIMENSIONS, _ratings(found), strict=True)))
    words = tr("**{run}** predicts {ratings}.", run=plain(run.name), ratings=predicted)
    return sentences(words, tr("It was rated {ratings}.", ratings=_words(rated)) if rated else "")


def ratings_table(found: Explanation, rated: Mapping[str, float]) -> None:
    """Draw what was rated beside what is predicted."""
    rows = {
        tr(name): [rated[name], float(value), float(value) - rated[name]]
        for name, value in zip(DIMENSIONS, _ratings(found), strict=True)
    }
    shown = pd.DataFrame.from_dict(rows, orient="index", columns=[tr("rated"), tr("predicted"), tr("difference")])
    html_table(shown, alt=tr("Valence and arousal, rated and predicted"))


def compare_page(runs: Mapping[str, Run], tools: DeltaGenerator) -> None:
    """Draw Compare: settings, measures, and the paired differences to the reference, the first of the runs.

    Args:
        runs: Side by side, the reference first.
        tools: Where the downloads go.
    """
    dataset = cache.test_data(next(iter(runs.values())))
    st.header(tr("What differs"), anchor=False)
    compare_measures.settings(runs)
    reading.header(tr("Measures"), "paired")
    found = _measured(runs, dataset)
    with tools:
        export.draw(_offer(runs, dataset, *found))
    _measures(runs, dataset, *found)


def _measured(runs: Mapping[str, Run], dataset: Dataset) -> tuple[_Measured, _Measured]:
    if any(list(run.predictions["id"]) != list(dataset.manifest["id"]) for run in runs.values()):
        raise EvaluationError(f"{', '.join(runs)} were not tested on the same images; evaluate them on one split")
    return _compared(tuple(run.digest for run in runs.values()), tuple(runs), dataset.version, runs, dataset)


def _measures(runs: Mapping[str, Run], dataset: Dataset, means: _Measured, gaps: _Measured) -> None:
    html_table(
        _texts(means, gaps), alt=tr("Measures of {runs} with their paired differences", runs=tr(", ").join(runs))
    )
    groups = groups_of(dataset)
    if groups is None:
        st.caption(tr("Over {n} test images; intervals by paired bootstrap over images.", n=len(dataset)))
    else:
        st.caption(
            tr("Over {n} test images; intervals by paired bootstrap over {groups} groups of images.",
               n=len(dataset), groups=len(np.unique(groups)))
        )  # fmt: skip


def _texts(means: _Measured, gaps: _Measured) -> pd.DataFrame:
    """Return a row a measure: the mean of every run, and the differences of the others to the first one."""
    first = next(iter(means))
    rows = {}
    for measure in RATING_MEASURES.values():
        for part in PARTS:
            key, arrow = f"{measure.name}_{part}", "↑" if measure.higher_is_better else "↓"
            words = [_signed(gap[key]) for gap in gaps.values()]
            values = [number(mean[key].value) for mean in means.values()]
            rows[f"{measure.title} {tr(part)} {arrow}"] = [*values, *words]
    columns = [*means, *(f"{name} − {first} [95 %]" for name in gaps)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@using(ENGLISH)
def _offer(runs: Mapping[str, Run], dataset: Dataset, means: _Measured, gaps: _Measured) -> export.Offer:
    """Return what Compare offers for download of runs that predict ratings, in English."""
    paths = [str(run.path) for run in runs.values()]
    about = provenance_of(
        list(runs.values()),
        words_of(dataset),
        None,
        shlex.join(["python", "-m", "fisa", "report", *paths]),
    )
    tables: dict[str, Callable[[], pd.DataFrame | export.Sheet]] = {
        "measures": partial(_sheet, means, gaps),
        "settings": partial(compare_export.settings, runs),
    }
    return export.Offer("-".join(runs), about, tables=tables).english


def _sheet(means: _Measured, gaps: _Measured) -> export.Sheet:
    """Return the table of measures with all numbers, the best of each measure in bold."""
    first = next(iter(means))
    parts = [*((name, "", rows) for name, rows in means.items()), *((name, first, rows) for name, rows in gaps.items())]
    numbers = pd.DataFrame(
        {"measure": key, "run": name, "minus": minus, "value": each.value, "low": each.low, "high": each.high}
        for name, minus, rows in parts
        for key, each in rows.items()
    ).set_index("measure")
    texts = _texts(means, gaps).rename_axis("measure")
    best = texts.notna() & False
    keys = [
        (f"{measure.name}_{part}", measure.higher_is_better) for measure in RATING_MEASURES.values() for part in PARTS
    ]
    for row, (key, higher) in enumerate(keys):
        values = pd.Series({name: rows[key].value for name, rows in means.items()})
        best.iloc[row, : len(means)] = values == (values.max() if higher else values.min())
    return export.Sheet(numbers, texts, best)


@waiting(mark("Resampling the test images …"))
@st.cache_data(max_entries=16, show_spinner=False)
@counted("gaps")
def _compared(
    digests: tuple[str, ...], names: tuple[str, ...], version: str, _runs: Mapping[str, Run], _dataset: Dataset
) -> tuple[_Measured, _Measured]:
    """Return the measures of every run, and the differences of the others to the first one."""
    target, groups = _dataset.manifest[list(DIMENSIONS)].to_numpy(float), groups_of(_dataset)
    rows = {name: run.predictions[list(DIMENSIONS)].to_numpy(float) for name, run in _runs.items()}
    means = {name: bootstrap_ratings(target, values, groups) for name, values in rows.items()}
    own = rows[names[0]]
    return means, {name: bootstrap_ratings(target, rows[name], groups, own) for name in names[1:]}


def _signed(gap: Interval) -> str:
    return f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]" if gap.value == gap.value else "–"


def _ratings(found: Explanation) -> np.ndarray:
    assert found.prediction.ratings is not None
    return np.asarray(found.prediction.ratings[0])


def _words(ratings: Mapping[str, float]) -> str:
    return listed([f"{tr(name)} {value:+.2f}" for name, value in ratings.items()])
