"""How sure a difference between systems is; equations and sources are in docs/methods.md, section 4.

Holm's procedure is statsmodels', ranks and Student's t are scipy's. Neither has a bootstrap over two crossed kinds of
units, nor the correction for overlapping training sets.
"""

from __future__ import annotations

import gc
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
        number (Davison & Hinkley 1997, chapter 4), at most 1. Of one scene or group, from which no spread can be
        learned, the bounds are nan and ``p`` is 1.

    Raises:
        ValueError: Not two such tables of the same scenes in finite numbers.
    """
    return hierarchical_differences([first], second, groups, seed, resamples, level)[0]


def hierarchical_differences(
    firsts: Sequence[ArrayLike],
    second: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> list[Difference]:
    """Return the :func:`hierarchical_difference` of each of several systems from one.

    Systems of equally many seeds share their bootstrap samples, as each would draw the same alone.

    Args:
        firsts: Of each system [S1, N], each with an S1 of its own.
        second: As there.
        groups: As there.
        seed: As there.
        resamples: As there.
        level: As there.

    Raises:
        ValueError: As there.
    """
    ones, other = [_table(first) for first in firsts], _table(second)
    found: dict[int, Difference] = {}
    for size in {one.shape for one in ones}:
        alike = [place for place, one in enumerate(ones) if one.shape == size]
        both = [np.stack([ones[place] for place in alike], axis=-1), other[..., None]]
        drawn = resampled_means(both, groups, seed, resamples)
        for place, gaps in zip(alike, (drawn[0] - drawn[1]).T, strict=True):
            found[place] = difference_of(float(ones[place].mean() - other.mean()), gaps, level)
    return [found[place] for place in range(len(ones))]


def resampled_means(
    tables: Sequence[NDArray[np.float64]],
    groups: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[NDArray[np.float64]]:
    """Return the mean of every bootstrap sample of :func:`hierarchical_difference`, for any number of systems at once.

    Args:
        tables: Of each system, [S, N, M]: M measures of each of the same N scenes under each of its S seeds.
        groups: As there.
        seed: As there.
        resamples: As there.

    Returns:
        Of each system [resamples, M]. A sample draws the same scenes for all systems, and the same seeds of a system
        for all measures. All are nan where there is one scene or group.

    Raises:
        ValueError: Tables of other scenes, or as many groups as there are no scenes.
    """
    count = tables[0].shape[1]
    if any(table.shape[1] != count for table in tables):
        sizes = " and ".join(str(table.shape[1]) for table in tables)
        raise ValueError(f"{sizes} scenes; both must be measured on the same ones")
    place = np.arange(count) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(place) != count:
        raise ValueError(f"{len(place)} groups are named for {count} scenes; expected one for each")
    members = np.bincount(place).astype(np.float64)
    sums = [_sums(table, place, len(members)) for table in tables]
    chance, units = np.random.default_rng(seed), len(members)
    found: list[list[NDArray[np.float64]]] = [[] for _ in tables]
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = chance.integers(units, size=(size, units)) + units * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        weights /= (weights @ members)[:, None] if units > 1 else np.nan
        for means, own in zip(found, sums, strict=True):
            means.append(_resampled(own, weights, chance))
    return [np.concatenate(means) for means in found]


def difference_of(value: float, drawn: NDArray[np.float64], level: float = 0.95) -> Difference:
    """Return a difference with the percentile interval and the p value of its bootstrap samples, [resamples].

    Samples that are nan say nothing: the bounds are nan, and p is 1.
    """
    if np.isnan(drawn).any():
        return Difference(value, math.nan, math.nan, 1.0)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    rarer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Difference(value, float(low), float(high), min(1.0, 2 * (rarer + 1) / (len(drawn) + 1)))


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
    if not len(p_values):
        return []
    # multipletests ends with a full garbage collection, and a studio holds so many objects that each would take up to
    # half a second, a dozen times for one comparison: it is spared those that are there already.
    gc.freeze()
    try:
        return [float(p) for p in multipletests(p_values, method="holm")[1]]
    finally:
        gc.unfreeze()


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


def _sums(table: NDArray[np.float64], place: np.ndarray, units: int) -> NDArray[np.float64]:
    """Return the sums over the scenes of each group, [units, S, M], of a table [S, N, M]."""
    if len(place) == units and (place[:-1] < place[1:]).all():
        return np.asarray(table.transpose(1, 0, 2))
    sums = np.zeros((units, table.shape[0], table.shape[2]))
    np.add.at(sums, place, table.transpose(1, 0, 2))
    return sums


def _resampled(
    sums: NDArray[np.float64], weights: NDArray[np.float64], chance: np.random.Generator
) -> NDArray[np.float64]:
    """Return the means of bootstrap samples, [B, M], for sums over groups [G, S, M] and weights of groups [B, G]."""
    units, seeds, measures = sums.shape
    means = (weights @ sums.reshape(units, seeds * measures)).reshape(len(weights), seeds, measures)
    drawn = chance.integers(seeds, size=(len(weights), seeds))
    return np.asarray(np.take_along_axis(means, drawn[..., None], axis=1).mean(axis=1))


def _table(values: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"expected finite errors [seeds, scenes], not of shape {table.shape}")
    return table
