"""Inter-class feature interaction with self-adjustment, and the readout with exact contributions.

Source: FISA draft, section "Inter-Class Feature Interaction Self-Adjustment":
Eff(q_i, k_j) = psi(q_i)^T phi(k_j) + 1 with psi = tanh and phi = sigmoid;
Interact(Q, K, V)_i = sum_j Eff(q_i, k_j) v_j / sum_j Eff(q_i, k_j).

Tensor shapes: B batch, C emotions, H heads, d class-feature width, e = d/H head width.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Effect = Literal["mean", "literal", "half", "softmax"]
Readout = Literal["joint", "shared", "per_class"]

SMALLEST_ROW_SUM = 0.1
"""Row sums of ``literal`` effects nearer to zero than this are moved to it, keeping their sign (ours)."""


class Interacted(NamedTuple):
    """Values [B, H, C, e] with effect and interaction [B, H, C, C] (rows receive, columns give)."""

    values: Tensor
    effect: Tensor
    interaction: Tensor

    @property
    def adjusted(self) -> Tensor:
        """F^Ad, the class features after interaction, heads concatenated: [B, C, d]."""
        return (self.interaction @ self.values).transpose(1, 2).flatten(2)


def compute_effect(query: Tensor, key: Tensor, kind: Effect) -> tuple[Tensor, Tensor]:
    """Return effect and its row-normalised weights, both [B, H, C, C].

    Args:
        query: [B, H, C, e].
        key: [B, H, C, e].
        kind: ``mean`` divides the inner product by e, so that Eff lies in (0, 2): below 1 competition,
            above 1 cooperation (our default). ``literal`` is the draft's form; Eff lies in (1-e, 1+e) and
            a row may sum to zero, so the denominator is guarded. ``half`` has (tanh+1)/2 on both
            sides (authors' code) and lies in (1, 1+e). ``softmax`` is dot-product attention, a control;
            its effect is reported as C times the weight, so that 1 is indifferent there too.
    """
    width = query.shape[-1]
    if kind == "softmax":
        weights = (query @ key.mT / math.sqrt(width)).softmax(-1)
        return weights * weights.shape[-1], weights
    if kind == "half":
        effect = ((query.tanh() + 1) / 2) @ ((key.tanh() + 1) / 2).mT + 1
    else:
        product = query.tanh() @ key.sigmoid().mT
        effect = (product / width if kind == "mean" else product) + 1
    total = effect.sum(-1, keepdim=True)
    if kind == "literal":
        sign = torch.where(total < 0, -1.0, 1.0)
        total = torch.where(total.abs() < SMALLEST_ROW_SUM, sign * SMALLEST_ROW_SUM, total)
    return effect, effect / total


class Interaction(nn.Module):
    """Multi-head interaction between class features.

    Args:
        dim: d; a multiple of ``heads``.
        heads: H, at least 1.
        effect: See :func:`compute_effect`.
    """

    def __init__(self, dim: int, heads: int, effect: Effect) -> None:
        super().__init__()
        self.heads = heads
        self.effect: Effect = effect
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))

    def forward(self, features: Tensor) -> Interacted:
        """Map class features [B, C, d] to values and the matrices that mix them."""
        query, key, value = (
            layer(features).view(*features.shape[:2], self.heads, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        effect, interaction = compute_effect(query, key, self.effect)
        return Interacted(value, effect, interaction)


class ReadoutLayer(nn.Module):
    """z = w^T [F^Ad_1 .. F^Ad_H] + b, and its exact decomposition over heads and source emotions.

    Args:
        classes: C.
        dim: d.
        kind: ``shared`` has one w and b for all classes (literal); ``per_class`` has its own w_i, and
            output i reads class feature i only, so the interaction is the only way from emotion j to
            emotion i (ours, default); ``joint`` lets every output read every class feature (authors' code).
    """

    def __init__(self, classes: int, dim: int, kind: Readout) -> None:
        super().__init__()
        self.kind = kind
        shape = {"joint": (classes, classes, dim), "per_class": (classes, dim), "shared": (1, dim)}[kind]
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(1 if kind == "shared" else classes))
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        nn.init.uniform_(self.weight, -bound, bound)

    def contributions(self, values: Tensor, weights: Tensor) -> Tensor:
        """Return [B, H, C, C]: how much of logit i came from emotion j through head h.

        The logits are linear in the values, so ``logits = bias + contributions.sum((1, 3))`` exactly.

        Args:
            values: [B, H, C, e].
            weights: [B, H, C, C], what mixes them.
        """
        heads = values.shape[1]
        weight = self.weight.view(*self.weight.shape[:-1], heads, -1)
        if self.kind == "joint":
            reads = torch.einsum("imhe,bhje->bhimj", weight, values)
            return torch.einsum("bhmj,bhimj->bhij", weights, reads)
        return weights * torch.einsum("ihe,bhje->bhij", weight.expand(values.shape[2], -1, -1), values)

    def total_bias(self, classes: int) -> Tensor:
        """Return b for each class, [C]."""
        return self.bias.expand(classes)
