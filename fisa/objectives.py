"""Training losses over label distributions.

Source: the draft of FISA, published as Zhang, Qin, Liu, Ye, Du (2023), "Emotion-wise feature
interaction analysis-based visual emotion distribution learning", The Visual Computer. The draft
weights two terms: an EMD with the classes in ascending order of their votes, and the absolute
difference of the densities (entropies). It leaves the formula of the EMD and the total blank; what
fills the blanks, every option, KL and the evidence term are ours.

Shapes: B batch, C emotions. ``target`` is the label distribution, float [B, C], rows sum to 1.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fisa.config import ConfigError, ObjectiveConfig
from fisa.emotions import EmotionSpace
from fisa.models.output import ModelOutput

ROOT_EPS = 1e-12
"""Added under the root of the EMD while training: the root's slope at 0 is infinite."""

LOG_EPS = 1e-12
"""Degrees below this count as this inside a logarithm, in value and slope."""


def emd(target: Tensor, predicted: Tensor, r: int = 2, eps: float = 0.0, circular: bool = False) -> Tensor:
    """Earth mover's distance (mean_k |CDF_k(target) - CDF_k(predicted)|^r)^(1/r) of each sample.

    The form of Hou, Yu & Samaras (2016) and NIMA (Talebi & Milanfar 2018, eq. 1), with the classes in
    the order given; ours, as the draft leaves it blank. ``circular`` closes the order to a wheel: the
    CDF difference less its median (r = 1) or mean (r = 2), see ``fisa.distances.circular_emd``.

    Args:
        target: [B, C].
        predicted: [B, C], non-negative; may be unnormalised where ``circular`` is false.
        r: Exponent, 1 or 2.
        eps: Added under the root where r is 2; 0 gives a gradient that is not a number at equality.
        circular: Whether the last class is a neighbour of the first.

    Returns:
        [B], at least 0.

    Raises:
        ValueError: ``r`` is neither 1 nor 2.
    """
    if r not in (1, 2):
        raise ValueError(f"r is {r}; the earth mover's distance is defined here for r = 1 and r = 2")
    difference = (target - predicted).cumsum(dim=1)
    if circular:
        middle = difference.median(dim=1, keepdim=True).values if r == 1 else difference.mean(dim=1, keepdim=True)
        difference = difference - middle
    if r == 1:
        return difference.abs().mean(dim=1)
    return (difference.square().mean(dim=1) + eps).sqrt()


def density(distribution: Tensor) -> Tensor:
    """Density of the draft: the entropy -sum_k d_k log d_k of each row, 0 log 0 = 0.

    Args:
        distribution: [B, C], rows sum to 1.

    Returns:
        [B] in nats, 0 to ln C. Its slope is finite everywhere: that of -log d_k is held at
        -log(``LOG_EPS``) below ``LOG_EPS``, where ``torch.special.entr`` has an infinite one.
    """
    return -(distribution * distribution.clamp_min(LOG_EPS).log()).sum(dim=1)


def kl(target: Tensor, predicted: Tensor) -> Tensor:
    """KL(target || predicted) of each sample in nats; a target degree of 0 contributes 0.

    Args:
        target: [B, C], rows sum to 1.
        predicted: [B, C], rows sum to 1. Degrees below ``LOG_EPS`` count as that, with slope 0, as
            in ``fisa.distances.kl``.

    Returns:
        [B], at least 0 up to rounding.
    """
    return F.kl_div(predicted.clamp_min(LOG_EPS).log(), target, reduction="none").sum(dim=1)


def evidence_bce(target: Tensor, evidence: Tensor) -> Tensor:
    """Binary cross-entropy of pooled evidence with the description degrees, mean over emotions; ours.

    It ties the attention of an emotion to evidence for it: the same scores are attention logits.
    Its minimum is the mean binary entropy of the degrees, not 0.

    Args:
        target: [B, C] in [0, 1].
        evidence: [B, C], logits (log-mean-exp of the scores over positions).

    Returns:
        [B], at least 0.
    """
    return F.binary_cross_entropy_with_logits(evidence, target, reduction="none").mean(dim=1)


class Objective(nn.Module):
    """The weighted sum of the active terms; built by :func:`build_objective`.

    Attributes:
        weights: Weight of each active term, among "kl", "emd", "density", "evidence".
        order: Columns in the order of the EMD, long [C]; a buffer, so that it moves and is stored.
    """

    order: Tensor

    def __init__(
        self,
        weights: dict[str, float],
        order: ArrayLike,
        emd_on_raw: bool = False,
        emd_r: int = 2,
        circular: bool = False,
    ) -> None:
        """Take the weights of the active terms, the EMD's column order and its options."""
        super().__init__()
        self.weights = dict(weights)
        self.emd_on_raw = emd_on_raw
        self.emd_r = emd_r
        self.circular = circular
        self.register_buffer("order", torch.as_tensor(np.asarray(order), dtype=torch.long))

    def forward(self, output: ModelOutput, target: Tensor) -> dict[str, Tensor]:
        """Return the batch means of the active terms, unweighted, and their weighted sum "total".

        KL and density take the normalised distribution; density is |Dens(target) - Dens(predicted)|.
        In evaluation mode the EMD is exact; ``ROOT_EPS`` is added in training mode only.

        Args:
            output: What the model returned for the batch.
            target: [B, C], rows sum to 1.

        Raises:
            ValueError: The evidence term is active and the model has no evidence.
        """
        target = target.to(output.distribution.dtype)
        terms = {name: self._term(name, output, target).mean() for name in self.weights}
        total = torch.stack([weight * terms[name] for name, weight in self.weights.items()]).sum()
        return {"total": total, **terms}

    def _term(self, name: str, output: ModelOutput, target: Tensor) -> Tensor:
        if name == "kl":
            return kl(target, output.distribution)
        if name == "density":
            return (density(target) - density(output.distribution)).abs()
        if name == "evidence":
            if output.evidence is None:
                raise ValueError("objective.evidence is positive but the model returns no evidence; set it to 0")
            return evidence_bce(target, output.evidence)
        predicted = output.raw if self.emd_on_raw else output.distribution
        eps = ROOT_EPS if self.training else 0.0
        return emd(target[:, self.order], predicted[:, self.order], self.emd_r, eps, self.circular)


def build_objective(config: ObjectiveConfig, vote_totals: ArrayLike, space: EmotionSpace) -> Objective:
    """Build the loss that a configuration names.

    Args:
        config: Weights and options; terms of weight 0 are not computed.
        vote_totals: Votes for each emotion over the *training* split, [C]. The EMD's classes stand in
            ascending order of them (the draft's order), ties in column order, unless ``emd_order``
            is ``wheel``.
        space: The labels; gives the wheel.

    Raises:
        ConfigError: ``emd_order: wheel`` without a wheel, or ``circular`` without a wheel order and a
            normalised prediction (a circle has no place for surplus mass).
        ValueError: ``vote_totals`` are not C non-negative numbers.
    """
    totals = np.asarray(vote_totals, dtype=np.float64)
    if totals.shape != (len(space),) or not (np.isfinite(totals).all() and (totals >= 0).all()):
        raise ValueError(f"vote totals must be {len(space)} non-negative numbers, one for each label of {space.name}")
    if config.emd and config.emd_order == "wheel" and not space.wheel:
        raise ConfigError(f"objective.emd_order is wheel, but the labels {space.name} have none; use votes")
    if config.emd and config.circular and (config.emd_order != "wheel" or config.emd_on != "normalised"):
        raise ConfigError("objective.circular needs emd_order: wheel and emd_on: normalised")
    by_votes = config.emd_order == "votes" or not space.wheel
    weights = {"kl": config.kl, "emd": config.emd, "density": config.density, "evidence": config.evidence}
    return Objective(
        weights={name: weight for name, weight in weights.items() if weight},
        order=np.argsort(totals, kind="stable") if by_votes else np.asarray(space.wheel),
        emd_on_raw=config.emd_on == "raw",
        emd_r=config.emd_r,
        circular=config.circular,
    )
