"""Inter-class feature interaction with self-adjustment, and the readout with exact contributions.

Source: FISA draft, section "Inter-Class Feature Interaction Self-Adjustment":
Eff(q_i, k_j) = psi(q_i)^T phi(k_j) + 1 with psi = tanh and phi = sigmoid;
Interact(Q, K, V)_i = sum_j Eff(q_i, k_j) v_j / sum_j Eff(q_i, k_j).

An explanation needs the matrices of :func:`compute_effect`. A prediction does not, and :func:`mix` reaches the same
result at a cost linear in C where C is large: Eff is an inner product plus 1, so both sums over j can be taken first.

Tensor shapes: B batch, C emotions, H heads, d class-feature width, e = d/H head width.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Effect = Literal["mean", "separate", "literal", "half", "softmax"]
Readout = Literal["joint", "shared", "per_class"]

SMALLEST_ROW_SUM = 0.1
"""Row sums of ``literal`` effects nearer to zero than this are moved to it, keeping their sign (ours)."""


class Interacted(NamedTuple):
    """Values [B, H, C, e] with effect and interaction [B, H, C, C] (rows receive, columns give)."""

    values: Tensor
    effect: Tensor
    interaction: Tensor


def compute_effect(query: Tensor, key: Tensor, kind: Effect) -> tuple[Tensor, Tensor]:
    """Return effect and the weights made of it, both [B, H, C, C].

    Args:
        query: [B, H, C, e].
        key: [B, H, C, e].
        kind: ``mean`` divides the inner product by e, so that Eff lies in (0, 2): below 1 competition,
            above 1 cooperation (our default). ``separate`` has the same Eff, and divides it by C in place of the
            row's sum: what j adds to i then depends on F_i and F_j alone (ours). ``literal`` is the draft's form;
            Eff lies in (1-e, 1+e) and a row may sum to zero, so the denominator is guarded. ``half`` has (tanh+1)/2 on
            both sides (authors' code) and lies in (1, 1+e). ``softmax`` is dot-product attention, a control;
            its effect is reported as C times the weight, so that 1 is indifferent there too.
    """
    if kind == "softmax":
        weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
        return weights * weights.shape[-1], weights
    receiving, giving = _factors(query, key, kind)
    effect = receiving @ giving.mT + 1
    return effect, effect / _guarded(effect.sum(-1, keepdim=True), kind, effect.shape[-1])


def mix(query: Tensor, key: Tensor, value: Tensor, kind: Effect) -> Tensor:
    """Return the values [B, H, C, e] mixed by the weights of :func:`compute_effect`.

    With more emotions than a head is wide the effect is never formed: its row i times the values is
    sum_j v_j + psi(q_i)^T (sum_j phi(k_j) v_j^T), and its row sum C + psi(q_i)^T sum_j phi(k_j). That takes 2 C e^2
    multiplications instead of 2 C^2 e. A softmax has no such factors: ``softmax`` stays quadratic in time.

    Args:
        query: [B, H, C, e].
        key: [B, H, C, e].
        value: [B, H, C, e].
        kind: See :func:`compute_effect`.
    """
    if kind == "softmax":
        return nn.functional.scaled_dot_product_attention(query, key, value)
    classes, width = query.shape[-2:]
    if classes <= width:
        return compute_effect(query, key, kind)[1] @ value
    receiving, giving = _factors(query, key, kind)
    total = classes + receiving @ giving.sum(-2).unsqueeze(-1)
    return (value.sum(-2, keepdim=True) + receiving @ (giving.mT @ value)) / _guarded(total, kind, classes)


def _factors(query: Tensor, key: Tensor, kind: Effect) -> tuple[Tensor, Tensor]:
    """Return psi(q) and phi(k), both [B, H, C, e], so that Eff = psi(q)^T phi(k) + 1."""
    if kind == "half":
        return (query.tanh() + 1) / 2, (key.tanh() + 1) / 2
    receiving = query.tanh()
    return receiving / query.shape[-1] if kind in ("mean", "separate") else receiving, key.sigmoid()


def _guarded(total: Tensor, kind: Effect, classes: int) -> Tensor:
    """Return row sums that can be divided by."""
    if kind == "separate":
        return torch.full_like(total, classes)
    if kind != "literal":
        return total
    sign = torch.where(total < 0, -1.0, 1.0)
    return torch.where(total.abs() < SMALLEST_ROW_SUM, sign * SMALLEST_ROW_SUM, total)


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
        query, key, value = self._heads(features)
        effect, interaction = compute_effect(query, key, self.effect)
        return Interacted(value, effect, interaction)

    def adjust(self, features: Tensor) -> Tensor:
        """Map class features to F^Ad, those after interaction, heads concatenated; both [B, C, d]."""
        return mix(*self._heads(features), self.effect).transpose(1, 2).flatten(2)

    def _heads(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (
            layer(features).view(*features.shape[:2], self.heads, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        return query, key, value


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

    def forward(self, adjusted: Tensor) -> Tensor:
        """Map F^Ad [B, C, d] to logits [B, C]."""
        if self.kind == "joint":
            return nn.functional.linear(adjusted.flatten(1), self.weight.flatten(1), self.bias)
        return (adjusted * self.weight).sum(-1) + self.bias

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
