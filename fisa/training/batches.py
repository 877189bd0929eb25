"""Shuffled, augmented batches, all of whose randomness comes from one generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fisa.config import TrainingConfig
from fisa.models.inputs import as_tensor


@dataclass(frozen=True)
class Split:
    """Packed images uint8 [N, S, S, 3], or vectors float32 [N, D], with targets [N, C] and sample ids [N]."""

    images: np.ndarray
    target: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Images float32 [B, 3, S, S], or vectors [B, D], targets float32 [B, C], and their rows in the split, [B]."""

    images: Tensor
    target: Tensor
    rows: np.ndarray


def batches(split: Split, settings: TrainingConfig, order: np.random.Generator) -> Iterator[Batch]:
    """Yield the batches of an epoch."""
    indices = order.permutation(len(split.images))
    for start in range(0, len(indices), settings.batch_size):
        chosen = np.sort(indices[start : start + settings.batch_size])
        inputs = split.images[chosen]
        if inputs.dtype == np.uint8:  # vectors have no sides
            inputs = augment(inputs, order, settings.flip, settings.shift)
        yield Batch(as_tensor(inputs), torch.from_numpy(split.target[chosen]).float(), chosen)


def augment(images: np.ndarray, order: np.random.Generator, flip: bool, shift: int) -> np.ndarray:
    """Mirror half of the images and move each by up to ``shift`` px, edges repeated; uint8 [B, S, S, 3]."""
    count, side = images.shape[:2]
    if flip:
        mirrored = np.asarray(order.random(count) < 0.5)
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    if shift:
        padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
        corners = order.integers(0, 2 * shift + 1, size=(count, 2))
        images = np.stack(
            [image[top : top + side, left : left + side] for image, (top, left) in zip(padded, corners, strict=True)]
        )
    return np.ascontiguousarray(images)
