"""A picture on which boxes can be drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from fisa.figures.checks import FigureError
from fisa.figures.theme import Theme, new_figure, palette

Box = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of the sides, 0 to 1."""

_GRID = 24  # invisible points a side: a box is reported once it holds one
_TALLEST = 430


def boxable_picture(
    image: np.ndarray, boxes: Sequence[Box], alt: str, theme: Theme = "light", aspect: float = 1.0
) -> go.Figure:
    """Draw a picture on which a box can be dragged, in shares of its sides, with the boxes that are there.

    Plotly reports a selection only where it holds points, so that an invisible grid of them lies over the picture.

    Args:
        image: uint8 RGB [S, S, 3].
        boxes: Drawn as outlines.
        alt: The alternative text.
        theme: ``"light"`` or ``"dark"``.
        aspect: Width over height in which the square is shown.

    Raises:
        FigureError: Another shape or type of image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise FigureError(f"image: expected uint8 RGB [S, S, 3], got {image.dtype} {list(image.shape)}")
    colours = palette(theme)
    figure = new_figure(theme, alt, height=_TALLEST)
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": 1, "sizey": 1, "sizing": "stretch", "layer": "below"}
    figure.add_layout_image(source=_jpeg(image), **place)
    middles = (np.arange(_GRID) + 0.5) / _GRID
    across, down = np.meshgrid(middles, middles)
    figure.add_scatter(
        x=across.ravel(),
        y=down.ravel(),
        mode="markers",
        marker={"opacity": 0, "size": 4},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hoverinfo="skip",
        showlegend=False,
    )
    for left, top, right, bottom in boxes:
        corners = {"x0": left, "y0": top, "x1": right, "y1": bottom}
        # Light below dark: one of the two shows on any picture.
        figure.add_shape(type="rect", line={"color": "#ffffff", "width": 3}, **corners)
        figure.add_shape(type="rect", line={"color": "#10121a", "width": 1.5, "dash": "dash"}, **corners)
    figure.update_layout(
        dragmode="select",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        newselection={"line": {"color": colours.up, "width": 2}},
    )
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True, constrain="domain")
    figure.update_yaxes(
        visible=False, range=[1, 0], fixedrange=True, constrain="domain", scaleanchor="x", scaleratio=1 / aspect
    )
    return figure


def _jpeg(image: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
