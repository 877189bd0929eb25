"""How alike the heads of a model are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from fisa.figures.cells import write_cells
from fisa.figures.checks import FigureError, checked, plain
from fisa.figures.theme import Theme, fix_margins, new_figure, palette
from fisa.language import mark, tr

Likeness = Literal["pattern", "cka"]

LEGENDS: Mapping[Likeness, str] = {
    "pattern": mark("correlation of the mean matrices"),
    "cka": mark("how alike they vary from image to image, linear CKA"),
}
"""What the cells of each kind are, in English."""
_NUMBERED_UP_TO = 16
"""Heads whose likeness is written into the cells; of more, as a committee has, numbers would lie upon each other."""


def head_similarity(values: np.ndarray, kind: Likeness, theme: Theme = "light") -> go.Figure:
    """Draw a symmetric matrix of likeness between heads, up to 16 of them with its values in the cells.

    Args:
        values: float [H, H], H >= 1: in [-1, 1] for ``pattern``, in [0, 1] for ``cka``.
        kind: Chooses scale and legend.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: Wrong shape, no head, NaN or infinite values, or an unknown kind.
    """
    cells = checked_likeness(values, kind)
    count = len(cells)
    colours, numbers = palette(theme), list(range(1, count + 1))
    low, scale = (-1, colours.diverging) if kind == "pattern" else (0, colours.sequential)
    name = tr("head")
    said = tr("head {first} and head {second}: {value}", first="%{y}", second="%{x}", value="%{z:.3f}")
    figure = new_figure(theme, likeness_alt(cells, kind), height=340)
    figure.add_heatmap(
        z=cells,
        x=numbers,
        y=numbers,
        zmin=low,
        zmax=1,
        colorscale=scale,
        xgap=2 if count <= _NUMBERED_UP_TO else 0,
        ygap=2 if count <= _NUMBERED_UP_TO else 0,
        hovertemplate=f"{said}<extra></extra>",
        colorbar={"thickness": 9, "len": 0.9},
    )
    if count <= _NUMBERED_UP_TO:
        decimals, size = (2, 12) if count <= 8 else (1, 9)
        texts = [[f"{value:.{decimals}f}".replace("-", "−") for value in row] for row in cells]
        write_cells(figure, texts, (cells - low) / (1 - low), scale, size, first=1)
    ends = (0.5, count + 0.5)
    axis = {
        "tick0": 1,
        "dtick": -(-count // _NUMBERED_UP_TO),
        "showgrid": False,
        "ticks": "",
        "fixedrange": True,
        "constrain": "domain",
    }
    figure.update_xaxes(title={"text": f"{name}<br>{plain(tr(LEGENDS[kind]))}"}, range=ends, **axis)
    figure.update_yaxes(title={"text": name}, range=ends[::-1], scaleanchor="x", **axis)
    figure.update_layout(dragmode=False)
    fix_margins(figure, 50, 12, 12, 70)
    return figure


def checked_likeness(values: np.ndarray, kind: Likeness) -> np.ndarray:
    """Return ``values`` as float64 [H, H].

    Raises:
        FigureError: Wrong shape, no head, NaN or infinite values, or an unknown kind.
    """
    if kind not in LEGENDS:
        raise FigureError(f"unknown kind of likeness {kind!r}; choose {', '.join(LEGENDS)}")
    count = len(np.atleast_1d(values))
    if not count:
        raise FigureError("likeness of heads: there is no head to draw")
    return checked(values, (count, count), "likeness of heads")


def likeness_alt(cells: np.ndarray, kind: Likeness) -> str:
    """Say in one sentence how alike heads are."""
    if len(cells) < 2:
        return tr("One head alone: {legend}.", legend=tr(LEGENDS[kind]))
    others = np.where(np.eye(len(cells), dtype=bool), -np.inf, cells)
    first, second = np.unravel_index(int(others.argmax()), cells.shape)
    return tr(
        "Likeness of {n} heads, {legend}: the most alike are head {first} and head {second}, {value:.2f}.",
        n=len(cells), legend=tr(LEGENDS[kind]), first=first + 1, second=second + 1, value=cells[first, second],
    )  # fmt: skip
