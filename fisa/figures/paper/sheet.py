"""The sheet that a figure for print is drawn on: its width, its type, its marks, and how it becomes a file."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Literal, get_args

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from fisa import __version__
from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError
from fisa.figures.theme import ColourScale, colour_at, palette

Width = Literal["one", "two"]
Form = Literal["svg", "png", "pdf"]
FORMS: tuple[Form, ...] = get_args(Form)

WIDTHS: Mapping[Width, float] = MappingProxyType({"one": 82.0, "two": 174.0})
"""Width in mm of a figure over one and over two columns. No wider than the columns of CVF's conferences (82.5 and
174.6 mm), Springer's journals (84, 174), IEEE's (88.9, 181.9), Nature's (89, 183) and Elsevier's (90, 190), so that no
figure must be scaled, which would scale its type, too."""

DPI = 300
"""Of PNG, and of what is drawn as pixels inside SVG and PDF."""

SMALL = 6.0
"""Points of the smallest type: numbers in cells, ticks."""

INK, MUTED, HAIR = palette("light").ink, palette("light").muted, palette("light").grid

STYLE: Mapping[str, object] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same bytes
        "font.size": 7.0,
        "axes.titlesize": 7.0,
        "axes.labelsize": 7.0,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "legend.fontsize": SMALL,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.linewidth": 0.5,
        "xtick.major.width": 0.5,
        "ytick.major.width": 0.5,
        "xtick.major.size": 2.0,
        "ytick.major.size": 2.0,
        "lines.linewidth": 1.0,
        "lines.markersize": 3.0,
        "patch.linewidth": 0.5,
        "hatch.linewidth": 0.4,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "text.parse_math": False,  # a run may be named $x$
        "axes.unicode_minus": True,
        "figure.constrained_layout.w_pad": 0.02,
        "figure.constrained_layout.h_pad": 0.02,
        "savefig.dpi": DPI,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "fisa",  # the same ids in every file
        "pdf.fonttype": 42,  # TrueType, embedded, as journals ask
    }
)

MARKERS: Mapping[str, str] = MappingProxyType(
    {
        "circle": "o", "star": "*", "square": "s", "triangle-up": "^", "triangle-down": "v", "x": "X", "cross": "P",
        "diamond": "D", "pentagon": "p", "hexagon": "h", "circle-open": "o",
    }
)  # fmt: skip
"""Plotly's marker symbols -> matplotlib's."""

DASHES: Mapping[str, str | tuple[int, tuple[float, ...]]] = MappingProxyType(
    {
        "solid": "-", "dash": (0, (3.5, 1.8)), "dot": (0, (1, 1.4)), "dashdot": (0, (3.5, 1.4, 1, 1.4)),
        "longdash": (0, (7, 1.8)),
    }
)  # fmt: skip
"""Plotly's dashes -> matplotlib's."""

_ALONE = threading.RLock()
# Anything else is no character of XML, or one half of a character, as in file names that are no text.
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@contextmanager
def styled() -> Iterator[None]:
    """Draw in ``STYLE``, whatever a person's own matplotlibrc says; also a decorator.

    matplotlib's settings belong to the process, so that one thread at a time may change them.
    """
    with _ALONE, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(dict(STYLE))  # type: ignore[arg-type]
        yield


def sheet(width: Width, height: float, alt: str) -> Figure:
    """Return an empty figure; for use inside :func:`styled`.

    Args:
        width: Of one or of two columns.
        height: In mm.
        alt: Alternative text, which becomes the figure's label and the title of its file.

    Raises:
        FigureError: There is no such width.
    """
    if width not in WIDTHS:
        raise FigureError(f"unknown width {width!r}; choose one or two (columns)")
    figure = Figure(figsize=(WIDTHS[width] / 25.4, height / 25.4), dpi=DPI, layout="constrained")
    figure.set_label(alt)
    return figure


@styled()
def to_bytes(figure: Figure, form: Form, about: Mapping[str, str] | None = None) -> bytes:
    """Write a figure of this package; the same figure and ``about`` make the same bytes.

    Args:
        figure: To write.
        form: One of ``FORMS``.
        about: Where its numbers come from, such as run, data and image; goes into the file's own metadata.

    Raises:
        FigureError: There is no such form.
    """
    if form not in FORMS:
        raise FigureError(f"unknown form {form!r} of a figure; choose {', '.join(FORMS)}")
    source = "; ".join(f"{name}: {text}" for name, text in (about or {}).items())
    title, source, creator = printable(figure.get_label()), printable(source), f"FISA Studio {__version__}"
    metadata: dict[str, str | None]
    if form == "svg":
        metadata = {"Title": title, "Description": source, "Creator": creator, "Date": None}
    elif form == "pdf":
        metadata = {"Title": title, "Subject": source, "Creator": creator, "CreationDate": None}
    else:
        metadata = {"Title": title, "Description": source, "Software": creator}
    _settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format=form, metadata=metadata)
    return stream.getvalue()


def _settle(figure: Figure) -> None:
    """Find where everything stands, once for all forms: matplotlib would for each, which takes longer than to draw."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine(None)


def printable(text: object) -> str:
    """Return ``text`` with what no file format can hold (control characters, broken file names) shown as "�"."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def short(name: object, most: int = 28) -> str:
    """Return a name that fits beside a figure: of a long one its beginning and, as paths differ there, its end."""
    text = printable(name)
    return text if len(text) <= most else f"{text[: most // 3]}…{text[-(most - most // 3 - 1) :]}"


@cache
def colours_of(scale: ColourScale) -> ListedColormap:
    """Return a colour scale of the theme as matplotlib has them."""
    return ListedColormap([[part / 255 for part in colour_at(scale, share)] for share in np.linspace(0, 1, 256)])


def mark(axes: Axes, space: EmotionSpace, emotion: int, x: float, y: float, size: float = 14.0) -> None:
    """Draw an emotion's coloured shape at (x, y) of the axes, also outside their frame; ``size`` in points squared.

    Its gid is the emotion; no room is made for it.
    """
    symbol = MARKERS[space.markers[emotion]]
    axes.set_autoscale_on(False)  # the limits are those of the data
    drawn = axes.scatter(
        [x], [y], s=size * (1.5 if symbol == "*" else 1.0), marker=symbol, color=space.colours[emotion],
        linewidths=0, clip_on=False, zorder=5, gid=space.labels[emotion],
    )  # fmt: skip
    drawn.set_in_layout(False)


def bare(axes: Axes) -> None:
    """Take frame and ticks away from axes that hold a picture or a matrix."""
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
