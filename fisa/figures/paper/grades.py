"""What explanations are worth, in print: grades with their intervals, over splits, and what deletion takes away."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fisa.figures.checks import FigureError, checked, listed, signed
from fisa.figures.grades import (
    APART,
    SPREAD,
    SYMBOLS,
    checked_rows,
    curves_alt,
    dots_alt,
    look_of,
    names_of,
    placed,
    set_apart,
)
from fisa.figures.paper.sheet import DASHES, HAIR, INK, MARKERS, MUTED, SMALL, Width, printable, sheet, short, styled
from fisa.figures.theme import palette

_SIDE_BY_SIDE: Mapping[Width, int] = {"one": 2, "two": 4}
"""Panels in a row."""
_LETTERS: Mapping[Width, int] = {"one": 50, "two": 120}
"""Letters that fit below an axis; names that need more stand aslant."""


@styled()
def grade_dots(
    rows: pd.DataFrame, title: str, goal: float | None = None, note: str = "", width: Width = "one"
) -> Figure:
    """Draw one grade: a dot with its interval for each subject, names at the left; see :func:`fisa.figures.grade_dots`.

    Methods are filled, baselines and ceilings hollow; runs have a shape and a colour each.

    Args:
        rows: ``run``, ``subject``, ``kind`` (method, baseline or ceiling), ``value``, and ``low``, ``high``, NaN where
            there is no interval.
        title: Of the grade.
        goal: A limit to mark, or None.
        note: A line below.
        width: Of one or of two columns.

    Raises:
        FigureError: No row, or a value that is no number.
    """
    rows = placed(rows)
    names, runs, colours = names_of(rows), list(dict.fromkeys(rows["run"])), palette("light")
    room = 14.0 + (4.0 if goal is not None else 0.0) + (4.0 if note else 0.0) + (6.0 if len(runs) > 1 else 0.0)
    figure = sheet(width, room + len(names) * (3.4 + 1.6 * len(runs)), dots_alt(rows, title))
    axes = figure.add_subplot()
    for number, run in enumerate(runs):
        part = rows[rows["run"] == run]
        y = part["place"] + set_apart(number, len(runs), SPREAD)
        colour, symbol = colours.series[number % len(colours.series)], MARKERS[SYMBOLS[number % len(SYMBOLS)]]
        faces = [colour if kind == "method" else "white" for kind in part["kind"]]
        axes.errorbar(part["value"], y, xerr=_reach(part), fmt="none", ecolor=colour, elinewidth=0.8, capsize=1.2)
        size = 26 if symbol == "*" else 14
        axes.scatter(
            part["value"], y, s=size, marker=symbol, facecolors=faces, edgecolors=colour, linewidths=0.8, zorder=3
        )
        axes.scatter([], [], s=size, marker=symbol, color=colour, linewidths=0.8, label=short(run))
    if goal is not None:
        axes.axvline(goal, color=INK, linestyle=DASHES["dash"], linewidth=0.6, zorder=1)
        axes.annotate(
            f"goal {goal:g}", (goal, 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", fontsize=SMALL, color=MUTED,
        )  # fmt: skip
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [short(name, 40) for name in names], fontsize=7.0)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(printable(title))
    if note:
        figure.supxlabel(printable(note), fontsize=SMALL, color=MUTED)
    if len(runs) > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=min(len(runs), 3))
    return figure


@styled()
def grade_curves(rows: pd.DataFrame, title: str, width: Width = "one") -> Figure:
    """Draw one grade over several splits, a line with intervals each; see :func:`fisa.figures.grade_curves`.

    Args:
        rows: ``line`` (its name), ``split``, ``value``, and ``low``, ``high``, NaN where there is no interval; splits
            in the order of their first row.
        title: Of the grade.
        width: Of one or of two columns.

    Raises:
        FigureError: No row, or a value that is no number.
    """
    rows = checked_rows(rows)
    splits, lines = list(dict.fromkeys(rows["split"])), list(dict.fromkeys(rows["line"]))
    across = _SIDE_BY_SIDE.get(width, 1)  # of no width there is no sheet
    figure = sheet(width, 52.0 + 3.4 * math.ceil(len(lines) / across), curves_alt(rows, title))
    axes = figure.add_subplot()
    for number, line in enumerate(lines):
        part = rows[rows["line"] == line]
        colour, dash, symbol = look_of(number, "light")
        x = [splits.index(split) + set_apart(number, len(lines), APART) for split in part["split"]]
        drawn = axes.errorbar(
            x, part["value"], yerr=_reach(part), color=colour, linestyle=DASHES[dash], marker=MARKERS[symbol],
            markersize=4.5 if symbol == "star" else 3.0, elinewidth=0.6, capsize=1.2, label=short(line),
        )  # fmt: skip
        for bars in drawn[2]:
            bars.set_linestyle("-")  # whose dash would look like a shorter interval
    axes.set_xticks(range(len(splits)), [short(split) for split in splits])
    for label in axes.get_xticklabels() if sum(map(len, splits)) > _LETTERS[width] else ():
        label.set(rotation=30, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(splits) - 0.5)
    axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_ylabel(printable(title))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=min(len(lines), across))
    return figure


@styled()
def deletion_curves(
    shares: np.ndarray,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    chance: tuple[np.ndarray, np.ndarray],
    target: str,
    width: Width = "two",
) -> Figure:
    """Draw a target along deletion (solid) and insertion (dashed) by each method, one panel a method, on one scale.

    Random orders are thin and dotted in every panel; see :func:`fisa.figures.deletion_curves`.

    Args:
        shares: Of the image that are gone, or back; float [S], 0 to 1.
        curves: Method -> the target at each share under deletion and under insertion, [S] each.
        chance: The same in random orders.
        target: What it is, with its unit.
        width: Of one or of two columns.

    Raises:
        FigureError: No method, no step, curves of other lengths, or values that are not finite.
    """
    along = checked(shares, (None,), "shares")
    if not len(along) or not curves:
        raise FigureError("deletion curves: expected at least one method and one step")
    rows = {name: _both(pair, len(along), name) for name, pair in curves.items()}
    random = _both(chance, len(along), "random orders")
    said = [f"{name} {signed(float(down.mean()))} and {signed(float(up.mean()))}" for name, (down, up) in rows.items()]
    alt = f"{target} in the mean of deletion and of insertion: {listed(said)}."
    across = min(_SIDE_BY_SIDE.get(width, 1), len(rows))
    down_to = math.ceil(len(rows) / across)
    figure = sheet(width, 14 + 30.0 * down_to, alt)
    grid = figure.subplots(down_to, across, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    for place, (axes, (name, pair)) in enumerate(zip(grid.flat, rows.items(), strict=False)):
        _panel(axes, along, pair, random)
        axes.set_title(short(name))
        # Shared axes show their numbers in the last row only, which may end before this column.
        axes.tick_params(labelbottom=place + across >= len(rows))
    figure.supxlabel("share of the image", fontsize=7.0)
    figure.supylabel(printable(target), fontsize=7.0)
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(across + 1, 4))
    return figure


def _panel(
    axes: Axes, along: np.ndarray, own: tuple[np.ndarray, np.ndarray], random: tuple[np.ndarray, np.ndarray]
) -> None:
    series = palette("light").series
    for place, (name, dash) in enumerate((("deletion", "solid"), ("insertion", "dash"))):
        axes.plot(along, own[place], color=series[place], linestyle=DASHES[dash], label=name)
    for place, name in enumerate(("random orders", "_")):  # matplotlib lists no name that begins so
        axes.plot(along, random[place], color=MUTED, linestyle=DASHES["dot"], linewidth=0.8, label=name)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])  # short, as the first stands close to the last of its neighbour
    axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)


def _both(pair: tuple[np.ndarray, np.ndarray], steps: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    deletion, insertion = pair
    return checked(deletion, (steps,), f"deletion, {name}"), checked(insertion, (steps,), f"insertion, {name}")


def _reach(rows: pd.DataFrame) -> np.ndarray:
    """Return how far the intervals go below and above the values, [2, rows]; NaN, which draws none, without one."""
    below, above = rows["value"] - rows["low"], rows["high"] - rows["value"]
    return np.stack([below.clip(lower=0).to_numpy(float), above.clip(lower=0).to_numpy(float)])
