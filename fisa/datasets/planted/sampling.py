"""Random scenes: latents, then looks, then a layout in which every motif can be seen, then votes."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fisa.datasets.base import DataError
from fisa.datasets.planted.distractors import DISTRACTOR_KINDS
from fisa.datasets.planted.labels import cast_votes, scene_logits, softmax
from fisa.datasets.planted.latents import APPEARANCE, LAYOUT, RATERS, STRENGTH_RANGE, Latents, draw_latents, stream
from fisa.datasets.planted.motifs import KINDS
from fisa.datasets.planted.presets import VOTES, find_preset, find_split
from fisa.datasets.planted.render import visible_fractions
from fisa.datasets.planted.scene import Figure, Palette, Scene
from fisa.datasets.planted.scenery import STYLES
from fisa.datasets.planted.shifts import MOST_CLUTTER, shift_of

DISTRACTORS = (1, 2)
MIN_VISIBLE = 0.75  # of every motif, so that its strength can still be read; a distractor may be hidden further
MIN_DISTRACTOR_VISIBLE = 0.2
LEFT, RIGHT = 0.13, 0.87
FAR, NEAR = 0.41, 0.82  # height of a figure's centre at the far and the near edge of the ground
SIZE_RANGE = (0.22, 0.265)
PERSPECTIVE = 0.08  # a figure at the near edge is larger, one at the far edge smaller, by this share
CANDIDATES = 24  # places tried for each figure; the farthest from the others is taken
ATTEMPTS = 60
CLUTTERED_ATTEMPTS = 240  # where six distractors leave little room

# Figure colours stand in harmony with the scene: hues opposite, split-complementary, triadic or next to the scene's.
HARMONIES = (0.5, 0.42, 0.58, 0.33, 0.67, 0.12, 0.88)


def draw_scene(index: int, split: str = "iid", preset: str = "planted", votes: int = VOTES) -> Scene:
    """Draw one scene, without any other: equal arguments give equal scenes on every machine.

    Args:
        index: Number of the scene, from 0 to the preset's size of the split less one.
        split: As of ``PlantedDataset``.
        preset: ``planted`` or ``planted-small``; a preset decides only how many scenes there are.
        votes: Number of raters, at least 1.

    Raises:
        DataError: Unknown preset or split, no such scene, or no raters.
    """
    split, count = find_split(split), find_preset(preset).count(find_split(split))
    if not 0 <= index < count:
        raise DataError(f"{preset} has scenes 0 to {count - 1} in its {split} split, not {index}")
    if votes < 1:
        raise DataError(f"votes must be at least 1, not {votes}")
    latents, clutter = draw_latents(index, split), shift_of(split).distractors
    palette, figures = _appearance(latents, stream(APPEARANCE, split, index), clutter is not None)
    motifs = len(latents.motifs)
    attempts = ATTEMPTS if clutter is None else CLUTTERED_ATTEMPTS
    placed, order = _layout(figures, motifs, stream(LAYOUT, split, index), attempts)
    if clutter is not None:  # laid out with all distractors, so that levels differ in nothing but these
        placed = placed[: motifs + clutter]
        order = tuple(number for number in order if number < len(placed))
    strengths = latents.strengths
    logits = scene_logits(strengths, latents.brightness, latents.saturation)
    distribution = softmax(logits)
    return Scene(
        split=split,
        index=index,
        motifs=placed[:motifs],
        distractors=placed[motifs:],
        order=order,
        palette=palette,
        strengths=strengths,
        logits=logits,
        distribution=distribution,
        votes=cast_votes(distribution, stream(RATERS, split, index), votes),
    )


def _appearance(latents: Latents, rng: np.random.Generator, cluttered: bool) -> tuple[Palette, list[Figure]]:
    """Choose light, colours and distractors; nothing here depends on an emotion or a strength. Places are left at 0."""
    palette = Palette(
        brightness=latents.brightness,
        saturation=latents.saturation,
        hue=float(rng.random()),
        light=float(rng.uniform(0, 2 * math.pi)),
        seed=int(rng.integers(2**31)),
        style=STYLES[int(rng.integers(len(STYLES)))],
    )
    shown = [(KINDS[motif.emotion][motif.kind], motif.emotion, motif.strength) for motif in latents.motifs]
    count = MOST_CLUTTER if cluttered else int(rng.choice(DISTRACTORS))
    neutral = rng.choice(len(DISTRACTOR_KINDS), size=count, replace=False)
    shown += [(DISTRACTOR_KINDS[kind], -1, float(rng.uniform(*STRENGTH_RANGE))) for kind in neutral]
    figures = [
        Figure(
            kind=kind,
            emotion=emotion,
            strength=strength,
            x=0.0,
            y=0.0,
            size=0.0,
            tilt=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
            flip=bool(rng.random() < 0.5),
            colour=figure_colour(palette.hue, rng),
            detail=int(rng.integers(2**31)),
        )
        for kind, emotion, strength in shown
    ]
    return palette, figures


def figure_colour(hue: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the base colour of a figure, RGB in [0, 1], in harmony with the scene's ``hue``."""
    harmony = HARMONIES[int(rng.integers(len(HARMONIES)))]
    colour_hue = (hue + harmony + rng.normal(0, 0.02)) % 1.0
    return colorsys.hls_to_rgb(colour_hue, float(rng.uniform(0.48, 0.68)), float(rng.uniform(0.5, 0.85)))


def _layout(
    figures: Sequence[Figure], motifs: int, rng: np.random.Generator, attempts: int
) -> tuple[tuple[Figure, ...], tuple[int, ...]]:
    """Place the figures anew until every motif can be seen; where all ``attempts`` fail, the best layout stands."""
    needed = np.where(np.arange(len(figures)) < motifs, MIN_VISIBLE, MIN_DISTRACTOR_VISIBLE)
    best: tuple[float, tuple[Figure, ...], tuple[int, ...]] | None = None
    for _ in range(attempts):
        placed = _place(figures, rng)
        # Lower in the picture is nearer and drawn later.
        order = tuple(int(j) for j in np.argsort([figure.y for figure in placed], kind="stable"))
        slack = float((visible_fractions(placed, order) - needed).min())
        if best is None or slack > best[0]:
            best = (slack, placed, order)
        if slack >= 0:
            break
    assert best is not None
    return best[1], best[2]


def _place(figures: Sequence[Figure], rng: np.random.Generator) -> tuple[Figure, ...]:
    """Give every figure a place on the ground and a size, in random order (Mitchell's best candidate)."""
    taken: list[np.ndarray] = []
    placed = list(figures)
    for number in rng.permutation(len(figures)):
        candidates = rng.uniform((LEFT, 0.0), (RIGHT, 1.0), size=(CANDIDATES, 2))
        candidates[:, 1] = FAR + (NEAR - FAR) * candidates[:, 1]
        distances = [min((math.dist(place, other) for other in taken), default=0.0) for place in candidates]
        place = candidates[int(np.argmax(distances))]
        taken.append(place)
        depth = (place[1] - FAR) / (NEAR - FAR)
        size = rng.uniform(*SIZE_RANGE) * (1 + PERSPECTIVE * (2 * depth - 1))
        placed[number] = replace(figures[number], x=float(place[0]), y=float(place[1]), size=float(size))
    return tuple(placed)
