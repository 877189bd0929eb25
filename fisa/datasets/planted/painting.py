"""From a figure to pixels: normalised outlines, their silhouettes, and a lit, inked painting of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from fisa.datasets.planted.colour import INK, PAPER, Image, tones
from fisa.datasets.planted.distractors import DISTRACTORS
from fisa.datasets.planted.motifs import DRAWINGS, Drawing
from fisa.datasets.planted.shapes import TONES, Points, rotation

if TYPE_CHECKING:
    from fisa.datasets.planted.scene import Figure

Mask = np.ndarray  # float32 [height, width] in [0, 1]

ALL_DRAWINGS: Mapping[str, Drawing] = MappingProxyType({**DRAWINGS, **DISTRACTORS})

LINE = 0.046  # width of the ink line as a share of the figure's size
SHADE = np.array([0.68, 0.66, 0.78], dtype=np.float32)  # the side of a part away from the light
INK_INDEX = 255  # of inked pixels in an index image; parts count from 1, 0 is empty
SHADOW_LENGTH, SHADOW_SLANT = 0.34, 0.55  # of a cast shadow, per height of the figure
MEASURED = 72  # side in pixels at which areas are measured
REACH = 0.16  # how far halo and shadow reach beyond the outline, as a share of the figure's size


@dataclass(frozen=True, eq=False)
class Outline:
    """A drawing with area 1 and its centroid at the origin.

    Attributes:
        points: Corners of all parts, one part after the other, back to front; float64 [n, 2].
        starts: Where each part's corners start, and n at the end; int64 [parts + 1].
        tones: Row of ``shapes.TONES`` of each part; int64 [parts].
        inked: Whether each part's edge is drawn.
        line: Width of that line.
    """

    points: Points
    starts: NDArray[np.int64]
    tones: NDArray[np.int64]
    inked: tuple[bool, ...]
    line: float


@dataclass(frozen=True)
class Painted:
    """A figure on its part of the picture.

    Attributes:
        box: left, top, right, bottom in pixels; the arrays cover exactly this part.
        colour: float32 [h, w, 3], multiplied by ``cover``.
        cover: float32 [h, w] share of the pixel inside the silhouette.
        shadow: float32 [h, w] share of light taken from what lies behind.
    """

    box: tuple[int, int, int, int]
    colour: Image
    cover: np.ndarray
    shadow: np.ndarray


def supersampling(size: int) -> int:
    """Return how many samples a side a pixel gets in a picture of side ``size``."""
    return 4 if size <= 64 else 3 if size <= 160 else 2


@lru_cache(maxsize=512)
def outline(kind: str, strength: float, detail: int) -> Outline:
    """Return the normalised drawing: the area of its silhouette is 1 whatever its kind, strength and detail.

    Raises:
        KeyError: Unknown kind.
    """
    parts = ALL_DRAWINGS[kind](strength - 0.5, np.random.default_rng(detail))
    points = np.concatenate([part.points for part in parts])
    starts = np.cumsum([0, *(len(part.points) for part in parts)])
    tone = np.array([TONES.index(part.tone) for part in parts])
    drawing = Outline(points, starts, tone, tuple(part.inked for part in parts), 0.0)
    rough, _ = _area(drawing, 64 / float(np.ptp(points, axis=0).max()))
    # The second look is at about the scale of a figure in a picture, where corners are rounded alike.
    drawing = replace(drawing, line=LINE * rough)
    side, centre = _area(drawing, MEASURED / rough)
    return replace(drawing, points=(points - centre) / side, line=LINE * rough / side)


def _area(drawing: Outline, scale: float) -> tuple[float, Points]:
    """Measure a silhouette at ``scale`` pixels per unit; return the square root of its area, and its centroid."""
    low = drawing.points.min(axis=0)
    points = (drawing.points - low) * scale + 5
    width, height = (int(edge) + 6 for edge in points.max(axis=0))
    filled = _indices(replace(drawing, points=points, line=drawing.line * scale), (width, height)) > 0
    across, down = filled.sum(axis=0), filled.sum(axis=1)
    area = int(down.sum())
    centre = np.array([across @ np.arange(width), down @ np.arange(height)]) / area + 0.5
    return math.sqrt(area) / scale, low + (centre - 5) / scale


def silhouette(figure: Figure, size: int) -> NDArray[np.bool_]:
    """Return the amodal silhouette on a picture of side ``size``; bool [size, size], sampled at pixel centres."""
    return _indices(_placed(figure, size), (size, size)) > 0


def paint(figure: Figure, size: int, light: tuple[float, float]) -> Painted:
    """Paint a figure on a picture of side ``size``.

    Args:
        figure: What to paint, and where.
        size: Side of the whole picture in pixels.
        light: Unit vector on the picture towards the light.
    """
    samples, side = supersampling(size), figure.size * size
    drawing = _placed(figure, size)
    (x0, y0), (x1, y1) = drawing.points.min(axis=0), drawing.points.max(axis=0)
    reach = REACH * side
    slant = -light[0] * SHADOW_SLANT * (y1 - y0)  # how far the shadow of the figure's top lies to the right
    left, right = _clip(x0 - reach + min(0.0, slant), x1 + reach + max(0.0, slant), size)
    top, bottom = _clip(y0 - reach, y1 + reach, size)
    start, stop = _clip(x0 - reach, x1 + reach, size)  # the figure's own columns within left and right
    own = slice(start - left, stop - left)
    local = replace(drawing, points=(drawing.points - (start, top)) * samples, line=drawing.line * samples)
    colour = np.zeros((bottom - top, right - left, 3), dtype=np.float32)
    cover = np.zeros(colour.shape[:2], dtype=np.float32)
    colour[:, own], cover[:, own] = _coloured(local, tones(figure.colour), light, (stop - start, bottom - top), samples)
    soft = _blurred(cover, 0.085 * side)
    _rim(colour, cover, soft, light, 0.085 * side)
    foot = drawing.points[drawing.points[:, 1] > y1 - 0.25 * side, 0] - left
    dark = 0.30 * soft + 0.36 * _cast(cover, y1 - top, light, 0.05 * side) + _contact(cover.shape, foot, y1 - top, side)
    return Painted((left, top, right, bottom), colour, cover, np.minimum(dark, 0.65))


def _clip(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the pixels from ``low`` to ``high`` that lie on the picture, at least one."""
    start = min(max(0, math.floor(low)), size - 1)
    return start, max(start + 1, min(size, math.ceil(high)))


def _placed(figure: Figure, size: int) -> Outline:
    """Return the figure's drawing in pixels."""
    drawing = outline(figure.kind, figure.strength, figure.detail)
    turn = rotation(figure.tilt) * (figure.size * size)
    if figure.flip:
        turn = np.diag([-1.0, 1.0]) @ turn
    centre = (figure.x * size, figure.y * size)
    return replace(drawing, points=drawing.points @ turn + centre, line=drawing.line * figure.size * size)


def _indices(drawing: Outline, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw on ``shape`` (width, height); pixels hold the number of their topmost part (from 1) or ``INK_INDEX``."""
    canvas = Pillow.new("L", shape)
    draw = ImageDraw.Draw(canvas)
    width = round(drawing.line)
    # Pillow truncates corners and puts them at pixel centres.
    flat = np.rint(drawing.points - 0.5).ravel().tolist()
    bounds = (2 * drawing.starts).tolist()
    for number, inked in enumerate(drawing.inked):
        corners = flat[bounds[number] : bounds[number + 1]]
        draw.polygon(corners, fill=number + 1)
        if inked and width:
            draw.line(corners + corners[:4], fill=INK_INDEX, width=width)
    return np.asarray(canvas)


def _coloured(
    drawing: Outline, paints: Image, light: tuple[float, float], shape: tuple[int, int], samples: int
) -> tuple[Image, Mask]:
    """Colour a drawing, every part a volume lit from one side; return colour times cover, and cover."""
    index = _indices(drawing, (shape[0] * samples, shape[1] * samples))
    shaded = np.zeros((256, 3), dtype=np.float32)
    gain = np.zeros((256, 3), dtype=np.float32)  # from the shaded to the lit side
    slope = np.zeros((256, 3), dtype=np.float32)  # light at a pixel = x * slope + y * slope + offset
    own = slice(1, len(drawing.tones) + 1)
    colour, flat = paints[drawing.tones], (drawing.tones == TONES.index("ink"))[:, None]
    shaded[own] = np.where(flat, colour, colour * SHADE)
    gain[own] = np.where(flat, 0, (colour * 0.9 + PAPER * 0.13 - shaded[own]).clip(0))
    low = np.minimum.reduceat(drawing.points, drawing.starts[:-1])
    high = np.maximum.reduceat(drawing.points, drawing.starts[:-1])
    across = 0.72 / (np.hypot(*(high - low).T) + 1)
    slope[own, :2] = across[:, None] * light
    slope[own, 2] = 0.6 - across * ((low + high) / 2 @ light)
    shaded[INK_INDEX] = paints[TONES.index("deep")] * 0.45 + INK * 0.55
    rows, columns = np.nonzero(index)
    which = index[rows, columns]
    plane = slope.take(which, axis=0)
    share = plane[:, 0] * columns.astype(np.float32) + plane[:, 1] * rows.astype(np.float32) + plane[:, 2]
    lit = gain.take(which, axis=0)
    lit *= np.clip(share, 0, 1)[:, None]
    lit += shaded.take(which, axis=0)
    full = np.zeros((*index.shape, 4), dtype=np.uint8)  # the fourth channel is the cover
    full[rows, columns, :3] = np.minimum(lit, 1) * 255 + 0.5
    full[rows, columns, 3] = 255
    size = (index.shape[1], index.shape[0])
    small = _unit(Pillow.frombuffer("RGBX", size, full.tobytes(), "raw", "RGBX", 0, 1).reduce(samples))
    return small[..., :3], small[..., 3]


def _unit(image: Pillow.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32) / 255


def _blurred(mask: Mask, radius: float) -> Mask:
    return _unit(Pillow.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius)))


def _rim(colour: Image, cover: Mask, soft: Mask, light: tuple[float, float], radius: float) -> None:
    """Brighten the edge towards the light and darken the one away from it, in place."""
    down, across = np.gradient(soft, axis=(0, 1))
    rim = -(across * light[0] + down * light[1]) * radius
    colour *= (1 - 0.7 * np.clip(-rim, 0, 0.4))[..., None]
    colour += (PAPER * cover[..., None] - colour) * (1.7 * np.clip(rim - 0.05, 0, 0.3))[..., None]


def _cast(cover: Mask, ground: float, light: tuple[float, float], radius: float) -> Mask:
    """Lay the silhouette flat on the ground, away from the light, and soften it."""
    slant = -light[0] * SHADOW_SLANT / SHADOW_LENGTH
    lie = (1, slant, -slant * ground, 0, 1 / SHADOW_LENGTH, ground - ground / SHADOW_LENGTH)
    standing = Pillow.fromarray((cover * 255).astype(np.uint8))
    lying = standing.transform(standing.size, Pillow.Transform.AFFINE, lie, Pillow.Resampling.BILINEAR)
    return _unit(lying.filter(ImageFilter.GaussianBlur(radius)))


def _contact(shape: tuple[int, ...], foot: NDArray[np.float64], ground: float, side: float) -> Mask:
    """Darkness on the ground just under the figure, whose lowest points lie at columns ``foot``."""
    middle, half = (foot.min() + foot.max()) / 2, (foot.max() - foot.min()) / 2 + 0.1 * side
    x = np.exp(-(((np.arange(shape[1], dtype=np.float32) + 0.5 - middle) / half) ** 4))
    y = np.exp(-(((np.arange(shape[0], dtype=np.float32) + 0.5 - ground) / (0.09 * side)) ** 2))
    return np.asarray(0.38 * y[:, None] * x, dtype=np.float32)
