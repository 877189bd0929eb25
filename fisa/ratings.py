"""Measures of predicted ratings, and their bootstrap intervals.

Ratings are arrays [N, 2], valence and arousal, -1 to 1. Unlike the measures of ``fisa.metrics``, those here are of a
whole set of images and no means over them; all follow from six sums, which whole groups of images share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fisa.emotions import DIMENSIONS
from fisa.language import mark
from fisa.records import Interval

Array = NDArray[np.float64]

SMALLEST_VARIANCE = 1e-12
"""Ratings that vary less than this do not vary: what is left is rounding."""


@dataclass(frozen=True)
class RatingMeasure:
    """One measure of agreement between target and predicted ratings of one dimension.

    Attributes:
        name: Key in ``RATING_MEASURES``; in results followed by ``_valence``, ``_arousal`` or ``_mean``.
        title: Heading for tables.
        function: Sums over the images as :func:`_sums` has them, [..., 6], to [...].
        higher_is_better: Direction.
        convention: One line on what exactly is computed.
    """

    name: str
    title: str
    function: Callable[[Array], Array]
    higher_is_better: bool
    convention: str


def rmse(sums: Array) -> Array:
    """Root of the mean squared difference."""
    count, _, _, tt, pp, tp = np.moveaxis(sums, -1, 0)
    return np.asarray(np.sqrt(np.maximum(tt - 2 * tp + pp, 0) / count))


def ccc(sums: Array) -> Array:
    """Concordance correlation coefficient: 2 cov / (var + var + (difference of the means)^2); see Lin (1989)."""
    mean_t, mean_p, var_t, var_p, covariance = _moments(sums)
    spread = var_t + var_p + (mean_t - mean_p) ** 2
    return np.divide(2 * covariance, spread, out=np.full_like(spread, np.nan), where=spread > SMALLEST_VARIANCE)


def pearson(sums: Array) -> Array:
    """Pearson correlation; nan where either does not vary."""
    _, _, var_t, var_p, covariance = _moments(sums)
    vary = (var_t > SMALLEST_VARIANCE) & (var_p > SMALLEST_VARIANCE)
    spread = np.sqrt(np.where(vary, var_t * var_p, 1))
    return np.where(vary, covariance / spread, np.nan)


# fmt: off
RATING_MEASURES: dict[str, RatingMeasure] = {
    "rmse": RatingMeasure("rmse", "RMSE", rmse, False,
                          mark("root of the mean squared difference, ratings on -1 to 1")),
    "ccc": RatingMeasure("ccc", "CCC", ccc, True,
                         mark("Lin's concordance correlation: 1 is equality, 0 any constant; variances divided by N")),
    "pearson": RatingMeasure("pearson", "Pearson", pearson, True,
                             mark("linear correlation, blind to offset and scale; undefined for a constant")),
}
# fmt: on

PARTS = (*DIMENSIONS, mark("mean"))
"""Each measure is given for both dimensions, and as the mean of the two."""


def evaluate_ratings(target: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Return every measure of ``RATING_MEASURES`` for each of ``PARTS``, such as ``ccc_valence``.

    Args:
        target: [N, 2].
        predicted: [N, 2].

    Raises:
        ValueError: No rows, other shapes, or numbers that are not finite.
    """
    return {key: float(value) for key, value in _measured(_sums(target, predicted).sum(0)).items()}


def bootstrap_ratings(
    target: ArrayLike,
    predicted: ArrayLike,
    groups: ArrayLike | None = None,
    against: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return the measures of :func:`evaluate_ratings` with bootstrap percentile intervals.

    Args:
        target: [N, 2].
        predicted: [N, 2].
        groups: Group of each image, [N], where images are not independent: whole groups are drawn then (cluster
            bootstrap; Davison & Hinkley 1997, section 3.8).
        against: [N, 2], another prediction of the same images: the intervals are then of the measure of ``predicted``
            less that of ``against``, both on the same draws.
        seed: Of the draws; the same seed draws the same images for every prediction of them.
        resamples: Number of bootstrap samples.
        level: Coverage in (0, 1).

    Returns:
        The bounds are nan where there is one image or group, and where the measure is undefined.

    Raises:
        ValueError: As :func:`evaluate_ratings`, or ``groups`` of another length.
    """
    sums = _sums(target, predicted)
    both = [sums] if against is None else [sums, _sums(target, against)]
    labels = np.arange(len(sums)) if groups is None else np.asarray(groups)
    if labels.shape != (len(sums),):
        raise ValueError(f"groups has shape {labels.shape}; expected one for each of the {len(sums)} images")
    names, place = np.unique(labels, return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    values, spreads = [], []
    for each in both:
        grouped = np.zeros((len(names), *each.shape[1:]))
        np.add.at(grouped, place, each)
        values.append(_measured(each.sum(0)))
        spreads.append(_measured(np.einsum("rg,gds->rds", drawn, grouped)))
    tails = (50 * (1 - level), 50 * (1 + level))
    found: dict[str, Interval] = {}
    for key in values[0]:
        value, spread = (part[0][key] - part[1][key] if len(both) > 1 else part[0][key] for part in (values, spreads))
        usable = len(names) > 1 and np.isfinite(value) and np.isfinite(spread).any()
        low, high = np.nanpercentile(spread, tails) if usable else (np.nan, np.nan)
        found[key] = Interval(float(value), float(low), float(high))
    return found


def _sums(target: ArrayLike, predicted: ArrayLike) -> Array:
    """Return of each image [N, 2, 6]: 1, target, predicted, target squared, predicted squared, their product."""
    arrays = [np.asarray(values, dtype=np.float64) for values in (target, predicted)]
    for name, values in zip(("target", "predicted"), arrays, strict=True):
        if values.ndim != 2 or values.shape[1] != len(DIMENSIONS) or not len(values) or not np.isfinite(values).all():
            raise ValueError(f"{name} has shape {values.shape}; expected finite numbers [N, {len(DIMENSIONS)}], N > 0")
    t, p = arrays
    if t.shape != p.shape:
        raise ValueError(f"target is of {len(t)} images and predicted of {len(p)}; both must be of the same ones")
    return np.stack([np.ones_like(t), t, p, t * t, p * p, t * p], axis=-1)


def _moments(sums: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return means of target and predicted, their variances, and the covariance, all divided by N."""
    count, t, p, tt, pp, tp = np.moveaxis(sums, -1, 0)
    mean_t, mean_p = t / count, p / count
    return mean_t, mean_p, tt / count - mean_t**2, pp / count - mean_p**2, tp / count - mean_t * mean_p


def _measured(sums: Array) -> dict[str, Array]:
    """Map sums [..., 2, 6] to every measure [...] of each dimension and their mean."""
    found: dict[str, Array] = {}
    for measure in RATING_MEASURES.values():
        values = measure.function(sums)
        found |= {f"{measure.name}_{name}": values[..., place] for place, name in enumerate(DIMENSIONS)}
        found[f"{measure.name}_mean"] = values.mean(-1)
    return found
