"""Emotion label spaces: labels, polarity, wheel order and angles, colours and marker shapes.

The order of ``labels`` is the order of every distribution's columns. The wheel order of Mikels'
eight emotions is that of Yang, Sun, Sun (2017), "Learning visual sentiment distributions via
augmented conditional probability neural network". The eight expressions of AffectNet stand in the
order of their codes, 0 to 7 (Mollahosseini, Hasani, Mahoor 2019).

Colours of emotions stand out from both pages, light and dark, and from one another for people with any colour
blindness: tests/figures/test_colour_blindness.py says how far, and a change must keep that.

Maps between spaces are in ``fisa.label_maps``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fisa.language import mark, tr


@dataclass(frozen=True)
class EmotionSpace:
    """A fixed, ordered set of emotion labels.

    Attributes:
        name: Short key of the space, for example ``"mikels8"``.
        labels: The C label names, in column order.
        polarity: +1 (positive), -1 (negative) or 0 (neither) for each label.
        wheel: Indices into ``labels`` in wheel order, clockwise; empty where the space has none.
        colours: One ``#rrggbb`` for each label.
        markers: One plotly marker symbol for each label, so that colour is never the only cue.
    """

    name: str
    labels: tuple[str, ...]
    polarity: tuple[int, ...]
    wheel: tuple[int, ...]
    colours: tuple[str, ...]
    markers: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.labels)
        for field in ("polarity", "colours", "markers"):
            if len(getattr(self, field)) != count:
                raise ValueError(f"space {self.name!r}: {field} needs {count} entries")
        if self.wheel and sorted(self.wheel) != list(range(count)):
            raise ValueError(f"space {self.name!r}: wheel must name every label once")

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Return the column of ``label``; raise ``KeyError`` with the known labels otherwise."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise KeyError(f"unknown emotion {label!r}; {self.name} has {', '.join(self.labels)}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The labels as the person who looks reads them, in column order; ``labels`` are what files and links say."""
        return tuple(map(tr, self.labels))

    @property
    def angles(self) -> np.ndarray:
        """Wheel angle of each label in radians, clockwise from the top, in [0, 2*pi); shape [C].

        A space without a wheel spreads its labels evenly in column order.
        """
        order = self.wheel or tuple(range(len(self)))
        angles = np.empty(len(self))
        angles[list(order)] = 2 * math.pi * np.arange(len(self)) / len(self)
        return angles

    def wheel_steps(self) -> np.ndarray:
        """Return the number of steps between labels around the wheel, 0..C//2; int array [C, C].

        Raises:
            ValueError: The space has no wheel.
        """
        if not self.wheel:
            raise ValueError(f"space {self.name!r} has no wheel")
        place = np.argsort(self.wheel)
        forward = np.abs(place[:, None] - place[None, :])
        return np.asarray(np.minimum(forward, len(self) - forward))

    def circle(self) -> np.ndarray:
        """Return the wheel as unit vectors [C, 2]; the first coordinate points to the middle of the positive labels.

        On Mikels' wheel its sign is the polarity. The second is a quarter turn clockwise from it.

        Raises:
            ValueError: The space has no wheel, or its polarities have no middle.
        """
        if not self.wheel:
            raise ValueError(f"space {self.name!r} has no wheel")
        points = np.stack([np.cos(self.angles), np.sin(self.angles)], axis=1)
        axis = np.asarray(self.polarity) @ points
        length = np.hypot(*axis)
        if length < 1e-9:
            raise ValueError(f"the polarities of space {self.name!r} lie on no side of its wheel")
        (x, y) = axis / length
        return np.asarray(points @ np.array([[x, -y], [y, x]]))


MIKELS8 = EmotionSpace(
    name="mikels8",
    labels=(
        mark("amusement"),
        mark("awe"),
        mark("contentment"),
        mark("excitement"),
        mark("anger"),
        mark("disgust"),
        mark("fear"),
        mark("sadness"),
    ),
    polarity=(1, 1, 1, 1, -1, -1, -1, -1),
    wheel=(6, 7, 5, 4, 0, 2, 1, 3),
    colours=("#f56604", "#0c9ce5", "#169263", "#c669a2", "#b63631", "#90984f", "#8558ff", "#3e5eac"),
    markers=("circle", "star", "square", "triangle-up", "x", "diamond", "pentagon", "triangle-down"),
)

EKMAN6 = EmotionSpace(
    name="ekman6",
    labels=(mark("anger"), mark("disgust"), mark("fear"), mark("joy"), mark("sadness"), mark("surprise")),
    polarity=(-1, -1, -1, 1, -1, 0),
    wheel=(),
    colours=("#b63631", "#90984f", "#8558ff", "#f56604", "#3e5eac", "#0c9ce5"),
    markers=("x", "diamond", "pentagon", "circle", "triangle-down", "star"),
)

EKMAN7 = EmotionSpace(
    name="ekman7",
    labels=(*EKMAN6.labels, mark("neutral")),
    polarity=(*EKMAN6.polarity, 0),
    wheel=(),
    colours=(*EKMAN6.colours, "#5c6360"),
    markers=(*EKMAN6.markers, "square"),
)

AFFECTNET8 = EmotionSpace(
    name="affectnet8",
    labels=(
        mark("neutral"),
        mark("happiness"),
        mark("sadness"),
        mark("surprise"),
        mark("fear"),
        mark("disgust"),
        mark("anger"),
        mark("contempt"),
    ),
    polarity=(0, 1, -1, 0, -1, -1, -1, -1),
    wheel=(),
    colours=("#5c6360", "#f56604", "#3e5eac", "#0c9ce5", "#8558ff", "#90984f", "#b63631", "#169263"),
    markers=("square", "circle", "triangle-down", "star", "pentagon", "diamond", "x", "hexagon"),
)

POLARITY3 = EmotionSpace(
    name="polarity3",
    labels=(mark("positive"), mark("neither"), mark("negative")),
    polarity=(1, 0, -1),
    wheel=(),
    colours=("#f56604", "#5c6360", "#3e5eac"),
    markers=("triangle-up", "square", "triangle-down"),
)

RATINGS = EmotionSpace(name="ratings", labels=(), polarity=(), wheel=(), colours=(), markers=())
"""Of data that rate valence and arousal and no emotion: a space without labels, on which no distribution is learned."""

DIMENSIONS = (mark("valence"), mark("arousal"))
"""What is rated from -1 (unpleasant, calm) to 1 (pleasant, excited), in the order of every array of ratings."""

SCORE_LEVELS = range(3, 11)
"""How many steps the scale of an ordered score may have."""

# A ramp from dark blue to yellow, even in lightness, and a shape for each step.
_STEPS = (
    ("#2d1e6b", "circle"),
    ("#3b3f8f", "square"),
    ("#35619c", "diamond"),
    ("#2f80a0", "cross"),
    ("#2f9e9b", "x"),
    ("#46b98a", "triangle-up"),
    ("#78cf70", "triangle-down"),
    ("#b0de54", "pentagon"),
    ("#dfe34a", "hexagon"),
    ("#fbe723", "star"),
)


def score_space(levels: int) -> EmotionSpace:
    """Return the space of an ordered score from 1 to ``levels``: no polarity, no wheel; columns ascend.

    Raises:
        ValueError: ``levels`` is not in ``SCORE_LEVELS``.
    """
    if levels not in SCORE_LEVELS:
        raise ValueError(f"a score of {levels} levels; expected {SCORE_LEVELS[0]} to {SCORE_LEVELS[-1]}")
    steps = [_STEPS[round(place * (len(_STEPS) - 1) / (levels - 1))] for place in range(levels)]
    return EmotionSpace(
        name=f"scores{levels}",
        labels=tuple(str(level) for level in range(1, levels + 1)),
        polarity=(0,) * levels,
        wheel=(),
        colours=tuple(colour for colour, _ in steps),
        markers=tuple(marker for _, marker in steps),
    )


SPACES: Mapping[str, EmotionSpace] = MappingProxyType(
    {space.name: space for space in (MIKELS8, EKMAN6, EKMAN7, AFFECTNET8, POLARITY3, *map(score_space, SCORE_LEVELS))}
)
