"""What a data set holds, in numbers: counts, totals, entropies, how labels go together, ratings. NumPy and pandas.

Every function takes rows of a manifest (``fisa.datasets.base.Dataset.manifest``) or arrays of its columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fisa.distances import entropy
from fisa.emotions import EmotionSpace
from fisa.language import mark

Floats = NDArray[np.float64]

RATED = ("valence", "arousal")

_SPLIT_ORDER = (mark("train"), mark("validation"), mark("test"), "iid")


def degrees_of(manifest: pd.DataFrame, space: EmotionSpace) -> Floats:
    """Return the description degrees, float64 [N, C]; [N, 0] of a space without labels."""
    return manifest[list(space.labels)].to_numpy(np.float64)


def split_names(manifest: pd.DataFrame) -> list[str]:
    """Return the splits that occur: train, validation, test, then others by name; a missing one ("") is none."""
    present = [str(name) for name in pd.unique(manifest["split"]) if name]
    known = [name for name in _SPLIT_ORDER if name in present]
    return known + sorted(set(present) - set(known))


def split_counts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return how much each split holds.

    Returns:
        Index ``split`` with a last row ``all``; ``images``, and ``fewest`` and ``most`` votes an image (Int64,
        missing where no number of votes is known).
    """
    parts = {name: manifest[manifest["split"] == name] for name in split_names(manifest)} | {mark("all"): manifest}
    rows = {}
    for name, part in parts.items():
        known = part["votes"][part["votes"] > 0]
        spread = (known.min(), known.max()) if len(known) else (pd.NA, pd.NA)
        rows[name] = (len(part), *spread)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["images", "fewest", "most"])
    return table.astype({"fewest": "Int64", "most": "Int64"}).rename_axis("split")


def label_totals(manifest: pd.DataFrame, space: EmotionSpace) -> pd.DataFrame:
    """Return what each label gets over all rows.

    Returns:
        Index ``label`` in column order; ``votes`` (sum over rows whose votes are known, whole), ``degree`` (sum of the
        degrees), ``mean`` (that over the number of rows; the column sums to 1) and ``dominant`` (rows whose largest
        degree it is, of tied labels the first).
    """
    degrees = degrees_of(manifest, space)
    votes = np.rint(degrees * manifest["votes"].to_numpy(np.float64)[:, None]).sum(0).astype(np.int64)
    dominant = np.bincount(dominant_of(degrees), minlength=len(space)) if len(space) else np.zeros(0, dtype=np.int64)
    total = degrees.sum(0)
    return pd.DataFrame(
        {"votes": votes, "degree": total, "mean": total / max(len(manifest), 1), "dominant": dominant},
        index=pd.Index(space.labels, name="label"),
    )


def dominant_of(degrees: Floats) -> NDArray[np.int64]:
    """Return the column of the largest degree of each row, of tied ones the first; [N]."""
    return np.asarray(degrees.argmax(1), dtype=np.int64)


def vote_order(degrees: Floats) -> list[int]:
    """Return the columns in ascending order of their total, ties in column order: as the EMD of training has them.

    Args:
        degrees: Those of the training split, [N, C].
    """
    return [int(column) for column in np.argsort(degrees.sum(0), kind="stable")]


def entropies(degrees: Floats) -> Floats:
    """Return the entropy of each row in nats, which the draft calls density, 0 to ln C; [N]."""
    return entropy(degrees) if len(degrees) else np.zeros(0)


def entropy_histogram(values: Floats, space: EmotionSpace, bins: int = 24) -> tuple[Floats, NDArray[np.int64]]:
    """Count entropies in bins of equal width over 0 to ln C.

    Returns:
        Edges [bins + 1] and counts [bins]; a bin holds its lower edge, the last one both, however floats round.
    """
    top = np.log(len(space))
    counts, edges = np.histogram(np.clip(values + 1e-9, 0, top), bins=bins, range=(0, top))
    return edges, counts.astype(np.int64)


def lowest_and_highest(values: Floats, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the ``count`` smallest values, ascending, and of the largest, descending; ties by row."""
    return np.argsort(values, kind="stable")[:count], np.argsort(-values, kind="stable")[:count]


def label_correlation(target: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation between the degrees of two emotions over the samples.

    Args:
        target: [N, C].

    Returns:
        [C, C] in [-1, 1] with ones on the diagonal; an emotion that never varies correlates with no other, 0.
    """
    # Of equal numbers the mean may differ by rounding, which would correlate.
    centred = np.where(np.ptp(target, axis=0) > 0, target - target.mean(0), 0.0)
    spread = np.sqrt((centred**2).sum(0))
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    correlation = scaled.T @ scaled
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)


def co_occurrence(target: np.ndarray) -> np.ndarray:
    """Return P(j named | i named) over the samples, where an emotion is named if its degree is not 0.

    Args:
        target: [N, C].

    Returns:
        [C, C] in [0, 1]; a row of zeros for an emotion that nobody named.
    """
    named = (target > 0).astype(float)
    together, alone = named.T @ named, named.sum(0)[:, None]
    return np.asarray(np.divide(together, alone, out=np.zeros_like(together), where=alone > 0))


def votes_per_image(manifest: pd.DataFrame) -> pd.Series:
    """Return how many images have each number of votes, ascending; index ``votes``. Unknown numbers do not count."""
    known = manifest["votes"][manifest["votes"] > 0]
    return known.value_counts().sort_index().rename_axis("votes").rename("images")


def in_original_range(values: pd.Series, limits: tuple[float, float]) -> pd.Series:
    """Bring ratings from -1 to 1 back to the range that the data was rated on."""
    low, high = limits
    return low + (values + 1) / 2 * (high - low)


def ratings(manifest: pd.DataFrame, ranges: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Return the rows with both ratings: ``id``, ``valence`` and ``arousal``, in the original ranges.

    Args:
        manifest: Perhaps with ``valence`` and ``arousal``, -1 to 1.
        ranges: Original range of each; -1 to 1 where it is missing.

    Returns:
        Its index is that of the manifest; no row where the manifest lacks one of the two.
    """
    if not set(RATED) <= set(manifest.columns):
        return pd.DataFrame({"id": pd.Series(dtype="str"), **{name: pd.Series(dtype=float) for name in RATED}})
    rated = manifest[manifest[list(RATED)].notna().all(axis=1)]
    columns = {name: in_original_range(rated[name], ranges.get(name, (-1.0, 1.0))) for name in RATED}
    return pd.DataFrame({"id": rated["id"], **columns})
