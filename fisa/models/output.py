"""What every model returns.

Tensor shapes: B batch, C emotions, H heads, d class-feature width, h x w attention grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass  # not frozen: Fabric hooks the tensors of what a wrapped model returns by setting its fields
class ModelOutput:
    """Prediction and the quantities that explain it; what a system does not have is None.

    The matrices between emotions are also None where the caller did not ask for an explanation. A system that learns
    valence and arousal and no emotions has C = 0.

    Attributes:
        logits: [B, C].
        distribution: [B, C], non-negative, rows sum to 1.
        raw: [B, C], the output function before normalisation: the sigmoid, or the distribution itself.
        features: [B, C, d] class features, or [B, d] pooled features of a system without them.
        bias: [C], so that logits = bias + contributions.sum((1, 3)).
        attention: [B, C, h, w]; with ``null`` it sums to 1 for each emotion.
        null: [B, C], attention spent on the null position.
        evidence: [B, C], pooled evidence logits for the auxiliary loss.
        ratings: [B, 2], valence and arousal on the scale of -1 to 1, unbounded; of systems that have such a head.
        effect: [B, H, C, C], Eff(q_i, k_j); rows i, columns j.
        interaction: [B, H, C, C], effect normalised by row.
        contributions: [B, H, C, C], share of emotion j in logit i.
        members: What each member of a committee says, in training only; the loss is the mean of theirs.
        extras: Named tensors [B, ...] that only one system has; what is the same for every image is repeated.
    """

    logits: Tensor
    distribution: Tensor
    raw: Tensor
    features: Tensor
    bias: Tensor | None = None
    attention: Tensor | None = None
    null: Tensor | None = None
    evidence: Tensor | None = None
    ratings: Tensor | None = None
    effect: Tensor | None = None
    interaction: Tensor | None = None
    contributions: Tensor | None = None
    members: tuple[ModelOutput, ...] = ()
    extras: dict[str, Tensor] = field(default_factory=dict)
