"""Terms that make features good binary codes, after DBC-LDL (fisa/models/dbc_ldl.py); the formulas are ours.

Shapes: B batch, K bits, C emotions.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def code_similarity(target: Tensor, relaxed: Tensor) -> Tensor:
    """Return the mean over pairs of (agreement of codes - (2 similarity of targets - 1))^2.

    Agreement is h_i . h_j / K, 1 for equal codes and -1 for opposite ones. Similarity is the cosine of two targets, in
    [0, 1]. A pair of an image with itself does not count.

    Args:
        target: [B, C].
        relaxed: Codes before the sign, [B, K] in (-1, 1).

    Returns:
        A number, at least 0; 0 for a single image.
    """
    unit = F.normalize(target, dim=1)
    wanted = 2 * unit @ unit.T - 1
    squared = (relaxed @ relaxed.T / relaxed.shape[1] - wanted).square()
    others = squared.sum() - squared.diagonal().sum()
    mean: Tensor = others / max(len(target) * (len(target) - 1), 1)
    return mean


def code_quantisation(relaxed: Tensor) -> Tensor:
    """Return how far codes are from their signs, the mean of (|h| - 1)^2 over the bits: [B] in [0, 1]."""
    return (relaxed.abs() - 1).square().mean(1)
