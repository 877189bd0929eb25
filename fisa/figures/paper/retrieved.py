"""What a search found, in print: the query, and the nearest images in frames that say which are right."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fisa.figures.checks import FigureError
from fisa.figures.frames import distance_text, framed
from fisa.figures.paper.sheet import SMALL, WIDTHS, Width, bare, printable, sheet, short, styled

_COLUMNS: dict[Width, int] = {"one": 4, "two": 6}
_LETTERS: dict[Width, int] = {"one": 16, "two": 21}
"""Letters that fit below a picture."""


@styled()
def retrieved(
    query: tuple[np.ndarray, str],
    nearest: Sequence[tuple[np.ndarray, str]],
    right: Sequence[bool],
    distances: Sequence[float],
    width: Width = "two",
) -> Figure:
    """Draw a query and the nearest images, the nearest first; right: solid frame and ✓; wrong: dashed frame and ✗.

    Args:
        query: The image, uint8 RGB [S, S, 3] with S at least 16, and what stands below it.
        nearest: The images that were found, likewise.
        right: Whether each of them counts as right.
        distances: Of each of them from the query.
        width: Of one or of two columns.

    Raises:
        FigureError: Nothing was found, lengths that differ, or pictures that are no such squares.
    """
    if not nearest or not len(nearest) == len(right) == len(distances):
        raise FigureError("retrieved images: expected one or more, each right or wrong and at its distance")
    columns, fits = min(_COLUMNS[width], len(nearest) + 1), sum(map(bool, right))
    rows, side = math.ceil((len(nearest) + 1) / columns), WIDTHS[width] / columns
    alt = f"The query {printable(query[1])}, and the {len(nearest)} nearest images, {fits} of them right."
    figure = sheet(width, rows * (side + 6), alt)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    pictures = [query[0], *(framed(picture, bool(fit)) for (picture, _), fit in zip(nearest, right, strict=True))]
    signs = [f"{'✓' if fit else '✗'} {distance_text(distance)}" for fit, distance in zip(right, distances, strict=True)]
    names = [query[1], *(name for _, name in nearest)]
    for panel, picture, name, sign in zip(panels, pictures, names, ("query", *signs), strict=False):
        panel.set_axis_on()
        panel.imshow(picture, interpolation="none")
        panel.set(xticks=[], yticks=[])
        bare(panel)
        panel.set_xlabel(f"{short(name, _LETTERS[width])}\n{sign}", fontsize=SMALL, labelpad=2)
    return figure
