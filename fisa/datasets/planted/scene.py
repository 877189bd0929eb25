"""What a scene of Planted Affect is made of: plain frozen records, before any pixel is drawn.

Places and sizes are fractions of the image side, so that one scene draws at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fisa.datasets.planted.labels import combined_strengths, scene_logits, softmax
from fisa.emotions import MIKELS8


@dataclass(frozen=True)
class Figure:
    """A motif, which shows one emotion, or a neutral distractor.

    Attributes:
        kind: Name of the drawing: a motif kind of ``motifs.KINDS`` or a distractor kind.
        emotion: Column in ``MIKELS8.labels``; -1 for a distractor.
        strength: In [0.5, 1.5]; shown by an attribute of the kind, never by area, contrast or place.
        x: Centre, 0 (left) to 1 (right).
        y: Centre, 0 (top) to 1 (bottom).
        size: Square root of the amodal area as a fraction of the image side; the drawing is normalised to it.
        tilt: Rotation in radians.
        flip: Whether the drawing is mirrored.
        colour: Base RGB in [0, 1], independent of emotion and strength.
        detail: Seed of the variation within the kind.
    """

    kind: str
    emotion: int
    strength: float
    x: float
    y: float
    size: float
    tilt: float
    flip: bool
    colour: tuple[float, float, float]
    detail: int


@dataclass(frozen=True)
class Palette:
    """Light and colour of the whole scene.

    Attributes:
        brightness: Standardised, about N(0, 1) clipped to [-2, 2].
        saturation: Standardised, about N(0, 1) clipped to [-2, 2].
        hue: In [0, 1).
        light: Direction of the light in radians.
        seed: Seed of the scenery.
        style: One of ``scenery.STYLES``.
    """

    brightness: float
    saturation: float
    hue: float
    light: float
    seed: int
    style: str


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene with its labels; C = 8 emotions in the order of ``MIKELS8.labels``.

    Attributes:
        split: Split the scene belongs to.
        index: Its number within the split.
        motifs: Figures that show an emotion.
        distractors: Figures that show none.
        order: Back to front, over motifs followed by distractors: a permutation of their positions.
        palette: Light and colour.
        strengths: float64 [C]; 0 where the emotion is absent.
        logits: float64 [C], z of the label model.
        distribution: float64 [C], the true description degrees p = softmax(z).
        votes: int64 [C], how many raters chose each emotion; all zero where nobody was asked.
    """

    split: str
    index: int
    motifs: tuple[Figure, ...]
    distractors: tuple[Figure, ...]
    order: tuple[int, ...]
    palette: Palette
    strengths: np.ndarray
    logits: np.ndarray
    distribution: np.ndarray
    votes: np.ndarray

    @property
    def brightness(self) -> float:
        """Standardised brightness of the palette."""
        return self.palette.brightness

    @property
    def saturation(self) -> float:
        """Standardised saturation of the palette."""
        return self.palette.saturation

    def without(self, motif: int) -> Scene:
        """Return the counterfactual with one motif left out: all else equal, labels recomputed, no votes.

        Votes are zero: no rater has seen a counterfactual, and its true distribution is known.

        Args:
            motif: Position in ``motifs``.

        Raises:
            IndexError: There is no such motif.
        """
        if not 0 <= motif < len(self.motifs):
            raise IndexError(f"scene {self.split}/{self.index} has motifs 0 to {len(self.motifs) - 1}, not {motif}")
        return self._keeping([m for m in range(len(self.motifs)) if m != motif])

    def without_emotion(self, emotion: int) -> Scene:
        """Return the counterfactual with every motif of ``emotion`` (a column) left out; see :meth:`without`.

        Raises:
            ValueError: No motif shows the emotion.
        """
        kept = [m for m, figure in enumerate(self.motifs) if figure.emotion != emotion]
        if len(kept) == len(self.motifs):
            raise ValueError(f"scene {self.split}/{self.index} shows no motif of emotion {emotion}")
        return self._keeping(kept)

    def _keeping(self, kept: list[int]) -> Scene:
        count = len(self.motifs)
        figures = [*kept, *range(count, count + len(self.distractors))]
        renumbered = {old: new for new, old in enumerate(figures)}
        motifs = tuple(self.motifs[m] for m in kept)
        strengths = combined_strengths([m.emotion for m in motifs], [m.strength for m in motifs])
        logits = scene_logits(strengths, self.brightness, self.saturation)
        return replace(
            self,
            motifs=motifs,
            order=tuple(renumbered[figure] for figure in self.order if figure in renumbered),
            strengths=strengths,
            logits=logits,
            distribution=softmax(logits),
            votes=np.zeros(len(MIKELS8), dtype=np.int64),
        )
