"""The map of a data set: points that stand for images, in WebGL, with the colours and shapes of what they mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, listed, plain
from fisa.figures.theme import Theme, colour_at, fix_margins, new_figure, palette, rgb, rgba
from fisa.language import mark, sentences, tr

POINTS_AT_MOST = 20_000  # above, one point stands for all images of a cell
_CELLS = 120  # a side
_WITHIN = 0.98  # share of the numbers that a colour scale tells apart
LIGHTEST = 0.2
"""Share of the sequential scale at which the colours of dots begin: lighter ones vanish in the page."""
_SEVERAL = mark("stands for {n} images")

Drag = Literal["pan", "lasso", "select"]


@dataclass(frozen=True)
class Scale:
    """How numbers become colours.

    Attributes:
        title: What they are, beside the scale.
        middle: Where the diverging scale has its middle, as far from both ends; None for the sequential one.
    """

    title: str = ""
    middle: float | None = None


def embedding_map(
    points: pd.DataFrame,
    colour_by: np.ndarray | Sequence[object],
    space: EmotionSpace | None = None,
    selected: str | None = None,
    theme: Theme = "light",
    scale: Scale | None = None,
    drag: Drag = "pan",
    among: Collection[str] | None = None,
    placed: pd.DataFrame | None = None,
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
        scale: Of numbers; by default sequential, without a title.
        drag: What dragging does: move the map, or select with a lasso or a box.
        among: Ids of a selection, all other dots being dimmed; None where there is none.
        placed: Columns ``id``, ``x`` and ``y`` of new images, drawn as stars with their names; or None.

    Returns:
        A figure whose point traces carry the ids in ``customdata``, those of new images apart.

    Raises:
        FigureError: Missing columns, lengths that differ, a label outside ``space``, NaN or infinite numbers.
    """
    table = checked_points(points, colour_by, space)
    colours = palette(theme)
    shown = binned(table) if len(table) > POINTS_AT_MOST else table
    groups = groups_of(shown, space, colours.series)
    scale = scale or Scale()
    figure = new_figure(theme, _alt(table, shown, groups, scale, among, placed), height=520)
    size = float(np.clip(900 / np.sqrt(len(shown)) / 3, 4, 9))
    for name, part, colour, symbol in groups:
        add_points(figure, part, plain(name), dot(colour, symbol, size, theme))
    if not groups:
        add_points(figure, shown, "", {"size": size, **_numbered(shown["value"], scale, theme)})
    if among is not None:
        dim(figure, among)
    if selected is not None:
        ring(figure, points[points["id"].astype(str) == str(selected)], theme)
    if placed is not None and len(placed):
        _stars(figure, placed, theme)
    figure.update_layout(
        legend={"x": 0.5, "xanchor": "center", "y": -0.01, "yanchor": "top"},
        dragmode=drag,
        showlegend=bool(groups),
        newselection={"line": {"color": colours.ink, "width": 1.5}},
    )
    fix_margins(figure, 4, 4, 4, 44)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def dots_of(
    points: pd.DataFrame, colour_by: np.ndarray | Sequence[object], space: EmotionSpace | None = None
) -> pd.Series:
    """Return, for each image of a map (the index), the id of the dot that shows it: its own, unless binned.

    Args:
        points: As of :func:`embedding_map`, as for the others.
        colour_by: See there.
        space: See there.
    """
    table = checked_points(points, colour_by, space)
    dots = _dots(table) if len(table) > POINTS_AT_MOST else table.index
    return pd.Series(table["id"].loc[dots].to_numpy(), index=table["id"].to_numpy())


def _alt(
    table: pd.DataFrame,
    shown: pd.DataFrame,
    groups: list[tuple[str, pd.DataFrame, str, str]],
    scale: Scale,
    among: Collection[str] | None,
    placed: pd.DataFrame | None,
) -> str:
    names = tr("coloured by {title}", title=scale.title or tr("a number"))
    if groups:
        names = listed([tr("{n} {name}", n=len(part), name=name) for name, part, *_ in groups])
    told = [tr("Map of {n} images: {names}.", n=len(table), names=names)]
    if len(shown) < len(table):
        told = [tr("Map of {n} images, binned to {points} points: {names}.",
                   n=len(table), points=len(shown), names=names)]  # fmt: skip
    if among is not None:
        told.append(tr("{n} are selected.", n=len(among)))
    if placed is not None and len(placed):
        told.append(tr("Placed on it: {names}.", names=listed([str(name) for name in placed["id"]])))
    return sentences(*told)


def limits_of(values: pd.Series, scale: Scale) -> tuple[float, float, str]:
    """Return between which numbers colours differ, and the scale's title, which says how many lie beyond.

    A few that lie far out do not take the colours of all. The second number is above the first unless all are equal.
    """
    middle = 0.0 if scale.middle is None else scale.middle
    away = (values - middle).abs() if scale.middle is not None else values
    reach = float(away.quantile(_WITHIN)) if float(away.quantile(_WITHIN)) > 0 else float(away.max())
    title = scale.title
    if title and (away > reach).any():
        title = tr("{title}; {share:.0%} of them lie beyond", title=title, share=np.mean(away > reach))
    if scale.middle is None:
        return float(values.min()), reach, title
    return middle - (reach or 1.0), middle + (reach or 1.0), title


def _numbered(values: pd.Series, scale: Scale, theme: Theme) -> dict[str, object]:
    """Return the part of a marker that colours by numbers."""
    colours = palette(theme)
    low, high, title = limits_of(values, scale)
    bar = {"thickness": 9, "len": 0.7, "orientation": "h", "x": 0.5, "y": -0.02, "yanchor": "top"}
    bar["title"] = {"text": plain(title), "side": "bottom"}
    marker = {"color": values.to_numpy(np.float32), "colorbar": bar, "showscale": True}
    if low < high:
        marker |= {"cmin": low, "cmax": high}
    if scale.middle is None:
        shares = np.linspace(0, 1, 7)
        ramp = [[share, rgb(colour_at(colours.sequential, LIGHTEST + (1 - LIGHTEST) * share))] for share in shares]
        return {**marker, "colorscale": ramp}
    line = {"width": 0.5, "color": rgba(colours.muted, 0.6)}  # else what is near the middle vanishes in the page
    return {**marker, "line": line, "colorscale": [list(stop) for stop in colours.diverging]}


def dim(figure: go.Figure, among: Collection[str]) -> None:
    """Dim all dots of a figure but those of a selection."""
    kept = {str(each) for each in among}
    for trace in figure.data:
        if trace.customdata is None:
            continue
        trace.selectedpoints = [place for place, name in enumerate(trace.customdata) if name in kept]
        trace.unselected = {"marker": {"opacity": 0.12}}


def _stars(figure: go.Figure, placed: pd.DataFrame, theme: Theme) -> None:
    colours = palette(theme)
    checked(placed[["x", "y"]].to_numpy(), (None, 2), "placed images")
    figure.add_scattergl(
        x=placed["x"].to_numpy(np.float32),
        y=placed["y"].to_numpy(np.float32),
        mode="markers+text" if len(placed) <= 12 else "markers",
        text=[plain(name) for name in placed["id"]],
        textposition="top center",
        textfont={"color": colours.ink, "size": 13},
        marker={"symbol": "star", "size": 18, "color": colours.ink, "line": {"width": 2, "color": colours.surface}},
        hoverinfo="text",
        name=tr("your photographs"),
        showlegend=False,
    )


def checked_points(
    points: pd.DataFrame, colour_by: np.ndarray | Sequence[object], space: EmotionSpace | None
) -> pd.DataFrame:
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


def binned(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each occupied cell (and, for emotions, value): the image nearest to its mean, and how many."""
    dots = _dots(table)
    grouped = table.groupby(dots.to_numpy(), sort=False)
    nearest = table.loc[list(grouped.groups)].copy()
    nearest["images"] = grouped["images"].sum()
    if table["value"].dtype == np.float64:
        nearest["value"] = grouped["value"].mean()
    return nearest


def _dots(table: pd.DataFrame) -> pd.Series:
    """Return for each row the label of the one that shows its cell: the nearest to the cell's mean."""
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
    return offset.groupby(keys, sort=False).transform("idxmin").astype(int)


def groups_of(
    table: pd.DataFrame, space: EmotionSpace | None, fallback: tuple[str, ...]
) -> list[tuple[str, pd.DataFrame, str, str]]:
    """Return (name as people read it, rows, colour, symbol) for categories; empty where the values are numbers."""
    if table["value"].dtype == np.float64:
        return []
    if space is not None:
        order = space.wheel or range(len(space))
        looks = [(space.labels[i], space.names[i], space.colours[i], space.markers[i]) for i in order]
    else:
        symbols = ("circle", "square", "diamond", "triangle-up", "star")
        names = sorted(set(table["value"]))
        looks = [(name, name, fallback[k % len(fallback)], symbols[k % 5]) for k, name in enumerate(names)]
    parts = [(name, table[table["value"] == value], colour, symbol) for value, name, colour, symbol in looks]
    return [part for part in parts if len(part[1])]


def dot(colour: str, symbol: str, size: float, theme: Theme) -> dict[str, object]:
    """Return the marker of one kind of points: opaque, as emotions reach 3:1 against a dark page just so."""
    edge = {"width": 0.5, "color": rgba(palette(theme).surface, 0.7)}
    return {"color": colour, "symbol": symbol, "size": size, "line": edge}


def add_points(
    figure: go.Figure, part: pd.DataFrame, name: str, marker: dict[str, object], said: str | None = None
) -> None:
    """Add the dots of :func:`checked_points` to a figure; ten thousand of them take about 300 kB.

    Args:
        figure: To add them to.
        part: The dots.
        name: Of them all, for the legend.
        marker: How they look.
        said: What a dot says, where that is not its id and what it is coloured by: plotly's template with
            ``%{customdata}``, ``%{x:.3g}`` and ``%{y:.3g}``.
    """
    ids = part["id"].to_numpy()
    coloured = "%{marker.color:.3g}" if part["value"].dtype == np.float64 else name
    bare = (part["images"] == 1).all() and all(each == plain(each) for each in ids)
    figure.add_scattergl(
        x=part["x"].to_numpy(np.float32),
        y=part["y"].to_numpy(np.float32),
        mode="markers",
        name=name,
        marker=marker,
        customdata=ids,
        **_hover(part, said or f"%{{customdata}}<br>{coloured}", bool(bare), said is not None),
    )


def _hover(part: pd.DataFrame, template: str, bare: bool, own: bool) -> dict[str, object]:
    """Return what a dot says: by one template for all, unless an id must be escaped or a dot stands for several.

    Args:
        part: The dots.
        template: With an id and, where it is the caller's ``own``, both coordinates.
        bare: Whether one template does.
        own: Whether the template says more than id and value.
    """
    if bare:
        return {"hovertemplate": f"{template}<extra></extra>"}
    said = []
    columns = (part[name].tolist() for name in ("id", "x", "y", "value", "images"))
    for name, x, y, value, images in zip(*columns, strict=True):
        words = f"{plain(name)}<br>{plain(tr(value)) if isinstance(value, str) else format(value, '.3g')}"
        if own:
            words = template.replace("%{x:.3g}", f"{x:.3g}").replace("%{y:.3g}", f"{y:.3g}")
            words = words.replace("%{customdata}", plain(name))
        said.append(f"{words}<br>{tr(_SEVERAL, n=images)}" if images > 1 else words)
    return {"hoverinfo": "text", "hovertext": said}


def ring(figure: go.Figure, row: pd.DataFrame, theme: Theme) -> None:
    """Draw a ring around the place of one row; none where the row is empty."""
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
