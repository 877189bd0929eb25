"""How sure a difference between systems is; equations and sources are in docs/methods.md, section 4.

Holm's procedure is statsmodels', ranks and Student's t are scipy's. Neither has a bootstrap over two crossed kinds of
units, nor the correction for overlapping training sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

RESAMPLES = 4000
CHUNK = 500
"""Bootstrap samples at a time; 2,000 scenes take 8 MB then."""


@dataclass(frozen=True)
class Difference:
    """A mean difference, its 95 % interval, and the two-sided p value of no difference."""

    value: float
    low: float
    high: float
    p: float


def hierarchical_difference(
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Difference:
    """Bootstrap mean(first) - mean(second), paired over scenes and nested over training seeds.

    Each bootstrap sample draws scenes with replacement, the same for both systems, and seeds with replacement within
    each system. With one seed a system's interval says nothing of another one.

    Args:
        first: An error of each scene (columns) under each seed (rows), [S1, N].
        second: The same scenes under the seeds of another system, [S2, N].
        groups: Group of each scene, [N], where scenes are not independent; whole groups are drawn then.
        seed: Of the resampling.
        resamples: Number of bootstrap samples.
        level: Coverage of the percentile interval, in (0, 1).

    Returns:
        The difference; ``p`` is twice the share of bootstrap samples beyond 0 on the rarer side, one added to count and
        number (Davison & Hinkley 1997, chapter 4), at most 1.

    Raises:
        ValueError: Not two such tables of the same scenes in finite numbers.
    """
    one, other = _table(first), _table(second)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"{one.shape[1]} and {other.shape[1]} scenes; both must be measured on the same ones")
    place = np.arange(one.shape[1]) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(place) != one.shape[1]:
        raise ValueError(f"{len(place)} groups are named for {one.shape[1]} scenes; expected one for each")
    sizes = np.bincount(place).astype(np.float64)
    sums = [np.array([np.bincount(place, weights=row) for row in table]) for table in (one, other)]
    chance, units = np.random.default_rng(seed), len(sizes)
    found = []
    for start in range(0, resamples, CHUNK):
        count = min(CHUNK, resamples - start)
        drawn = chance.integers(units, size=(count, units)) + units * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(np.float64)
        weights /= (weights @ sizes)[:, None]
        found.append(_resampled(sums[0], weights, chance) - _resampled(sums[1], weights, chance))
    means = np.concatenate(found)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    rarer = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (rarer + 1) / (resamples + 1))
    return Difference(float(one.mean() - other.mean()), float(low), float(high), p)


def corrected_t(differences: ArrayLike, test_share: float, level: float = 0.95) -> Difference:
    """Test the mean of differences over folds, whose training sets overlap (Nadeau & Bengio 2003).

    The variance of the mean is taken as (1 / J + n_test / n_train) times that of the J differences, with J - 1 degrees
    of freedom.

    Args:
        differences: One for each fold, or fold and seed, [J].
        test_share: n_test / n_train, such as 1/9 for ten folds.
        level: Coverage of the interval.

    Raises:
        ValueError: Fewer than two differences, one that is not finite, or a share that is not positive.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("expected a finite difference for each of two folds at least")
    if test_share <= 0:
        raise ValueError(f"n_test / n_train is {test_share}; expected a positive share")
    mean = float(values.mean())
    error = math.sqrt((1 / len(values) + test_share) * float(values.var(ddof=1)))
    if error == 0:
        return Difference(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    student = stats.t(df=len(values) - 1)
    reach = float(student.ppf((1 + level) / 2)) * error
    return Difference(mean, mean - reach, mean + reach, float(2 * student.sf(abs(mean) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number by Holm's step-down procedure (1979), each at most 1."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if len(p_values) else []


def average_ranks(values: ArrayLike, higher_is_better: Sequence[bool]) -> NDArray[np.float64]:
    """Return the mean rank of each system over measures, 1 the best; tied systems share their mean rank.

    A description only: the measures depend on one another, so that no test follows from it.

    Args:
        values: [systems, measures].
        higher_is_better: Of each measure.
    """
    signs = np.where(higher_is_better, -1.0, 1.0)
    ranks = stats.rankdata(np.asarray(values, dtype=np.float64) * signs, axis=0)
    return np.asarray(ranks.mean(axis=1), dtype=np.float64)


def _resampled(sums: NDArray[np.float64], weights: NDArray[np.float64], chance: np.random.Generator) -> np.ndarray:
    """Return the mean of each bootstrap sample, [B], for sums over groups [S, G] and weights of groups [B, G]."""
    means = weights @ sums.T
    seeds = chance.integers(len(sums), size=means.shape)
    return np.asarray(np.take_along_axis(means, seeds, axis=1).mean(axis=1))


def _table(values: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"expected finite errors [seeds, scenes], not of shape {table.shape}")
    return table
