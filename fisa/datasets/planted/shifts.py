"""Shifts: what a test split draws otherwise than training does, one thing each, so that a drop has one cause.

A shift maps the same random numbers to other values, and draws none of its own: what it does not name is drawn as in
training. Splits that have no entry in ``SHIFTED`` are drawn as training is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


def _as_drawn(value: float) -> float:
    return value


@dataclass(frozen=True)
class Shift:
    """What a split draws otherwise.

    Attributes:
        unseen_kinds: Whether every motif is of the kind of its emotion that training never shows.
        reserved_triples: Whether a scene shows one of the triples of emotions that training never shows together,
            and nothing else, each triple equally often.
        strength: Of a motif, from one drawn evenly from [0.5, 1.5].
        palette: Brightness or saturation, from one drawn as in training, in [-2, 2].
        distractors: How many a scene has, at most ``MOST_CLUTTER``; None for as many as in training.
    """

    unseen_kinds: bool = False
    reserved_triples: bool = False
    strength: Callable[[float], float] = _as_drawn
    palette: Callable[[float], float] = _as_drawn
    distractors: int | None = None


def outer_fifth(strength: float) -> float:
    """Map [0.5, 1) to [0.5, 0.6) and [1, 1.5] to [1.4, 1.5], in order: half are weak, half strong, none between.

    No single strength is new, as training draws all of [0.5, 1.5]; a scene without a middling one is rare there.
    """
    return 0.5 + (strength - 0.5) / 5 + (0.8 if strength >= 1 else 0.0)


def beyond_training(value: float) -> float:
    """Map [-2, 2], all that training draws, to 2.1 to 2.7 with the same sign."""
    return math.copysign(2.1 + 0.3 * abs(value), value)


# Distractors at each level of clutter; training has one or two. A level adds to the one before and moves nothing.
CLUTTER = (0, 2, 4, 6)
MOST_CLUTTER = CLUTTER[-1]

SHIFTED: Mapping[str, Shift] = MappingProxyType(
    {
        "rendering": Shift(unseen_kinds=True),
        "triple": Shift(reserved_triples=True),
        "strength": Shift(strength=outer_fifth),
        "palette": Shift(palette=beyond_training),
        **{f"clutter-{level}": Shift(distractors=count) for level, count in enumerate(CLUTTER)},
    }
)
_NONE = Shift()


def shift_of(split: str) -> Shift:
    """Return what a split, by its proper name, draws otherwise than training: for most, nothing."""
    return SHIFTED.get(split, _NONE)
