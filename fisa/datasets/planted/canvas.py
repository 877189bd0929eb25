"""The canvas on which backdrops are painted: masks, gradients and noise in fractions of the picture."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from fisa.datasets.planted.colour import Image, mix

Field = np.ndarray  # float32 [size, size], or [1, size] or [size, 1] where it varies along one side only
Polygons = list[ArrayLike]

TILE, CELL = 512, 8  # side of the noise tile and of its largest lumps, in samples


class Canvas:
    """A picture in progress: paint is laid through masks, back to front.

    Attributes:
        size: Side in pixels.
        x: Pixel centres in [0, 1]; float32 [1, size].
        y: Pixel centres in [0, 1], downwards; float32 [size, 1].
        image: float32 [size, size, 3].
        light: Unit vector on the picture towards the light, always from above.
        hue: Main hue of the scheme, in turns.
        rng: The only source of chance.
    """

    def __init__(self, size: int, hue: float, light: tuple[float, float], seed: int) -> None:
        """Start an empty picture."""
        self.size = size
        line = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = line[None, :], line[:, None]
        self.image: Image = np.zeros((size, size, 3), dtype=np.float32)
        self.light, self.hue = light, hue
        self.rng = np.random.default_rng(seed)

    def chance(self, low: float, high: float) -> float:
        """Return a random number between ``low`` and ``high``."""
        return float(self.rng.uniform(low, high))

    def noise(self, cells: float, stretch: float = 1.0) -> Field:
        """Return cloudy noise of about unit variance, ``cells`` lumps across and ``stretch`` times as many down."""
        wide, tall = cells * CELL, cells * stretch * CELL
        left, top = self.chance(0, TILE - wide), self.chance(0, TILE - tall)
        box = (left, top, left + wide, top + tall)
        return np.asarray(_noise_tile().resize((self.size, self.size), Pillow.Resampling.BICUBIC, box=box))

    def ridge(self, level: float, height: float, cells: float) -> Field:
        """Return a wavy line around ``level`` that strays by about ``height``; float32 [1, size]."""
        left, top = self.chance(0, TILE - cells * CELL), int(self.rng.integers(TILE))
        box = (left, top, left + cells * CELL, top + 1)
        return np.float32(level) + np.float32(height) * np.asarray(
            _noise_tile().resize((self.size, 1), Pillow.Resampling.BICUBIC, box=box)
        )

    def below(self, edge: Field | float, soft: float = 0.0) -> Field:
        """Return the mask of what lies below ``edge``, antialiased over a pixel or over ``soft`` of the side."""
        line = edge if isinstance(edge, np.ndarray) else np.full((1, self.size), edge, dtype=np.float32)
        return np.clip((self.y - line) * np.float32(1 / max(soft, 1 / self.size)) + np.float32(0.5), 0, 1)

    def shapes(self, polygons: Polygons) -> Field:
        """Return the antialiased mask of filled polygons."""
        samples = 3 if self.size <= 160 else 2
        mask = Pillow.new("L", (self.size * samples, self.size * samples))
        draw = ImageDraw.Draw(mask)
        for points in polygons:
            draw.polygon(np.rint(np.asarray(points) * self.size * samples - 0.5).ravel().tolist(), fill=255)
        return np.asarray(mask.reduce(samples), dtype=np.float32) / 255

    def glow(self, x: float, y: float, wide: float, tall: float | None = None) -> Field:
        """Return a soft round light, 1 at its middle."""
        across = np.exp(-(((self.x - np.float32(x)) / np.float32(wide)) ** 2))
        return np.asarray(across * np.exp(-(((self.y - np.float32(y)) / np.float32(tall or wide)) ** 2)))

    def disc(self, x: float, y: float, radius: float) -> Field:
        """Return the antialiased mask of a disc."""
        distance = np.sqrt((self.x - np.float32(x)) ** 2 + (self.y - np.float32(y)) ** 2)
        return np.asarray(np.clip((np.float32(radius) - distance) * self.size + np.float32(0.5), 0, 1))

    def lay(self, paint: Image, mask: Field | float = 1.0) -> None:
        """Lay ``paint`` ([3], or an image whose sides may be 1) on the picture where ``mask`` is 1."""
        if not isinstance(mask, np.ndarray):
            self.image = mix(self.image, paint, mask)
            return
        rows, columns = _extent(mask, 1), _extent(mask, 0)
        if paint.ndim == 3:
            paint = paint[rows if len(paint) > 1 else slice(None), columns if paint.shape[1] > 1 else slice(None)]
        under = self.image[rows, columns]
        under += (paint - under) * mask[rows, columns, None]

    def ramp(self, top: Image, bottom: Image, start: float, stop: float) -> Image:
        """Return a vertical gradient from ``top`` at ``start`` to ``bottom`` at ``stop``; [size, 1, 3]."""
        share = np.clip((self.y - start) / (stop - start), 0, 1)
        return mix(top, bottom, (share * share * (3 - 2 * share))[..., None])


def textured(paint: Image, noise: Field, strength: float) -> Image:
    """Return ``paint`` made lighter and darker by ``strength`` times ``noise``."""
    return paint * (1 + np.float32(strength) * noise)[..., None]


def box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    """Return the corners of an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def ring(x: float, y: float, wide: float, tall: float) -> NDArray[np.float64]:
    """Return the corners of an ellipse."""
    angles = np.linspace(0, 2 * math.pi, 41)[:-1]
    return np.stack([x + wide * np.cos(angles), y + tall * np.sin(angles)], axis=1)


def _extent(mask: Field, over: int) -> slice:
    places = np.flatnonzero(np.any(mask, axis=over))
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0)


@lru_cache(maxsize=1)
def _noise_tile() -> Pillow.Image:
    """Multi-octave value noise from a fixed seed; backdrops cut their textures from it at random places."""
    rng = np.random.default_rng(2014)
    total = np.zeros((TILE, TILE), dtype=np.float32)
    for octave in range(4):
        count = TILE // CELL * 2**octave
        grid = Pillow.fromarray(rng.standard_normal((count, count)).astype(np.float32))
        total += np.asarray(grid.resize((TILE, TILE), Pillow.Resampling.BICUBIC)) * np.float32(0.55**octave)
    return Pillow.fromarray(total / total.std())
