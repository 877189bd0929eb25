"""Attribution by what a system says of itself: its attention, its contributions, its interaction.

Attention has a place and no sign, the matrices between emotions have a sign and no place. Each emotion j that acts on
the target has its own attention map M_j, so that what comes from j is laid where j looks: sum_j a_j M_j, with a_j the
contribution of j or its weight. That a motif seen by M_j causes what j contributes is an assumption, which grades test.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fisa.explain.asking import Asked, Found
from fisa.language import mark
from fisa.models import ModelOutput


def attention(asked: Asked) -> Found:
    """Where the target emotion looks: its label-embedding attention [h, w], which has no sign.

    For a difference of two logits: the attention of the first less that of the second. A gauge is left out.
    """
    maps, question = asked.output().attention, asked.question
    assert maps is not None
    other = maps[asked.rows, question.gives] * (question.gives >= 0)[:, None, None]  # -1 where nothing is subtracted
    return Found(maps[asked.rows, question.receives] - other, "none")


def contributions(asked: Asked) -> Found:
    """What each emotion j contributes to the target, laid where j looks: sum_j c_ij M_j, exact but for the null share.

    Over all places it sums to sum_j c_ij (1 - n_j); what remains, sum_j c_ij n_j, lies at no place (``unplaced``).
    """
    output = asked.output()
    assert output.contributions is not None and output.bias is not None
    pushes = _from_each(output.contributions.sum(1), asked)
    start = torch.zeros(len(pushes)) if asked.question.weights is None else asked.question.weights @ output.bias
    unplaced = None if output.null is None else (pushes * output.null).sum(1)
    return Found(_laid(pushes, output), mark("the bias alone"), start, unplaced)


def interaction(asked: Asked) -> Found:
    """How far each emotion j weighs more on the target than an indifferent one, 1/C, laid where j looks.

    Of one head or the mean of all. The weights say whom an emotion listens to, not what it hears: no target changes by
    their sum, so there is nothing to be complete with.
    """
    output, head = asked.output(), asked.settings.head
    assert output.interaction is not None
    weights = output.interaction.mean(1) if head is None else output.interaction[:, head - 1]
    more = _from_each(weights - 1 / weights.shape[-1], asked)
    words = mark("all heads") if head is None else head
    return Found(_laid(more, output), "an indifferent weight, 1/C", settings={"head": words})


def _from_each(matrix: Tensor, asked: Asked) -> Tensor:
    """Return what of the target comes from each emotion, [B, C], by a matrix [B, C, C] (rows receive)."""
    question = asked.question
    if question.weights is not None:
        return torch.einsum("bi,bij->bj", question.weights, matrix)
    chosen = torch.zeros(matrix.shape[0], matrix.shape[2])
    chosen[asked.rows, question.gives] = matrix[asked.rows, question.receives, question.gives]
    return chosen


def _laid(amounts: Tensor, output: ModelOutput) -> Tensor:
    """Lay amounts [B, C] where each emotion looks: [B, h, w]."""
    assert output.attention is not None
    return torch.einsum("bj,bjhw->bhw", amounts, output.attention)
