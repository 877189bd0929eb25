"""Frames around pictures that say whether they fit: by colour and by form."""

from __future__ import annotations

import numpy as np
from plotly.colors import hex_to_rgb

from fisa.figures.checks import FigureError
from fisa.figures.theme import Theme, palette


def framed(image: np.ndarray, right: bool, theme: Theme = "light") -> np.ndarray:
    """Return the picture in a frame a sixteenth of its side wide: solid and blue where right, else orange dashes.

    Args:
        image: uint8 RGB [S, S, 3], S at least 16.
        right: Whether it fits.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A new uint8 RGB [S + 2 W, S + 2 W, 3].

    Raises:
        FigureError: Another shape.
    """
    side = len(image)
    if image.dtype != np.uint8 or image.shape != (side, side, 3) or side < 16:
        raise FigureError(f"image: expected square uint8 RGB from 16 px on, got {image.dtype} {list(image.shape)}")
    colours, width = palette(theme), side // 16
    whole = side + 2 * width
    result = np.full((whole, whole, 3), hex_to_rgb(colours.down if right else colours.up), dtype=np.uint8)
    if not right:
        dash = np.arange(whole) // (2 * width) % 2 == 1
        result[dash[:, None] != dash[None, :]] = hex_to_rgb(colours.surface)
    result[width : width + side, width : width + side] = image
    return result
