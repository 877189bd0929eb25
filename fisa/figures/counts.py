"""How much of what a data set holds: totals of its labels, and histograms of entropies and of votes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, listed, plain
from fisa.figures.theme import Theme, new_figure, palette, rgba
from fisa.language import tr


def label_totals(
    totals: np.ndarray, space: EmotionSpace, order: Sequence[int], unit: str, theme: Theme = "light"
) -> go.Figure:
    """Draw what each label gets in total, from top to bottom in ``order``, in the labels' own colours and shapes.

    Args:
        totals: float [C], at least 0, in column order.
        space: Label space of C >= 1 labels.
        order: Each of its columns once.
        unit: What is counted, in the person's language, such as ``tr("votes")``.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose bar trace carries the label's column in ``customdata``.

    Raises:
        FigureError: Wrong shapes, negative or infinite totals, or an order that is none.
    """
    values, columns = checked_totals(totals, space, order)
    colours, places, top = palette(theme), list(range(len(space))), float(values.max()) or 1.0
    names = [space.names[column] for column in columns]
    figure = new_figure(theme, totals_alt(values, space, columns, unit), height=54 + 29 * len(space))
    figure.add_bar(
        x=values[columns],
        y=places,
        orientation="h",
        marker={"color": [space.colours[column] for column in columns]},
        text=[count_text(values[column]) for column in columns],
        textposition="outside",
        textfont={"color": colours.muted, "size": 11},
        cliponaxis=False,
        hoverinfo="text",
        hovertext=[
            f"{plain(name)}: {count_text(value)} {plain(unit)}"
            for name, value in zip(names, values[columns], strict=True)
        ],
        customdata=columns,
    )
    figure.add_scatter(
        x=[-0.05 * top] * len(columns),
        y=places,
        mode="markers",
        marker={
            "color": [space.colours[column] for column in columns],
            "symbol": [space.markers[column] for column in columns],
            "size": 9,
        },
        hoverinfo="skip",
    )
    figure.update_layout(bargap=0.3, barcornerradius=3, showlegend=False, dragmode=False)
    figure.update_xaxes(range=[-0.09 * top, 1.2 * top], nticks=5, fixedrange=True, title={"text": plain(unit)})
    figure.update_yaxes(
        range=[len(columns) - 0.5, -0.5],
        tickvals=places,
        ticktext=[plain(name) for name in names],
        tickfont={"color": colours.ink, "size": 13},
        showgrid=False,
        fixedrange=True,
    )
    return figure


def entropy_histogram(
    edges: np.ndarray, counts: np.ndarray, chosen: tuple[float, float] | None = None, theme: Theme = "light"
) -> go.Figure:
    """Draw how many images have which entropy.

    Args:
        edges: float [B + 1], ascending, in nats; the last is ln C, of all labels alike.
        counts: [B], images from each edge to the next.
        chosen: Lower and upper entropy of what is filtered by; bars outside are faint. None for no filter.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose bar trace carries [lower edge, upper edge] in ``customdata``.

    Raises:
        FigureError: Wrong shapes, no bin, edges that do not ascend, or negative counts.
    """
    bounds, heights = checked_entropies(edges, counts)
    colours = palette(theme)
    middles = (bounds[1:] + bounds[:-1]) / 2
    low, high = (bounds[0], bounds[-1]) if chosen is None else chosen
    inside = (bounds[1:] > low) & (bounds[:-1] < high) | (bounds[:-1] == low)
    figure = new_figure(theme, entropies_alt(bounds, heights), height=300)
    figure.add_bar(
        x=middles,
        y=heights,
        width=np.diff(bounds),
        marker={
            "color": [colours.series[0] if here else rgba(colours.series[0], 0.25) for here in inside],
            "line": {"width": 1, "color": colours.surface},
        },
        hoverinfo="text",
        hovertext=[
            tr("{count} images from {low:.2f} to {high:.2f} nats", count=count_text(count), low=lower, high=upper)
            for count, lower, upper in zip(heights, bounds, bounds[1:], strict=False)
        ],
        # Lists, as a selection gives rows of arrays back as mappings.
        customdata=np.stack([bounds[:-1], bounds[1:]], axis=1).tolist(),
    )
    figure.update_layout(bargap=0, showlegend=False, dragmode=False)
    figure.update_xaxes(
        title={"text": tr("entropy in nats (0: one label; right end: all alike)")},
        range=[bounds[0], bounds[-1]],
        showgrid=False,
        fixedrange=True,
    )
    figure.update_yaxes(title={"text": tr("images")}, nticks=5, rangemode="tozero", fixedrange=True)
    return figure


def vote_histogram(votes: Sequence[int], images: Sequence[int], theme: Theme = "light") -> go.Figure:
    """Draw how many images have which number of votes.

    Args:
        votes: Numbers of votes, ascending; at least one.
        images: How many images have each.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure whose bar trace carries the number of votes in ``customdata``.

    Raises:
        FigureError: No number, lengths that differ, or negative counts.
    """
    numbers, heights = checked_votes(votes, images)
    figure = new_figure(theme, votes_alt(numbers, heights), height=240)
    figure.add_bar(
        x=numbers,
        y=heights,
        marker={"color": palette(theme).series[1]},
        hoverinfo="text",
        hovertext=[
            tr("{images} have {votes} votes", images=count_text(count), votes=count_text(number))
            for number, count in zip(numbers, heights, strict=True)
        ],
        customdata=[int(number) for number in numbers],
    )
    figure.update_layout(bargap=0.2, showlegend=False, dragmode=False)
    room = max(1.0, 0.04 * float(np.ptp(numbers)))
    ticks = {"tickvals": numbers} if len(numbers) <= 12 else {"nticks": 10}
    figure.update_xaxes(
        title={"text": tr("votes")},
        range=[numbers[0] - room, numbers[-1] + room],
        showgrid=False,
        fixedrange=True,
        **ticks,
    )
    figure.update_yaxes(title={"text": tr("images")}, nticks=5, rangemode="tozero", fixedrange=True)
    return figure


def checked_totals(totals: np.ndarray, space: EmotionSpace, order: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    """Return totals [C] and the columns in their order; see :func:`label_totals`."""
    values = checked(totals, (len(space),), "label totals")
    if sorted(order) != list(range(len(space))) or not len(space) or values.min() < 0:
        raise FigureError("label totals: expected numbers of at least 0, and an order with each label once")
    return values, list(order)


def totals_alt(values: np.ndarray, space: EmotionSpace, columns: Sequence[int], unit: str) -> str:
    """Say in words what :func:`label_totals` draws."""
    said = tr(", ").join(f"{space.names[column]} {count_text(values[column])}" for column in columns)
    return tr("Bar chart of {unit} for each label: {said}.", unit=unit, said=said)


def checked_entropies(edges: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges [B + 1] and counts [B]; see :func:`entropy_histogram`."""
    bounds = checked(edges, (None,), "entropy edges")
    heights = checked(counts, (max(len(bounds) - 1, 1),), "entropy counts")
    if len(bounds) < 2 or (np.diff(bounds) <= 0).any() or heights.min() < 0:
        raise FigureError("entropy histogram: expected ascending edges, and counts of at least 0")
    return bounds, heights


def entropies_alt(bounds: np.ndarray, heights: np.ndarray) -> str:
    """Say in words what :func:`entropy_histogram` draws."""
    middles = (bounds[1:] + bounds[:-1]) / 2
    total, most = int(heights.sum()), int(heights.argmax())
    mean = tr(", mean {mean:.2f}", mean=float((middles * heights).sum() / total)) if total else ""
    return tr(
        "Histogram of the entropy of {total} images from 0 to {top:.2f} nats{mean}; most, {count}, lie between "
        "{low:.2f} and {high:.2f}.",
        total=total, top=bounds[-1], mean=mean, count=count_text(heights[most]), low=bounds[most],
        high=bounds[most + 1],
    )  # fmt: skip


def checked_votes(votes: Sequence[int], images: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of votes and how many images have each; see :func:`vote_histogram`."""
    numbers = checked(np.asarray(votes), (None,), "votes")
    heights = checked(np.asarray(images), (len(numbers),), "images")
    if not len(numbers) or heights.min() < 0:
        raise FigureError("vote histogram: expected at least one number of votes, and counts of at least 0")
    return numbers, heights


def votes_alt(numbers: np.ndarray, heights: np.ndarray) -> str:
    """Say in words what :func:`vote_histogram` draws."""
    pairs = [(count_text(number), count_text(count)) for number, count in zip(numbers, heights, strict=True)]
    said = [tr("{images} have {votes}", images=count, votes=number) for number, count in pairs]
    shown = listed(said) if len(said) <= 4 else tr("from {low} to {high}", low=pairs[0][0], high=pairs[-1][0])
    return tr("Bar chart of votes an image: {said}.", said=shown)


def count_text(value: float) -> str:
    """Write a total: whole numbers with thousands apart, sums of degrees with one decimal."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
