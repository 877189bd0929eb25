"""Distributions of emotions in print: the wheel, and bars with their gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked_distributions, percent, signed, wheel_order
from fisa.figures.paper.sheet import DASHES, INK, MARKERS, MUTED, SMALL, Width, mark, sheet, short, styled
from fisa.figures.theme import palette, series
from fisa.figures.wheel import RIM, distributions_alt, rings_of

_HATCHES = {"truth": "/////", "target": "/////", "votes": "....."}


@styled()
def wheel(space: EmotionSpace, distributions: Mapping[str, np.ndarray], width: Width = "one") -> Figure:
    """Draw distributions on the emotion wheel; see :func:`fisa.figures.wheel`.

    Raises:
        FigureError: Fewer than three emotions, or one of them is not a distribution over ``space``.
    """
    rows = checked_distributions(space, distributions)
    if len(space) < 3:
        raise FigureError(f"a wheel needs at least three emotions and {space.name!r} has {len(space)}; use bars")
    step, limit = rings_of(max(row.max() for row in rows.values()))
    figure = sheet(width, 84.0 if width == "one" else 96.0, distributions_alt("Emotion wheel", space, rows))
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    sector = 2 * math.pi / len(space) * 0.98
    axes.bar(space.angles, limit, width=sector, color=space.colours, alpha=0.16, linewidth=0, zorder=0)
    for emotion, angle in enumerate(space.angles):
        mark(axes, space, emotion, angle, RIM * limit, size=22)
        across, up = math.sin(angle), math.cos(angle)
        side = "left" if across > 0.3 else "right" if across < -0.3 else "center"
        height = "bottom" if up > 0.3 else "top" if up < -0.3 else "center"
        axes.text(angle, 1.15 * limit, space.labels[emotion], ha=side, va=height)
    order = wheel_order(space)
    closed = [*order, order[0]]
    for name, look in series(list(rows), "light").items():
        axes.plot(
            space.angles[closed], rows[name][closed], label=short(name), color=look.colour,
            linestyle=DASHES[look.dash], marker=MARKERS[look.symbol],
            markerfacecolor="white" if look.observed else look.colour, zorder=4 if look.observed else 3,
        )  # fmt: skip
        if not look.observed:
            axes.fill(space.angles[closed], rows[name][closed], color=look.colour, alpha=0.12, linewidth=0, zorder=2)
    axes.set_ylim(0, 1.14 * limit)
    rings = np.arange(step, limit + 1e-9, step)
    axes.set_yticks(rings, [percent(ring) for ring in rings], color=MUTED)
    axes.set_rlabel_position(math.degrees(space.angles[order[0]]) + 180 / len(space))
    axes.set_xticks([])
    axes.grid(visible=True, axis="y", color=MUTED, alpha=0.35, linewidth=0.5)
    axes.spines["polar"].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(rows), 3))
    return figure


@styled()
def bars(space: EmotionSpace, distributions: Mapping[str, np.ndarray], width: Width = "one") -> Figure:
    """Draw distributions as bars and, of two or more, the second less the first beside them.

    Args:
        space: Label space of C emotions.
        distributions: Name -> description degrees, float [C]; the truth first means predicted less true.
        width: Of one or of two columns.

    Raises:
        FigureError: One of them is not a distribution over ``space``.
    """
    rows = checked_distributions(space, distributions)
    order = wheel_order(space)
    figure = sheet(width, 16 + len(order) * (3.0 + 2.6 * len(rows)), distributions_alt("Bar chart", space, rows))
    if len(rows) == 1:
        axes = figure.add_subplot()
    else:
        axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
        first, second, *_ = rows
        _gaps(beside, (rows[second] - rows[first])[order])
        beside.set_xlabel(short(f"{second} − {first}"), fontsize=SMALL)
    thick = 0.76 / len(rows)
    for place, (name, look) in enumerate(series(list(rows), "light").items()):
        hatch = _HATCHES.get(name.lower(), "") if len(rows) > 1 else ""
        own = [space.colours[i] for i in order] if len(rows) == 1 else look.colour
        at = np.arange(len(order)) - 0.38 + thick * (place + 0.5)
        values = rows[name][order]
        axes.barh(
            at, values, height=thick * 0.9, label=short(name), hatch=hatch,
            color="white" if hatch else own, edgecolor=look.colour if hatch else "none",
        )  # fmt: skip
        for y, value in zip(at, values, strict=True):
            axes.annotate(
                percent(value), (value, y), (2, 0), textcoords="offset points", va="center", fontsize=SMALL * 0.9,
                color=MUTED, in_layout=False,
            )  # fmt: skip
    limit = max(float(row.max()) for row in rows.values())
    axes.set_xlim(0, 1.2 * limit)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_yticks(range(len(order)), [space.labels[i] for i in order], fontsize=7.0)
    axes.tick_params(axis="y", length=0, pad=9)
    axes.xaxis.set_major_formatter(lambda share, _: percent(share) if share < 1.01 else "")
    axes.set_xlabel("description degree")
    for y, emotion in enumerate(order):
        mark(axes, space, emotion, -0.03 * limit, y)
    if len(rows) > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(rows))
    return figure


def _gaps(axes: Axes, gaps: np.ndarray) -> None:
    """Draw gaps as signed bars, in points of a hundred; hatched where they are negative."""
    colours = palette("light")
    reach = max(float(np.abs(gaps).max()), 0.01)
    found = axes.barh(range(len(gaps)), gaps, height=0.5, label="gap")
    for bar, gap in zip(found, gaps, strict=True):
        bar.set(facecolor=colours.up if gap > 0 else "white", edgecolor=colours.up if gap > 0 else colours.down)
        bar.set_hatch("" if gap > 0 else "/////")
        end = "left" if gap > 0 else "right"
        axes.annotate(
            f"{signed(100 * gap, 1)}", (gap, bar.get_y() + bar.get_height() / 2), (2 if gap > 0 else -2, 0),
            textcoords="offset points", va="center", ha=end, fontsize=SMALL * 0.9, color=MUTED, in_layout=False,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.5)
    axes.set_xlim(-2.3 * reach, 2.3 * reach)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelleft=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
