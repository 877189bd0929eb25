"""A distribution as a strip of colours, small enough to stand below a thumbnail."""

from __future__ import annotations

import numpy as np

from fisa.emotions import EmotionSpace
from fisa.figures.checks import checked_distributions, plain, top_emotions, wheel_order


def distribution_strip(space: EmotionSpace, degrees: np.ndarray, width: int = 150, height: int = 10) -> str:
    """Return a distribution as inline SVG for both themes: one field for each emotion, as wide as its degree.

    Args:
        space: Label space of C emotions; fields stand in wheel order.
        degrees: float [C], summing to 1.
        width: Of the strip, in pixels.
        height: Of the strip, in pixels.

    Raises:
        FigureError: ``degrees`` is no distribution over ``space``.
    """
    row = checked_distributions(space, {"strip": degrees})["strip"]
    label = plain(top_emotions(space, row)).replace('"', "&quot;")
    ends = np.concatenate([[0.0], np.cumsum(row[wheel_order(space)])]) * width
    fields = [
        f'<rect x="{start:.2f}" width="{end - start:.2f}" height="{height}" fill="{space.colours[column]}"/>'
        for column, start, end in zip(wheel_order(space), ends, ends[1:], strict=False)
        if end - start > 0
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none" role="img" aria-label="{label}">{"".join(fields)}</svg>'
    )
