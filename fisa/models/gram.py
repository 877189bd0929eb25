"""Gram matrices of feature maps: which channels respond together, wherever they do; a measure of texture."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gram_matrix(feature_map: Tensor) -> Tensor:
    """Return Phi_ij = mean over positions of channel i times channel j.

    The mean in place of the literature's sum keeps the scale of stages of different resolution apart from it.

    Args:
        feature_map: [B, n, h, w].

    Returns:
        [B, n, n], symmetric.
    """
    flat = feature_map.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def upper_triangle(matrices: Tensor) -> Tensor:
    """Return the entries on and above the diagonal, row by row: [B, n, n] to [B, n (n + 1) / 2]."""
    rows, columns = torch.triu_indices(*matrices.shape[1:], device=matrices.device)
    return matrices[:, rows, columns]


class GramStages(nn.Module):
    """A 1x1 convolution and ReLU for each stage of a backbone, and the Gram matrix behind it.

    Args:
        channels: Channels of each stage.
        width: Channels n after the convolution.
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in channels)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        """Map the feature maps of the stages to their Gram matrices, each [B, n, n], without negative entries."""
        return [gram_matrix(layer(stage).relu()) for layer, stage in zip(self.reduce, stages, strict=True)]
