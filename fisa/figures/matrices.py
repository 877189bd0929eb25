"""Who acts on whom, and what goes with what: one matrix of emotions, or one a head."""

from __future__ import annotations

import math
import re
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fisa.emotions import EmotionSpace
from fisa.figures.cells import write_cells
from fisa.figures.checks import FigureError, checked, plain, signed, wheel_order
from fisa.figures.theme import WIDEST_FIXED, Theme, fix_margins, new_figure, palette, style, width_of
from fisa.language import mark, tr, trn

Kind = Literal[
    "effect", "interaction", "contribution", "difference", "relation", "correlation", "co-occurrence", "confusion",
    "transfer", "planted", "wheel distance",
]  # fmt: skip

LEGENDS = {
    mark("effect"): mark("columns give, rows receive<br>effect: below 1 competes, above 1 cooperates"),
    mark("interaction"): mark("columns give, rows receive<br>interaction weight, each row sums to 1"),
    mark("contribution"): mark("columns give, rows receive<br>contribution to the logit of the row"),
    mark("difference"): mark("columns give, rows receive<br>difference"),
    mark("relation"): mark("columns give, rows receive<br>weight of the column in the row"),
    mark("correlation"): mark("Pearson's correlation of two degrees<br>over all images"),
    mark("co-occurrence"): mark("share of the images that name the row<br>which name the column, too"),
    mark("confusion"): mark("rows are true, columns predicted<br>share of the images of the row"),
    mark("transfer"): mark("rows are true, columns predicted<br>mean mass that goes there; what stays is left out"),
    mark("planted"): mark("columns give, rows receive<br>planted effect of the column on the row"),
    mark("wheel distance"): mark("steps from one emotion to another<br>on the wheel"),
}
"""What the colours and the cells of each kind mean, in English; ``<br>`` ends a line."""
SEQUENTIAL = ("interaction", "co-occurrence", "confusion", "transfer", "wheel distance")
"""Kinds whose scale starts at 0; the others diverge."""
_SIGNED = ("contribution", "difference", "correlation", "planted")
WRITTEN_UP_TO = 12  # emotions; smaller cells cannot hold their number


def matrix(
    values: np.ndarray,
    space: EmotionSpace,
    title: str = "",
    kind: Kind = "contribution",
    limit: float | None = None,
    theme: Theme = "light",
    highlight: tuple[int, int] | None = None,
) -> go.Figure:
    """Draw a C x C matrix with its values in the cells; rows receive, columns give, both in wheel order.

    Args:
        values: float [C, C]; row i receives from column j. An effect is indifferent at 1, a contribution,
            difference, relation, correlation or planted effect at 0; an interaction is a weight in [0, 1], and so
            is a co-occurrence, P(column named | row named), a confusion, P(column predicted | row true), and a
            transfer, the mass that goes from row to column; a wheel distance counts steps.
        space: Label space of C emotions.
        title: Small heading inside the figure; empty for none.
        kind: Chooses the scale: diverging around 1 (effect) or 0 (contribution, difference,
            relation, correlation, planted), or sequential from 0 (all others).
        limit: Distance from the middle (or from 0) at which the colours end, > 0; give two figures the same
            one to compare them. None takes the largest of ``values``. Larger values keep the end colour.
        theme: ``"light"`` or ``"dark"``.
        highlight: Indices (i, j) of ``space.labels`` of a cell to frame.

    Returns:
        A figure with a heatmap and, over it, invisible square markers whose ``customdata`` is [i, j] in
        indices of ``space.labels``: select those.

    Raises:
        FigureError: Wrong shape, NaN or infinite values, an unknown kind, a limit that is not positive, or a
            highlight outside the matrix.
    """
    count = len(space)
    cells = checked(values, (count, count), f"{kind} matrix")
    low, middle, high = ends_of(cells, kind, limit)
    order = wheel_order(space)
    shown = cells[np.ix_(order, order)]
    figure = new_figure(theme, matrix_alt(cells, space, kind, title), height=470)
    figure.add_heatmap(z=shown, coloraxis="coloraxis", xgap=2, ygap=2, hoverinfo="skip")
    figure.update_layout(coloraxis=_coloraxis(kind, low, middle, high, theme))
    _legend(figure, kind)
    if count <= WRITTEN_UP_TO:
        largest, colours = float(np.abs(cells).max()), palette(theme)
        texts = [[cell_text(value, kind, largest) for value in row] for row in shown]
        scale = colours.sequential if kind in SEQUENTIAL else colours.diverging
        write_cells(figure, texts, (shown - low) / (high - low), scale, 11 if count <= 8 else 9)
    _cell_markers(figure, cells, space, kind)
    _edge_markers(figure, space, size=9)
    if highlight is not None:
        _frame(figure, highlight, order, theme)
    _matrix_axes(figure, space, order, title, theme)
    return figure


def matrix_grid(
    values: np.ndarray, space: EmotionSpace, kind: Kind = "contribution", theme: Theme = "light"
) -> go.Figure:
    """Draw one small matrix a head on one shared colour scale, up to four in a row.

    Args:
        values: float [H, C, C], H >= 1; as in :func:`matrix`.
        space: Label space of C emotions.
        kind: As in :func:`matrix`.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure with H heatmaps and, over each, invisible square markers whose ``customdata`` is [h, i, j].

    Raises:
        FigureError: No head, wrong shape, NaN or infinite values, or an unknown kind.
    """
    count = len(space)
    cells = checked(values, (None, count, count), f"{kind} matrices")
    heads = len(cells)
    if not heads:
        raise FigureError(f"{kind} matrices: there is no head to draw")
    low, middle, high = ends_of(cells, kind, None)
    columns = min(4, heads)
    rows = math.ceil(heads / columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[tr("head {head}", head=h + 1) for h in range(heads)],
        horizontal_spacing=0.12 / columns,
        vertical_spacing=0.26 / (rows + 1),
    )
    style(figure, theme, grid_alt(cells, space, kind), height=106 + 152 * rows)
    order = wheel_order(space)
    for h in range(heads):
        place = {"row": h // columns + 1, "col": h % columns + 1}
        figure.add_heatmap(z=cells[h][np.ix_(order, order)], coloraxis="coloraxis", hoverinfo="skip", **place)
        _cell_markers(figure, cells[h], space, kind, head=h, **place)
        _edge_markers(figure, space, size=5, **place)
    figure.update_layout(
        coloraxis=_coloraxis(kind, low, middle, high, theme), margin={"l": 8, "r": 8, "t": 22, "b": 84}, dragmode=False
    )
    figure.update_annotations(font={"size": 13, "color": palette(theme).muted}, yshift=-2)
    _legend(figure, kind)
    _cell_axes(figure, count)
    figure.update_xaxes(showticklabels=False, constrain="domain")
    figure.update_yaxes(showticklabels=False, constrain="domain", constraintoward="top")
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    return figure


def ends_of(cells: np.ndarray, kind: Kind, limit: float | None) -> tuple[float, float | None, float]:
    """Return the scale's low end, middle (None: sequential) and high end."""
    if kind not in LEGENDS:
        raise FigureError(f"unknown kind of matrix {kind!r}; choose {', '.join(LEGENDS)}")
    middle = middle_of(kind)
    reach = float(np.abs(cells - (middle or 0.0)).max()) or 1.0 if limit is None else float(limit)
    if not (math.isfinite(reach) and reach > 0):
        raise FigureError(f"limit must be a positive number, got {limit!r}")
    return (0.0, None, reach) if middle is None else (middle - reach, middle, middle + reach)


def middle_of(kind: Kind) -> float | None:
    """Return where the scale of a kind of matrix has its middle; None where it starts at 0."""
    return None if kind in SEQUENTIAL else 1.0 if kind == "effect" else 0.0


def _coloraxis(kind: Kind, low: float, middle: float | None, high: float, theme: Theme) -> dict[str, object]:
    colours = palette(theme)
    scale = colours.sequential if middle is None else colours.diverging
    axis: dict[str, object] = {"colorscale": scale, "cmin": low, "cmax": high}
    if middle is not None:
        axis["cmid"] = middle
    axis["colorbar"] = {
        "orientation": "h",
        "thickness": 9,
        "len": 0.8,
        "x": 0.5,
        "y": 0,
        "yref": "container",
        "yanchor": "bottom",
        "ypad": 4,
        "nticks": 5,
    }
    return axis


def _legend(figure: go.Figure, kind: Kind) -> None:
    """Say above the colour bar how to read it (plotly lays the title of a horizontal one over the bar)."""
    place = {"x": 0.5, "y": 0, "xref": "paper", "yref": "paper", "yanchor": "top", "yshift": -6}
    figure.add_annotation(text=tr(LEGENDS[kind]), showarrow=False, **place)


def _full_text(value: float, kind: Kind, largest: float) -> str:
    decimals = 3 if largest < 0.095 else 2 if largest < 9.995 else 1 if largest < 99.95 else 0
    if kind in _SIGNED:
        return signed(value, decimals)
    return f"{value:.{decimals}f}".replace("-", "−")


def cell_text(value: float, kind: Kind, largest: float) -> str:
    """Write a cell so that eight fit on a phone: "+.12" for +0.12, "+1.5" for +1.54, "0" for 0.00."""
    if kind in _SIGNED and 0.995 <= abs(value) < 9.95:
        return signed(value, 1)
    text = _full_text(value, kind, largest)
    return "0" if not text.strip("+−0.") else re.sub(r"^([+−]?)0\.", r"\1.", text)


def _cell_markers(
    figure: go.Figure, cells: np.ndarray, space: EmotionSpace, kind: Kind, head: int | None = None, **place: int
) -> None:
    """Lay invisible squares over the cells: plotly reports selections of markers, not of heatmap cells."""
    order = wheel_order(space)
    largest = float(np.abs(cells).max())
    pairs = [(y, x, i, j) for y, i in enumerate(order) for x, j in enumerate(order)]
    prefix = [] if head is None else [head]
    names = [plain(name) for name in space.names]

    def said(i: int, j: int) -> str:
        pair, value = _pair(names[i], names[j], kind), _full_text(cells[i, j], kind, largest)
        if head is None:
            return tr("{pair}: {value}", pair=pair, value=value)
        return tr("head {head}: {pair}: {value}", head=head + 1, pair=pair, value=value)

    figure.add_scatter(
        x=[x for _, x, _, _ in pairs],
        y=[y for y, _, _, _ in pairs],
        mode="markers",
        marker={"symbol": "square", "size": 30 if head is None else 14, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[*prefix, i, j] for _, _, i, j in pairs],
        hoverinfo="text",
        hovertext=[said(i, j) for _, _, i, j in pairs],
        showlegend=False,
        **place,
    )


def _edge_markers(figure: go.Figure, space: EmotionSpace, size: int, **place: int) -> None:
    """Put each emotion's coloured shape beside its row and above its column."""
    order = wheel_order(space)
    along, beside = list(range(len(order))), [-0.82] * len(order)
    figure.add_scatter(
        x=beside + along,
        y=along + beside,
        mode="markers",
        marker={
            "color": [space.colours[i] for i in order] * 2,
            "symbol": [space.markers[i] for i in order] * 2,
            "size": size,
        },
        hoverinfo="skip",
        showlegend=False,
        **place,
    )


def _frame(figure: go.Figure, highlight: tuple[int, int], order: list[int], theme: Theme) -> None:
    i, j = highlight
    if not (0 <= i < len(order) and 0 <= j < len(order)):
        raise FigureError(f"highlight {highlight} is outside the {len(order)} x {len(order)} matrix")
    y, x = order.index(i), order.index(j)
    figure.add_shape(
        type="rect",
        x0=x - 0.5,
        x1=x + 0.5,
        y0=y - 0.5,
        y1=y + 0.5,
        line={"color": palette(theme).ink, "width": 3},
    )


def _cell_axes(figure: go.Figure, count: int) -> None:
    common = {"showgrid": False, "showline": False, "ticks": "", "fixedrange": True}
    figure.update_xaxes(range=[-1.15, count - 0.45], **common)
    figure.update_yaxes(range=[count - 0.45, -1.15], **common)
    figure.update_layout(hoverdistance=80)  # anywhere in a wide cell finds the cell's marker


def _matrix_axes(figure: go.Figure, space: EmotionSpace, order: list[int], title: str, theme: Theme) -> None:
    labels = {
        "tickvals": list(range(len(order))),
        "ticktext": [plain(space.names[i]) for i in order],
        "tickfont": {"color": palette(theme).ink, "size": 12},
    }
    _cell_axes(figure, len(order))
    figure.update_xaxes(side="top", tickangle=-60, ticklabeloverflow="allow", **labels)
    figure.update_yaxes(**labels)
    figure.update_layout(dragmode=False)
    wide = width_of(space.names, 12)
    if wide <= WIDEST_FIXED:
        above = wide * math.sin(math.radians(60)) + 12
        fix_margins(figure, wide + 12, 34, max(64.0, above + 26) if title else above + 4, 84)
    else:  # plotly leaves the cells some room, however long the names are
        figure.update_layout(margin={"l": 8, "r": 34, "t": 64 if title else 8, "b": 84})
    if title:
        figure.update_layout(
            title={"text": plain(title), "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 6}}
        )


def _pair(row: str, column: str, kind: Kind, spoken: bool = False) -> str:
    """Name a cell: who gives to whom, or which label with which; ``spoken`` without an arrow."""
    if kind in ("correlation", "wheel distance"):
        return tr("{row} with {column}", row=row, column=column)
    if kind == "confusion":
        return tr("{row} taken for {column}", row=row, column=column)
    if kind == "co-occurrence":
        return tr("{column} where {row} is named", row=row, column=column)
    giver, receiver = (row, column) if kind == "transfer" else (column, row)
    return tr("{giver} to {receiver}", giver=giver, receiver=receiver) if spoken else f"{giver} → {receiver}"


def _strongest(cells: np.ndarray, space: EmotionSpace, kind: Kind) -> str:
    away = np.abs(cells - (1.0 if kind == "effect" else 0.0))
    if kind in ("co-occurrence", "confusion"):  # a label goes with itself, and a right answer is no mistake
        np.fill_diagonal(away, -1)
    if kind == "correlation":  # and each pair stands twice
        away[np.tril_indices_from(away)] = -1
    places = [place for place in np.argsort(-away, axis=None, kind="stable")[:3] if away.flat[place] >= 0]
    pairs = [divmod(int(place), len(space)) for place in places]
    largest = float(np.abs(cells).max())
    return tr(", ").join(
        f"{_pair(space.names[i], space.names[j], kind, spoken=True)} {_full_text(cells[i, j], kind, largest)}"
        for i, j in pairs
    )


def matrix_alt(cells: np.ndarray, space: EmotionSpace, kind: Kind, title: str) -> str:
    """Say in one sentence what a matrix shows."""
    said = tr("{kind} matrix of {n} emotions; strongest: {pairs}.",
              kind=tr(kind), n=len(space), pairs=_strongest(cells, space, kind))  # fmt: skip
    return tr("{title}: {said}", title=title, said=said) if title else said


def grid_alt(cells: np.ndarray, space: EmotionSpace, kind: Kind) -> str:
    """Say in one sentence what matrices of several heads show."""
    return trn("{kind} matrices of {n} head; strongest in their mean: {pairs}.",
               "{kind} matrices of {n} heads; strongest in their mean: {pairs}.",
               len(cells), kind=tr(kind).capitalize(), pairs=_strongest(cells.mean(0), space, kind))  # fmt: skip
