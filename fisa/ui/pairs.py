"""What two runs say of the same image, and the names of all that test images are sorted by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import Dataset
from fisa.distances import jensen_shannon
from fisa.language import mark, tr
from fisa.metrics import METRICS
from fisa.runs import Run
from fisa.ui import cache, others, state
from fisa.ui.counted import counted
from fisa.ui.state import clip, plain
from fisa.ui.widgets import PROBLEMS

COLUMNS = {
    "disagreement": mark("Disagreement with {run}"),
    "fixed": mark("Fixed by {run}"),
    "broke": mark("Broken by {run}"),
}
"""What another run adds to the table of a run: divergence of both predictions, and how much less or more it errs."""


def titles(run: Run) -> dict[str, str]:
    """Return the orders that another run gives, by the name of the one that is asked for; empty without another."""
    names = others.known()
    if not names:
        return {}
    name = others.partner(names)
    return {column: tr(title, run=clip(name, 20)) for column, title in COLUMNS.items()}


def meaning(column: str, run: str, other: str) -> str:
    """Say in Markdown what a column that another run adds is."""
    one, two = plain(run), plain(other)
    if column == "disagreement":
        return tr("Jensen-Shannon divergence of what {one} and {two} predict, in nats: 0 where they agree.",
                  one=one, two=two)  # fmt: skip
    better, worse = (two, one) if column == "fixed" else (one, two)
    return tr("Error of {worse} less that of {better}: above 0 {better} is nearer to the truth.",
              worse=worse, better=better)  # fmt: skip


def measures_in(table: pd.DataFrame) -> dict[str, str]:
    """Return the measures of :data:`METRICS` in a table, with titles that tell those on votes from the error."""
    titles = {name: tr(metric.title) for name, metric in METRICS.items() if name in table}
    if "kl_truth" in table:
        return {name: tr("{measure} on votes", measure=title) for name, title in titles.items()}
    return titles


def other_of(run: Run, dataset: Dataset) -> Run | None:
    """Open the run that ``against`` names; where there is none that predicts these images, say so."""
    names = others.settle()
    if not names:
        state.notice(
            tr("Comparing needs two runs, and there is only one; the images are not sorted or filtered by it.")
        )
        return None
    name = others.partner(names)
    try:
        other = cache.open_run(cache.run_folders()[name])
        fits = other.task.name == run.task.name and list(other.predictions["id"]) == list(dataset.manifest["id"])
    except PROBLEMS as error:
        state.notice(str(error))
        return None
    if not fits:
        text = tr("{other} was tested on other images than {run}; the images are not sorted or filtered by it.",
                  other=name, run=run.name)  # fmt: skip
        state.notice(text)
    return other if fits else None


def with_other(table: pd.DataFrame, run: Run, other: Run, dataset: Dataset) -> pd.DataFrame:
    """Return a table of :func:`fisa.ui.cache.samples` with the columns that another run adds.

    ``disagreement`` is the Jensen-Shannon divergence of both predictions in nats; ``fixed`` is the error of ``run``
    less that of ``other``, and ``broke`` the reverse. Of ratings the disagreement is their mean squared difference.
    """
    columns = _columns(run.digest, other.digest, dataset.version, run, other, dataset)
    return table.assign(**columns)


@st.cache_data(max_entries=16, show_spinner=False)
@counted("pairs")
def _columns(
    run_digest: str, other_digest: str, data_version: str, _run: Run, _other: Run, _dataset: Dataset
) -> dict[str, np.ndarray]:
    first, second = (cache.samples(each, _dataset)["error"].to_numpy(float) for each in (_run, _other))
    names = list(_run.task.columns(_dataset.space))
    one, two = (each.predictions[names].to_numpy(float) for each in (_run, _other))
    apart = jensen_shannon(one, two) if _run.task.name == "distribution" else ((one - two) ** 2).mean(1)
    return {"disagreement": apart, "fixed": first - second, "broke": second - first}
