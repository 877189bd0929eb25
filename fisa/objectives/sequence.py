"""The loss of sequences: the terms of single samples at every step, and those that only sequences have.

The source of the multimodal system (fisa/models/multimodal_sequence.py) asks for a small Euclidean distance between a
step's emotion vector and the true one, and that the vectors of emotions lie close to one another; the weights of both,
and that the distance is squared, are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fisa.models.output import ModelOutput
from fisa.objectives.terms import Term
from fisa.sequence_measures import fine_labels


def vector_distance(target: Tensor, vector: Tensor) -> Tensor:
    """Squared Euclidean distance of each emotion vector to its target.

    Args:
        target: [M, C], rows sum to 1.
        vector: [M, C], not negative.

    Returns:
        [M].
    """
    return (target - vector).square().sum(dim=1)


def fine_entropy(fine_target: Tensor, fine: Tensor) -> Tensor:
    """Cross-entropy of logits [M, 3 C] with fine labels, long [M], as :func:`fisa.sequence_measures.fine_labels`."""
    return F.cross_entropy(fine, fine_target, reduction="none")


def vector_closeness(target: Tensor, vector: Tensor) -> Tensor:
    """Mean squared distance between the mean vectors of two emotions, over the pairs that the batch has.

    Args:
        target: [M, C]; its largest column is the step's emotion.
        vector: [M, C].

    Returns:
        One number; 0 where the batch has fewer than two emotions.
    """
    emotion = F.one_hot(target.argmax(1), target.shape[1]).to(vector.dtype)
    count = emotion.sum(0)
    present = count > 0
    means = (emotion.T @ vector)[present] / count[present].unsqueeze(1)
    if len(means) < 2:
        return vector.sum() * 0
    return F.pdist(means).square().mean()


class Vector(Term):
    """Squared distance of a step's emotion vector to its target."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [M]."""
        return vector_distance(target, output.extras["vector"])


class Fine(Term):
    """Cross-entropy with how the emotion of a step came about."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return [M]."""
        return fine_entropy(output.extras["fine_target"], output.extras["fine"])


class Closeness(Term):
    """Distances between the mean vectors of emotions."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Return one number for the batch."""
        return vector_closeness(target, output.extras["vector"])


@dataclass(frozen=True)
class Steps:
    """The M labelled steps of a batch of B sequences, side by side.

    Attributes:
        output: Its fields are [M, ...]; ``extras`` hold ``fine_target`` also, long [M].
        target: [M, C].
        sequence: Row of the sequence of each, long [M].
    """

    output: ModelOutput
    target: Tensor
    sequence: Tensor


def labelled_steps(output: ModelOutput, target: Tensor, polarity: Sequence[int]) -> Steps:
    """Take the steps apart that have a label: those beyond a sequence's end have a target of zeros.

    Args:
        output: Of a sequence model, [B, T, ...].
        target: [B, T, C].
        polarity: Of each emotion.
    """
    exists = target.sum(-1) > 0
    own = target[exists]
    lengths = exists.sum(1).cpu().numpy()
    emotions = own.argmax(1).cpu().numpy()
    fine_target = torch.from_numpy(fine_labels(emotions, lengths[lengths > 0], polarity)).to(target.device)
    extras = {name: part[exists] for name, part in output.extras.items()}
    flat = ModelOutput(
        logits=output.logits[exists],
        distribution=output.distribution[exists],
        raw=output.raw[exists],
        features=output.features[exists],
        extras={**extras, "fine_target": fine_target},
    )
    return Steps(flat, own, exists.nonzero()[:, 0])


def mean_of_sequences(values: Tensor, sequence: Tensor, count: int) -> Tensor:
    """Return the mean over ``count`` sequences of the means of their steps; one number for the batch stays as it is.

    Args:
        values: [M], or one number.
        sequence: Row of the sequence of each step, long [M].
        count: B.
    """
    if values.ndim == 0:
        return values
    steps = torch.bincount(sequence, minlength=count).to(values.dtype)
    return (values / steps[sequence]).sum() / count
