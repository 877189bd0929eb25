"""Sentiment metric learning: distances between embeddings by emotion and polarity.

Source: Yang, She, Lai, Yang (2018), "Retrieving and Classifying Affective Images via Deep Metric
Learning", AAAI, known to us through the description in the project's seeds. An anchor a, an image p of
the same emotion, r of another emotion of the same polarity, and n of the opposite polarity shall hold
D*(a, p) + alpha1 < D*(a, r) and D*(a, r) + alpha2 < D*(a, n), where D* = D / (1 + steps on the wheel)
and D is the squared Euclidean distance. Both hinges are averaged over the pairs that sampling chooses;
that each is sampled by itself, and what the kinds of sampling do exactly, is ours.

Shapes: B batch, d width of an embedding.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Sampling = Literal["semi_hard", "random", "hard", "facenet"]


def squared_distances(embedding: Tensor) -> Tensor:
    """Return D = |x_i - x_j|^2 between embeddings [B, d] brought to unit length; [B, B] in [0, 4]."""
    unit = F.normalize(embedding, dim=1)
    return (2 - 2 * unit @ unit.T).clamp_min(0)


def sentiment_constraints(
    distance: Tensor, emotion: Tensor, polarity: Tensor, alpha1: float, alpha2: float, sampling: Sampling
) -> Tensor:
    """Return E_sml: same emotion nearer than same polarity, same polarity nearer than opposite polarity.

    Args:
        distance: D*, [B, B].
        emotion: Column of each image, long [B].
        polarity: +1, 0 or -1 of each image, [B]; 0 has no opposite.
        alpha1: Margin of the first constraint.
        alpha2: Margin of the second.
        sampling: See :func:`hinge`.

    Returns:
        A number, at least 0.
    """
    same, related, opposite = relations(emotion, polarity)
    first = hinge(distance, same, related, alpha1, sampling)
    return first + hinge(distance, related, opposite, alpha2, sampling)


def triplet_constraint(distance: Tensor, emotion: Tensor, alpha: float, sampling: Sampling) -> Tensor:
    """Return the triplet loss: same emotion nearer than any other; see :func:`sentiment_constraints`."""
    same, related, opposite = relations(emotion, torch.zeros_like(emotion))
    return hinge(distance, same, related | opposite, alpha, sampling)


def relations(emotion: Tensor, polarity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return who is of the same emotion, of another with the same polarity, of opposite polarity: bool [B, B].

    An image is in no relation with itself.
    """
    equal = emotion[:, None] == emotion[None, :]
    same = equal & ~torch.eye(len(emotion), dtype=torch.bool, device=emotion.device)
    related = (polarity[:, None] == polarity[None, :]) & ~equal
    return same, related, polarity[:, None] * polarity[None, :] < 0


def hinge(distance: Tensor, near: Tensor, far: Tensor, margin: float, sampling: Sampling) -> Tensor:
    """Return the mean of [distance to a near image - distance to a far image + margin]_+ over chosen pairs.

    Args:
        distance: [B, B]; row a holds the distances of anchor a.
        near: Who shall be near to whom, bool [B, B].
        far: Who shall be far, bool [B, B].
        margin: At least so much farther.
        sampling: ``semi_hard`` takes every near image, each with a random far one (so the source describes it);
            ``random`` one random pair an anchor; ``hard`` the farthest near and the nearest far image of an
            anchor; ``facenet`` every near image, with the nearest far one among those that are farther than it by
            less than the margin, and no pair where there is none (Schroff, Kalenichenko & Philbin 2015).

    Returns:
        A number; 0, with slope 0, where no anchor has both.
    """
    both = near.any(1) & far.any(1)
    detached = distance.detach()
    if sampling in ("semi_hard", "facenet"):
        anchor, friend = (near & both[:, None]).nonzero(as_tuple=True)
    else:
        anchor = both.nonzero().squeeze(1)
        friend = _one(near[anchor]) if sampling == "random" else _farthest(detached[anchor], near[anchor])
    if len(anchor) == 0:
        return distance.sum() * 0
    if sampling == "facenet":
        beyond = detached[anchor] - detached[anchor, friend].unsqueeze(1)
        band = far[anchor] & (beyond > 0) & (beyond < margin)
        found = band.any(1)
        anchor, friend, band = anchor[found], friend[found], band[found]
        if len(anchor) == 0:
            return distance.sum() * 0
        foe = _farthest(-detached[anchor], band)
    elif sampling == "hard":
        foe = _farthest(-detached[anchor], far[anchor])
    else:
        foe = _one(far[anchor])
    return (distance[anchor, friend] - distance[anchor, foe] + margin).clamp_min(0).mean()


def _one(allowed: Tensor) -> Tensor:
    """Draw one allowed column of each row."""
    return torch.multinomial(allowed.float(), 1).squeeze(1)


def _farthest(distance: Tensor, allowed: Tensor) -> Tensor:
    return distance.masked_fill(~allowed, -torch.inf).argmax(1)
