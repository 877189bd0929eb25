"""What offline pages are made of: templates that escape everything, tables, and pictures as data.

A page loads nothing: its own policy forbids it, whatever a name in it says.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from fisa.figures import paper
from fisa.figures.paper.sheet import printable


def _finalised(value: object) -> object:
    """Take out what no page can hold; what a macro returns is Markup, and done."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_TEMPLATES = Environment(
    loader=PackageLoader("fisa.export"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_finalised,
)


@dataclass(frozen=True)
class Table:
    """A table of texts with its heading; the first cell of a row names it.

    Attributes:
        title: Its heading.
        header: Titles of the columns.
        rows: As many texts each.
        note: A line below it.
        bold: Which cells are bold, of the shape of ``rows``; empty for none.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    bold: Sequence[Sequence[bool]] = ()


@dataclass(frozen=True)
class Picture:
    """A picture inside the page: its title, its data URI and its alternative text."""

    title: str
    uri: str
    alt: str


def render(template: str, **content: object) -> str:
    """Fill a template of ``templates/``; every text is escaped."""
    return _TEMPLATES.get_template(template).render(**content)


def framed(title: str, frame: pd.DataFrame, digits: int = 3, note: str = "", best: pd.DataFrame | None = None) -> Table:
    """Return a frame as a table, its index first; numbers with ``digits`` decimals, what is missing as a dash.

    Args:
        title: Of the table.
        frame: Its cells.
        digits: Decimals.
        note: A line below it.
        best: Which cells are bold, bool of the same shape.
    """
    flat = frame.reset_index()
    rows = [[_text(cell, digits) for cell in row] for row in flat.itertuples(index=False)]
    heads = flat.shape[1] - frame.shape[1]
    bold = [] if best is None else [[*[False] * heads, *row] for row in best.to_numpy(bool).tolist()]
    return Table(title, [str(name) for name in flat.columns], rows, note, bold)


def figure_picture(title: str, figure: Figure, about: Mapping[str, str]) -> Picture:
    """Return a figure for print as a picture inside the page."""
    content = base64.b64encode(paper.to_bytes(figure, "svg", about)).decode()
    return Picture(title, f"data:image/svg+xml;base64,{content}", str(figure.get_label()))


def pixel_picture(title: str, pixels: np.ndarray, alt: str, side: int) -> Picture:
    """Return pixels, uint8 RGB [h, w, 3], as a picture inside the page whose longer side has ``side`` pixels."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(shape, Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
    return Picture(title, f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}", alt)


def _text(cell: object, digits: int) -> str:
    if cell is None or cell != cell:
        return "–"
    return f"{cell:.{digits}f}" if isinstance(cell, float | np.floating) else str(cell)
