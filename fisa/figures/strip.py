"""Distributions as strips of colours, small enough to stand below a thumbnail."""

from __future__ import annotations

import numpy as np

from fisa.emotions import EmotionSpace
from fisa.figures.checks import checked_distributions, plain, top_emotions, wheel_order

GAP = 2
"""Pixels between two strips."""


def distribution_strip(space: EmotionSpace, degrees: np.ndarray, width: int = 150, height: int = 10) -> str:
    """Return a distribution, or several below one another, as inline SVG for both themes.

    One field stands for each emotion, as wide as its degree.

    Args:
        space: Label space of C emotions; fields stand in wheel order.
        degrees: float [C] or [R, C], each row summing to 1.
        width: Of a strip, in pixels.
        height: Of a strip, in pixels; two pixels lie between two of them.

    Raises:
        FigureError: A row of ``degrees`` is no distribution over ``space``.
    """
    given = np.atleast_2d(degrees)
    rows = list(checked_distributions(space, {f"strip {place}": row for place, row in enumerate(given, 1)}).values())
    label = plain("; ".join(top_emotions(space, row) for row in rows)).replace('"', "&quot;")
    fields = "".join(_fields(space, row, width, height, place * (height + GAP)) for place, row in enumerate(rows))
    tall = len(rows) * (height + GAP) - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" width="{width}" height="{tall}" '
        f'preserveAspectRatio="none" role="img" aria-label="{label}">{fields}</svg>'
    )


def _fields(space: EmotionSpace, row: np.ndarray, width: int, height: int, top: int) -> str:
    order = wheel_order(space)
    ends = np.concatenate([[0.0], np.cumsum(row[order])]) * width
    return "".join(
        f'<rect y="{top}" x="{start:.2f}" width="{end - start:.2f}" height="{height}" fill="{space.colours[column]}"/>'
        for column, start, end in zip(order, ends, ends[1:], strict=False)
        if end - start > 0
    )
