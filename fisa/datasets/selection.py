"""Which images of a data set to look at, and in which order: filters and sorting over a manifest."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fisa.datasets.statistics import RATED, degrees_of, dominant_of, entropies
from fisa.emotions import EmotionSpace

LISTED, BY_ID = "listed", "id"
ASCENDING, DESCENDING = "lowest entropy", "highest entropy"


@dataclass(frozen=True)
class Selection:
    """Filters, which all must hold, and an order.

    Attributes:
        split: Name of the split; empty for all.
        label: Dominant label; empty for all.
        entropy: Smallest and largest entropy in nats, both included; None for all.
        votes: Fewest and most votes, both included; None for all.
        group: Name of the group; empty for all.
        text: What the ID or the path contains, letters compared without case and by NFC; empty for all.
        order: One of :func:`orders`.
    """

    split: str = ""
    label: str = ""
    entropy: tuple[float, float] | None = None
    votes: tuple[int, int] | None = None
    group: str = ""
    text: str = ""
    order: str = LISTED


def browsable(manifest: pd.DataFrame, space: EmotionSpace) -> pd.DataFrame:
    """Return the manifest with what is selected by: ``entropy`` in nats and ``dominant`` (a label), where labels are.

    Args:
        manifest: See ``fisa.datasets.base.Dataset.manifest``.
        space: Its label space.
    """
    if not len(space):
        return manifest
    degrees = degrees_of(manifest, space)
    labels = np.array(space.labels, dtype=object)
    dominant = labels[dominant_of(degrees)] if len(degrees) else np.zeros(0, dtype=object)
    return manifest.assign(entropy=entropies(degrees), dominant=pd.Series(dominant, index=manifest.index, dtype="str"))


def orders(table: pd.DataFrame, space: EmotionSpace) -> list[str]:
    """Return the orders there are: as listed, by ID, by entropy, by the degree of a label, by rating."""
    rated = [name for name in RATED if name in table]
    return [LISTED, BY_ID, *([ASCENDING, DESCENDING] if len(space) else []), *space.labels, *rated]


def select(table: pd.DataFrame, chosen: Selection) -> NDArray[np.int64]:
    """Return the rows of :func:`browsable` that pass every filter, in order; degrees and ratings largest first.

    Ties, and rows without a rating (which come last), stand as listed. A filter on a column that the table lacks
    passes none.
    """
    keep = np.ones(len(table), dtype=bool)
    for column, value in (("split", chosen.split), ("dominant", chosen.label), ("group", chosen.group)):
        if value:
            keep &= (table[column] == value).to_numpy() if column in table else False
    for column, limits in (("entropy", chosen.entropy), ("votes", chosen.votes)):
        if limits is not None:
            keep &= table[column].between(*limits).to_numpy() if column in table else False
    if chosen.text:
        names = table["id"].astype("str") + "\n" + table["path"].astype("str").fillna("")
        keep &= _plain(names).str.contains(_folded(chosen.text), regex=False).to_numpy()
    rows = np.flatnonzero(keep)
    if chosen.order == LISTED:
        return rows
    part = table.iloc[rows]
    if chosen.order == BY_ID:
        return rows[np.argsort(part["id"].to_numpy(dtype=object), kind="stable")]
    if chosen.order in (ASCENDING, DESCENDING):
        sign = 1 if chosen.order == ASCENDING else -1
        return rows[np.argsort(sign * part["entropy"].to_numpy(np.float64), kind="stable")]
    return rows[np.argsort(-part[chosen.order].to_numpy(np.float64), kind="stable")]


def _plain(names: pd.Series) -> pd.Series:
    return names.str.normalize("NFC").str.casefold()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
