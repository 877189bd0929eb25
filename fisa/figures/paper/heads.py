"""How alike the heads of a model are, in print."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fisa.figures.heads import LEGENDS, Likeness, checked_likeness, likeness_alt
from fisa.figures.matrices import WRITTEN_UP_TO, Kind, ends_of
from fisa.figures.paper.cells import hatch, paint, scale_below, write
from fisa.figures.paper.sheet import SMALL, WIDTHS, Width, sheet, styled

_PAINTED: Mapping[Likeness, Kind] = {"pattern": "correlation", "cka": "co-occurrence"}
"""Kinds of matrices whose colours and numbers are read alike: with a sign from -1 to 1, and without from 0 to 1."""
_CELL, _AROUND = 12.0, 12.0
"""Side of a cell and room for the numbers of heads beside the cells, at most and in mm."""


@styled()
def head_similarity(values: np.ndarray, kind: Likeness, width: Width = "one") -> Figure:
    """Draw a symmetric matrix of likeness between heads with its numbers; see :func:`fisa.figures.head_similarity`.

    Where there are too many heads for numbers, cells below the middle of a diverging scale are hatched.

    Raises:
        FigureError: Wrong shape, no head, NaN or infinite values, or an unknown kind.
    """
    cells = checked_likeness(values, kind)
    painted, count = _PAINTED[kind], len(cells)
    ends = ends_of(cells, painted, 1.0)
    side = min(WIDTHS["one"] if width == "one" else 110.0, count * _CELL + _AROUND)
    figure = sheet(width, side + 14, likeness_alt(cells, kind))
    axes = figure.add_subplot()
    image = paint(axes, cells, painted, ends)
    if count <= WRITTEN_UP_TO:
        write(axes, cells, painted, ends, 7.0 if width == "two" else SMALL)
    else:
        hatch(axes, cells, ends)
    ticked = range(0, count, -(-count // WRITTEN_UP_TO))
    numbers = [str(head + 1) for head in ticked]
    axes.set_xticks(ticked, numbers)
    axes.set_yticks(ticked, numbers)
    axes.set_xlabel("head")
    axes.set_ylabel("head")
    scale_below(figure, image, [axes], LEGENDS[kind])
    return figure
