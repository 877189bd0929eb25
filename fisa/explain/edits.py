"""Edits of an image or of a model, one small record each, and how links write them, parted by semicolons.

cover:0.1,0.2,0.5,0.6         a box, from left and top to right and bottom, shares of the sides; blurred
cover:0.1,0.2,0.5,0.6,mean    the same, filled with another baseline of attribution
remove:fear                   the scene drawn without its motifs of fear
remove:fear,2                 the scene drawn without the second of them, in the order in which it lists them
silence:3                     head 3 of the last interaction, from 1
feature:fear                  the class feature of fear, as it is where fear is absent
feature:fear,zero             the same, zero; or mean, over all images
swap:fear,awe                 the label embeddings of the two exchanged
scale:fear<-awe,0.5           what awe contributes to fear, times a factor
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast, get_args

from fisa.exceptions import FisaError
from fisa.explain.baselines import BASELINES, Baseline

Stand = Literal["absent", "mean", "zero"]
STANDS: tuple[Stand, ...] = get_args(Stand)
"""What may stand in for a class feature: its mean where the emotion is absent, its mean everywhere, zero."""

LARGEST_FACTOR = 10.0
SEPARATOR = ";"


class EditError(FisaError, ValueError):
    """An edit that cannot be read or done; the message is one clear sentence."""


@dataclass(frozen=True)
class Cover:
    """Cover a box of the image with a baseline of attribution, made of the image as the edits before it left it.

    Attributes:
        left: 0 (left edge of the image) to 1 (right edge), below ``right``.
        top: 0 (top) to 1 (bottom), below ``bottom``.
        right: See ``left``.
        bottom: See ``top``.
        fill: Key of ``fisa.explain.baselines.BASELINES``.

    Raises:
        EditError: The box has no area or leaves the image, or there is no such baseline.
    """

    left: float
    top: float
    right: float
    bottom: float
    fill: Baseline = "blur"

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise EditError(f"edit {str(self)!r}: needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1")
        if self.fill not in BASELINES:
            raise EditError(f"edit {str(self)!r}: the box can be filled with {', '.join(BASELINES)}")

    def __str__(self) -> str:
        box = ",".join(_written(side) for side in (self.left, self.top, self.right, self.bottom))
        return f"cover:{box}" + ("" if self.fill == "blur" else f",{self.fill}")

    def pixels(self, size: int) -> tuple[slice, slice]:
        """Return the rows and columns that it covers of an image ``size`` pixels a side, at least one of each."""

        def between(low: float, high: float) -> slice:
            start = min(round(low * size), size - 1)
            return slice(start, max(round(high * size), start + 1))

        return between(self.top, self.bottom), between(self.left, self.right)


@dataclass(frozen=True)
class Remove:
    """Draw a planted scene without the motifs of one emotion, its x without j, or without one of them.

    Attributes:
        emotion: Whose.
        number: Of the motif among those of the emotion, from 1; None for all of them.

    Raises:
        EditError: The number is below 1.
    """

    emotion: str
    number: int | None = None

    def __post_init__(self) -> None:
        if self.number is not None and self.number < 1:
            raise EditError(f"edit {str(self)!r}: motifs are counted from 1")

    def __str__(self) -> str:
        return f"remove:{self.emotion}" + ("" if self.number is None else f",{self.number}")


@dataclass(frozen=True)
class Silence:
    """Set to zero what a head of the last interaction passes on.

    Attributes:
        head: From 1.
    """

    head: int

    def __str__(self) -> str:
        return f"silence:{self.head}"


@dataclass(frozen=True)
class Feature:
    """Put something else in the place of the class feature of one emotion.

    Attributes:
        emotion: Whose.
        stand: One of ``STANDS``. The default is what the path test puts there on average: the feature of images
            without the emotion. Zero is a feature that no image has.

    Raises:
        EditError: There is no such stand-in.
    """

    emotion: str
    stand: Stand = "absent"

    def __post_init__(self) -> None:
        if self.stand not in STANDS:
            raise EditError(f"edit {str(self)!r}: in the place of a feature may stand {', '.join(STANDS)}")

    def __str__(self) -> str:
        return f"feature:{self.emotion}" + ("" if self.stand == "absent" else f",{self.stand}")


@dataclass(frozen=True)
class Swap:
    """Exchange the label embeddings of two emotions: each looks for what the other looked for.

    Raises:
        EditError: They are the same.
    """

    first: str
    second: str

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise EditError(f"edit {str(self)!r}: exchanges an emotion with itself; name two")

    def __str__(self) -> str:
        return f"swap:{self.first},{self.second}"


@dataclass(frozen=True)
class Scale:
    """Multiply what one emotion contributes to the logit of another, in every head.

    Attributes:
        target: Emotion that receives.
        source: Emotion that gives.
        factor: -10 to 10; 1 changes nothing, 0 takes the contribution away.

    Raises:
        EditError: The factor lies beyond.
    """

    target: str
    source: str
    factor: float

    def __post_init__(self) -> None:
        if not abs(self.factor) <= LARGEST_FACTOR:
            raise EditError(
                f"edit {str(self)!r}: the factor must lie between -{LARGEST_FACTOR:g} and {LARGEST_FACTOR:g}"
            )

    def __str__(self) -> str:
        return f"scale:{self.target}<-{self.source},{_written(self.factor)}"


Edit = Cover | Remove | Silence | Feature | Swap | Scale


def parse_edit(text: str) -> Edit:
    """Read one edit as the module's head writes it; ``str(edit)`` writes it again.

    Raises:
        EditError: It is none.
    """
    kind, _, rest = text.partition(":")
    if kind not in _KINDS:
        raise EditError(f"edit {text!r}: expected one of {', '.join(_KINDS)}, then a colon")
    read, form = _KINDS[kind]
    try:
        return read(rest.split(","))
    except EditError:
        raise
    except (TypeError, ValueError, IndexError):  # too few or too many fields, or a number that is none
        raise EditError(f"edit {text!r}: expected {form}") from None


def split_edits(text: str) -> list[str]:
    """Return the parts of a text of several edits, each for :func:`parse_edit`."""
    return [part for part in text.split(SEPARATOR) if part]


def join_edits(edits: Sequence[Edit]) -> str:
    """Return the text of several edits, in order."""
    return SEPARATOR.join(map(str, edits))


def _cover(fields: list[str]) -> Cover:
    left, top, right, bottom = (float(field) for field in fields[:4])
    return Cover(left, top, right, bottom, *cast(list[Baseline], fields[4:]))


def _remove(fields: list[str]) -> Remove:
    emotion, *numbers = fields
    return Remove(emotion, *(int(number) for number in numbers))


def _feature(fields: list[str]) -> Feature:
    return Feature(fields[0], *cast(list[Stand], fields[1:]))


def _scale(fields: list[str]) -> Scale:
    pair, factor = fields
    target, source = pair.split("<-")
    return Scale(target, source, float(factor))


_KINDS: Mapping[str, tuple[Callable[[list[str]], Edit], str]] = MappingProxyType(
    {
        "cover": (_cover, f"cover:LEFT,TOP,RIGHT,BOTTOM or with ,{' or ,'.join(BASELINES)}, shares of the sides"),
        "remove": (_remove, "remove:EMOTION or with ,NUMBER of the motif, from 1"),
        "silence": (lambda fields: Silence(*(int(field) for field in fields)), "silence:HEAD, a number from 1"),
        "feature": (_feature, "feature:EMOTION or with ,zero or ,mean"),
        "swap": (lambda fields: Swap(*fields), "swap:EMOTION,EMOTION"),
        "scale": (_scale, "scale:EMOTION<-EMOTION,FACTOR"),
    }
)


def _written(number: float) -> str:
    """Write a number so that it is read as the same one, whole ones without a point."""
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(float(number))
