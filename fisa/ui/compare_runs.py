"""Which runs stand side by side, which cannot and why, and what each of them is measured by."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fisa.datasets import Dataset, groups_of
from fisa.datasets.planted import PlantedDataset
from fisa.evaluation import per_sample
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.studies.reference import Comparison, beside_reference
from fisa.studies.results import StudyResults
from fisa.studies.seeds import Trained, alone_where_shared, seeds_of
from fisa.ui import cache, others, state, studies
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS


def settle(run: Run) -> tuple[dict[str, Run], list[str]]:
    """Open the runs that the view names; return those that can stand side by side, the reference first, and why not.

    Args:
        run: Of the sidebar, the reference.
    """
    folders, runs, reasons = cache.run_folders(), {str(state.get("run")): run}, []
    for name in others.settle():
        try:
            other = cache.open_run(folders[name])
            reason = unlike(run, other)
        except PROBLEMS as error:
            reasons.append(str(error))
            continue
        if reason:
            reasons.append(reason)
        else:
            runs[name] = other
    return runs, reasons


def unlike(run: Run, other: Run) -> str:
    """Say in one sentence why a run cannot stand beside the reference; empty where it can."""
    for one, two in ((run, other), (other, run)):
        if one.task.name != two.task.name and one.task.name == "valence_arousal":
            return tr("{one} predicts valence and arousal, and {other} does not: no measure compares them.",
                      one=one.name, other=two.name)  # fmt: skip
    names = {"one": run.name, "other": other.name}
    if run.task.name != other.task.name:
        return tr("{one} predicts {what} and {other} {another}: no measure compares them.",
                  what=tr(run.task.title), another=tr(other.task.title), **names)  # fmt: skip
    if run.space != other.space:
        return tr("{one} predicts the labels of {space} and {other} those of {another}: no measure compares them.",
                  space=run.space.name, another=other.space.name, **names)  # fmt: skip
    where, there = (_tested_on(each) for each in (run, other))
    if where != there:
        return tr("{one} was tested on {where} and {other} on {there}: compare runs on the same images.",
                  where=where, there=there, **names)  # fmt: skip
    if list(run.predictions["id"]) != list(other.predictions["id"]):
        return tr("{other} was tested on other images than {one}: evaluate both on one split.", **names)
    return ""


def _tested_on(run: Run) -> str:
    found = run.metrics
    keys = ("data", "split", "data_version")
    return tr("{data} {split}, version {data_version}", **{key: found.get(key) for key in keys})


def choose(runs: Mapping[str, Run]) -> None:
    """Draw the choice of the runs beside the reference, and of the reference."""
    first = next(iter(runs))
    others.choose_several(others.known())
    if len(runs) > 1:
        st.session_state["compare_reference"] = first
        st.segmented_control(
            tr("Reference"), list(runs), key="compare_reference", on_change=_swap, args=(first,), required=True,
            format_func=plain,
        )  # fmt: skip


def _swap(first: str) -> None:
    chosen = st.session_state["compare_reference"]
    if chosen and chosen != first:
        others.make_reference(str(chosen))


def data_of(run: Run, dataset: Dataset) -> Dataset:
    """Return the test split as ``run`` sees it: drawn scenes are drawn anew at its size of picture."""
    drawn = isinstance(dataset, PlantedDataset) and dataset.image_size != run.config.data.image_size
    return cache.test_data(run) if drawn else dataset


def seeds_of_each(runs: Mapping[str, Run]) -> dict[str, list[Trained]]:
    """Return the training seeds of each run's system among all runs and studies that the studio knows.

    Runs that are of one system stand for themselves.
    """
    known = []
    for path in cache.run_folders().values():
        try:
            known.append(cache.open_run(path))
        except PROBLEMS:
            continue  # the sidebar says why
    among, found = tuple(each.digest for each in known), studies.results()
    return alone_where_shared(
        {name: _seeds(run.digest, among, tuple(found), run, known, found) for name, run in runs.items()}
    )


@st.cache_resource(max_entries=64, show_spinner=False)
@counted("seeds")
def _seeds(
    digest: str,
    among: tuple[str, ...],
    studied: tuple[str, ...],
    _run: Run,
    _known: list[Run],
    _studies: Mapping[str, StudyResults],
) -> list[Trained]:
    return seeds_of(_run, _known, _studies.values())


def measured(runs: Mapping[str, Run], dataset: Dataset, seeds: Mapping[str, list[Trained]]) -> Comparison:
    """Return the comparison of runs with the first of them, computed once.

    Args:
        runs: Side by side.
        dataset: Their test split.
        seeds: What stands for each, its own seed first.
    """
    tables = {
        name: [
            cache.samples(runs[name], dataset),
            *(_per_sample(each.digest, dataset.version, each, dataset) for each in found[1:]),
        ]
        for name, found in seeds.items()
    }
    key = tuple((name, tuple(each.digest for each in found)) for name, found in seeds.items())
    return _comparison(key, dataset.version, tables, dataset)


@waiting(mark("Resampling the test images …"))
@st.cache_data(max_entries=32, show_spinner=False)
@counted("gaps")
def _comparison(
    key: tuple[tuple[str, tuple[str, ...]], ...],
    version: str,
    _tables: Mapping[str, list[pd.DataFrame]],
    _dataset: Dataset,
) -> Comparison:
    return beside_reference(_tables, groups_of(_dataset))


@waiting(mark("Measuring every test image …"))
@st.cache_data(max_entries=64, show_spinner=False)
@counted("samples")
def _per_sample(digest: str, version: str, _trained: Trained, _dataset: Dataset) -> pd.DataFrame:
    return per_sample(_trained.predictions, _dataset)
