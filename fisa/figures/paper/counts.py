"""How much of what a data set holds, in print: totals of its labels, and histograms of entropies and of votes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fisa.emotions import EmotionSpace
from fisa.figures.counts import (
    checked_entropies,
    checked_totals,
    checked_votes,
    count_text,
    entropies_alt,
    totals_alt,
    votes_alt,
)
from fisa.figures.paper.sheet import HAIR, SMALL, Width, mark, printable, sheet, styled
from fisa.figures.theme import palette


@styled()
def label_totals(
    totals: np.ndarray, space: EmotionSpace, order: Sequence[int], unit: str, width: Width = "one"
) -> Figure:
    """Draw what each label gets in total, from top to bottom in ``order``; see :func:`fisa.figures.label_totals`.

    Args:
        totals: float [C], at least 0, in column order.
        space: Label space of C >= 1 labels.
        order: Each of its columns once.
        unit: What is counted, such as "votes".
        width: Of one or of two columns.

    Raises:
        FigureError: Wrong shapes, negative or infinite totals, or an order that is none.
    """
    values, columns = checked_totals(totals, space, order)
    top = float(values.max()) or 1.0
    figure = sheet(width, 12 + 4.2 * len(columns), totals_alt(values, space, columns, unit))
    axes = figure.add_subplot()
    places = range(len(columns))
    axes.barh(places, values[columns], height=0.7, color=[space.colours[column] for column in columns])
    for place, column in enumerate(columns):
        axes.text(values[column] + 0.015 * top, place, count_text(values[column]), va="center", fontsize=SMALL)
    axes.set(xlim=(-0.06 * top, 1.2 * top), ylim=(len(columns) - 0.5, -0.5))
    for place, column in enumerate(columns):
        mark(axes, space, column, -0.035 * top, place, 10)
    axes.set_yticks(places, [printable(space.labels[column]) for column in columns], fontsize=7.0)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(printable(unit))
    return figure


@styled()
def entropy_histogram(edges: np.ndarray, counts: np.ndarray, width: Width = "one") -> Figure:
    """Draw how many images have which entropy; see :func:`fisa.figures.entropy_histogram`.

    Args:
        edges: float [B + 1], ascending, in nats; the last is ln C, of all labels alike.
        counts: [B], images from each edge to the next.
        width: Of one or of two columns.

    Raises:
        FigureError: Wrong shapes, no bin, edges that do not ascend, or negative counts.
    """
    bounds, heights = checked_entropies(edges, counts)
    figure = sheet(width, 46.0, entropies_alt(bounds, heights))
    axes = figure.add_subplot()
    axes.bar(
        bounds[:-1], heights, np.diff(bounds), align="edge", color=palette("light").series[0], edgecolor="white",
        linewidth=0.4,
    )  # fmt: skip
    axes.set_xlim(bounds[0], bounds[-1])
    axes.set_xlabel("entropy in nats (0: one label; right end: all alike)")
    _count_upwards(axes)
    return figure


@styled()
def vote_histogram(votes: Sequence[int], images: Sequence[int], width: Width = "one") -> Figure:
    """Draw how many images have which number of votes; see :func:`fisa.figures.vote_histogram`.

    Args:
        votes: Numbers of votes, ascending; at least one.
        images: How many images have each.
        width: Of one or of two columns.

    Raises:
        FigureError: No number, lengths that differ, or negative counts.
    """
    numbers, heights = checked_votes(votes, images)
    figure = sheet(width, 42.0, votes_alt(numbers, heights))
    axes = figure.add_subplot()
    axes.bar(numbers, heights, 0.8, color=palette("light").series[0])
    room = max(1.0, 0.04 * float(np.ptp(numbers)))
    axes.set_xlim(numbers[0] - room, numbers[-1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.set_xlabel("votes")
    _count_upwards(axes)
    return figure


def _count_upwards(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_ylabel("images")
