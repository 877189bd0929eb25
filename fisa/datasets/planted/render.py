"""Rendering of Planted Affect: a scene becomes a picture, an id buffer and one silhouette for each motif."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from fisa.datasets.planted.colour import Image, grade
from fisa.datasets.planted.painting import paint, silhouette
from fisa.datasets.planted.scenery import backdrop, light_vector

if TYPE_CHECKING:
    from fisa.datasets.planted.scene import Figure, Palette, Scene

VIGNETTE, SLOPE, GRAIN = 0.26, 0.16, 0.022
GRAINS = 192  # of the paper, along a side


@dataclass(frozen=True, eq=False)
class Rendering:
    """A drawn scene, S pixels a side.

    Attributes:
        image: uint8 RGB [S, S, 3].
        ids: int16 [S, S], the topmost figure: 0 backdrop, m + 1 motif m, -1 - k distractor k.
        amodal: For each motif its whole silhouette, hidden parts included; bool [S, S].
    """

    image: NDArray[np.uint8]
    ids: NDArray[np.int16]
    amodal: tuple[NDArray[np.bool_], ...]


def render(scene: Scene, size: int = 128) -> Rendering:
    """Draw a scene; equal scenes give equal pixels, and every size shows the same picture.

    Args:
        scene: What to draw.
        size: Side of the picture in pixels, at least 32.

    Raises:
        ValueError: The size is below 32.
        KeyError: Unknown kind of figure or style of scenery.
    """
    if size < 32:
        raise ValueError(f"a scene needs at least 32 pixels a side, not {size}")
    image = _backdrop(scene.palette, size).copy()
    ids = np.zeros((size, size), dtype=np.int16)
    count = len(scene.motifs)
    amodal = {}
    light = light_vector(scene.palette.light)
    figures = (*scene.motifs, *scene.distractors)
    for number in scene.order:
        painted = paint(figures[number], size, light)
        left, top, right, bottom = painted.box
        window = slice(top, bottom), slice(left, right)
        behind = image[window] * (1 - painted.shadow[..., None])
        image[window] = behind * (1 - painted.cover[..., None]) + painted.colour
        solid = painted.cover >= 0.5
        ids[window][solid] = number + 1 if number < count else count - 1 - number
        if number < count:
            amodal[number] = np.zeros((size, size), dtype=bool)
            amodal[number][window] = solid
    image = grade(_finish(image, scene.palette.seed, light), scene.palette.brightness, scene.palette.saturation)
    pixels = (image * 255 + 0.5).astype(np.uint8)
    return Rendering(pixels, ids, tuple(amodal[m] for m in range(count)))


@lru_cache(maxsize=4)
def _backdrop(palette: Palette, size: int) -> Image:
    """Remember the last backdrops: counterfactuals and the frames of a sequence share theirs."""
    return backdrop(palette, size)


def visible_fractions(figures: Sequence[Figure], order: Sequence[int], size: int = 96) -> NDArray[np.float64]:
    """Return which share of each figure's silhouette can be seen; float64 [len(figures)] in [0, 1].

    What lies beyond the edge of the picture counts as hidden.

    Args:
        figures: Motifs and distractors.
        order: Positions in ``figures``, back to front.
        size: Side of the masks in pixels.
    """
    top = np.full((size, size), -1, dtype=np.int16)
    for number in order:
        top[silhouette(figures[number], size)] = number
    seen = np.bincount(top[top >= 0], minlength=len(figures))
    return np.minimum(1.0, seen / [(figure.size * size) ** 2 for figure in figures])


def _finish(image: Image, seed: int, light: tuple[float, float]) -> Image:
    """Brighten the side of the light, darken the corners, and lay the grain of paper over everything."""
    size = len(image)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    corner = (line[:, None] ** 2 + line[None, :] ** 2) * 2
    slope = SLOPE * (light[0] * line[None, :] + light[1] * line[:, None])
    left, top = np.random.default_rng([seed, 1]).uniform(0, 256 - GRAINS, 2)
    box = (left, top, left + GRAINS, top + GRAINS)
    grain = np.asarray(_grain_tile().resize((size, size), Pillow.Resampling.BICUBIC, box=box))
    return np.clip(image * (1 + slope - VIGNETTE * corner**2 + GRAIN * grain)[..., None], 0, 1)


@lru_cache(maxsize=1)
def _grain_tile() -> Pillow.Image:
    return Pillow.fromarray(np.random.default_rng(7).standard_normal((256, 256)).astype(np.float32))
