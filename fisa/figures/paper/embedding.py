"""Images as dots in print: as several kinds of vectors place them, side by side, and by their ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, listed
from fisa.figures.paper.measures import MOST_VECTORS
from fisa.figures.paper.sheet import MARKERS, MUTED, SMALL, WIDTHS, Width, colours_of, printable, sheet, styled
from fisa.figures.points import LIGHTEST, POINTS_AT_MOST, Scale, binned, checked_points, groups_of, limits_of
from fisa.figures.scatter import Ranges, checked_ratings, ratings_alt
from fisa.figures.theme import palette

MOST_MAPS = 4


@styled()
def embedding_maps(
    maps: Mapping[str, pd.DataFrame],
    colour_by: np.ndarray | Sequence[object],
    space: EmotionSpace | None = None,
    scale: Scale | None = None,
    width: Width = "two",
) -> Figure:
    """Draw up to four maps of the same images in one row; see :func:`fisa.figures.embedding_map`.

    Axes have no ticks, as they mean nothing. More than 2,000 dots are drawn as pixels.

    Args:
        maps: Title -> columns ``id``, ``x`` and ``y``, a row an image, the same images in each.
        colour_by: One entry a row: labels of ``space``, other strings, or numbers.
        space: Label space of ``colour_by``, or None.
        scale: Of numbers; by default sequential, without a title.
        width: Of one or of two columns.

    Raises:
        FigureError: No map or more than four, other images in one than in another, and what
            :func:`fisa.figures.embedding_map` refuses.
    """
    if not 1 <= len(maps) <= MOST_MAPS:
        raise FigureError(f"maps: expected 1 to {MOST_MAPS}, got {len(maps)}")
    tables = [checked_points(points, colour_by, space) for points in maps.values()]
    if any(list(table["id"]) != list(tables[0]["id"]) for table in tables):
        raise FigureError("maps: expected the same images in each, in the same order")
    scale = scale or Scale()
    groups = groups_of(tables[0], space, palette("light").series)
    told = listed([f"{len(part)} {name}" for name, part, *_ in groups]) or f"coloured by {scale.title or 'a number'}"
    side = min(WIDTHS[width] / len(maps), 110.0)
    alt = f"Maps of {len(tables[0])} images by {listed([printable(title) for title in maps])}: {told}."
    figure = sheet(width, side + 14, alt)
    axes = figure.subplots(1, len(maps), squeeze=False)[0]
    size = float(np.clip(1.2 * side**2 / len(tables[0]), 1.5, 16.0))
    for one, title, table in zip(axes, maps, tables, strict=True):
        shown = binned(table) if len(table) > POINTS_AT_MOST else table
        if groups:
            _categories(one, groups_of(shown, space, palette("light").series), size)
        else:
            numbers = _numbers(one, shown, limits_of(tables[0]["value"], scale)[:2], scale, size)
        one.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
        one.set_title(printable(title))
        for spine in one.spines.values():
            spine.set(visible=True, color=palette("light").grid)
    if groups:
        _legend(figure, axes[0], width)
    else:
        bar = figure.colorbar(numbers, ax=list(axes), location="bottom", shrink=0.7, aspect=40, pad=0.02)
        bar.set_label(printable(limits_of(tables[0]["value"], scale)[2]), fontsize=SMALL)
        bar.outline.set_visible(False)
    return figure


@styled()
def rating_scatter(
    ratings: pd.DataFrame,
    ranges: Ranges,
    colour_by: Sequence[object] | None = None,
    space: EmotionSpace | None = None,
    width: Width = "one",
) -> Figure:
    """Draw valence against arousal on the raters' scales; see :func:`fisa.figures.rating_scatter`.

    Args:
        ratings: Columns ``id`` (str), ``valence`` and ``arousal`` (finite); one row an image.
        ranges: Ends of the scale of valence, and of arousal.
        colour_by: A label of ``space`` for each row, or None for one colour.
        space: Label space of ``colour_by``.
        width: Of one or of two columns.

    Raises:
        FigureError: As :func:`fisa.figures.rating_scatter`.
    """
    table = checked_ratings(ratings, ranges, colour_by, space)
    shown = binned(table) if len(table) > POINTS_AT_MOST else table
    named = space if colour_by is not None else None
    side = WIDTHS["one"] if width == "one" else 110.0
    figure = sheet(width, side + (12 if named else 4), ratings_alt(ratings, ranges))
    axes = figure.add_subplot()
    _categories(axes, groups_of(shown, named, palette("light").series), float(np.clip(side**2 / len(shown), 1.5, 9.0)))
    for (low, high), draw in zip(ranges, (axes.axvline, axes.axhline), strict=True):
        draw((low + high) / 2, color=MUTED, linewidth=0.5, linestyle=":")
    ends = [(low - 0.03 * (high - low), high + 0.03 * (high - low)) for low, high in ranges]
    axes.set(xlim=ends[0], ylim=ends[1], box_aspect=1)
    axes.set_xlabel(f"valence, {ranges[0][0]:g} to {ranges[0][1]:g}")
    axes.set_ylabel(f"arousal, {ranges[1][0]:g} to {ranges[1][1]:g}")
    if named is not None:
        _legend(figure, axes, width)
    return figure


def _legend(figure: Figure, axes: Axes, width: Width) -> None:
    """Name the emotions of a chart below the figure, in marks that can be told apart."""
    handles, names = axes.get_legend_handles_labels()
    legend = figure.legend(handles, names, loc="outside lower center", ncols=4 if width == "one" else 8)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([12.0])


def _categories(axes: Axes, groups: list[tuple[str, pd.DataFrame, str, str]], size: float) -> None:
    count = sum(len(part) for _, part, *_ in groups)
    for name, part, colour, symbol in groups:
        axes.scatter(
            part["x"], part["y"], s=size, marker=MARKERS[symbol], color=colour, linewidths=0, label=name,
            rasterized=count > MOST_VECTORS,
        )  # fmt: skip


def _numbers(axes: Axes, table: pd.DataFrame, ends: tuple[float, float], scale: Scale, size: float) -> PathCollection:
    diverging = scale.middle is not None
    ramp = ListedColormap(colours_of(palette("light").sequential)(np.linspace(LIGHTEST, 1, 256)))
    return axes.scatter(
        table["x"], table["y"], c=table["value"], s=size, linewidths=0.2 if diverging else 0.0, edgecolors=MUTED,
        cmap=colours_of(palette("light").diverging) if diverging else ramp, vmin=ends[0], vmax=ends[1],
        rasterized=len(table) > MOST_VECTORS,
    )  # fmt: skip
