"""The cells of matrices in print: coloured, with numbers or hatches, marks at their edges, their scale below."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from fisa.emotions import EmotionSpace
from fisa.figures.matrices import SEQUENTIAL, Kind, cell_text
from fisa.figures.paper.sheet import INK, SMALL, bare, colours_of, mark
from fisa.figures.theme import ColourScale, colour_at, palette, text_on

Ends = tuple[float, float | None, float]
"""Low end, middle (None: sequential) and high end of a scale, as :func:`fisa.figures.matrices.ends_of` returns them."""

LEAST_HATCHED = 0.1
"""Share of the reach of a diverging scale from which a cell below its middle is hatched."""


def paint(axes: Axes, shown: np.ndarray, kind: Kind, ends: Ends) -> AxesImage:
    """Colour cells [R, R], the first row on top, parted by white lines."""
    low, _, high = ends
    image = axes.imshow(shown, cmap=colours_of(_colours(kind)), vmin=low, vmax=high, interpolation="none")
    edges = np.arange(len(shown) + 1) - 0.5
    axes.hlines(edges[1:-1], -0.5, len(shown) - 0.5, color="white", linewidth=0.6)
    axes.vlines(edges[1:-1], -0.5, len(shown) - 0.5, color="white", linewidth=0.6)
    axes.set_xlim(-0.5, len(shown) - 0.5)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    bare(axes)
    return image


def mark_edges(axes: Axes, space: EmotionSpace, order: list[int], cell: float, away: float, size: float) -> None:
    """Put each emotion's shape before its row and above its column, ``away`` mm from cells of ``cell`` mm."""
    beyond = -0.5 - away / cell
    for place, emotion in enumerate(order):
        mark(axes, space, emotion, beyond, place, size)
        mark(axes, space, emotion, place, beyond, size)


def hatch(axes: Axes, shown: np.ndarray, ends: Ends) -> None:
    """Hatch what lies below the middle of a diverging scale."""
    _, middle, high = ends
    if middle is None:
        return
    for y, x in np.argwhere(shown < middle - LEAST_HATCHED * (high - middle)):
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, linewidth=0, edgecolor=INK, hatch="////////", gid="below")
        )


def write(axes: Axes, shown: np.ndarray, kind: Kind, ends: Ends, size: float) -> None:
    """Write its number into each cell, in ``size`` points."""
    low, _, high = ends
    scale, largest = _colours(kind), float(np.abs(shown).max())
    for (y, x), value in np.ndenumerate(shown):
        colour = text_on(colour_at(scale, (value - low) / (high - low)))
        text = cell_text(float(value), kind, largest)
        axes.text(x, y, text, ha="center", va="center", fontsize=size, color=colour)


def scale_below(figure: Figure, image: AxesImage, axes: list[Axes], words: str) -> None:
    """Draw the scale that all ``axes`` share below them, and below it what it means; ``<br>`` ends a line."""
    few = MaxNLocator(5, steps=(1, 2, 2.5, 5, 10))  # more would run into one another below a narrow scale
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.7, aspect=40, pad=0.02, ticks=few)
    bar.set_label(words.replace("<br>", "\n"), fontsize=SMALL)
    bar.outline.set_visible(False)


def _colours(kind: Kind) -> ColourScale:
    return palette("light").sequential if kind in SEQUENTIAL else palette("light").diverging
