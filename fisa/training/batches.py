"""Drawn, augmented batches, all of whose randomness comes from one generator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fisa.config import TrainingConfig
from fisa.images import normalise


@dataclass(frozen=True)
class Split:
    """Packed images uint8 [N, S, S, 3] with targets [N, C] and sample ids [N]."""

    images: np.ndarray
    target: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Images float32 [B, 3, S, S], targets float32 [B, C], and their rows in the split, [B]."""

    images: Tensor
    target: Tensor
    rows: np.ndarray


def batches(split: Split, settings: TrainingConfig, order: np.random.Generator) -> Iterator[Batch]:
    """Yield the batches of an epoch, as many as it takes to show each image once.

    With ``settings.per_emotion`` a batch holds at least so many images of each dominant emotion (see
    :func:`dominant_emotions`), and an epoch need not show every image.
    """
    for chosen in _balanced(split, settings, order) if settings.per_emotion else _shuffled(split, settings, order):
        images = augment(split.images[chosen], order, settings.flip, settings.shift)
        batch = torch.from_numpy(normalise(images)).contiguous(memory_format=torch.channels_last)
        yield Batch(batch, torch.from_numpy(split.target[chosen]).float(), chosen)


def dominant_emotions(target: np.ndarray) -> np.ndarray:
    """Return the column of the largest degree of each row of [N, C]; of tied ones the first."""
    return np.asarray(target.argmax(1))


def _shuffled(split: Split, settings: TrainingConfig, order: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the rows of each batch, sorted; together every row once."""
    indices = order.permutation(len(split.images))
    for start in range(0, len(indices), settings.batch_size):
        yield np.sort(indices[start : start + settings.batch_size])


def _balanced(split: Split, settings: TrainingConfig, order: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the rows of each batch, sorted: ``per_emotion`` of each emotion, the rest of any, none twice in a batch."""
    emotions = dominant_emotions(split.target)
    members = [np.flatnonzero(emotions == emotion) for emotion in range(split.target.shape[1])]
    size = min(settings.batch_size, len(emotions))
    for _ in range(math.ceil(len(emotions) / settings.batch_size)):
        sure = np.concatenate([order.choice(rows, settings.per_emotion, replace=False) for rows in members])
        others = np.setdiff1d(np.arange(len(emotions)), sure)
        yield np.sort(np.concatenate([sure, order.choice(others, size - len(sure), replace=False)]))


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
