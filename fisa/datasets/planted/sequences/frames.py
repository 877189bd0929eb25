"""The frames of planted sequences: small scenes with two motifs and a distractor, on one backdrop a sequence."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from fisa.datasets.planted.distractors import DISTRACTOR_KINDS
from fisa.datasets.planted.latents import STRENGTH_RANGE
from fisa.datasets.planted.motifs import KINDS
from fisa.datasets.planted.render import render
from fisa.datasets.planted.sampling import figure_colour
from fisa.datasets.planted.scene import Figure, Palette, Scene
from fisa.datasets.planted.scenery import STYLES
from fisa.datasets.planted.sequences.course import APPEARANCE, Course, draw_course, stream

SIZES = (0.40, 0.46)  # of a motif; large, so that its attribute can be read on a frame of 40 px
DISTRACTOR_SIZE = 0.2
PLACES = ((0.27, 0.58), (0.73, 0.58))
DISTRACTOR_PLACE = (0.5, 0.86)
WANDER = 0.03  # how far a figure strays from its place, at most


class PlantedFrames:
    """The frames of one split; satisfies ``fisa.datasets.sequences.Frames``.

    Args:
        split: ``train``, ``validation`` or ``test``.
        steps: T of every sequence.
        size: Side in pixels.
        present: Which of the steps of all sequences have a frame, bool [M].
    """

    def __init__(self, split: str, steps: int, size: int, present: np.ndarray) -> None:
        self.split, self.steps, self.size, self.present = split, steps, size, present

    def __getitem__(self, row: int) -> np.ndarray:
        index, step = divmod(row, self.steps)
        return render(draw_frame(index, step, self.split), self.size).image


def draw_frame(index: int, step: int, split: str) -> Scene:
    """Return the scene of one step; whether a model gets to see it does not matter here."""
    course = _course(index, split)
    palette, sides, figures = _looks(index, split)
    motifs = []
    for slot in range(2):
        number = int(course.stretch[step, slot])
        emotion, kind = int(course.shown[step, slot]), int(course.kinds[step, slot])
        motifs.append(
            _figure(
                KINDS[emotion][kind],
                emotion,
                float(course.strengths[step, emotion]),
                PLACES[sides[slot]],
                stream(APPEARANCE + 100 * (1 + slot) + 1000 * number, split, index),
                palette.hue,
            )
        )
    return Scene(
        split=split,
        index=index,
        motifs=tuple(motifs),
        distractors=figures,
        order=(0, 1, 2),
        palette=palette,
        strengths=course.strengths[step],
        logits=course.logits[step],
        distribution=course.distribution[step],
        votes=course.votes[step],
    )


@lru_cache(maxsize=4)
def _course(index: int, split: str) -> Course:
    return draw_course(index, split)


@lru_cache(maxsize=4)
def _looks(index: int, split: str) -> tuple[Palette, tuple[int, int], tuple[Figure, ...]]:
    """Draw what stays the same through a sequence: palette, which side is whose, the distractor."""
    course, rng = _course(index, split), stream(APPEARANCE, split, index)
    palette = Palette(
        brightness=course.brightness,
        saturation=course.saturation,
        hue=float(rng.random()),
        light=float(rng.uniform(0, 2 * math.pi)),
        seed=int(rng.integers(2**31)),
        style=STYLES[int(rng.integers(len(STYLES)))],
    )
    left = int(rng.integers(2))
    kind = DISTRACTOR_KINDS[int(rng.integers(len(DISTRACTOR_KINDS)))]
    strength = float(rng.uniform(*STRENGTH_RANGE))
    distractor = _figure(kind, -1, strength, DISTRACTOR_PLACE, rng, palette.hue, (DISTRACTOR_SIZE, DISTRACTOR_SIZE))
    return palette, (left, 1 - left), (distractor,)


def _figure(
    kind: str,
    emotion: int,
    strength: float,
    place: tuple[float, float],
    rng: np.random.Generator,
    hue: float,
    sizes: tuple[float, float] = SIZES,
) -> Figure:
    """Draw the looks of a figure, none of which depends on its emotion or strength."""
    x, y = np.array(place) + rng.uniform(-WANDER, WANDER, 2)
    return Figure(
        kind=kind,
        emotion=emotion,
        strength=strength,
        x=float(x),
        y=float(y),
        size=float(rng.uniform(*sizes)),
        tilt=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        flip=bool(rng.random() < 0.5),
        colour=figure_colour(hue, rng),
        detail=int(rng.integers(2**31)),
    )
