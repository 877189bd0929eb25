"""The emotion wheel, the product's emblem: distributions as polygons over soft coloured sectors; and its bar twin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import (
    FigureError,
    checked_distributions,
    percent,
    plain,
    top_emotions,
    wheel_order,
)
from fisa.figures.theme import Theme, called, new_figure, palette, rgba, series
from fisa.language import sentences, tr

RIM = 1.085
"""Where the emotions' shapes sit, in units of the largest ring."""


def wheel(
    space: EmotionSpace,
    distributions: Mapping[str, np.ndarray],
    theme: Theme = "light",
    pair: tuple[int, int] | None = None,
) -> go.Figure:
    """Draw distributions on the emotion wheel: angle is the emotion, distance from the hub its description degree.

    Args:
        space: Label space of C >= 3 emotions; without a wheel its column order is used.
        distributions: Trace name -> description degrees, float [C], each summing to 1. The names "truth",
            "target" and "votes" are drawn as observations (broken lines), all others as predictions.
        theme: ``"light"`` or ``"dark"``.
        pair: Indices (i, j) of ``space.labels``; an arrow leads from j, which gives, to i, which receives.

    Returns:
        A figure whose last ``len(distributions)`` traces are closed polygons in wheel order (C + 1 points);
        the traces before them are the coloured sectors, the rim, the emotions' marker shapes and the pair.

    Raises:
        FigureError: Fewer than three emotions, one of them is not a distribution over ``space``, or a pair outside it.
    """
    rows = checked_distributions(space, distributions)
    if len(space) < 3:
        raise FigureError(
            f"a wheel needs at least three emotions and {space.name!r} has {len(space)}; use distribution_bars"
        )
    step, limit = rings_of(max(row.max() for row in rows.values()))
    alt = distributions_alt(tr("Emotion wheel"), space, rows)
    if pair is not None:
        alt = sentences(alt, tr("Lit: {pair}.", pair=_named_pair(space, pair)))
    figure = new_figure(theme, alt, height=400)
    _sectors(figure, space, limit, theme)
    _ring_labels(figure, space, np.arange(step, limit + 1e-9, step), theme)
    if pair is not None:
        _arrow(figure, space, pair, limit, theme)
    looks = series(list(rows), theme)
    angles = np.degrees(space.angles)
    order = wheel_order(space)
    closed = [*order, order[0]]
    for name, row in rows.items():
        look = looks[name]
        figure.add_scatterpolar(
            r=row[closed],
            theta=angles[closed],
            name=plain(called(name)),
            mode="lines+markers",
            line={"color": look.colour, "width": 2.25, "dash": look.dash},
            marker={"color": look.colour, "size": 6, "symbol": look.symbol},
            fill="none" if look.observed else "toself",
            fillcolor=rgba(look.colour, 0.16),
            hoveron="points",
            hoverinfo="text",
            hovertext=_hover(space, name, row, closed),
            customdata=closed,
        )
    _polar_layout(figure, space, step, limit, theme)
    return figure


def distribution_bars(
    space: EmotionSpace, distributions: Mapping[str, np.ndarray], theme: Theme = "light"
) -> go.Figure:
    """Draw distributions as grouped horizontal bars, emotions from top to bottom in wheel order.

    A single distribution takes the emotions' own colours; several take the colours of ``wheel``,
    observations hatched.

    Args:
        space: Label space of C emotions.
        distributions: Trace name -> description degrees, float [C], each summing to 1.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose bar traces hold the degrees in wheel order.

    Raises:
        FigureError: One of them is not a distribution over ``space``.
    """
    rows = checked_distributions(space, distributions)
    order = wheel_order(space)
    places = list(range(len(order)))
    limit = max(row.max() for row in rows.values())
    colours, looks = palette(theme), series(list(rows), theme)
    height = 70 + len(order) * (16 + 15 * len(rows)) + 30 * (len(rows) > 1)
    figure = new_figure(theme, distributions_alt(tr("Bar chart"), space, rows), height=height)
    for name, row in rows.items():
        look = looks[name]
        own = [space.colours[i] for i in order] if len(rows) == 1 else look.colour
        hatched = look.observed and len(rows) > 1
        figure.add_bar(
            x=row[order],
            y=places,
            orientation="h",
            name=plain(called(name)),
            marker={
                "color": rgba(look.colour, 0.12) if hatched else own,
                "line": {"width": 1.25 if hatched else 0, "color": look.colour},
                "pattern": {"shape": "/" if hatched else "", "fgcolor": look.colour, "size": 5, "solidity": 0.25},
            },
            text=[percent(value) for value in row[order]],
            textposition="outside",
            textfont={"color": colours.muted, "size": 11},
            cliponaxis=False,
            hoverinfo="text",
            hovertext=_hover(space, name, row, order),
            customdata=order,
        )
    figure.add_scatter(
        x=[-0.05 * limit] * len(order),
        y=places,
        mode="markers",
        marker={
            "color": [space.colours[i] for i in order],
            "symbol": [space.markers[i] for i in order],
            "size": 9,
        },
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        barmode="group", bargap=0.28, bargroupgap=0.08, barcornerradius=3, showlegend=len(rows) > 1, dragmode=False
    )
    figure.update_legends(yanchor="bottom", y=1.01, x=0, xanchor="left", traceorder="normal")
    figure.update_xaxes(range=[-0.09 * limit, 1.18 * limit], tickformat=".0%", nticks=5, fixedrange=True)
    figure.update_yaxes(
        range=[len(order) - 0.5, -0.5],
        tickvals=places,
        ticktext=[plain(space.names[i]) for i in order],
        tickfont={"color": colours.ink, "size": 13},
        showgrid=False,
        fixedrange=True,
    )
    return figure


def wheel_emblem(space: EmotionSpace, size: int = 96) -> str:
    """Return the emblem as inline SVG: one petal an emotion in wheel order over its pale sector, for both themes.

    The petals' lengths are a design, not data.

    Args:
        space: Label space of C >= 3 emotions.
        size: Side in pixels; the viewBox scales with it.

    Raises:
        FigureError: Fewer than three emotions, or a size below one pixel.
    """
    count, title = len(space), tr("FISA Studio: the emotion wheel")
    if count < 3 or size < 1:
        raise FigureError("an emblem needs at least three emotions and a size of at least one pixel")
    width = 2 * math.pi / count
    parts = []
    for place, i in enumerate(wheel_order(space)):
        middle = place * width
        length = 33 + 13 * math.cos(middle - 5.1)
        parts.append(f'<path d="{_sector(middle, width * 0.47, 48)}" fill="{space.colours[i]}" fill-opacity="0.28"/>')
        parts.append(f'<path d="{_sector(middle, width * 0.47, length)}" fill="{space.colours[i]}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -50 100 100" width="{size}" height="{size}" '
        f'role="img" aria-label="{title}"><title>{title}</title>'
        f"{''.join(parts)}</svg>"
    )


def rings_of(largest: float) -> tuple[float, float]:
    """Return the spacing of the rings (at most four of them) and the radius of the sectors, in steps of 5 %."""
    limit = max(0.1, math.ceil(largest / 0.05 - 1e-9) * 0.05)
    step = next(step for step in (0.05, 0.1, 0.2, 0.25) if limit < 5 * step - 1e-9)
    return step, limit


def _sectors(figure: go.Figure, space: EmotionSpace, limit: float, theme: Theme) -> None:
    angles = np.degrees(space.angles)
    width = 360 / len(space)
    common = {"theta": angles, "hoverinfo": "skip", "showlegend": False}
    fill, rim = (0.15, 0.75) if theme == "light" else (0.22, 0.85)
    figure.add_barpolar(
        r=[limit] * len(space),
        width=[width - 1.2] * len(space),
        marker={"color": [rgba(c, fill) for c in space.colours], "line": {"width": 0}},
        **common,
    )
    figure.add_barpolar(
        r=[0.03 * limit] * len(space),
        base=[limit] * len(space),
        width=[width - 1.2] * len(space),
        marker={"color": [rgba(c, rim) for c in space.colours], "line": {"width": 0}},
        **common,
    )
    figure.add_scatterpolar(
        r=[RIM * limit] * len(space),
        mode="markers",
        marker={"color": space.colours, "symbol": space.markers, "size": 10},
        cliponaxis=False,
        **common,
    )


def _hover(space: EmotionSpace, name: str, row: np.ndarray, columns: Sequence[int]) -> list[str]:
    """Say of each of some columns what the distribution ``name`` gives it."""
    return [
        tr("{name}: {emotion} {degree}", name=plain(called(name)), emotion=plain(space.names[i]),
           degree=percent(row[i], 1))
        for i in columns
    ]  # fmt: skip


def _named_pair(space: EmotionSpace, pair: tuple[int, int]) -> str:
    if not all(0 <= index < len(space) for index in pair):
        raise FigureError(f"pair {pair} is outside {space.name!r}, which has {len(space)} emotions")
    receives, gives = (plain(space.names[index]) for index in pair)
    return tr("{gives} acts on {receives}", gives=gives, receives=receives)


def _arrow(figure: go.Figure, space: EmotionSpace, pair: tuple[int, int], limit: float, theme: Theme) -> None:
    """Draw an arrow from rim to rim, or a ring round the shape of an emotion that acts on itself."""
    receives, gives = (float(np.degrees(space.angles[index])) for index in pair)
    colours = palette(theme)
    said = {"hoverinfo": "text", "hovertext": _named_pair(space, pair), "name": "pair", "showlegend": False}
    if receives == gives:
        ring = {"symbol": "circle-open", "size": 20, "color": colours.ink, "line": {"width": 3}}
        place = {"r": [RIM * limit], "theta": [receives], "cliponaxis": False}
        figure.add_scatterpolar(mode="markers", marker=ring, **place, **said)
        return
    figure.add_scatterpolar(
        r=[0.97 * limit, 0.97 * limit],
        theta=[gives, receives],
        mode="lines+markers",
        line={"color": colours.ink, "width": 3},
        marker={"color": colours.ink, "size": [7, 17], "symbol": ["circle", "arrow"], "angleref": "previous"},
        **said,
    )


def _ring_labels(figure: go.Figure, space: EmotionSpace, rings: np.ndarray, theme: Theme) -> None:
    """Write the rings' degrees between the first two sectors, upright (plotly turns the axis' own labels)."""
    if len(rings) > 2:
        rings = rings[1:]  # the innermost label would sit under the polygons
    figure.add_scatterpolar(
        r=rings,
        theta=[180 / len(space)] * len(rings),
        mode="text",
        text=[percent(ring) for ring in rings],
        textfont={"size": 10, "color": palette(theme).muted},
        hoverinfo="skip",
        showlegend=False,
    )


def _polar_layout(figure: go.Figure, space: EmotionSpace, step: float, limit: float, theme: Theme) -> None:
    colours = palette(theme)
    figure.update_layout(
        margin={"l": 66, "r": 66, "t": 26, "b": 58},
        dragmode=False,
        legend={"x": 0.5, "xanchor": "center", "y": -0.1, "yanchor": "top", "itemsizing": "trace", "itemwidth": 44},
        polar={
            "bargap": 0,
            "barmode": "overlay",
            "angularaxis": {
                "rotation": 90,
                "direction": "clockwise",
                "tickvals": np.degrees(space.angles),
                "ticktext": [plain(name) for name in space.names],
                "tickfont": {"size": 13, "color": colours.ink},
                "showgrid": False,
                "showline": False,
                "ticks": "outside",
                "ticklen": 5,
                "tickcolor": "rgba(0,0,0,0)",  # room between the shapes and their labels
            },
            "radialaxis": {
                "range": [0, 1.16 * limit],
                "tickvals": np.arange(step, limit + 1e-9, step),
                "showticklabels": False,
                "gridcolor": rgba(colours.muted, 0.28),
                "showline": False,
                "ticks": "",
            },
        },
    )


def _sector(middle: float, half: float, radius: float, hub: float = 7) -> str:
    """Return the SVG path of a ring sector around ``middle`` (radians, clockwise from the top)."""

    def point(angle: float, distance: float) -> str:
        return f"{distance * math.sin(angle):.2f} {-distance * math.cos(angle):.2f}"

    low, high = middle - half, middle + half
    return (
        f"M{point(low, hub)}L{point(low, radius)}A{radius:.2f} {radius:.2f} 0 0 1 {point(high, radius)}"
        f"L{point(high, hub)}A{hub} {hub} 0 0 0 {point(low, hub)}Z"
    )


def distributions_alt(what: str, space: EmotionSpace, rows: Mapping[str, np.ndarray]) -> str:
    """Say in one sentence which emotions are the strongest; ``what`` is in the person's language."""
    strongest = ((called(name), top_emotions(space, row)) for name, row in rows.items())
    parts = tr("; ").join(tr("{name}: {emotions}", name=name, emotions=emotions) for name, emotions in strongest)
    return tr("{what} of {n} emotions. Strongest in {parts}.", what=what, n=len(space), parts=parts)
