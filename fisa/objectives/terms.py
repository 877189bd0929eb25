"""The terms of a training loss, each a function of label distributions to one number a sample.

Source: the draft of FISA, published as Zhang, Qin, Liu, Ye, Du (2023), "Emotion-wise feature
interaction analysis-based visual emotion distribution learning", The Visual Computer. The draft
weights two terms: an EMD with the classes in ascending order of their votes, and the absolute
difference of the densities (entropies). It leaves the formula of the EMD and the total blank; what
fills the blanks, KL and the evidence term are ours. Whose the other terms are, they say themselves.

Shapes: B batch, C emotions. ``target`` is the label distribution, float [B, C], rows sum to 1.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from fisa.models.output import ModelOutput

ROOT_EPS = 1e-12
"""Added under the root of the EMD while training: the root's slope at 0 is infinite."""

LOG_EPS = 1e-12
"""Degrees below this count as this inside a logarithm, in value and slope."""


class Term(nn.Module):
    """One term of an objective: from a model's output and the target [B, C] to [B], or to the mean of a batch."""

    def forward(self, output: ModelOutput, target: Tensor) -> Tensor:
        """Compute the term."""
        raise NotImplementedError


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


def cross_entropy(target: Tensor, predicted: Tensor) -> Tensor:
    """Cross-entropy with the dominant emotion of each sample, -log predicted[dominant], as in classification.

    Joint classification and distribution learning (Yang, She & Sun 2017) adds it to KL. With the whole
    target in place of its maximum it would differ from KL by a constant only.

    Args:
        target: [B, C]; its first largest column counts as the class.
        predicted: [B, C]; degrees below ``LOG_EPS`` count as that.

    Returns:
        [B], at least 0.
    """
    return -predicted.clamp_min(LOG_EPS).log().gather(1, dominant(target).unsqueeze(1)).squeeze(1)


def dominant(target: Tensor) -> Tensor:
    """Return the column of the largest degree of each row, long [B]; of tied ones the first."""
    return (target == target.amax(dim=1, keepdim=True)).int().argmax(dim=1)


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
