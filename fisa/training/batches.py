"""Drawn, augmented batches, all of whose randomness comes from one generator.

Where several processes train, each has a generator in the same state: it draws for the whole batch and makes its own
share of the images. So the batches are those of one process, and how many processes there are changes no image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from fisa.config import TrainingConfig
from fisa.datasets.sequences import SequenceInputs
from fisa.models.inputs import as_input


@dataclass(frozen=True)
class Split:
    """Packed images uint8 [N, S, S, 3], vectors float32 [N, D], or sequences, with what is learned of them.

    Attributes:
        images: Those.
        target: Description degrees [N, C]; C may be 0. Of sequences [N, T, C], zeros beyond their ends.
        ids: Of the samples, [N].
        ratings: Valence and arousal [N, 2], where they are learned.
    """

    images: np.ndarray | SequenceInputs
    target: np.ndarray
    ids: np.ndarray
    ratings: np.ndarray | None = None


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch of B samples.

    Attributes:
        images: Of the share, float32 [b, 3, S, S]; of the batch's first sample where the share is empty;
            or vectors [b, D]; or of sequences what ``as_tensors`` returns.
        target: Of the same samples, float32 [b, C].
        ratings: Of the same samples, float32 [b, 2], where they are learned.
        weight: b / B, or 0 where the share is empty: times the mean over the share, summed over the processes, it is
            the mean over the batch.
        rows: The whole batch's rows in the split, [B].
        share: Which of them this process has.
    """

    images: Tensor | dict[str, Tensor]
    target: Tensor
    weight: float
    rows: np.ndarray
    share: slice
    ratings: Tensor | None = None


def batches(
    split: Split, settings: TrainingConfig, order: np.random.Generator, share: Callable[[int], slice] = slice
) -> Iterator[Batch]:
    """Yield the batches of an epoch, as many as it takes to show each image once.

    With ``settings.per_emotion`` a batch holds at least so many images of each dominant emotion (see
    :func:`dominant_emotions`), and an epoch need not show every image.

    Args:
        split: What to draw from.
        settings: Size and composition of the batches, and augmentation.
        order: The state of this generator decides on the order and the augmentation of all.
        share: From a number of samples to this process's part of them; by default all.
    """
    for chosen in _balanced(split, settings, order) if settings.per_emotion else _shuffled(split, settings, order):
        mirrored, offsets = draw_moves(len(chosen), order, settings.flip, settings.shift)
        own = share(len(chosen))
        weight = (own.stop - (own.start or 0)) / len(chosen)
        # A process without a sample takes its steps too, on one that does not count.
        taken = own if weight else slice(1)
        inputs = split.images[chosen[taken]]
        if isinstance(inputs, SequenceInputs):
            inputs = _augmented(inputs.gathered(), mirrored[taken], offsets[taken], settings.shift)
        elif inputs.dtype == np.uint8:  # vectors have no sides
            inputs = augment(inputs, mirrored[taken], offsets[taken], settings.shift)
        target = torch.from_numpy(split.target[chosen[taken]]).float()
        ratings = None if split.ratings is None else torch.from_numpy(split.ratings[chosen[taken]]).float()
        yield Batch(as_input(inputs), target, weight, chosen, own, ratings)


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


def draw_moves(count: int, order: np.random.Generator, flip: bool, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw how to augment ``count`` images: which to mirror, bool [B]; and by how much to move each, see augment."""
    mirrored = order.random(count) < 0.5 if flip else np.zeros(count, dtype=bool)
    offsets = order.integers(0, 2 * shift + 1, size=(count, 2)) if shift else np.zeros((count, 2), dtype=int)
    return np.asarray(mirrored), offsets


def augment(images: np.ndarray, mirrored: np.ndarray, offsets: np.ndarray, shift: int) -> np.ndarray:
    """Mirror the images that ``mirrored`` marks, and move each by up to ``shift`` px, edges repeated.

    Args:
        images: uint8 [B, S, S, 3].
        mirrored: bool [B].
        offsets: Whole numbers [B, 2], 0 to 2 ``shift``: the row and the column at which the image is cut out of itself
            with a margin of ``shift`` px; ``shift`` is its place.
        shift: The margin.
    """
    side = images.shape[1]
    rows, columns = (
        (offsets[:, axis, None] - shift + np.arange(side)).clip(0, side - 1) for axis in range(offsets.shape[1])
    )
    columns = np.where(mirrored[:, None], side - 1 - columns, columns)
    moved = np.empty_like(images, order="C")
    for image, row, column, place in zip(images, rows, columns, moved, strict=True):
        np.take(image[row], column, axis=1, out=place)
    return moved


def _augmented(inputs: SequenceInputs, mirrored: np.ndarray, offsets: np.ndarray, shift: int) -> SequenceInputs:
    """Move all frames of a sequence alike, so that what moves in it is what moved."""
    if inputs.frames is None or not len(inputs.frames):
        return inputs
    owners = inputs.owners
    return replace(inputs, frames=augment(inputs.frames, mirrored[owners], offsets[owners], shift))
