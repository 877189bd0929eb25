"""What the page Data offers for download of what a data set holds."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.datasets import statistics
from fisa.datasets.planted import VERSION
from fisa.datasets.whole import Whole
from fisa.export.explanation import Draw
from fisa.export.provenance import program
from fisa.figures import Kind, paper
from fisa.language import ENGLISH, tr, using
from fisa.ui import state
from fisa.ui.datasets_overview import UNITS, scales_and_labels, together, totals_of
from fisa.ui.export import Offer, Sheet, address

KINDS: tuple[Kind, ...] = ("co-occurrence", "correlation")
"""How labels go together."""

Tables = dict[str, Callable[[], pd.DataFrame | Sheet]]


@using(ENGLISH)
def of_holdings(whole: Whole, rows: np.ndarray) -> Offer:
    """Return what is offered of what a data set holds, in English.

    Args:
        whole: The data set.
        rows: Rows of its manifest that count, such as those of a split.
    """
    part = whole.manifest.iloc[rows]
    figures: dict[str, Draw] = {}
    tables: Tables = {"splits": partial(statistics.split_counts, whole.manifest)}
    if len(part) and len(whole.space):
        _labels(whole, part, figures, tables)
    rated = statistics.ratings(part, whole.ranges)
    if len(rated):
        figures["ratings"] = partial(_ratings, whole, part, rated)
        tables["ratings"] = lambda: rated.set_index("id")
    votes = statistics.votes_per_image(part)
    if len(votes):
        tables["votes-an-image"] = votes.to_frame
        if len(votes) > 1:  # else the page has a sentence and no chart
            figures["votes-an-image"] = partial(paper.vote_histogram, votes.index.to_list(), votes.to_list())
    return Offer(whole.name, _about(whole, part), figures, tables).english


def _about(whole: Whole, part: pd.DataFrame) -> dict[str, str]:
    drawn = whole.root is None
    words = [whole.name] if drawn else [whole.name, str(whole.root)]
    split = state.get("split")
    asked = ["--split", split] if split else []
    of = f"drawn by Planted Affect, version {VERSION}" if drawn else str(whole.root)
    return {
        "data": f"{whole.name}, {of}",
        "images": f"{len(part)} of {len(whole.manifest)}",
        "digest of the rows": _digest(part),
        "page": address("data", state.DATA_KEYS),
        "program": program(),
        "command": shlex.join(["python", "-m", "fisa", "data", "show", *words, *asked]),
    }


def _digest(part: pd.DataFrame) -> str:
    """Return a hash of the rows that count, by which others see whether theirs are the same."""
    hashed = pd.util.hash_pandas_object(part.drop(columns="path", errors="ignore"), index=False)
    return hashlib.sha256(hashed.to_numpy().tobytes()).hexdigest()[:12]


def _labels(whole: Whole, part: pd.DataFrame, figures: dict[str, Draw], tables: Tables) -> None:
    figures["mean-distribution"] = partial(_mean, whole, part)
    figures["label-totals"] = partial(_totals, whole, part)
    tables["label-totals"] = lambda: totals_of(whole, part)[0]
    if part["entropy"].any():
        figures["entropy"] = partial(_entropies, whole, part)
        tables["entropy"] = partial(_entropy_table, whole, part)
    for kind in KINDS:
        figures[kind] = partial(_together, whole, part, kind)
        tables[kind] = partial(_together_table, whole, part, kind)


def _mean(whole: Whole, part: pd.DataFrame, width: paper.Width) -> Figure:
    mean = statistics.label_totals(part, whole.space)["mean"].to_numpy()
    return (paper.wheel if whole.space.wheel else paper.bars)(whole.space, {tr("mean"): mean}, width)


def _totals(whole: Whole, part: pd.DataFrame, width: paper.Width) -> Figure:
    labels, (totals, counted) = list(whole.space.labels), totals_of(whole, part)
    order = [labels.index(label) for label in totals.index]
    lengths = totals[counted].reindex(labels).to_numpy(float)
    return paper.label_totals(lengths, whole.space, order, tr(UNITS[counted]), width)


def _entropies(whole: Whole, part: pd.DataFrame, width: paper.Width) -> Figure:
    edges, heights = statistics.entropy_histogram(part["entropy"].to_numpy(float), whole.space)
    return paper.entropy_histogram(edges, heights, width)


def _entropy_table(whole: Whole, part: pd.DataFrame) -> pd.DataFrame:
    edges, heights = statistics.entropy_histogram(part["entropy"].to_numpy(float), whole.space)
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "images": heights}).set_index("from")


def _together(whole: Whole, part: pd.DataFrame, kind: Kind, width: paper.Width) -> Figure:
    cells, _ = together(statistics.degrees_of(part, whole.space), whole.space)[kind]
    return paper.matrix(cells, whole.space, "", kind, 1.0, width)


def _together_table(whole: Whole, part: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    return together(statistics.degrees_of(part, whole.space), whole.space)[kind][1]


def _ratings(whole: Whole, part: pd.DataFrame, rated: pd.DataFrame, width: paper.Width) -> Figure:
    return paper.rating_scatter(rated, *scales_and_labels(whole, part, rated), width)
