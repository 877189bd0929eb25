"""What an attribution explains: one number that a model says of an image, and how links and commands write it.

    fear               the logit of fear
    fear@awe,anger     the same in a gauge: less the mean logit of awe and anger; fear@absent where they are known
    fear-awe           the difference of two logits
    fear<-awe          the signed push of awe on fear, contribution[fear, awe] summed over heads
    kl                 KL(truth || prediction) in nats
    entropy            of the prediction in nats

Tensor shapes: B batch, C emotions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fisa.distances import KL_FLOOR
from fisa.emotions import EmotionSpace
from fisa.exceptions import FisaError
from fisa.models import ModelOutput

Kind = Literal["logit", "difference", "interaction", "kl", "entropy"]
ABSENT = "absent"


class TargetError(FisaError, ValueError):
    """A target that cannot be used; the message is one clear sentence."""


@dataclass(frozen=True)
class Target:
    """One number that a model says of an image.

    Attributes:
        kind: ``logit``, ``difference``, ``interaction``, ``kl`` or ``entropy``.
        emotion: Column of the emotion whose logit it is, or that receives; -1 for ``kl`` and ``entropy``.
        other: Column of the emotion that is subtracted, or that gives; -1 where there is none.
        gauge: Columns whose mean logit is subtracted (docs/methods.md, section 11); for ``logit`` only.
    """

    kind: Kind
    emotion: int = -1
    other: int = -1
    gauge: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str, space: EmotionSpace, absent: Sequence[int] = ()) -> Target:
        """Read a target as the module's head writes it.

        Args:
            text: Such as ``fear-awe``.
            space: Its labels.
            absent: Columns that ``@absent`` stands for; known for planted scenes only.

        Raises:
            TargetError: It names no target of these labels.
        """
        if text in ("kl", "entropy"):
            return cls(text)  # type: ignore[arg-type]
        for mark, kind in (("<-", "interaction"), ("-", "difference")):
            for first, second in _splits(text, mark):
                if first in space.labels and second in space.labels and first != second:
                    return cls(kind, space.index(first), space.index(second))  # type: ignore[arg-type]
        label, _, gauge = text.partition("@")
        if label not in space.labels:
            raise TargetError(
                f"target {text!r}: expected an emotion of {', '.join(space.labels)}, A-B, A<-B, kl or entropy"
            )
        return cls("logit", space.index(label), gauge=_gauge(text, gauge, space, absent))

    def format(self, space: EmotionSpace) -> str:
        """Return the text that :meth:`parse` reads as this target."""
        if self.kind in ("kl", "entropy"):
            return self.kind
        label = space.labels[self.emotion]
        if self.kind == "logit":
            return f"{label}@{','.join(space.labels[column] for column in self.gauge)}" if self.gauge else label
        return f"{label}{'<-' if self.kind == 'interaction' else '-'}{space.labels[self.other]}"

    def weights(self, classes: int) -> np.ndarray | None:
        """Return the weights [C] by which logits make up this target, or None where it is not linear in them."""
        if self.kind not in ("logit", "difference"):
            return None
        weights = np.zeros(classes, np.float32)
        weights[self.emotion] = 1
        if self.kind == "difference":
            weights[self.other] = -1
        elif self.gauge:
            weights[list(self.gauge)] -= 1 / len(self.gauge)
        return weights


def _splits(text: str, mark: str) -> list[tuple[str, str]]:
    """Return every way of parting ``text`` at ``mark``: a label may hold the mark itself."""
    parts = text.split(mark)
    return [(mark.join(parts[:place]), mark.join(parts[place:])) for place in range(1, len(parts))]


def _gauge(text: str, names: str, space: EmotionSpace, absent: Sequence[int]) -> tuple[int, ...]:
    if not names:
        return ()
    if names == ABSENT:
        if not absent:
            raise TargetError(
                f"target {text!r}: nothing says which emotions are absent; name them, as in fear@awe,anger"
            )
        return tuple(absent)
    columns = [space.index(name) for name in names.split(",") if name in space.labels]
    if len(columns) < len(names.split(",")):
        raise TargetError(f"target {text!r}: the gauge after @ names emotions of {', '.join(space.labels)}")
    return tuple(sorted(set(columns)))


class Question:
    """Targets of one kind as a function of what a model returns.

    Args:
        targets: One for each image, B in number.
        classes: C.
        truth: [B, C], for ``kl``.

    Raises:
        TargetError: Targets of several kinds, or ``kl`` without a truth.
    """

    def __init__(self, targets: Sequence[Target], classes: int, truth: np.ndarray | None = None) -> None:
        kinds = {"linear" if target.kind in ("logit", "difference") else target.kind for target in targets}
        if len(kinds) != 1:
            raise TargetError(f"targets of one batch must be of one kind, not {', '.join(sorted(kinds)) or 'none'}")
        (self.kind,) = kinds
        if self.kind == "kl" and truth is None:
            raise TargetError(
                "target 'kl': needs the truth or the votes of the image, and there are none; choose another"
            )
        self.truth = None if truth is None else torch.from_numpy(np.asarray(truth, np.float32))
        self.receives = torch.tensor([target.emotion for target in targets])
        self.gives = torch.tensor([target.other for target in targets])
        rows = [row for target in targets if (row := target.weights(classes)) is not None]
        self.weights = torch.from_numpy(np.stack(rows)) if rows else None

    def __call__(self, output: ModelOutput, rows: Tensor) -> Tensor:
        """Return the value of target ``rows[n]`` for sample n of the output, [N]."""
        if self.weights is not None:
            return (output.logits * self.weights[rows].to(output.logits)).sum(1)
        if self.kind == "interaction":
            assert output.contributions is not None
            pushes = output.contributions.sum(1)
            return pushes[torch.arange(len(rows)), self.receives[rows], self.gives[rows]]
        logarithm = output.distribution.clamp_min(KL_FLOOR).log()
        if self.kind == "entropy":
            return -(output.distribution * logarithm).sum(1)
        assert self.truth is not None
        truth = self.truth[rows].to(logarithm)
        return (torch.xlogy(truth, truth) - truth * logarithm).sum(1)
