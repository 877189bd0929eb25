"""Runs in print: how one was trained, one's errors against another's, and a table of measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fisa.figures.checks import FigureError, checked, listed
from fisa.figures.curves import TITLES, columns_of
from fisa.figures.paper.sheet import INK, MUTED, SMALL, WIDTHS, Width, printable, sheet, short, styled
from fisa.figures.theme import palette

_SYMBOLS = ("o", "s", "D", "^", "*")
_DASHES = ("-", "--", "-.", ":", "-")
MOST_VECTORS = 2000
"""Points up to which a scatter stays vectors; more are drawn as pixels, which every program can open."""


@styled()
def history(runs: Mapping[str, pd.DataFrame], width: Width = "one") -> Figure:
    """Draw training loss and the validation number by epoch, one above the other, a line a run.

    Args:
        runs: Name -> one row an epoch; see :func:`fisa.figures.history`. NaN leaves a gap.
        width: Of one or of two columns.

    Raises:
        FigureError: No run, a column is missing, or runs whose validation numbers are of two kinds.
    """
    kinds = {columns_of(table) for table in runs.values()}
    if len(kinds) != 1:
        raise FigureError("histories: expected one or more runs, all validated by the same number")
    ((loss, chosen),) = kinds
    best = [
        f"{name} {table[chosen].min():.4f}" for name, table in runs.items() if np.isfinite(table[chosen].min())
    ] or ["none"]
    figure = sheet(width, 72.0, f"Training history; best {TITLES[chosen]}: {listed(best)}.")
    axes = figure.subplots(2, 1, sharex=True)
    for panel, column in zip(axes, (loss, chosen), strict=True):
        for place, (name, table) in enumerate(runs.items()):
            panel.plot(
                table["epoch"], table[column].where(np.isfinite(table[column])), label=short(name),
                color=palette("light").series[place % 5], linestyle=_DASHES[place % 5], marker=_SYMBOLS[place % 5],
            )  # fmt: skip
        panel.set_ylabel("training loss" if column == loss else TITLES[column])
        panel.grid(visible=True, axis="y", color=palette("light").grid, linewidth=0.5)
    axes[1].set_xlabel("epoch")
    axes[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(runs) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(runs), 3))
    return figure


@styled()
def scatter(a: np.ndarray, b: np.ndarray, names: tuple[str, str], unit: str = "nats", width: Width = "one") -> Figure:
    """Draw one run's error of each sample against another's; see :func:`fisa.figures.error_scatter`.

    Raises:
        FigureError: Lengths that differ, no sample, NaN or infinite errors.
    """
    first = checked(a, (None,), f"errors of {names[0]!r}")
    second = checked(b, (len(first),), f"errors of {names[1]!r}")
    if not len(first):
        raise FigureError("errors: expected at least one sample")
    colours = palette("light")
    one, other = map(short, names)
    outcomes = (
        (f"{one} closer", first < second, colours.down, "s"),
        (f"{other} closer", second < first, colours.up, "o"),
        ("equal", first == second, MUTED, "D"),
    )
    counts = listed([f"{name} on {int(mask.sum())}" for name, mask, *_ in outcomes if mask.any()])
    side = WIDTHS["one"] if width == "one" else 110.0
    figure = sheet(width, side + 6, f"Errors of {one} against {other} on {len(first)} samples: {counts}.")
    axes = figure.add_subplot()
    low, high = min(0.0, float(first.min()), float(second.min())), max(float(first.max()), float(second.max()))
    room = 0.03 * ((high - low) or 1.0)
    axes.plot([low, high], [low, high], color=MUTED, linestyle="--", linewidth=0.6, zorder=1)
    for name, mask, colour, symbol in outcomes:
        if mask.any():
            axes.scatter(
                first[mask], second[mask], s=6, marker=symbol, facecolors=colour if symbol == "o" else "none",
                edgecolors=colour, linewidths=0.4, alpha=0.7, label=f"{name}: {int(mask.sum())}",
                rasterized=len(first) > MOST_VECTORS,
            )  # fmt: skip
    axes.set(xlim=(low - room, high + room), ylim=(low - room, high + room), aspect="equal")
    axes.set_xlabel(f"error of {one} ({unit})")
    axes.set_ylabel(f"error of {other} ({unit})")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


@styled()
def forest(
    names: Sequence[str], values: np.ndarray, low: np.ndarray, high: np.ndarray, what: str, width: Width = "one"
) -> Figure:
    """Draw differences and their intervals, the first name on top; see :func:`fisa.figures.forest`.

    Raises:
        FigureError: No row, lengths that differ, values that are not finite, or ends on the wrong side.
    """
    middle = checked(values, (len(names),), "differences")
    left, right = (checked(each, (len(names),), "intervals") for each in (low, high))
    if not len(names) or (left > middle).any() or (right < middle).any():
        raise FigureError("intervals: expected at least one, each around its difference")
    colours = palette("light")
    figure = sheet(width, 14 + 6.0 * len(names), f"{what}, {len(names)} rows.")
    axes = figure.add_subplot()
    for place, (value, start, end) in enumerate(zip(middle, left, right, strict=True)):
        symbol, colour = (">", colours.up) if start > 0 else ("<", colours.down) if end < 0 else ("o", MUTED)
        reach = [[value - start], [end - value]]
        axes.errorbar([value], [place], xerr=reach, fmt=symbol, color=colour, elinewidth=0.8, markersize=4)
    axes.axvline(0, color=INK, linewidth=0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [short(name, 40) for name in names], fontsize=7.0)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(printable(what))
    return figure


@styled()
def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], bold: Sequence[Sequence[bool]] | None = None,
    foot: str = "", width: Width = "two",
) -> Figure:  # fmt: skip
    """Draw a table of texts as books set them: three rules, names to the left, numbers to the right.

    Args:
        header: Titles of the columns.
        rows: As many texts each; the first one names the row.
        bold: Which cells are bold, of the shape of ``rows``.
        foot: A line below it.
        width: Of one or of two columns.

    Raises:
        FigureError: No row, or rows of other lengths than the header.
    """
    if not rows or any(len(row) != len(header) for row in rows):
        raise FigureError(f"table: expected rows of {len(header)} cells")
    step = 4.2
    figure = sheet(width, step * (len(rows) + 1) + 4 + (4 if foot else 0), f"Table of {', '.join(header[1:])}.")
    axes = figure.add_subplot()
    axes.set_axis_off()
    shares = np.array([max(len(row[place]) for row in (header, *rows)) + 2 for place in range(len(header))], float)
    ends = np.cumsum(shares / shares.sum())
    axes.set(xlim=(0, 1), ylim=(len(rows) + 0.6, -1.0))
    for y, row in enumerate((header, *rows), start=-1):
        for place, text in enumerate(row):
            heavy = y >= 0 and bold is not None and bold[y][place]
            axes.text(
                0.0 if place == 0 else ends[place], y + 0.5, printable(text), ha="left" if place == 0 else "right",
                va="center", fontsize=SMALL if y >= 0 else 7.0, fontweight="bold" if heavy else "normal",
            )  # fmt: skip
    for y, thick in ((-1, 0.9), (0, 0.5), (len(rows), 0.9)):
        axes.axhline(y, color=INK, linewidth=thick)
    if foot:
        axes.text(0, len(rows) + 0.45, printable(foot), fontsize=SMALL * 0.9, color=MUTED, va="center")
    return figure
