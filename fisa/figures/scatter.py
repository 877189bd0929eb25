"""Points that stand for images: the map of the data set, its ratings, and one run's errors against another's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, listed, plain
from fisa.figures.theme import Theme, colour_at, new_figure, palette, rgb, rgba

POINTS_AT_MOST = 20_000  # above, one point stands for all images of a cell
_CELLS = 120  # a side


def embedding_map(
    points: pd.DataFrame,
    colour_by: np.ndarray | Sequence[object],
    space: EmotionSpace | None = None,
    selected: str | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the map of a data set in WebGL; similar images lie close together.

    Args:
        points: Columns ``id`` (str), ``x`` and ``y`` (finite); one row an image, N >= 1. Above 20,000 rows the
            map is binned: each occupied cell shows one image, the one nearest to the cell's mean.
        colour_by: One entry a row. With ``space``: labels of the space, or their integer indices, drawn in
            the emotions' colours and marker shapes. Floats are drawn on a continuous scale. Other strings
            (splits, say) get the series colours.
        space: Label space of ``colour_by``, or None.
        selected: Id of the image to ring, or None; one that the map lacks is not ringed.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose point traces carry the ids in ``customdata``.

    Raises:
        FigureError: Missing columns, lengths that differ, a label outside ``space``, NaN or infinite numbers.
    """
    table = _table(points, colour_by, space)
    colours = palette(theme)
    shown = _binned(table) if len(table) > POINTS_AT_MOST else table
    groups = _groups(shown, space, colours.series)
    names = listed([f"{len(part)} {name}" for name, part, *_ in groups]) if groups else "coloured by a number"
    binned = f", binned to {len(shown)} points" if len(shown) < len(table) else ""
    figure = new_figure(theme, f"Map of {len(table)} images{binned}: {names}.", height=520)
    size = float(np.clip(900 / np.sqrt(len(shown)) / 3, 4, 9))
    for name, part, colour, symbol in groups:
        marker = {"color": colour, "symbol": symbol, "size": size, "opacity": 0.85}
        marker["line"] = {"width": 0.5, "color": rgba(colours.surface, 0.7)}
        _points(figure, part, plain(name), marker)
    if not groups:
        bar = {"thickness": 9, "len": 0.7, "orientation": "h", "x": 0.5, "y": -0.02, "yanchor": "top"}
        values = shown["value"].astype(float)
        scale = [[share, rgb(colour_at(colours.sequential, 0.2 + 0.8 * share))] for share in np.linspace(0, 1, 7)]
        marker = {"color": values, "colorscale": scale, "size": size, "colorbar": bar, "showscale": True}
        _points(figure, shown, "", marker)
    if selected is not None:
        _ring(figure, points[points["id"].astype(str) == str(selected)], theme)
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 4, "b": 44},
        legend={"x": 0.5, "xanchor": "center", "y": -0.01, "yanchor": "top"},
        dragmode="pan",
        showlegend=bool(groups),
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def rating_scatter(
    ratings: pd.DataFrame,
    ranges: tuple[tuple[float, float], tuple[float, float]],
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
    missing = {"valence", "arousal"} - set(ratings.columns)
    if missing:
        raise FigureError(f"ratings: column {listed(sorted(missing))} is missing")
    if any(not low < high for low, high in ranges):
        raise FigureError("ratings: the upper end of a scale must lie above the lower one")
    values = colour_by if colour_by is not None and space is not None else ["images"] * len(ratings)
    points = ratings.rename(columns={"valence": "x", "arousal": "y"})
    table = _table(points, values, space if colour_by is not None else None)
    shown = _binned(table) if len(table) > POINTS_AT_MOST else table
    colours = palette(theme)
    means = " and ".join(f"mean {name} {ratings[name].mean():.2f}" for name in ("valence", "arousal"))
    slope = ratings["valence"].corr(ratings["arousal"]) if len(ratings) > 2 else float("nan")
    joined = "" if slope != slope else f", correlation {slope:.2f}"
    scales = " and ".join(f"{low:g} to {high:g}" for low, high in ranges)
    alt = f"Valence against arousal of {len(table)} images, on scales of {scales}: {means}{joined}."
    figure = new_figure(theme, alt, height=420)
    size = float(np.clip(900 / np.sqrt(len(shown)) / 4, 4, 8))
    groups = _groups(shown, space if colour_by is not None else None, colours.series)
    for name, part, colour, symbol in groups:
        marker = {"color": rgba(colour, 0.75), "symbol": symbol, "size": size}
        _points(figure, part, plain(name), marker)
    for (low, high), draw in zip(ranges, (figure.add_vline, figure.add_hline), strict=True):
        draw((low + high) / 2, line={"color": colours.muted, "width": 1, "dash": "dot"})
    titles = [f"{name}, {low:g} to {high:g}" for name, (low, high) in zip(("valence", "arousal"), ranges, strict=True)]
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


def error_scatter(
    a: np.ndarray, b: np.ndarray, ids: Sequence[str], names: tuple[str, str], theme: Theme = "light"
) -> go.Figure:
    """Draw one run's per-sample error against another's, with the diagonal on which they are equal.

    Args:
        a: float [N], errors of the first run, smaller is better; the horizontal axis.
        b: float [N], errors of the second run on the same images; the vertical axis.
        ids: The N image ids, carried in ``customdata``.
        names: Names of the two runs.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure with the diagonal and one trace for each outcome that occurs: the first run closer, the second
        closer, equal.

    Raises:
        FigureError: Lengths that differ, no sample, NaN or infinite errors.
    """
    first = checked(a, (None,), f"errors of {names[0]!r}")
    second = checked(b, (len(first),), f"errors of {names[1]!r}")
    if not len(first) or len(ids) != len(first):
        raise FigureError(f"errors: expected one id for each of at least one sample, got {len(ids)} for {len(first)}")
    colours = palette(theme)
    outcomes = [
        (f"{names[0]} closer", first < second, colours.down, "square"),
        (f"{names[1]} closer", second < first, colours.up, "circle"),
        ("equal", first == second, colours.muted, "diamond"),
    ]
    counts = listed([f"{name} on {int(mask.sum())}" for name, mask, *_ in outcomes if mask.any()])
    alt = f"Errors of {names[0]} against {names[1]} on {len(first)} images: {counts}."
    figure = new_figure(theme, alt, height=460)
    low, high = min(0.0, float(first.min()), float(second.min())), max(float(first.max()), float(second.max()))
    low, high = low - 0.02 * (high - low), high + 0.04 * ((high - low) or 1)
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": colours.muted, "width": 1, "dash": "dash"},
        hoverinfo="skip",
        showlegend=False,
    )
    names_of = np.asarray(ids, dtype=object)
    for name, mask, colour, symbol in outcomes:
        if not mask.any():
            continue
        figure.add_scattergl(
            x=first[mask],
            y=second[mask],
            mode="markers",
            name=f"{plain(name)}: {int(mask.sum())}",
            marker={"color": rgba(colour, 0.6), "symbol": symbol, "size": 6},
            customdata=names_of[mask],
            hoverinfo="text",
            hovertext=[
                f"{plain(i)}<br>{plain(names[0])} {x:.3g}<br>{plain(names[1])} {y:.3g}"
                for i, x, y in zip(names_of[mask], first[mask], second[mask], strict=True)
            ],
        )
    figure.update_layout(
        legend={"x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "traceorder": "normal"}, dragmode="pan"
    )
    figure.update_xaxes(range=[low, high], title={"text": f"error of {plain(names[0])}"}, constrain="domain")
    figure.update_yaxes(
        range=[low, high], title={"text": f"error of {plain(names[1])}"}, constrain="domain", scaleanchor="x"
    )
    return figure


def _table(points: pd.DataFrame, colour_by: np.ndarray | Sequence[object], space: EmotionSpace | None) -> pd.DataFrame:
    """Return id, x, y, value (a label or a float) and images (how many a point stands for), checked."""
    missing = {"id", "x", "y"} - set(points.columns)
    if missing:
        raise FigureError(f"map: column {listed(sorted(missing))} is missing")
    if not len(points) or len(colour_by) != len(points):
        raise FigureError(f"map: expected one colour for each of at least one point, got {len(colour_by)}")
    place = checked(points[["x", "y"]].to_numpy(), (None, 2), "map")
    values = np.asarray(colour_by)
    if np.issubdtype(values.dtype, np.floating):
        values = checked(values, (None,), "map colours")
    elif space is not None:
        values = np.array([_label(value, space) for value in values.tolist()], dtype=object)
    elif np.issubdtype(values.dtype, np.number):
        values = values.astype(np.float64)
    else:
        values = np.array([str(value) for value in values.tolist()], dtype=object)
    ids = [str(i) for i in points["id"]]
    return pd.DataFrame({"id": ids, "x": place[:, 0], "y": place[:, 1], "value": values, "images": 1})


def _label(value: object, space: EmotionSpace) -> str:
    if isinstance(value, int) and 0 <= value < len(space):
        return space.labels[value]
    if value in space.labels:
        return str(value)
    raise FigureError(f"map: {value!r} is not an emotion of {space.name!r}")


def _binned(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each occupied cell (and, for emotions, value): the image nearest to its mean, and how many."""
    cells = {}
    for axis in ("x", "y"):
        low, span = table[axis].min(), np.ptp(table[axis]) or 1.0
        cells[axis] = np.minimum(((table[axis] - low) / span * _CELLS).astype(int), _CELLS - 1)
    keys = [cells["x"].rename("column"), cells["y"].rename("row")]
    if table["value"].dtype != np.float64:
        keys.append(table["value"].rename("key"))
    grouped = table.groupby(keys, sort=False)
    aside = table[["x", "y"]] - grouped[["x", "y"]].transform("mean")
    offset = (aside**2).sum(axis="columns")
    nearest = table.loc[offset.groupby(keys, sort=False).idxmin()].copy()
    nearest["images"] = grouped["images"].sum().to_numpy()
    if table["value"].dtype == np.float64:
        nearest["value"] = grouped["value"].mean().to_numpy()
    return nearest


def _groups(
    table: pd.DataFrame, space: EmotionSpace | None, fallback: tuple[str, ...]
) -> list[tuple[str, pd.DataFrame, str, str]]:
    """Return (name, rows, colour, symbol) for categories; empty where the values are numbers."""
    if table["value"].dtype == np.float64:
        return []
    if space is not None:
        order = space.wheel or range(len(space))
        looks = [(space.labels[i], space.colours[i], space.markers[i]) for i in order]
    else:
        symbols = ("circle", "square", "diamond", "triangle-up", "star")
        names = sorted(set(table["value"]))
        looks = [(name, fallback[k % len(fallback)], symbols[k % 5]) for k, name in enumerate(names)]
    parts = [(name, table[table["value"] == name], colour, symbol) for name, colour, symbol in looks]
    return [part for part in parts if len(part[1])]


def _points(figure: go.Figure, part: pd.DataFrame, name: str, marker: dict[str, object]) -> None:
    said = [
        f"{plain(image)}<br>{plain(value) if isinstance(value, str) else format(value, '.3g')}"
        + (f"<br>stands for {images} images" if images > 1 else "")
        for image, value, images in zip(part["id"], part["value"], part["images"], strict=True)
    ]
    figure.add_scattergl(
        x=part["x"],
        y=part["y"],
        mode="markers",
        name=name,
        marker=marker,
        customdata=part["id"],
        hoverinfo="text",
        hovertext=said,
    )


def _ring(figure: go.Figure, row: pd.DataFrame, theme: Theme) -> None:
    if row.empty:
        return
    colours = palette(theme)
    for size, colour, width in ((17, colours.surface, 5), (17, colours.ink, 2.5)):
        figure.add_scattergl(
            x=row["x"],
            y=row["y"],
            mode="markers",
            marker={"symbol": "circle-open", "size": size, "color": colour, "line": {"width": width, "color": colour}},
            hoverinfo="skip",
            showlegend=False,
        )
