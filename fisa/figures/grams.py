"""A Gram matrix: which channels of a stage respond together."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, checked, plain
from fisa.figures.theme import Theme, new_figure, palette


def gram(values: np.ndarray, title: str = "", theme: Theme = "light") -> go.Figure:
    """Draw a Gram matrix as a square of colour, from 0 to its largest entry.

    Channels have no names and no order that means anything; what can be seen is how many respond, and whether alone or
    together.

    Args:
        values: float [n, n], symmetric, not negative.
        title: Small heading inside the figure; empty for none.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: Not square, or a value that is negative, NaN or infinite.
    """
    cells = checked(values, (None, len(values)), "Gram matrix")
    if cells.size and cells.min() < 0:
        raise FigureError(f"Gram matrix: entries are sums of squares after a ReLU, got {cells.min():.3g}")
    awake = int((np.diagonal(cells) > 0).sum())
    said = f"{title}: " if title else ""
    alt = f"{said}Gram matrix of {len(cells)} channels, {awake} of which respond; largest entry {cells.max():.3g}."
    figure = new_figure(theme, alt, height=260)
    top = float(cells.max()) or 1.0
    figure.add_heatmap(
        z=cells,
        zmin=0.0,
        zmax=top,
        colorscale=palette(theme).sequential,
        colorbar={"thickness": 9, "nticks": 4},
        hovertemplate="channels %{y} and %{x}: %{z:.3g}<extra></extra>",
    )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 30 if title else 8, "b": 8}, dragmode=False)
    if title:
        figure.update_layout(
            title={"text": plain(title), "font": {"size": 13}, "y": 1, "yanchor": "top", "pad": {"t": 6}}
        )
    return figure
