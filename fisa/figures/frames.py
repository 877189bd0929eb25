"""What surrounds a picture that was found: a frame that says by colour and form whether it fits, and its distance."""

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


def distance_text(distance: float) -> str:
    """Write a distance of at least 0 in three decimals, one that they would hide with its power of ten: 3.4e-05."""
    return f"{distance:.1e}" if 0 < distance < 0.001 else f"{distance:.3f}"
