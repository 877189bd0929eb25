"""The last layers: to logits of the emotions, to valence and arousal."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fisa.emotions import DIMENSIONS


def widened(logits: Tensor) -> Tensor:
    """Return logits in float32 at least.

    Under mixed precision they may come in 16 bits, and on a CPU torch would take their softmax so, too: rows would sum
    to 1 within a thousandth only.
    """
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def distribution_of(logits: Tensor) -> Tensor:
    """Return the softmax of logits [..., C], rows sum to 1; in float32 at least."""
    return widened(logits).softmax(-1)


class NoEmotions(nn.Module):
    """Stands where a classifier would, in a system that learns no emotions: so it has no weights without a use."""

    def forward(self, features: Tensor) -> Tensor:
        """Map [B, d] to [B, 0]."""
        return features.new_zeros(len(features), 0)


def emotion_head(width: int, classes: int) -> nn.Module:
    """Return a linear layer from [B, width] to logits [B, C], where there are emotions."""
    return nn.Linear(width, classes) if classes else NoEmotions()


def rating_head(width: int) -> nn.Linear:
    """Return a linear layer from [B, width] to valence and arousal, [B, 2]."""
    return nn.Linear(width, len(DIMENSIONS))
