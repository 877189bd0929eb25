"""Points that stand for images on axes: their ratings, and one run's errors against another's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fisa.emotions import DIMENSIONS, EmotionSpace
from fisa.figures.checks import FigureError, checked, listed, plain
from fisa.figures.points import (
    POINTS_AT_MOST,
    Drag,
    add_points,
    binned,
    checked_points,
    dim,
    dot,
    dots_of,
    groups_of,
    ring,
)
from fisa.figures.theme import Theme, fix_margins, new_figure, palette
from fisa.language import mark, tr

Ranges = tuple[tuple[float, float], tuple[float, float]]
"""Ends of the scale of valence, and of arousal."""

_FIRST, _SECOND, _EQUAL = "first", "second", "equal"


def rating_scatter(
    ratings: pd.DataFrame,
    ranges: Ranges,
    colour_by: Sequence[object] | None = None,
    space: EmotionSpace | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw valence against arousal in WebGL, on the scale on which the images were rated.

    Args:
        ratings: Columns ``id`` (str), ``valence`` and ``arousal`` (finite); one row an image, N >= 1. Above 20,000
            rows each occupied cell shows one image, as in :func:`embedding_map`.
        ranges: Ends of the scale of valence, and of arousal.
        colour_by: A label of ``space`` for each row, or None for one colour.
        space: Label space of ``colour_by``.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose point traces carry the ids in ``customdata``; dotted lines mark the middles of the scales.

    Raises:
        FigureError: As :func:`embedding_map`, or a range without an extent.
    """
    table = checked_ratings(ratings, ranges, colour_by, space)
    shown = binned(table) if len(table) > POINTS_AT_MOST else table
    colours = palette(theme)
    figure = new_figure(theme, ratings_alt(ratings, ranges), height=420)
    size = float(np.clip(900 / np.sqrt(len(shown)) / 4, 4, 8))
    groups = groups_of(shown, space if colour_by is not None else None, colours.series)
    for name, part, colour, symbol in groups:
        add_points(figure, part, plain(tr(name)), dot(colour, symbol, size, theme))
    for (low, high), draw in zip(ranges, (figure.add_vline, figure.add_hline), strict=True):
        draw((low + high) / 2, line={"color": colours.muted, "width": 1, "dash": "dot"})
    titles = [
        tr("{name}, {low:g} to {high:g}", name=tr(name), low=low, high=high)
        for name, (low, high) in zip(DIMENSIONS, ranges, strict=True)
    ]
    room = [0.03 * (high - low) for low, high in ranges]
    steps = [{"dtick": 1} if 2 < high - low <= 10 else {"nticks": 6} for low, high in ranges]
    figure.update_layout(
        showlegend=colour_by is not None,
        dragmode="pan",
        legend={"x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_xaxes(title={"text": titles[0]}, range=[ranges[0][0] - room[0], ranges[0][1] + room[0]], **steps[0])
    figure.update_yaxes(title={"text": titles[1]}, range=[ranges[1][0] - room[1], ranges[1][1] + room[1]], **steps[1])
    return figure


def checked_ratings(
    ratings: pd.DataFrame, ranges: Ranges, colour_by: Sequence[object] | None, space: EmotionSpace | None
) -> pd.DataFrame:
    """Return ``id``, ``x`` (valence), ``y`` (arousal) and ``value`` of each image; see :func:`rating_scatter`."""
    missing = {"valence", "arousal"} - set(ratings.columns)
    if missing:
        raise FigureError(f"ratings: column {listed(sorted(missing))} is missing")
    if any(not low < high for low, high in ranges):
        raise FigureError("ratings: the upper end of a scale must lie above the lower one")
    values = colour_by if colour_by is not None and space is not None else [mark("images")] * len(ratings)
    points = ratings.rename(columns={"valence": "x", "arousal": "y"})
    return checked_points(points, values, space if colour_by is not None else None)


def ratings_alt(ratings: pd.DataFrame, ranges: Ranges) -> str:
    """Say in words what :func:`rating_scatter` draws."""
    slope = ratings["valence"].corr(ratings["arousal"]) if len(ratings) > 2 else float("nan")
    scales = [tr("{low:g} to {high:g}", low=low, high=high) for low, high in ranges]
    means = tr("mean valence {valence:.2f} and mean arousal {arousal:.2f}",
               valence=ratings["valence"].mean(), arousal=ratings["arousal"].mean())  # fmt: skip
    said = means if slope != slope else tr("{means}, correlation {slope:.2f}", means=means, slope=slope)
    return tr("Valence against arousal of {n} images, on scales of {first} and {second}: {said}.",
              n=len(ratings), first=scales[0], second=scales[1], said=said)  # fmt: skip


def error_scatter(
    a: np.ndarray,
    b: np.ndarray,
    ids: Sequence[str],
    names: tuple[str, str],
    theme: Theme = "light",
    selected: str | None = None,
    drag: Drag = "pan",
    among: Collection[str] | None = None,
) -> go.Figure:
    """Draw one run's per-sample error against another's, with the diagonal on which they are equal.

    Args:
        a: float [N], errors of the first run, smaller is better; the horizontal axis.
        b: float [N], errors of the second run on the same images; the vertical axis.
        ids: The N image ids, carried in ``customdata``. Above 20,000 one image stands for those of a cell, as in
            :func:`embedding_map`.
        names: Names of the two runs.
        theme: ``"light"`` or ``"dark"``.
        selected: Id of the image to ring, or None.
        drag: What dragging does: move, or select with a lasso or a box.
        among: Ids of a selection, all other dots being dimmed; None where there is none.

    Returns:
        A figure with the diagonal and one trace for each outcome that occurs: the first run closer, the second
        closer, equal.

    Raises:
        FigureError: Lengths that differ, no sample, NaN or infinite errors.
    """
    table = _errors(a, b, ids, names)
    shown = binned(table) if len(table) > POINTS_AT_MOST else table
    colours = palette(theme)
    outcomes = [
        (tr("{run} closer", run=names[0]), _FIRST, colours.down, "square"),
        (tr("{run} closer", run=names[1]), _SECOND, colours.up, "circle"),
        (tr("equal"), _EQUAL, colours.muted, "diamond"),
    ]
    numbers = table["value"].value_counts().to_dict()
    told = [tr("{outcome} on {n}", outcome=name, n=numbers[value]) for name, value, *_ in outcomes if value in numbers]
    text = mark("Errors of {one} against {other} on {n} images: {told}.")
    if len(shown) < len(table):
        text = mark("Errors of {one} against {other} on {n} images, binned to {points} points: {told}.")
    alt = tr(text, one=names[0], other=names[1], n=len(table), points=len(shown), told=listed(told))
    figure = new_figure(theme, alt, height=460)
    places = table[["x", "y"]].to_numpy()
    low, high = min(0.0, float(places.min())), float(places.max())
    low, high = low - 0.02 * (high - low), high + 0.04 * ((high - low) or 1)
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": colours.muted, "width": 1, "dash": "dash"},
        hoverinfo="skip",
        showlegend=False,
    )
    one, other = (plain(name).replace("%{", "%&#123;") for name in names)  # no fields of plotly's templates
    said = f"%{{customdata}}<br>{one} %{{x:.3g}}<br>{other} %{{y:.3g}}"
    for name, value, colour, symbol in outcomes:
        part = shown[shown["value"] == value]
        if len(part):
            add_points(figure, part, f"{plain(name)}: {numbers[value]}", dot(colour, symbol, 6, theme), said)
    if among is not None:
        dim(figure, among)
    if selected is not None:
        ring(figure, table[table["id"] == str(selected)], theme)
    figure.update_layout(
        legend={"x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "traceorder": "normal"},
        dragmode=drag,
        newselection={"line": {"color": colours.ink, "width": 1.5}},
    )
    fix_margins(figure, 64, 12, 36, 52)
    titles = [tr("error of {run}", run=plain(name)) for name in names]
    figure.update_xaxes(range=[low, high], title={"text": titles[0]}, constrain="domain")
    figure.update_yaxes(range=[low, high], title={"text": titles[1]}, constrain="domain", scaleanchor="x")
    return figure


def error_dots(a: np.ndarray, b: np.ndarray, ids: Sequence[str]) -> pd.Series:
    """Return, for each image of :func:`error_scatter` (the index), the id of the dot that shows it."""
    table = _errors(a, b, ids, ("first", "second"))
    return dots_of(table[["id", "x", "y"]], table["value"].to_numpy())


def _errors(a: np.ndarray, b: np.ndarray, ids: Sequence[str], names: tuple[str, str]) -> pd.DataFrame:
    """Return id, x, y, who is closer (value) and images (1), checked."""
    first = checked(a, (None,), f"errors of {names[0]!r}")
    second = checked(b, (len(first),), f"errors of {names[1]!r}")
    if not len(first) or len(ids) != len(first):
        raise FigureError(f"errors: expected one id for each of at least one sample, got {len(ids)} for {len(first)}")
    closer = np.where(first < second, _FIRST, np.where(second < first, _SECOND, _EQUAL))
    points = pd.DataFrame({"id": [str(each) for each in ids], "x": first, "y": second})
    return checked_points(points, closer, None)
