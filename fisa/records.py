"""Frozen result records that travel from the core to figures and pages: NumPy only, no torch.

Shape legend: N images, C emotions, H heads, h x w attention grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fisa.emotions import EmotionSpace


@dataclass(frozen=True)
class Prediction:
    """Predicted distributions of N images.

    Attributes:
        labels: The C label names, in column order.
        distribution: float64 [N, C]; rows sum to 1. Of a run that learned no emotions C is 0.
        ratings: float64 [N, 2], valence and arousal, -1 to 1; None of a run that predicts none.
    """

    labels: tuple[str, ...]
    distribution: np.ndarray
    ratings: np.ndarray | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a model predicts what it predicts for one image; what a system lacks is None.

    Attributes:
        space: Label space; gives labels, wheel and colours.
        prediction: The prediction of this image (N = 1).
        logits: [C], before the output function.
        bias: [C]; ``logits = bias + contributions.sum(axis=(0, 2))``.
        attention: [C, h, w] in [0, 1]; ``attention.sum((1, 2)) + null = 1`` for each emotion.
        null: [C], the share of attention spent on no place at all (zeros without a null position).
        effect: [H, C, C], Eff(q_i, k_j): row i is influenced by column j; 1 is indifferent.
        interaction: [H, C, C], effect over its row sum; rows sum to 1, but for those of ``literal`` effects that
            were guarded (``fisa.models.interaction.SMALLEST_ROW_SUM``).
        contributions: [H, C, C], signed share of emotion j (column) in logit i (row), by head.
            A system without interaction heads has H = 1 here: its direct contributions.
        receptive_field: Side in input pixels that one attention cell sees, or None where unknown.
        input_size: Side in pixels of the square that the model saw.
        extras: What only one system has, by name, such as a prior or a graph [C, C] or Gram matrices; see
            docs/methods.md, section 18.
    """

    space: EmotionSpace
    prediction: Prediction
    logits: np.ndarray
    bias: np.ndarray | None
    attention: np.ndarray | None
    null: np.ndarray | None
    effect: np.ndarray | None
    interaction: np.ndarray | None
    contributions: np.ndarray | None
    receptive_field: int | None
    input_size: int
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def distribution(self) -> np.ndarray:
        """The predicted distribution, [C]."""
        row: np.ndarray = self.prediction.distribution[0]
        return row


@dataclass(frozen=True)
class Attribution:
    """Where in one image a method finds what speaks for, and against, one target.

    Attributes:
        values: Signed float [h, w], the model's square (h = w = input size) or its attention grid; what is positive
            raises the target. Where ``delta`` is known, in units of the target and to be summed over places.
        method: Key of ``fisa.explain.attribution.METHODS``.
        target: As ``fisa.explain.targets`` writes it.
        baseline: In words: what the target is compared with.
        value: The target for this image.
        delta: ``value`` less the target for the baseline; None where the method compares with nothing.
        unplaced: The part of ``delta`` that lies at no place, such as what comes by way of the null position.
        gap: ``abs(values.sum() + unplaced - delta)``: how far the method is from being complete.
        settings: What else it was made with, such as steps, seed, window.
    """

    values: np.ndarray
    method: str
    target: str
    baseline: str
    value: float
    delta: float | None
    unplaced: float
    gap: float | None
    settings: Mapping[str, float | int | str]

    @property
    def tolerance(self) -> float | None:
        """The gap up to which an attribution counts as complete: 1 % of ``delta``, but at least 0.001."""
        return None if self.delta is None else max(0.01 * abs(self.delta), 1e-3)

    @property
    def complete(self) -> bool | None:
        """Whether the gap is within the tolerance; None where the method compares with nothing."""
        return None if self.gap is None or self.tolerance is None else self.gap <= self.tolerance


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap percentile interval (95 % unless said otherwise)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MetricRow:
    """One row of a metric table: a system (or an oracle) and its measures on one data set."""

    system: str
    kind: str  # "run", "oracle", "baseline" or "published"
    values: dict[str, float]
