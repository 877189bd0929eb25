"""Terms for ordered, grouped and sparse annotations, after SSDL.

Source: Xiong, Liu, Zhong, Fu (2019), "Structured and Sparse Annotations for Image Emotion Distribution
Learning", AAAI, of which we have the abstract: KL, an earth mover's distance over ordered emotions and
emotion groups (by polarity), and a sparse regularisation based on emotional intensity. The formulas are ours.

Shapes: B batch, C emotions, G polarities that occur.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fisa.emotions import EmotionSpace


def polarity_order(space: EmotionSpace) -> np.ndarray:
    """Return the columns from negative over neutral to positive; within a polarity around the wheel, if there is one.

    On Mikels' wheel this is the wheel, which runs through all negative emotions before the positive ones.
    """
    place = np.argsort(space.wheel or range(len(space)))
    return np.lexsort((place, np.asarray(space.polarity)))


def polarity_groups(space: EmotionSpace) -> Tensor:
    """Return the matrix [C, G] that sums degrees over each polarity, in ascending order of polarity."""
    polarity = np.asarray(space.polarity)
    return torch.from_numpy(polarity[:, None] == np.unique(polarity)[None, :]).float()


def sparsity(target: Tensor, predicted: Tensor, form: Literal["support", "intensity"]) -> Tensor:
    """Return how much a prediction spreads beyond a sparse annotation, 0 to 1 for each sample.

    Args:
        target: [B, C], rows sum to 1.
        predicted: [B, C], rows sum to 1.
        form: ``support`` is the mass on emotions that nobody named. ``intensity`` is the spread
            (sum_k sqrt(q_k) - 1) / (sqrt(C) - 1), 0 for one emotion and 1 for the uniform prediction, times the
            largest degree of the target: the more intense the emotion, the sparser the prediction shall be. Its
            minimum is not the target.

    Returns:
        [B].
    """
    if form == "support":
        outside: Tensor = (predicted * (target == 0)).sum(1)
        return outside
    classes = target.shape[1]
    # The root's slope is infinite at 0.
    spread = (predicted.clamp_min(torch.finfo(predicted.dtype).eps).sqrt().sum(1) - 1) / (classes**0.5 - 1)
    weighted: Tensor = target.amax(1) * spread
    return weighted
