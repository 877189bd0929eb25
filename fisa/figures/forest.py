"""Differences with their intervals, one row each, beside the line of no difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, checked, listed, plain
from fisa.figures.theme import Theme, new_figure, palette
from fisa.language import tr

ROW = 26
"""Height of a row in pixels."""


def forest(
    names: Sequence[str], values: np.ndarray, low: np.ndarray, high: np.ndarray, what: str, theme: Theme = "light"
) -> go.Figure:
    """Draw differences and their intervals, the first name on top.

    Args:
        names: What is compared with the reference, N.
        values: float [N], the differences; above 0 is drawn to the right.
        low: float [N], lower ends of their intervals.
        high: float [N], upper ends.
        what: Title of the axis: of what the difference is, and to what.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure with a trace for the rows whose interval is above 0, below it, and around it, where there are any.

    Raises:
        FigureError: No row, lengths that differ, values that are not finite, or ends on the wrong side.
    """
    middle = checked(values, (len(names),), "differences")
    ends = [checked(each, (len(names),), "intervals") for each in (low, high)]
    if not len(names) or (ends[0] > middle).any() or (ends[1] < middle).any():
        raise FigureError("intervals: expected at least one, each around its difference")
    colours = palette(theme)
    kinds = [
        (tr("higher"), ends[0] > 0, colours.up, "triangle-right"),
        (tr("lower"), ends[1] < 0, colours.down, "triangle-left"),
        (tr("interval holds 0"), (ends[0] <= 0) & (ends[1] >= 0), colours.muted, "circle"),
    ]
    called = np.array(names, dtype=object)
    told = tr("; ").join(f"{name}: {listed(list(called[of]))}" for name, of, *_ in kinds if of.any())
    alt = tr("{what}, {n} rows. {told}.", what=what, n=len(names), told=told)
    figure = new_figure(theme, alt, height=110 + ROW * len(names))
    shown = np.array([plain(name) for name in names], dtype=object)
    for name, of, colour, symbol in kinds:
        if of.any():
            figure.add_scatter(
                x=middle[of],
                y=shown[of],
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol, "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": ends[1][of] - middle[of],
                    "arrayminus": middle[of] - ends[0][of],
                    "color": colour,
                },
                hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
            )
    figure.add_vline(x=0, line={"color": colours.ink, "width": 1})
    figure.update_yaxes(categoryorder="array", categoryarray=list(shown[::-1]), automargin=True)
    figure.update_xaxes(title={"text": plain(what)}, zeroline=False)
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"})
    return figure
