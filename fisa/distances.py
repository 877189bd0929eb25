"""Per-sample distances and similarities between emotion distributions.

Every measure takes ``target`` before ``predicted``, both [N, C] with rows that sum to 1, and
returns float64 [N]. Logarithms are natural. Clark, Canberra and intersection follow Geng (2016),
"Label distribution learning", IEEE TKDE 28(7), table 1, which takes them from Cha (2007).

All measures share one check of their arguments and raise ``ValueError`` with one sentence naming
the first bad row: shapes that differ or are not [N, C], values that are not finite or are
negative, rows whose sum is further than ``SUM_TOLERANCE`` from 1. Smaller errors of the sum
(float32 rounding) are divided out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, rel_entr

Floats = NDArray[np.float64]

SUM_TOLERANCE = 1e-3
"""A row that sums to 1 within this is a distribution; a larger error is a mistake to be mended."""

KL_FLOOR = 1e-12
"""Predicted degrees below this count as this in ``kl``, which would be infinite otherwise."""

TIE_TOLERANCE = 1e-9
"""Target degrees closer than this are a tie in ``accuracy``; votes / n never come so close."""


def normalise(values: ArrayLike) -> Floats:
    """Divide every row by its sum, as votes or sigmoid outputs need before any measure.

    Args:
        values: Non-negative [N, C], each row with a positive sum.

    Returns:
        float64 [N, C]; rows sum to 1.

    Raises:
        ValueError: Not [N, C], or a row that is negative, not finite or zero throughout.
    """
    rows = _matrix("values", values)
    # The largest entry first: the sum of huge rows would overflow, that of subnormal ones lose digits.
    rows = rows / rows.max(axis=1, keepdims=True)
    divided: Floats = rows / rows.sum(axis=1, keepdims=True)
    return divided


def entropy(distribution: ArrayLike) -> Floats:
    """Shannon entropy of each row in nats, 0 (one emotion) to ln C (uniform); 0 log 0 = 0."""
    return _sum(entr(_distribution("distribution", distribution)))


def kl(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """KL(target || predicted) in nats, at least 0.

    A target degree of 0 contributes 0. Predicted degrees are raised to ``KL_FLOOR``, so that
    a prediction of 0 where the target is positive costs about 27.6 nats per unit of target degree,
    not infinity: the mean over a data set stays a number, and such predictions still dominate it.
    """
    t, p = rows_of_pair(target, predicted)
    # The floor adds at most C * 1e-12 of mass, so equality could come out that far below zero.
    divergence: Floats = np.maximum(_sum(rel_entr(t, np.maximum(p, KL_FLOOR))), 0.0)
    return divergence


def jensen_shannon(first: ArrayLike, second: ArrayLike) -> Floats:
    """Jensen-Shannon divergence in nats, 0 (equal) to ln 2 (nothing in common), whichever comes first.

    The mean of KL(first || middle) and KL(second || middle), with middle the mean of both (Lin 1991).
    """
    one, other = rows_of_pair(first, second)
    middle = (one + other) / 2
    divergence: Floats = (kl(one, middle) + kl(other, middle)) / 2
    return divergence


def log_likelihood(target: ArrayLike, predicted: ArrayLike, eps: float = 1e-6) -> Floats:
    """Mean log-likelihood of one vote, at most 0: sum_k target_k log((1 - eps) predicted_k + eps / C).

    With ``target`` the votes over their number n, n times this is the image's log-likelihood
    without the multinomial coefficient, which no prediction changes.

    Args:
        target: Vote shares, [N, C].
        predicted: [N, C].
        eps: Share of the uniform distribution mixed into the prediction, in (0, 1].

    Raises:
        ValueError: Bad rows (see the module), or ``eps`` out of range.
    """
    if not 0 < eps <= 1:
        raise ValueError(f"eps is {eps}, which is not in (0, 1]")
    t, p = rows_of_pair(target, predicted)
    smoothed: Floats = (1 - eps) * p + eps / p.shape[1]
    return _sum(t * np.log(smoothed))


def chebyshev(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Largest absolute difference of a degree, 0 to 1."""
    t, p = rows_of_pair(target, predicted)
    largest: Floats = np.abs(t - p).max(axis=1)
    return largest


def clark(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Clark distance sqrt(sum_k ((t_k - p_k) / (t_k + p_k))^2), 0 to sqrt(C); 0 / 0 = 0.

    Very sensitive to degrees near 0: any p_k > 0 where t_k = 0 costs the full 1. Papers mix it with
    ``clark_scaled``.
    """
    distance: Floats = np.sqrt(_sum(_relative_difference(target, predicted) ** 2))
    return distance


def clark_scaled(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Clark distance divided by sqrt(C), 0 to 1."""
    relative = _relative_difference(target, predicted)
    distance: Floats = np.sqrt(_sum(relative**2) / relative.shape[1])
    return distance


def canberra(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Canberra distance sum_k |t_k - p_k| / (t_k + p_k), 0 to C; 0 / 0 = 0.

    Papers mix it with ``canberra_scaled``.
    """
    return _sum(_relative_difference(target, predicted))


def canberra_scaled(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Canberra distance divided by C, 0 to 1."""
    relative = _relative_difference(target, predicted)
    scaled: Floats = _sum(relative) / relative.shape[1]
    return scaled


def cosine(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Cosine similarity, 0 (no emotion in common) to 1 (equal)."""
    t, p = rows_of_pair(target, predicted)
    lengths = np.linalg.norm(t, axis=1) * np.linalg.norm(p, axis=1)
    similarity: Floats = np.minimum(_sum(t * p) / lengths, 1.0)
    return similarity


def intersection(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Intersection similarity sum_k min(t_k, p_k), 0 to 1 (equal)."""
    t, p = rows_of_pair(target, predicted)
    common: Floats = np.minimum(_sum(np.minimum(t, p)), 1.0)
    return common


def emd(target: ArrayLike, predicted: ArrayLike, r: int = 2) -> Floats:
    """Earth mover's distance in the form that our loss takes too: (mean_k |CDF_k(t) - CDF_k(p)|^r)^(1/r).

    The classes stand in the order given and the mean is over all C of them (the last CDF difference
    is 0), as in Talebi & Milanfar (2018), NIMA, eq. 1: 0 to ((C - 1) / C)^(1/r).

    Args:
        target: [N, C].
        predicted: [N, C].
        r: Exponent, 1 or 2.

    Raises:
        ValueError: Bad rows (see the module), or another ``r``.
    """
    return _mean_power(_cdf_difference(*rows_of_pair(target, predicted)), r)


def wasserstein1(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """1-Wasserstein distance with the classes at 0, 1, ..., C - 1, in class steps, 0 to C - 1.

    As ``scipy.stats.wasserstein_distance``; equal to C times ``emd`` with r = 1.
    """
    return _sum(np.abs(_cdf_difference(*rows_of_pair(target, predicted))))


def circular_emd(target: ArrayLike, predicted: ArrayLike, order: Sequence[int] | None = None, r: int = 2) -> Floats:
    """Earth mover's distance around the wheel, where the last class is a neighbour of the first.

    The distance min_m (mean_k |D_k - m|^r)^(1/r) with D the CDF difference along ``order``; the
    minimum is at the median of D for r = 1 (Werman, Peleg, Melter & Kong 1986; Rabin, Delon & Gousseau
    2011, eq. 7) and at its mean for r = 2. It does not depend on where the wheel is cut. For r = 1
    it is the 1-Wasserstein distance in turns of the wheel, 0 to 1/2.

    Args:
        target: [N, C].
        predicted: [N, C].
        order: Columns in the order around the wheel (``EmotionSpace.wheel``); the columns' own
            order where None.
        r: Exponent, 1 or 2.

    Raises:
        ValueError: Bad rows (see the module), another ``r``, or an order that does not name every
            column once.
    """
    t, p = rows_of_pair(target, predicted)
    around = np.arange(t.shape[1]) if order is None else np.asarray(order)
    if not np.array_equal(np.sort(around), np.arange(t.shape[1])):
        raise ValueError(f"order must name each of the {t.shape[1]} columns once, got {list(around)}")
    difference = _cdf_difference(t[:, around], p[:, around])
    middle = np.median if r == 1 else np.mean
    return _mean_power(difference - middle(difference, axis=1, keepdims=True), r)


def entropy_error(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Absolute difference of the two entropies in nats, 0 to ln C."""
    t, p = rows_of_pair(target, predicted)
    error: Floats = np.abs(_sum(entr(t)) - _sum(entr(p)))
    return error


def accuracy(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """1 where the predicted dominant emotion is a dominant emotion of the target, ties included; else 0.

    Of predicted ties the first column counts. Target degrees within ``TIE_TOLERANCE`` are tied.
    """
    t, p = rows_of_pair(target, predicted)
    chosen = np.take_along_axis(t, p.argmax(axis=1)[:, None], axis=1)[:, 0]
    hit: Floats = (chosen >= t.max(axis=1) - TIE_TOLERANCE).astype(np.float64)
    return hit


def accuracy_strict(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """1 where the first dominant emotion of prediction and target is the same, else 0.

    The usual argmax comparison; with tied votes it depends on the order of the columns.
    """
    t, p = rows_of_pair(target, predicted)
    hit: Floats = np.equal(t.argmax(axis=1), p.argmax(axis=1)).astype(np.float64)
    return hit


def _sum(terms: Floats) -> Floats:
    total: Floats = terms.sum(axis=1)
    return total


def _relative_difference(target: ArrayLike, predicted: ArrayLike) -> Floats:
    t, p = rows_of_pair(target, predicted)
    relative: Floats = np.divide(np.abs(t - p), t + p, out=np.zeros_like(t), where=t + p > 0)
    return relative


def _cdf_difference(t: Floats, p: Floats) -> Floats:
    difference: Floats = np.cumsum(t - p, axis=1)
    return difference


def _mean_power(difference: Floats, r: int) -> Floats:
    if r not in (1, 2):
        raise ValueError(f"r is {r}; the earth mover's distance is defined here for r = 1 and r = 2")
    powered: Floats = (np.abs(difference) ** r).mean(axis=1) ** (1 / r)
    return powered


def rows_of_pair(target: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    """Return distributions as float64 [N, C] whose rows sum to 1.

    Raises:
        ValueError: Bad rows (see the module), or two shapes.
    """
    t, p = _distribution("target", target), _distribution("predicted", predicted)
    if t.shape != p.shape:
        raise ValueError(f"target has shape {t.shape} but predicted has {p.shape}; both must be the same [N, C]")
    return t, p


def _distribution(name: str, values: ArrayLike) -> Floats:
    rows = _matrix(name, values)
    sums = rows.sum(axis=1, keepdims=True)
    _refuse(name, np.abs(sums[:, 0] - 1) > SUM_TOLERANCE, sums[:, 0], "sums to {:.6g}, not 1; " + _MEND)
    divided: Floats = rows / sums
    return divided


_MEND = "divide by the row sum, e.g. with fisa.distances.normalise()"


def _matrix(name: str, values: ArrayLike) -> Floats:
    """Return ``values`` as float64 [N, C] with finite, non-negative rows, none of them zero throughout."""
    try:
        rows: Floats = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers in [N, C]") from None
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"{name} has shape {rows.shape}; expected [N, C], one row a sample, one column an emotion")
    smallest: Floats = rows.min(axis=1)
    _refuse(name, ~np.all(np.isfinite(rows), axis=1), smallest, "has a value that is not finite; drop or mend the row")
    _refuse(name, smallest < 0, smallest, "has a negative degree ({:.6g}); degrees are at least 0")
    _refuse(name, rows.max(axis=1) == 0, smallest, "is zero throughout; a distribution needs a positive sum")
    return rows


def _refuse(name: str, bad: NDArray[np.bool_], shown: Floats, why: str) -> None:
    """Raise for the first bad row; ``why`` may show that row's entry of ``shown``."""
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name} row {row} " + why.format(shown[row]))
