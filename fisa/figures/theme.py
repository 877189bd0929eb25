"""The look of every figure in one place: colours, fonts and the plotly template of both themes.

Pages show figures with ``st.plotly_chart(..., theme=None)``, so that nothing here is overridden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal
from unicodedata import east_asian_width

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sample_colorscale, sequential, unlabel_rgb

from fisa.figures.checks import FigureError
from fisa.language import mark, tr

Theme = Literal["light", "dark"]
ColourScale = tuple[tuple[float, str], ...]

FONT = (
    '"Source Sans", "Source Sans 3", "Source Sans Pro", system-ui, -apple-system, "Segoe UI", '
    '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
)


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, all ``#rrggbb``.

    Attributes:
        ink: Text and the truth's line; at least 7:1 against ``surface``.
        muted: Secondary text, at least 4.5:1 against ``surface``.
        grid: Hairlines.
        surface: The page behind the transparent figures.
        panel: A quiet fill that stands out from ``surface``.
        up: Positive contributions, cooperation (the orange end of ``diverging``).
        down: Negative contributions, competition (the blue end of ``diverging``).
        series: Predictions of up to five runs; told apart by dash and marker too.
        diverging: Blue, a middle near ``surface``, orange.
        sequential: cmocean's perceptually uniform "dense", its low end the one near ``surface``.
    """

    ink: str
    muted: str
    grid: str
    surface: str
    panel: str
    up: str
    down: str
    series: tuple[str, ...]
    diverging: ColourScale
    sequential: ColourScale


_DENSE = tuple(sequential.dense)


def _even(colours: tuple[str, ...]) -> ColourScale:
    return tuple((place / (len(colours) - 1), colour) for place, colour in enumerate(colours))


PALETTES: dict[str, Palette] = {
    "light": Palette(
        ink="#0e1626",
        muted="#586174",
        grid="#e4e7ee",
        surface="#ffffff",
        panel="#f4f6fa",
        up="#c2590a",
        down="#1f66b0",
        series=("#4338ca", "#be185d", "#0f766e", "#92400e", "#6b21a8"),
        diverging=_even(("#164f8f", "#5b97d0", "#c3dbf0", "#f6f6f6", "#fbd9b5", "#e8944a", "#a84a05")),
        sequential=_even(_DENSE),
    ),
    "dark": Palette(
        ink="#eef1f7",
        muted="#a4aec0",
        grid="#2b3341",
        surface="#0e1117",
        panel="#171c26",
        up="#f7a552",
        down="#6cb2f7",
        series=("#a5a1ff", "#ff7eb6", "#4fd1c5", "#f0b36a", "#d6a4ff"),
        diverging=_even(("#8cc6ff", "#3f83c9", "#24446b", "#1c222d", "#6b421d", "#cf7a2b", "#ffb976")),
        sequential=_even(_DENSE[::-1]),
    ),
}


def palette(theme: Theme) -> Palette:
    """Return the colours of ``theme``.

    Raises:
        FigureError: ``theme`` is neither ``"light"`` nor ``"dark"``.
    """
    if theme not in PALETTES:
        raise FigureError(f"unknown theme {theme!r}; choose light or dark")
    return PALETTES[theme]


def new_figure(theme: Theme, alt: str, height: int) -> go.Figure:
    """Return an empty figure with the theme's template, its alternative text and its height in pixels."""
    figure = go.Figure()
    style(figure, theme, alt, height)
    return figure


def style(figure: go.Figure, theme: Theme, alt: str, height: int) -> None:
    """Give ``figure`` the theme's template, alternative text (``layout.meta["alt"]``) and height in pixels."""
    figure.update_layout(template=template(theme), meta={"alt": alt}, height=height)


WIDEST_FIXED = 170
"""Pixels of the widest names beside a figure for which its margins are fixed; for others plotly finds a compromise."""


def width_of(texts: Iterable[str], size: float) -> float:
    """Return how many pixels the widest of some words takes at a font size, rather too many than too few."""
    return size * max(
        (sum(1.05 if east_asian_width(each) in "WF" else 0.54 for each in text) for text in texts), default=0
    )


def fix_margins(figure: go.Figure, left: float, right: float, top: float, bottom: float) -> None:
    """Set the margins in pixels for good.

    Plotly otherwise draws a figure, looks how much room its labels take, and draws it anew: twice the time.
    """
    figure.update_layout(margin={"l": left, "r": right, "t": top, "b": bottom})
    figure.update_xaxes(automargin=False)
    figure.update_yaxes(automargin=False)


@cache
def template(theme: Theme) -> go.layout.Template:
    """Return the plotly template of ``theme``: transparent, hairline grids; see :func:`palette` for errors."""
    colours = palette(theme)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zerolinecolor": colours.grid,
        "zeroline": False,
        "automargin": True,
        "tickfont": {"color": colours.muted, "size": 12},
        "title": {"font": {"color": colours.muted, "size": 13}, "standoff": 8},
    }
    bar = {
        "outlinewidth": 0,
        "tickfont": {"color": colours.muted, "size": 11},
        "title": {"font": {"color": colours.muted, "size": 12}},
    }
    layout = go.Layout(
        font={"family": FONT, "size": 13, "color": colours.ink},
        title={"font": {"size": 15, "color": colours.ink}, "x": 0, "xref": "paper", "xanchor": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=colours.series,
        margin={"l": 12, "r": 12, "t": 12, "b": 12},
        hovermode="closest",
        hoverlabel={
            "bgcolor": colours.panel,
            "bordercolor": colours.muted,
            "font": {"family": FONT, "size": 13, "color": colours.ink},
            "align": "left",
        },
        legend={
            "orientation": "h",
            "font": {"color": colours.ink, "size": 13},
            "bgcolor": "rgba(0,0,0,0)",
            "itemsizing": "constant",
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": colours.muted, "activecolor": colours.ink},
        xaxis=axis,
        yaxis=axis,
        polar={"bgcolor": "rgba(0,0,0,0)"},
        coloraxis={"colorbar": bar},
        annotationdefaults={"showarrow": False, "font": {"color": colours.muted, "size": 12}},
    )
    return go.layout.Template(
        layout=layout, data={"heatmap": [{"colorbar": bar}], "scattergl": [{"marker": {"colorbar": bar}}]}
    )


@dataclass(frozen=True)
class Series:
    """How one named distribution is drawn; dash and symbol repeat what the colour says."""

    colour: str
    dash: str
    symbol: str
    observed: bool


_OBSERVED = {mark("truth"): "dash", mark("target"): "dash", mark("votes"): "dot"}
"""Names of what was observed, with the dash of its line."""


def called(name: str) -> str:
    """Return a distribution's name as the person reads it: an observation's in their language, a run's as it is."""
    return tr(name) if name.lower() in _OBSERVED else name


def series(names: Sequence[str], theme: Theme) -> dict[str, Series]:
    """Return the look of each named distribution.

    Observations ("truth", "target", "votes", in any case) are ink or grey with broken lines; every
    other name is a prediction and takes the next series colour, with a solid line.
    """
    colours = palette(theme)
    looks, predictions = {}, 0
    for name in names:
        if name.lower() in _OBSERVED:
            dash = _OBSERVED[name.lower()]
            looks[name] = Series(colours.ink if dash == "dash" else colours.muted, dash, "circle-open", observed=True)
        else:
            symbol = ("circle", "square", "diamond", "triangle-up", "star")[predictions % 5]
            looks[name] = Series(colours.series[predictions % 5], "solid", symbol, observed=False)
            predictions += 1
    return looks


def rgba(colour: str, alpha: float) -> str:
    """Return ``#rrggbb`` as a CSS colour of opacity ``alpha`` in [0, 1]."""
    red, green, blue = hex_to_rgb(colour)
    return f"rgba({red},{green},{blue},{alpha:g})"


def colour_at(scale: ColourScale, share: float) -> tuple[int, int, int]:
    """Return the red, green, blue (0..255) of ``scale`` at ``share``, clipped to [0, 1]."""
    red, green, blue = unlabel_rgb(sample_colorscale([list(stop) for stop in scale], [min(max(share, 0.0), 1.0)])[0])
    return round(red), round(green), round(blue)


def rgb(colour: tuple[int, int, int]) -> str:
    """Return red, green, blue (0..255) as a CSS colour."""
    red, green, blue = colour
    return f"rgb({red},{green},{blue})"


def contrast(first: tuple[int, int, int], second: tuple[int, int, int]) -> float:
    """Return the WCAG 2.2 contrast ratio of two sRGB colours, 1..21."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(background: tuple[int, int, int]) -> str:
    """Return black or white, whichever reads better on ``background`` (at least 4.5:1 on any colour)."""
    return "#000000" if contrast((0, 0, 0), background) >= contrast((255, 255, 255), background) else "#ffffff"


def _luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
