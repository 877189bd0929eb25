"""The progressive circular loss over the emotion circle, after CSR.

Source: Yang, Li, Li, Wang, Gao (2021), "A Circular-Structured Representation for Visual Emotion Distribution
Learning", CVPR, and the code that its first author published. A distribution is the vector sum of its emotions'
unit vectors, weighted by their degrees: polarity is the side it points to, its angle the type, its length the
intensity rho. That code has rho_t (P(q) - P(t))^2 with P = 0 or 1, and the squared difference of angles in
(-pi, pi]; its weighting of the latter and the sum of both with KL we have not seen.

Deviations, each with the published form as an option: a step P has no slope, so that its term trains nothing; the
difference of two angles may be 2 pi less.

Shapes: B batch. Vectors are [B, 2]; their first coordinate points to the positive emotions (``EmotionSpace.circle``).
"""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST = 1e-6
"""A vector shorter than this has no angle: its difference to any other counts as 0."""


def progressive_circular(target: Tensor, predicted: Tensor, soft: bool = True, wrapped: bool = True) -> Tensor:
    """Return rho ((P(predicted) - P(target))^2 + (angle between them)^2) of each sample.

    Args:
        target: Emotion vectors, [B, 2], of length rho in [0, 1].
        predicted: Emotion vectors, [B, 2].
        soft: Take P = (1 + first coordinate) / 2, in [0, 1]; else 1 where that coordinate is positive and 0 elsewhere,
            whose slope is 0.
        wrapped: Take the angle around the circle the shorter way, at most pi; else the difference of two angles
            in (-pi, pi] measured from the middle of the negative emotions, at most 2 pi.

    Returns:
        [B], at least 0.
    """
    sides = [(1 + vector[:, 0]) / 2 if soft else (vector[:, 0] > 0).to(vector.dtype) for vector in (target, predicted)]
    angle = _between(target, predicted) if wrapped else _angle(predicted) - _angle(target)
    has_angle = (target.norm(dim=1) > SHORTEST) & (predicted.norm(dim=1) > SHORTEST)
    squared = torch.where(has_angle, angle.square(), 0.0)
    intensity: Tensor = target.norm(dim=1)
    return intensity * ((sides[1] - sides[0]).square() + squared)


def _between(a: Tensor, b: Tensor) -> Tensor:
    """Return the angle from a to b in (-pi, pi]."""
    return _safe_atan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(1))


def _angle(vector: Tensor) -> Tensor:
    """Return the angle from the middle of the negative emotions, in (-pi, pi]."""
    return _safe_atan2(-vector[:, 1], -vector[:, 0])


def _safe_atan2(y: Tensor, x: Tensor) -> Tensor:
    """Return atan2, and 0 with slope 0 at the origin, where it has no slope that is a number."""
    origin = (x.abs() < SHORTEST**2) & (y.abs() < SHORTEST**2)
    return torch.atan2(torch.where(origin, 0.0, y), torch.where(origin, 1.0, x))
