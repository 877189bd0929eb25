"""Numbers in the cells of a heatmap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fisa.figures.theme import ColourScale, colour_at, text_on


def write_cells(
    figure: go.Figure, texts: Sequence[Sequence[str]], shares: np.ndarray, scale: ColourScale, size: int, first: int = 0
) -> None:
    """Write into the cells of a heatmap, in black or white by what reads better there.

    Args:
        figure: Holds the heatmap.
        texts: Of each cell, row by row.
        shares: Of each cell, how far along ``scale`` its colour is, 0 to 1; [rows, columns].
        scale: The heatmap's colours.
        size: Of the font, pixels.
        first: Number of the first row, and of the first column, at the axes.
    """
    inks = [(text_on(colour_at(scale, share)), place) for place, share in np.ndenumerate(shares)]
    for ink in sorted({ink for ink, _ in inks}):  # in one trace each: 64 annotations take plotly four times as long
        cells = [place for each, place in inks if each == ink]
        look = {"textfont": {"color": ink}}  # whatever else is selected
        figure.add_scatter(
            x=[x + first for _, x in cells],
            y=[y + first for y, _ in cells],
            text=[texts[y][x] for y, x in cells],
            mode="text",
            textfont={"size": size, "color": ink},
            selected=look,
            unselected=look,
            hoverinfo="skip",
            showlegend=False,
        )
