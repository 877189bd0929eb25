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
from fisa.figures import paper
from fisa.language import ENGLISH, tr, using
from fisa.ui import state
from fisa.ui.datasets_overview import UNITS, together, totals_of
from fisa.ui.export import Offer, Sheet, address

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
    space = whole.space
    totals, counted = totals_of(whole, part)
    mean = statistics.label_totals(part, space)["mean"].to_numpy()
    order = [space.labels.index(label) for label in totals.index]
    lengths = totals[counted].reindex(list(space.labels)).to_numpy(float)
    shape = paper.wheel if space.wheel else paper.bars
    figures["mean-distribution"] = partial(shape, space, {tr("mean"): mean})
    figures["label-totals"] = partial(paper.label_totals, lengths, space, order, tr(UNITS[counted]))
    tables["label-totals"] = partial(_itself, totals)
    entropies = part["entropy"].to_numpy(float)
    if entropies.any():
        edges, heights = statistics.entropy_histogram(entropies, space)
        figures["entropy"] = partial(paper.entropy_histogram, edges, heights)
        spread = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "images": heights})
        tables["entropy"] = lambda: spread.set_index("from")
    for kind, (cells, table) in together(statistics.degrees_of(part, space), space).items():
        figures[kind] = partial(paper.matrix, cells, space, "", kind, 1.0)
        tables[kind] = partial(_itself, table)


def _itself(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _ratings(whole: Whole, part: pd.DataFrame, rated: pd.DataFrame, width: paper.Width) -> Figure:
    labels = part.loc[rated.index, "dominant"].to_list() if "dominant" in part else None
    valence, arousal = (whole.ranges.get(name, (-1.0, 1.0)) for name in statistics.RATED)
    space = whole.space if labels is not None else None
    return paper.rating_scatter(rated, (valence, arousal), labels, space, width)
