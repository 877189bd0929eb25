"""Errors of predicted valence and arousal.

Shapes: B batch. ``target`` and ``predicted`` are ratings [B, 2] on the scale of -1 to 1.
"""

from __future__ import annotations

from torch import Tensor

SPREAD_EPS = 1e-6
"""Added to the spread that a concordance is divided by: a batch may be of one image, or of equal ones."""


def squared_error(target: Tensor, predicted: Tensor) -> Tensor:
    """Return the mean squared difference of each dimension, [2]."""
    return (target - predicted).square().mean(0)


def concordance_error(target: Tensor, predicted: Tensor) -> Tensor:
    """Return 1 - CCC of each dimension over the batch, [2], 0 to 2; see Lin (1989) and ``fisa.ratings.ccc``."""
    mean_t, mean_p = target.mean(0), predicted.mean(0)
    covariance = ((target - mean_t) * (predicted - mean_p)).mean(0)
    spread = target.var(0, correction=0) + predicted.var(0, correction=0) + (mean_t - mean_p).square()
    return 1 - 2 * covariance / (spread + SPREAD_EPS)
