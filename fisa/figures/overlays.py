"""Attention and attribution over the image: pixels in, pixels out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from PIL import Image
from plotly.colors import hex_to_rgb
from scipy import ndimage

from fisa.figures.checks import FigureError, checked
from fisa.figures.theme import Theme, palette

STRONG = 0.99
"""Quantile of the absolute values of a signed map that has full colour."""

_LIGHT, _DARK = (255, 255, 255), (16, 18, 24)


def attention_overlay(
    image: np.ndarray,
    attention: np.ndarray,
    colour: str,
    opacity: float,
    outlines: Sequence[np.ndarray] = (),
    top: float | None = None,
) -> np.ndarray:
    """Lay one emotion's attention map over the image in the emotion's colour.

    The map is upsampled bilinearly (cell centres at half cells, edges held, as
    ``torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`` and the localisation grade
    do) and then divided by ``top``; each pixel moves towards ``colour`` by opacity times map.

    Args:
        image: uint8 RGB [S, S, 3].
        attention: float [h, w], not negative, h and w at most S; all zero leaves the image as it is.
        colour: ``#rrggbb``.
        opacity: In [0, 1]; 0 leaves the image as it is.
        outlines: bool [S, S] masks, drawn as thin lines: light inside the border, dark outside it.
        top: Value of full opacity, > 0; give maps the same one to compare them. None takes the largest.

    Returns:
        A new uint8 RGB [S, S, 3].

    Raises:
        FigureError: Wrong shapes, a negative or non-finite attention, a colour or opacity that is none.
    """
    side = _side(image)
    weights = checked(attention, (None, None), "attention map")
    if not weights.size or max(weights.shape) > side or weights.min() < 0:
        raise FigureError(f"attention map: expected 1 to {side} cells a side, none negative, got {list(weights.shape)}")
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise FigureError(f"colour {colour!r}: expected #rrggbb")
    if not 0 <= opacity <= 1:
        raise FigureError(f"opacity {opacity!r}: expected a number from 0 to 1")
    result: np.ndarray = image.copy()
    if opacity and weights.max() > 0:
        cover = opacity * _upsampled(weights, side, top)[:, :, None]
        mixed = image * (1 - cover) + np.array(hex_to_rgb(colour)) * cover
        result = np.rint(mixed).astype(np.uint8)
    for mask in outlines:
        _outline(result, mask)
    return result


def signed_overlay(
    image: np.ndarray,
    values: np.ndarray,
    theme: Theme,
    opacity: float = 0.75,
    outlines: Sequence[np.ndarray] = (),
    strong: float | None = None,
) -> np.ndarray:
    """Lay a signed map over the greyed image: what raises the target in ``up``, what lowers it in ``down``.

    Brought to the image's size bilinearly and divided by ``strong``; what lies beyond has full colour.

    Args:
        image: uint8 RGB [S, S, 3].
        values: float [h, w], any signs; all zero leaves the greyed image.
        theme: Gives the two colours.
        opacity: In [0, 1], of the strongest places.
        outlines: As for :func:`attention_overlay`.
        strong: Size of full colour, > 0; give maps the same one to compare them. None takes the ``STRONG`` quantile of
            the absolute values, so that a few extreme pixels do not make all others invisible.

    Returns:
        A new uint8 RGB [S, S, 3].

    Raises:
        FigureError: Wrong shapes, values that are not finite, an opacity or theme that is none.
    """
    side = _side(image)
    amounts = checked(values, (None, None), "attribution")
    if not amounts.size:
        raise FigureError("attribution: has no cells")
    if not 0 <= opacity <= 1:
        raise FigureError(f"opacity {opacity!r}: expected a number from 0 to 1")
    large = enlarged(amounts, side)
    cover = opacity * np.clip(np.abs(large) / (strong or strength_of(large)), 0, 1)[:, :, None]
    colours = palette(theme)
    colour = np.where(large[:, :, None] > 0, hex_to_rgb(colours.up), hex_to_rgb(colours.down))
    grey = np.repeat(np.asarray(Image.fromarray(image).convert("L"))[:, :, None], 3, axis=2)
    result: np.ndarray = np.rint(grey * (1 - cover) + colour * cover).astype(np.uint8)
    for mask in outlines:
        _outline(result, mask)
    return result


def _side(image: np.ndarray) -> int:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != image.shape[1] or image.shape[2] != 3:
        raise FigureError(f"image: expected square uint8 RGB [S, S, 3], got {image.dtype} {list(image.shape)}")
    return int(image.shape[0])


def strength_of(values: np.ndarray) -> float:
    """Return the size from which the values of a signed map have full colour: their ``STRONG`` quantile."""
    return float(np.quantile(np.abs(values), STRONG)) or float(np.abs(values).max()) or 1.0


def enlarged(values: np.ndarray, side: int) -> np.ndarray:
    """Return a map [h, w] at image size [side, side], as localisation and both overlays take it: bilinear."""
    small = Image.fromarray(values.astype(np.float32))
    return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float64)


def regridded(maps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return maps [h, w] on the finest grid among them, bilinearly, each with the sum that it had.

    A share of attention in a cell is less where cells are smaller: only on one grid are maps comparable.

    Args:
        maps: One at least, of any sizes.
    """
    height, width = (max(each.shape[axis] for each in maps) for axis in (0, 1))
    found = []
    for values in maps:
        fine = np.asarray(values, dtype=np.float64)
        if fine.shape != (height, width):
            small = Image.fromarray(fine.astype(np.float32))
            fine = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float64)
            fine = fine * (values.sum() / fine.sum()) if fine.sum() > 0 else fine
        found.append(fine)
    return found


def _upsampled(weights: np.ndarray, side: int, top: float | None) -> np.ndarray:
    """Return the map at image size, 1 where it is ``top`` or more."""
    if top is not None:
        return np.asarray(np.clip(enlarged(weights / top, side), 0, 1))
    large = enlarged(weights / weights.max(), side)
    scaled: np.ndarray = np.clip(large / large.max(), 0, 1)
    return scaled


def _outline(image: np.ndarray, mask: np.ndarray) -> None:
    if mask.shape != image.shape[:2] or mask.dtype != np.bool_:
        raise FigureError(f"outline: expected a bool mask {list(image.shape[:2])}, got {mask.dtype} {list(mask.shape)}")
    width = max(1, round(len(image) / 256))
    image[mask & ~ndimage.binary_erosion(mask, iterations=width)] = _LIGHT
    image[~mask & ndimage.binary_dilation(mask, iterations=width)] = _DARK
