"""Backdrops: painted places with depth, texture and light, in which the figures stand.

A backdrop depends on the palette alone. Geometry is in fractions of the picture and noise lives on a fixed grid that
is interpolated, so that one palette gives one picture at every resolution. All places have their horizon a little
above the middle and open ground below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fisa.datasets.planted.canvas import Canvas, Field, Polygons, box, ring, textured
from fisa.datasets.planted.colour import PAPER, Image, mix, oklch, to_reference

if TYPE_CHECKING:
    from fisa.datasets.planted.scene import Palette


def light_vector(angle: float) -> tuple[float, float]:
    """Return the unit vector on the picture towards the light; any angle gives a light from above."""
    x, y = 0.85 * math.cos(angle), -0.6 - 0.35 * abs(math.sin(angle))
    return x / math.hypot(x, y), y / math.hypot(x, y)


def backdrop(palette: Palette, size: int) -> Image:
    """Paint the backdrop of ``palette`` before grading; float32 [size, size, 3] in [0, 1].

    Raises:
        KeyError: Unknown style.
    """
    canvas = Canvas(size, palette.hue, light_vector(palette.light), palette.seed)
    PAINTERS[palette.style](canvas)
    return to_reference(canvas.image)


def _sky(canvas: Canvas, horizon: float, clouds: float = 0.75) -> Image:
    """Sky with a sun on the side of the light; returns the colour of the haze at the horizon."""
    hue = canvas.hue
    haze = oklch(0.90, 0.07, hue + 0.14)
    canvas.lay(canvas.ramp(oklch(0.62, 0.11, hue), haze, 0.0, horizon))
    x, y = 0.5 + 0.44 * canvas.light[0], horizon * canvas.chance(0.28, 0.45)
    canvas.lay(oklch(0.96, 0.08, hue + 0.2), 0.8 * canvas.glow(x, y, 0.26))
    canvas.lay(oklch(0.99, 0.03, hue + 0.2), canvas.disc(x, y, 0.052))
    billow = np.clip(0.8 * canvas.noise(2.5, 3.0) - 0.1, 0, 1) * np.clip(1.05 - canvas.y / horizon, 0, 1)
    canvas.lay(PAPER, clouds * billow)
    return haze


def hills(canvas: Canvas) -> None:
    """Rolling hills one behind the other, fading into haze, firs on a ridge, a meadow in front."""
    haze = _sky(canvas, 0.42)
    hue = canvas.hue + canvas.chance(0.24, 0.40)
    for depth, level in enumerate((0.30, 0.37, 0.44, 0.58)):
        near = (depth + 1) / 4
        edge = canvas.ridge(level, 0.034 - 0.004 * depth, 2.5 + 0.5 * depth)
        paint = mix(haze, oklch(0.68 - 0.08 * near, 0.12, hue + 0.06 * depth), 0.30 + 0.65 * near)
        body = canvas.ramp(mix(paint, haze, 0.35), paint * 0.90, level - 0.04, level + 0.3)
        if depth == 2:
            _firs(canvas, edge, mix(haze, oklch(0.42, 0.08, hue), 0.7))
        mask = canvas.below(edge)
        canvas.lay(textured(body, canvas.noise(6 + 3 * depth, 2.0), 0.015 + 0.045 * near), mask)
        canvas.lay(PAPER, 0.26 * mask * (1 - canvas.below(edge + 0.03, 0.05)))


def _firs(canvas: Canvas, edge: Field, paint: Image) -> None:
    trees: Polygons = []
    for grove in canvas.rng.uniform(0.05, 0.95, 3):
        for x in grove + canvas.rng.uniform(-0.07, 0.07, 5):
            foot = float(np.interp(x, canvas.x[0], edge[0])) + 0.015
            tall = canvas.chance(0.045, 0.085)
            trees.append([(x - 0.24 * tall, foot), (x, foot - tall), (x + 0.24 * tall, foot)])
    canvas.lay(paint, canvas.shapes(trees))


def shore(canvas: Canvas) -> None:
    """Sea under a wide sky, a path of glitter, far islands and a sail, and sand with a line of foam."""
    horizon, hue = 0.38, canvas.hue
    haze = _sky(canvas, horizon, 0.9)
    for level, share in ((0.355, 0.35), (0.372, 0.6)):
        land = np.minimum(canvas.ridge(level, 0.022, 3), np.float32(horizon + 0.01))
        canvas.lay(mix(haze, oklch(0.5, 0.08, hue + 0.05), share), canvas.below(land))
    water = canvas.below(horizon)
    sea = canvas.ramp(mix(oklch(0.66, 0.10, hue - 0.03), haze, 0.45), oklch(0.52, 0.11, hue - 0.05), horizon, 0.72)
    distance = np.clip((canvas.y - np.float32(horizon)) / np.float32(0.4), 0.02, 1)
    waves = np.sin(2 * math.pi * (4.5 * np.log(distance * 60 + 1) + 0.30 * canvas.noise(4)))
    canvas.lay(textured(sea, waves, 0.06), water)
    x = np.float32(0.5 + 0.44 * canvas.light[0])
    glitter = np.exp(-(((canvas.x - x) / (0.05 + 0.25 * distance)) ** 2)) * np.clip(waves * 1.5, 0, 1)
    canvas.lay(PAPER, 0.55 * glitter * water * (1 - distance * 0.6))
    sail = canvas.chance(0.15, 0.85)
    canvas.lay(PAPER, canvas.shapes([[(sail, 0.33), (sail + 0.022, 0.385), (sail - 0.008, 0.385)]]))
    edge = canvas.ridge(0.62, 0.022, 1.5) + np.float32(canvas.chance(-0.12, 0.12)) * (canvas.x - 0.5)
    canvas.lay(PAPER, 0.85 * canvas.below(edge - 0.022, 0.012))
    canvas.lay(oklch(0.64, 0.06, hue + 0.45), canvas.below(edge))
    sand = canvas.ramp(oklch(0.72, 0.07, hue + 0.44), oklch(0.83, 0.08, hue + 0.42), 0.6, 0.95)
    canvas.lay(textured(sand, canvas.noise(14, 2.0), 0.035), canvas.below(edge + 0.05, 0.05))


def room(canvas: Canvas) -> None:
    """A room with papered wall, a curtained window, boards on the floor, a rug and a patch of light."""
    hue, floor = canvas.hue, 0.44
    wall = canvas.ramp(oklch(0.74, 0.08, hue), oklch(0.66, 0.09, hue), 0.0, floor)
    stripes = np.clip(np.sin(2 * math.pi * 9 * canvas.x) * 3, -1, 1) * np.ones_like(canvas.y)
    canvas.lay(textured(textured(wall, stripes, 0.03), canvas.noise(10), 0.018))
    side = -1 if canvas.light[0] < 0 else 1
    middle = 0.5 + side * canvas.chance(0.18, 0.28)
    _window(canvas, middle, hue)
    canvas.lay(oklch(0.52, 0.09, hue + 0.02), canvas.below(floor - 0.05))
    canvas.lay(oklch(0.84, 0.05, hue + 0.05), canvas.below(floor - 0.025))
    boards = canvas.ramp(oklch(0.56, 0.08, hue + 0.42), oklch(0.72, 0.09, hue + 0.40), floor, 1.0)
    across = (canvas.x - 0.5) * 1.6 / np.maximum(canvas.y - np.float32(floor - 0.16), 0.01)
    plank = np.floor(across)
    groove = np.clip(1.2 - np.minimum(across - plank, plank + 1 - across) * 28, 0, 1)
    grain = 0.5 * np.sin(plank * 12.9898) + 0.5 * canvas.noise(5, 0.4)
    canvas.lay(textured(textured(boards, grain, 0.06), groove, -0.20), canvas.below(floor))
    x = 0.5 + canvas.chance(-0.1, 0.1)
    for scale, light, chroma in ((1.0, 0.60, 0.12), (0.86, 0.80, 0.07), (0.78, 0.64, 0.12)):
        canvas.lay(oklch(light, chroma, hue + 0.55), 0.9 * canvas.shapes([ring(x, 0.74, 0.42 * scale, 0.17 * scale)]))
    left, right, shift = middle - 0.13, middle + 0.13, -side * 0.22
    patch = [
        (left + shift, 0.52),
        (right + shift, 0.52),
        (right + 1.9 * shift, 0.80),
        (left + 1.9 * shift - 0.05, 0.80),
    ]
    glow = oklch(0.97, 0.05, hue + 0.2)
    canvas.lay(glow, 0.28 * canvas.shapes([patch]))
    canvas.lay(glow, 0.40 * canvas.glow(middle, 0.2, 0.35))


def _window(canvas: Canvas, x: float, hue: float) -> None:
    """A window with a view of hills between two curtains."""
    left, right, top, bottom = x - 0.13, x + 0.13, 0.06, 0.31
    trim, cloth = oklch(0.90, 0.03, hue + 0.1), oklch(0.62, 0.13, hue + 0.55)
    canvas.lay(trim * 0.5, 0.4 * canvas.shapes([box(left - 0.03, top, right + 0.04, bottom + 0.05)]))
    canvas.lay(trim, canvas.shapes([box(left - 0.02, top - 0.02, right + 0.02, bottom + 0.025)]))
    pane = canvas.shapes([box(left, top, right, bottom)])
    canvas.lay(canvas.ramp(oklch(0.78, 0.10, hue + 0.35), oklch(0.95, 0.05, hue + 0.45), top, bottom), pane)
    canvas.lay(oklch(0.70, 0.10, hue + 0.30), pane * canvas.below(canvas.ridge(0.25, 0.02, 5)))
    canvas.lay(trim, canvas.shapes([box(x - 0.007, top, x + 0.007, bottom), box(left, 0.175, right, 0.188)]))
    curtains: Polygons = []
    for way, rail in ((-1, left - 0.035), (1, right + 0.035)):
        inner, waist = rail - way * 0.085, rail - way * 0.035
        curtains.append(
            [
                (rail, 0.03),
                (inner, 0.03),
                (inner + way * 0.012, 0.13),
                (waist, 0.22),
                (waist - way * 0.02, 0.36),
                (rail, 0.36),
            ]
        )
    folds = np.sin(2 * math.pi * 38 * canvas.x) * np.ones_like(canvas.y)
    canvas.lay(textured(np.broadcast_to(cloth, canvas.image.shape), folds, 0.10), canvas.shapes(curtains))
    canvas.lay(oklch(0.45, 0.08, hue + 0.5), canvas.shapes([box(left - 0.06, 0.018, right + 0.06, 0.034)]))


def forest(canvas: Canvas) -> None:
    """A clearing between rows of trunks, the far ones drowned in light."""
    hue = canvas.hue + 0.05
    mist = oklch(0.92, 0.07, hue + 0.12)
    canvas.lay(canvas.ramp(oklch(0.70, 0.10, hue), mist, 0.0, 0.42))
    canvas.lay(PAPER, 0.8 * canvas.glow(0.5 + 0.35 * canvas.light[0], 0.25, 0.3))
    ground = canvas.ramp(mix(oklch(0.72, 0.12, hue + 0.08), mist, 0.5), oklch(0.52, 0.10, hue + 0.1), 0.40, 1.0)
    for depth in range(3):
        near, count = (depth + 1) / 3, 7 - 2 * depth
        wood = mix(mist, oklch(0.40, 0.07, hue - 0.14), 0.22 + 0.58 * near)
        foot = 0.44 + 0.05 * depth
        trunks: Polygons = []
        for place in (np.arange(count) + canvas.rng.uniform(0.15, 0.85, count)) / count:
            half, top = 0.012 + 0.015 * depth, place + canvas.chance(-0.04, 0.04)
            trunks.append(
                [(top - half, -0.05), (top + half, -0.05), (place + 1.5 * half, foot), (place - 1.5 * half, foot)]
            )
        bark = textured(np.broadcast_to(wood, canvas.image.shape), canvas.noise(24, 0.3), 0.06)
        canvas.lay(bark, canvas.shapes(trunks))
        leaves = mix(mist, oklch(0.62 - 0.10 * near, 0.11, hue + 0.04 * depth), 0.35 + 0.55 * near)
        crown = canvas.below(0.05 * canvas.noise(4 + depth) + canvas.ridge(0.20 - 0.055 * depth, 0.02, 3), 0.02)
        canvas.lay(textured(leaves[None, None], canvas.noise(14), 0.07), 1 - crown)
        grass = canvas.below(canvas.ridge(foot - 0.02, 0.006, 9), 0.012)
        canvas.lay(textured(ground, canvas.noise(8, 2.0), 0.05), grass)
    canvas.lay(mist, 0.55 * canvas.glow(0.5, 0.64, 0.42, 0.16))


def street(canvas: Canvas) -> None:
    """A street at dusk: two rows of houses with lit windows, lamps, and a wet road."""
    hue = canvas.hue
    haze = oklch(0.84, 0.09, hue + 0.12)
    canvas.lay(canvas.ramp(oklch(0.48, 0.10, hue), haze, 0.0, 0.40))
    canvas.lay(PAPER, 0.22 * np.clip(canvas.noise(2.5, 3.0), 0, 1))
    lamp = oklch(0.94, 0.11, hue + 0.45)
    for depth, (low, high, count) in enumerate(((0.10, 0.24, 8), (0.14, 0.32, 5))):
        wall = mix(haze, oklch(0.42, 0.08, hue + 0.05), 0.45 + 0.45 * depth)
        houses, windows = _houses(canvas, low, high, count, depth + 2)
        fade = canvas.ramp(wall, mix(wall, haze, 0.25), 0.1, 0.45)
        canvas.lay(textured(fade, canvas.noise(9), 0.035), canvas.shapes(houses))
        canvas.lay(lamp, (0.5 + 0.4 * depth) * canvas.shapes(windows))
    pavement = canvas.ramp(oklch(0.60, 0.06, hue + 0.05), oklch(0.70, 0.06, hue + 0.08), 0.44, 0.54)
    canvas.lay(textured(pavement, canvas.noise(12, 2.0), 0.025), canvas.below(0.445))
    canvas.lay(oklch(0.42, 0.06, hue), canvas.below(0.535))
    road = canvas.ramp(oklch(0.50, 0.07, hue), oklch(0.62, 0.08, hue + 0.04), 0.55, 1.0)
    surface = canvas.below(0.55)
    canvas.lay(textured(road, canvas.noise(5, 3.0), 0.05), surface)
    for x in (0.08, 0.92):
        canvas.lay(oklch(0.3, 0.05, hue), canvas.shapes([box(x - 0.008, 0.2, x + 0.008, 0.53)]))
        canvas.lay(lamp, 0.85 * canvas.glow(x, 0.19, 0.11))
        canvas.lay(PAPER, canvas.disc(x, 0.19, 0.028))
        canvas.lay(lamp, 0.45 * canvas.glow(x, 0.72, 0.07, 0.18) * surface)


def _houses(canvas: Canvas, low: float, high: float, count: int, columns: int) -> tuple[Polygons, Polygons]:
    """Return the outlines of a row of houses and of their lit windows."""
    houses: Polygons = []
    windows: Polygons = []
    edges = np.linspace(-0.03, 1.03, count + 1)
    edges[1:-1] += canvas.rng.uniform(-0.03, 0.03, count - 1)
    for left, right in pairwise(edges):
        top, gable = canvas.chance(low, high), 0.045 * canvas.rng.integers(0, 2)
        houses.append([(left, 0.5), (left, top), ((left + right) / 2, top - gable), (right, top), (right, 0.5)])
        for row in np.arange(top + 0.035, 0.40, 0.065):
            for x in left + (right - left) * (np.arange(columns) + 0.5) / columns:
                if canvas.rng.random() < 0.6:
                    windows.append(box(x - 0.013, row, x + 0.013, row + 0.034))
    return houses, windows


def dunes(canvas: Canvas) -> None:
    """A desert: table mountains far away, dunes with a bright and a dark flank."""
    haze = _sky(canvas, 0.40, 0.4)
    hue = canvas.hue + 0.42
    for depth, share in enumerate((0.22, 0.40)):
        mesas: Polygons = []
        for x in canvas.rng.uniform(0, 1, 3):
            half, top = canvas.chance(0.07, 0.14), canvas.chance(0.25, 0.33) + 0.02 * depth
            steps = ((1.0, 0.45), (0.84, 0.37), (0.70, 0.36), (0.62, top))
            mesas.append([(x - half * w, y) for w, y in steps] + [(x + half * w, y) for w, y in reversed(steps)])
        rock = oklch(0.56, 0.10, hue - 0.08)
        canvas.lay(
            canvas.ramp(mix(haze, rock, share + 0.25), mix(haze, rock, share * 0.6), 0.25, 0.42), canvas.shapes(mesas)
        )
    for depth, level in enumerate((0.40, 0.47, 0.58, 0.78)):
        near = (depth + 1) / 4
        edge = canvas.ridge(level, 0.024, 1.2)
        slope = np.gradient(edge[0]) * np.float32(canvas.size * math.copysign(4, canvas.light[0]))
        flank = np.tanh(slope) * np.clip(1.25 - (canvas.y - edge) * 5, 0, 1)
        sand = mix(haze, oklch(0.74 - 0.05 * near, 0.11, hue - 0.03 * near), 0.45 + 0.5 * near)
        ripple = np.sin(2 * math.pi * (26 * (canvas.y - edge) + 0.35 * canvas.noise(4)))
        canvas.lay(textured(textured(sand[None, None], flank, -0.15), ripple, 0.008 + 0.015 * near), canvas.below(edge))


PAINTERS: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {"hills": hills, "shore": shore, "room": room, "forest": forest, "street": street, "dunes": dunes}
)
STYLES: tuple[str, ...] = tuple(PAINTERS)
