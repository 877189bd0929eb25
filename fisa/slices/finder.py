"""Slices on which a run errs more than on the rest, found by looking at many; docs/methods.md has the equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from fisa.slices.filters import Among, Condition, Within
from fisa.studies.statistics import holm

BANDS = 3
"""Parts of equal size that a number is cut into."""
FACTORS = ("dominant", "entropy", "brightness", "saturation")
"""Columns whose values and bands are combined, where a table has them."""
LEAST, LEAST_SHARE = 20, 0.01
"""Fewest images of a slice, and the fewest as a share of all."""
ALIKE = 0.7
"""Share of common images (Jaccard) from which a slice repeats another one."""
LEVEL = 0.95


@dataclass(frozen=True)
class Finding:
    """A slice and how much more a run errs on it.

    Attributes:
        conditions: That make it.
        count: Of its images.
        error: Mean error on them.
        rest: Mean error on all others.
        low: Lower end of the simultaneous interval of ``error - rest``.
        high: Its upper end.
        p: Of no difference, two-sided, adjusted by Holm's procedure.
    """

    conditions: tuple[Condition, ...]
    count: int
    error: float
    rest: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Search:
    """What was found, and among how many.

    Attributes:
        findings: Slices that err more than the rest beyond chance, by ``low``, the largest first; none refines or
            repeats one before it.
        looked: How many slices were large enough to be looked at.
        least: Fewest images of such a slice.
    """

    findings: tuple[Finding, ...]
    looked: int
    least: int


def find_slices(
    table: pd.DataFrame,
    error: str = "error",
    depth: int = 3,
    most: int = 12,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Look at every conjunction of up to ``depth`` values and bands of ``FACTORS``, and return where errors are large.

    Args:
        table: A row for each image: ``error`` and those of ``FACTORS`` that are known.
        error: Column of the errors.
        depth: Most conditions of a slice.
        most: Slices that are returned.
        progress: Called with (slices tested, slices).
    """
    values = table[error].to_numpy(float)
    least = max(LEAST, int(np.ceil(LEAST_SHARE * len(table))))
    tested = [(conditions, rows) for conditions, rows in _candidates(table, depth) if _large(rows, least)]
    found: list[tuple[Finding, NDArray[np.bool_]]] = []
    for number, (conditions, rows) in enumerate(tested):
        inside, outside = values[rows], values[~rows]
        test = ttest_ind(inside, outside, equal_var=False)
        low, high = test.confidence_interval(1 - (1 - LEVEL) / len(tested))
        p = 1.0 if np.isnan(test.pvalue) else float(test.pvalue)  # of errors that are all the same
        mean, rest = float(inside.mean()), float(outside.mean())
        found.append((Finding(conditions, len(inside), mean, rest, float(low), float(high), p), rows))
        if progress is not None:
            progress(number + 1, len(tested))
    adjusted = holm([finding.p for finding, _ in found])
    real = [
        (replace(finding, p=p), rows)
        for (finding, rows), p in zip(found, adjusted, strict=True)
        if p < 1 - LEVEL and finding.error > finding.rest
    ]
    real.sort(key=lambda each: -each[0].low)
    return Search(tuple(_distinct(real, most)), len(tested), least)


def _candidates(table: pd.DataFrame, depth: int) -> Iterator[tuple[tuple[Condition, ...], NDArray[np.bool_]]]:
    known = [_parts(table, name) for name in FACTORS if name in table]
    for count in range(1, depth + 1):
        for factors in combinations(known, count):
            for parts in product(*factors):
                rows = np.logical_and.reduce([rows for _, rows in parts])
                yield tuple(condition for condition, _ in parts), rows


def _parts(table: pd.DataFrame, name: str) -> list[tuple[Condition, NDArray[np.bool_]]]:
    """Return the values of a column of texts, or the bands of one of numbers, each with its rows."""
    column = table[name]
    if not pd.api.types.is_numeric_dtype(column):
        conditions: list[Condition] = [Among(name, (str(value),)) for value in sorted(column.unique())]
    else:
        # To three digits: the address shows the bounds, and what it opens must be what was measured.
        inner = [float(f"{cut:.3g}") for cut in np.quantile(column, np.arange(1, BANDS) / BANDS)]
        bounds = [None, *dict.fromkeys(inner), None]
        conditions = [Within(name, low, high) for low, high in pairwise(bounds)]
    return [(condition, condition.passes(table)) for condition in conditions]


def _large(rows: NDArray[np.bool_], least: int) -> bool:
    count = int(rows.sum())
    return count >= least and len(rows) - count >= least


def _distinct(found: Sequence[tuple[Finding, NDArray[np.bool_]]], most: int) -> Iterator[Finding]:
    kept: list[tuple[Finding, NDArray[np.bool_]]] = []
    for finding, rows in found:
        refines = any(set(finding.conditions) >= set(other.conditions) for other, _ in kept)
        if refines or any((rows & others).sum() / (rows | others).sum() >= ALIKE for _, others in kept):
            continue
        kept.append((finding, rows))
        yield finding
        if len(kept) == most:
            return
