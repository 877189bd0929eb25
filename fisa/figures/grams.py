"""A Gram matrix: which channels of a stage respond together."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, checked, plain
from fisa.figures.theme import Theme, new_figure, palette
from fisa.language import tr


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
    alt = tr("Gram matrix of {n} channels, {awake} of which respond; largest entry {largest:.3g}.",
             n=len(cells), awake=awake, largest=cells.max())  # fmt: skip
    alt = tr("{title}: {said}", title=title, said=alt) if title else alt
    hover = tr("channels {first} and {second}: {value}", first="%{y}", second="%{x}", value="%{z:.3g}")
    figure = new_figure(theme, alt, height=260)
    top = float(cells.max()) or 1.0
    figure.add_heatmap(
        z=cells,
        zmin=0.0,
        zmax=top,
        colorscale=palette(theme).sequential,
        colorbar={"thickness": 9, "nticks": 4},
        hovertemplate=f"{hover}<extra></extra>",
    )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 30 if title else 8, "b": 8}, dragmode=False)
    if title:
        figure.update_layout(
            title={"text": plain(title), "font": {"size": 13}, "y": 1, "yanchor": "top", "pad": {"t": 6}}
        )
    return figure
