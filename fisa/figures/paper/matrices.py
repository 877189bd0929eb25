"""Who acts on whom, in print: one matrix, one a head, and the signed contributions to one emotion."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, signed, wheel_order
from fisa.figures.contributions import contributions_alt, steps_to
from fisa.figures.matrices import (
    LEGENDS,
    WRITTEN_UP_TO,
    Kind,
    ends_of,
    grid_alt,
    matrix_alt,
)
from fisa.figures.paper.cells import hatch, mark_edges, paint, scale_below, write
from fisa.figures.paper.sheet import (
    INK,
    MUTED,
    SMALL,
    WIDTHS,
    Width,
    mark,
    printable,
    sheet,
    short,
    styled,
)
from fisa.figures.theme import palette


@styled()
def matrix(
    values: np.ndarray,
    space: EmotionSpace,
    title: str = "",
    kind: Kind = "contribution",
    limit: float | None = None,
    width: Width = "one",
) -> Figure:
    """Draw a C x C matrix with its numbers; see :func:`fisa.figures.matrix`.

    Where there are too many emotions for numbers, cells below the middle of a diverging scale are hatched.

    Raises:
        FigureError: Wrong shape, NaN or infinite values, an unknown kind, or a limit that is not positive.
    """
    cells = checked(values, (len(space), len(space)), f"{kind} matrix")
    ends = ends_of(cells, kind, limit)
    order = wheel_order(space)
    side = WIDTHS["one"] if width == "one" else 110.0
    figure = sheet(width, side + 14, matrix_alt(cells, space, kind, title))
    axes = figure.add_subplot()
    shown = cells[np.ix_(order, order)]
    image = paint(axes, shown, kind, ends)
    if len(order) <= WRITTEN_UP_TO:
        write(axes, shown, kind, ends, 7.0 if width == "two" else SMALL)
    else:
        hatch(axes, shown, ends)
    mark_edges(axes, space, order, (side - 22) / len(order), 2.1, 14.0)
    labels = [space.labels[i] for i in order]
    axes.set_yticks(range(len(order)), labels, fontsize=7.0)
    axes.set_xticks(range(len(order)), labels, fontsize=7.0, rotation=60, ha="left")
    axes.tick_params(axis="both", length=0, pad=10)
    axes.tick_params(axis="x", top=False, labeltop=True, bottom=False, labelbottom=False)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    if title:
        figure.suptitle(printable(title), fontsize=7.0)
    scale_below(figure, image, [axes], LEGENDS[kind])
    return figure


@styled()
def grid(values: np.ndarray, space: EmotionSpace, kind: Kind = "contribution", width: Width = "two") -> Figure:
    """Draw one small matrix a head on one shared scale; see :func:`fisa.figures.matrix_grid`.

    Cells below the middle of a diverging scale are hatched.

    Raises:
        FigureError: No head, wrong shape, NaN or infinite values, or an unknown kind.
    """
    count = len(space)
    cells = checked(values, (None, count, count), f"{kind} matrices")
    if not len(cells):
        raise FigureError(f"{kind} matrices: there is no head to draw")
    ends = ends_of(cells, kind, None)
    columns = min(len(cells), 4)
    rows = math.ceil(len(cells) / columns)
    side = min(WIDTHS[width] / columns, 44.0)
    figure = sheet(width, rows * (side + 3) + 14, grid_alt(cells, space, kind))
    axes = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.12}).ravel()
    order = wheel_order(space)
    for head, one in enumerate(axes):
        if head >= len(cells):
            one.set_axis_off()
            continue
        shown = cells[head][np.ix_(order, order)]
        image = paint(one, shown, kind, ends)
        hatch(one, shown, ends)
        one.set_title(f"head {head + 1}", pad=8)
        one.set_xticks([])
        one.set_yticks([])
        mark_edges(one, space, order, 0.9 * side / count, 1.3, 4.0 if width == "one" else 8.0)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.03, 0, 0.97, 1))  # room for the marks beside the first head
    scale_below(figure, image, list(axes), LEGENDS[kind])
    return figure


@styled()
def matrices(
    values: Mapping[str, np.ndarray], space: EmotionSpace, kind: Kind = "contribution", width: Width = "two"
) -> Figure:
    """Draw the matrices of several runs on one scale, and below them those of the others less that of the first.

    Cells below the middle of a diverging scale are hatched.

    Args:
        values: Run -> float [C, C]; see :func:`fisa.figures.matrix`.
        space: Label space of C emotions.
        kind: Of the matrices.
        width: Of one or of two columns.

    Raises:
        FigureError: No run, wrong shape, NaN or infinite values, or an unknown kind.
    """
    count, names = len(space), [short(name) for name in values]
    cells = [checked(one, (count, count), f"{kind} matrix") for one in values.values()]
    if not cells:
        raise FigureError(f"{kind} matrices: expected those of one run or more")
    rows = 1 if len(cells) == 1 else 2
    side = min(WIDTHS[width] / len(cells), 55.0)
    figure = sheet(width, rows * (side + 16), f"{kind.capitalize()} matrices of {', '.join(names)}, on one scale.")
    axes = figure.subplots(rows, len(cells), squeeze=False, gridspec_kw={"wspace": 0.12})
    _row(figure, list(axes[0]), dict(zip(names, cells, strict=True)), space, kind, side)
    if rows == 2:
        axes[1, 0].set_axis_off()
        gaps = {f"{name} − {names[0]}": one - cells[0] for name, one in zip(names[1:], cells[1:], strict=True)}
        _row(figure, list(axes[1, 1:]), gaps, space, "difference", side)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.03, 0, 0.97, 1))  # room for the marks beside the first matrix
    return figure


def _row(
    figure: Figure, axes: list[Axes], values: Mapping[str, np.ndarray], space: EmotionSpace, kind: Kind, side: float
) -> None:
    """Draw matrices in a row, of ``side`` mm each, on one scale that stands below them."""
    ends, order = ends_of(np.stack(list(values.values())), kind, None), wheel_order(space)
    for one, (name, cells) in zip(axes, values.items(), strict=True):
        shown = cells[np.ix_(order, order)]
        image = paint(one, shown, kind, ends)
        hatch(one, shown, ends)
        one.set_title(name, pad=8)
        one.set_xticks([])
        one.set_yticks([])
        mark_edges(one, space, order, 0.85 * side / len(space), 1.3, 8.0)
    scale_below(figure, image, axes, LEGENDS[kind])


@styled()
def contributions(
    values: np.ndarray, bias: float, logit: float, space: EmotionSpace, emotion: int, width: Width = "one"
) -> Figure:
    """Draw who pushes one emotion up or down, from the bias to its logit; see :func:`fisa.figures.contribution_bars`.

    What pushes down is hatched.

    Raises:
        FigureError: Wrong shape, NaN or infinite numbers, or an emotion outside the space.
    """
    steps = steps_to(values, bias, logit, space, emotion)
    target, colours = space.labels[emotion], palette("light")
    figure = sheet(width, 12 + 5.2 * (len(steps) + 1), contributions_alt(steps, float(logit), target))
    axes = figure.add_subplot()
    ends = np.concatenate([[0.0], np.cumsum([step.size for step in steps])])
    span = max(float(np.ptp(ends)), 1e-9)
    left, right = float(ends.min() - 0.2 * span), float(ends.max() + 0.2 * span)
    sizes = [*(step.size for step in steps), float(logit)]
    for place, size in enumerate(sizes):
        total = place == len(steps)
        start = 0.0 if total else float(ends[place])
        down = size < 0 and not total
        colour = MUTED if total else colours.down if down else colours.up
        axes.barh(
            place, size, left=start, height=0.62, hatch="/////" if down else "",
            facecolor="white" if down else colour, edgecolor=colour,
        )  # fmt: skip
        beyond = max(start, start + size)
        axes.annotate(
            signed(size), (beyond, place), (2, 0), textcoords="offset points", va="center", fontsize=SMALL,
            in_layout=False,
        )  # fmt: skip
        if not total:
            axes.plot([ends[place + 1]] * 2, [place + 0.31, place + 0.69], color=MUTED, linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=0.5, zorder=0)
    axes.set_xlim(left, right)
    axes.set_ylim(len(steps) + 0.5, -0.5)
    axes.set_yticks(range(len(sizes)), [*(step.name for step in steps), f"logit of {target}"], fontsize=7.0)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"logit of {target}")
    for place, step in enumerate(steps):
        if step.source is not None:
            mark(axes, space, step.source, left, place)
    mark(axes, space, emotion, left, len(steps))
    return figure
