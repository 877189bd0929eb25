"""Bootstrap intervals of grades: whole scenes are drawn, each with its counterfactuals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fisa.records import Interval

RESAMPLES = 400


def over_scenes(
    statistic: Callable[[NDArray[np.intp]], float], scenes: ArrayLike, resamples: int = RESAMPLES
) -> Interval:
    """Return a statistic of units with its 95 % percentile interval over resamples of the scenes they belong to.

    Args:
        statistic: Maps positions of units, [n], which may repeat, to a number; NaN where there are too few.
        scenes: The scene of each unit, [N].
        resamples: How many.

    Returns:
        The statistic of all units; the bounds are NaN where there is one scene only.
    """
    labels = np.asarray(scenes)
    kinds, place = np.unique(labels, return_inverse=True)
    value = float(statistic(np.arange(len(labels))))
    if len(kinds) < 2:
        return Interval(value, float("nan"), float("nan"))
    members = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    alone = np.concatenate(members) if len(kinds) == len(labels) else None
    random = np.random.default_rng(0)

    def units() -> NDArray[np.intp]:
        scenes = random.integers(0, len(kinds), len(kinds))
        # Where every scene has one unit, its place is looked up: thousands of arrays of one take far longer to join.
        return np.concatenate([members[scene] for scene in scenes]) if alone is None else alone[scenes]

    drawn = [statistic(units()) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def ratio(above: ArrayLike, below: ArrayLike) -> Callable[[NDArray[np.intp]], float]:
    """Return the statistic sum(above) / sum(below) of units; 0 where nothing is below."""
    top, bottom = np.asarray(above, float), np.asarray(below, float)

    def statistic(units: NDArray[np.intp]) -> float:
        total = float(bottom[units].sum())
        return float(top[units].sum()) / total if total else 0.0

    return statistic
