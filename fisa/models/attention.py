"""Semantic-enhanced representation: one feature per emotion, and where it came from.

Source: FISA draft, section "Semantic-Enhanced Feature Representation": M_k = Softmax(g(E . L_k)),
F_k = M_k . F^proj_k, with E the feature map, L_k the embedding of label k and g left unspecified.

Tensor shapes: B batch, C emotions, N = h*w positions, c backbone channels, d class-feature width.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fisa.models.label_vectors import LabelVectors

Score = Literal["dot", "hadamard"]


class ClassFeatures(NamedTuple):
    """Class features [B, C, d] with attention [B, C, h, w], null [B, C] and evidence [B, C] where defined."""

    features: Tensor
    attention: Tensor | None = None
    null: Tensor | None = None
    evidence: Tensor | None = None


class Projection(nn.Module):
    """F^proj: linear map of pooled backbone features, shared by all classes or one for each.

    Pooling and a linear map commute, so the map is applied after the attention has pooled.
    """

    def __init__(self, classes: int, channels: int, dim: int, per_class: bool) -> None:
        super().__init__()
        copies = classes if per_class else 1
        self.weight = nn.Parameter(torch.empty(copies, channels, dim))
        self.bias = nn.Parameter(torch.zeros(copies, 1, dim))
        nn.init.uniform_(self.weight, -math.sqrt(3 / channels), math.sqrt(3 / channels))

    def forward(self, pooled: Tensor, mass: Tensor) -> Tensor:
        """Map pooled [B, C, c], holding attention mass [B, C], to [B, C, d]."""
        weight, bias = (part.expand(pooled.shape[1], -1, -1) for part in (self.weight, self.bias))
        return torch.einsum("bkc,kcd->bkd", pooled, weight) + mass.unsqueeze(-1) * bias.squeeze(1)


class SecondOrder(nn.Module):
    """V LN(s_k): which channels respond together where a class looks, for its feature; ours.

    Second moments s_k = sum_r a_kr y_r y_r^T of y_r = ReLU(P X_r), each entry once, after layer normalisation (LN).
    Without attention, over a whole map, they are the Gram matrix of a style, and bilinear pooling (Lin, RoyChowdhury,
    Maji 2015, "Bilinear CNN models for fine-grained visual recognition").

    Args:
        channels: c.
        dim: d.
        width: n of y; s_k has n (n + 1) / 2 numbers.
    """

    pairs: Tensor

    def __init__(self, channels: int, dim: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pairs", torch.triu_indices(width, width), persistent=False)
        self.reduce = nn.Linear(channels, width)
        self.normalise = nn.LayerNorm(self.pairs.shape[1])
        self.project = nn.Linear(self.pairs.shape[1], dim, bias=False)

    def forward(self, shares: Tensor, places: Tensor) -> Tensor:
        """Map shares [B, C, N] that sum to 1 over N places [B, N, c] to [B, C, d]."""
        reduced = self.reduce(places).relu()
        rows, columns = self.pairs
        moments = shares @ (reduced[..., rows] * reduced[..., columns])
        found: Tensor = self.project(self.normalise(moments))
        return found


class PositionScore(nn.Module):
    """g(E . L_k): a score for each class at each position.

    Args:
        classes: C.
        channels: c.
        width: Width in which positions and labels meet.
        score: ``dot`` takes g as the scaled inner product (the literal reading); ``hadamard`` is
            w . tanh(E_p * U L_k), the common form of semantic attention; ``map`` is a 1x1 convolution
            without label embedding (the draft's own future idea).
        vectors: Makes the label embedding of word vectors; without, it is learned.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        width: int,
        score: Literal["dot", "hadamard", "map"],
        vectors: LabelVectors | None = None,
    ) -> None:
        super().__init__()
        self.score = score
        if score == "map":
            self.to_scores = nn.Conv2d(channels, classes, 1)
            return
        self.to_width = nn.Conv2d(channels, width, 1)
        self.labels = vectors or nn.Parameter(torch.randn(classes, width))
        if score == "hadamard":
            self.from_labels = nn.Linear(width, width, bias=False)
            self.to_score = nn.Linear(width, 1)
            # Scores of about unit variance; with torch's default they start so flat that learning waits for them.
            nn.init.uniform_(self.to_score.weight, -3 / math.sqrt(width), 3 / math.sqrt(width))

    def forward(self, feature_map: Tensor) -> Tensor:
        """Map [B, c, h, w] to scores [B, C, h, w]."""
        if self.score == "map":
            scores: Tensor = self.to_scores(feature_map)
            return scores
        # The 1x1 convolution as a matrix product: its gradient is several times as fast for so few channels. The weight
        # is turned as the map is, so that its gradient has its layout, which several processes ask for.
        embedding = _embedding(self.labels)
        to_width = self.to_width.weight.permute(0, 2, 3, 1).flatten(1)
        places = nn.functional.linear(_by_place(feature_map), to_width, self.to_width.bias)
        if self.score == "dot":
            found = embedding @ places.mT / math.sqrt(places.shape[-1])
        else:
            labels, weight = self.from_labels(embedding), self.to_score.weight[0]
            # Under mixed precision too, sums over all emotions or all places are taken in float32 at least.
            dtype = torch.promote_types(places.dtype, torch.float32)
            parts = (part.to(dtype) for part in (places.flatten(0, 1), labels, weight))
            flat: Tensor = _TanhScore.apply(*parts)  # type: ignore[no-untyped-call]
            found = flat.view(len(labels), *places.shape[:2]).transpose(0, 1) + self.to_score.bias
        return found.reshape(len(found), -1, *feature_map.shape[2:])


class _TanhScore(torch.autograd.Function):
    """s_kp = sum_w weight_w tanh(P_pw L_kw), one class after the other: [P, width], [C, width], [width] -> [C, P].

    Written out, the tanh of all classes fills [C, P, width], which is most of the head's time and memory. Here a class
    at a time stays in the processor's cache, and the gradient computes its tanh anew: that is faster than reading it.
    """

    @staticmethod
    def forward(context: Any, places: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(places, labels, weight)
        meeting = torch.empty_like(places)
        scores = places.new_empty(len(labels), len(places))
        for label, score in zip(labels, scores, strict=True):
            torch.mv(torch.mul(places, label, out=meeting).tanh_(), weight, out=score)
        return scores

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places, labels, weight = context.saved_tensors
        to_places, to_labels, to_weight = torch.zeros_like(places), torch.empty_like(labels), torch.zeros_like(weight)
        meeting, product = torch.empty_like(places), torch.empty_like(places)
        for label, row, to_label in zip(labels, gradient, to_labels, strict=True):
            torch.mul(places, label, out=meeting).tanh_()
            to_weight.addmv_(meeting.mT, row)
            # d tanh(x) = (1 - tanh(x)^2) dx, each place weighted by the gradient of its score.
            slope = meeting.mul_(meeting).neg_().add_(1).mul_(row.unsqueeze(1))
            torch.sum(torch.mul(slope, places, out=product), 0, out=to_label)
            to_places.addcmul_(slope, label * weight)
        return to_places, to_labels.mul_(weight), to_weight


def _embedding(labels: LabelVectors | nn.Parameter) -> Tensor:
    return labels() if isinstance(labels, LabelVectors) else labels


def _by_place(feature_map: Tensor) -> Tensor:
    """Return a map [B, c, h, w] as [B, N, c]: a view of one in the layout channels_last."""
    return feature_map.permute(0, 2, 3, 1).flatten(1, 2)


class SpatialAttention(nn.Module):
    """Softmax over positions of a score; with a null position and evidence tied to the score (both ours).

    The same score is attention logit and class evidence at its position, so that a map cannot look
    where the class's evidence is not. Evidence of an image is the log-mean-exp of its scores.
    The null position has no place and a constant value: an emotion that finds no evidence need not
    look at another's. Its logit counts once per position, so the null share is
    sigmoid(null logit - evidence) whatever the size of the map; ``null_slope`` times that difference makes the
    choice between null and places sharper. Where it is not trained, an emotion whose evidence is below it is absent, by
    decree: with log(1 / (C - 1)), one with less evidence than the mean degree has.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        dim: int,
        scorer: PositionScore,
        per_class: bool,
        evidence: bool,
        null_position: bool,
        null_logit: float,
        null_slope: float = 1.0,
        null_trained: bool = True,
        normalised: bool = False,
        second_order: int = 0,
    ) -> None:
        super().__init__()
        self.scorer = scorer
        self.projection = Projection(classes, channels, dim, per_class)
        self.normalise = nn.LayerNorm(channels) if normalised else None
        self.second_order = SecondOrder(channels, dim, second_order) if second_order else None
        self.evidence = evidence
        self.null_slope = null_slope
        begin = torch.full((classes,), null_logit)
        self.null_logit = nn.Parameter(begin, requires_grad=null_trained) if null_position else None
        self.null_value = nn.Parameter(torch.zeros(classes, dim)) if null_position else None

    def forward(self, feature_map: Tensor) -> ClassFeatures:
        """Map [B, c, h, w] to class features with their attention."""
        scores = self.scorer(feature_map)
        flat = scores.flatten(2)
        total = flat.logsumexp(-1)
        evidence = total - math.log(flat.shape[-1])
        if self.null_logit is None or self.null_value is None:
            null = torch.zeros_like(total)
        else:
            null = torch.sigmoid(self.null_slope * (self.null_logit - evidence))
        shares, there = (flat - total.unsqueeze(-1)).exp(), (1 - null).unsqueeze(-1)
        attention, places = shares * there, _by_place(feature_map)
        if self.normalise is None:
            features = self.projection(attention @ places, 1 - null)
        else:
            features = there * self.projection(self.normalise(shares @ places), torch.ones_like(null))
        if self.second_order is not None:
            features = features + there * self.second_order(shares, places)
        if self.null_value is not None:
            features = features + null.unsqueeze(-1) * self.null_value
        return ClassFeatures(features, attention.view_as(scores), null, evidence if self.evidence else None)


class ChannelAttention(nn.Module):
    """Attention over channels of pooled features instead of positions; what is known of the authors' code.

    F_k = d * softmax(f * U L_k) * f with f the projected pooled features; the factor d keeps the scale
    of f (ours). There is no map to show.
    """

    def __init__(self, classes: int, channels: int, dim: int, width: int, vectors: LabelVectors | None = None) -> None:
        super().__init__()
        self.project = nn.Linear(channels, dim)
        self.labels = vectors or nn.Parameter(torch.randn(classes, width))
        self.from_labels = nn.Linear(width, dim, bias=False)

    def forward(self, feature_map: Tensor) -> ClassFeatures:
        """Map [B, c, h, w] to class features."""
        pooled = self.project(feature_map.mean((2, 3))).unsqueeze(1)
        gates = (pooled * self.from_labels(_embedding(self.labels))).softmax(-1) * pooled.shape[-1]
        return ClassFeatures(gates * pooled)


class PooledFeatures(nn.Module):
    """Global average pooling and one projection per class: no label embedding (our reading of "NoEb")."""

    def __init__(self, classes: int, channels: int, dim: int) -> None:
        super().__init__()
        self.classes = classes
        self.projection = Projection(classes, channels, dim, per_class=True)

    def forward(self, feature_map: Tensor) -> ClassFeatures:
        """Map [B, c, h, w] to class features."""
        pooled = feature_map.mean((2, 3)).unsqueeze(1).expand(-1, self.classes, -1)
        return ClassFeatures(self.projection(pooled, torch.ones_like(pooled[..., 0])))
