"""Grades with their intervals: methods beside baselines and ceilings, and one grade over several splits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, listed, plain
from fisa.figures.theme import Theme, new_figure, palette
from fisa.language import tr

_ROW = 34
SPREAD = 0.7
"""Share of a row that the dots of several runs take up."""
APART = 0.3
"""Share of the way to the next split over which the points of several lines are set apart, as their intervals would
hide one another."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_NEEDED = ("value", "low", "high")


def grade_dots(rows: pd.DataFrame, title: str, goal: float | None = None, theme: Theme = "light") -> go.Figure:
    """Draw one grade: a dot with its interval for each subject, one colour and symbol a run, methods first.

    Args:
        rows: ``run``, ``subject`` (as shown), ``kind`` (method, baseline or ceiling), ``value``, and ``low``, ``high``,
            NaN where there is no interval. Baselines and ceilings are hollow.
        title: Of the grade.
        goal: A limit to mark, or None.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: No row, or a value that is no number.
    """
    rows = placed(rows)
    names = names_of(rows)
    runs, colours = list(dict.fromkeys(rows["run"])), palette(theme)
    figure = new_figure(theme, dots_alt(rows, title), height=80 + _ROW * len(names))
    for number, run in enumerate(runs):
        part = rows[rows["run"] == run]
        colour, symbol = colours.series[number % len(colours.series)], SYMBOLS[number % len(SYMBOLS)]
        figure.add_scatter(
            x=part["value"],
            y=part["place"] + set_apart(number, len(runs), SPREAD),
            error_x=_bars(part, colour),
            mode="markers",
            marker={
                "color": colour,
                "size": 10,
                "symbol": [symbol if kind == "method" else f"{symbol}-open" for kind in part["kind"]],
                "line": {"width": 2, "color": colour},
            },
            name=plain(run),
            hoverinfo="text",
            hovertext=[
                tr("{subject}, {run}: {numbers}", subject=plain(row.subject), run=plain(row.run), numbers=_numbers(row))
                for row in part.itertuples()
            ],
        )
    _mark_goal(figure, goal, theme, vertical=True)
    figure.update_layout(showlegend=len(runs) > 1, dragmode=False, legend={"y": 1.02, "yanchor": "bottom"})
    figure.update_xaxes(title={"text": plain(title)}, nticks=6, fixedrange=True)
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        tickvals=list(range(len(names))),
        ticktext=[plain(subject) for subject in names],
        tickfont={"color": colours.ink, "size": 13},
        showgrid=False,
        fixedrange=True,
    )
    return figure


def grade_curves(rows: pd.DataFrame, title: str, goal: float | None = None, theme: Theme = "light") -> go.Figure:
    """Draw one grade over several splits, a line with intervals for each ``line``.

    Args:
        rows: ``line`` (its name), ``split``, ``value``, ``low``, ``high``; splits in the order of their first row.
        title: Of the grade.
        goal: A limit to mark, or None.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: No row, or a value that is no number.
    """
    rows = checked_rows(rows)
    splits, lines = list(dict.fromkeys(rows["split"])), list(dict.fromkeys(rows["line"]))
    figure = new_figure(theme, curves_alt(rows, title), height=360)
    for number, line in enumerate(lines):
        part = rows[rows["line"] == line]
        colour, dash, symbol = look_of(number, theme)
        offset = set_apart(number, len(lines), APART)
        figure.add_scatter(
            x=[splits.index(split) + offset for split in part["split"]],
            y=part["value"],
            error_y=_bars(part, colour),
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 8},
            name=plain(line),
            hoverinfo="text",
            hovertext=[
                tr("{line} on {split}: {numbers}", line=plain(line), split=plain(row.split), numbers=_numbers(row))
                for row in part.itertuples()
            ],
        )
    _mark_goal(figure, goal, theme, vertical=False)
    figure.update_layout(dragmode=False, showlegend=True, legend={"y": 1.02, "yanchor": "bottom"})
    figure.update_xaxes(
        tickvals=list(range(len(splits))), ticktext=[plain(split) for split in splits], showgrid=False, fixedrange=True
    )
    figure.update_yaxes(title={"text": plain(title)}, nticks=6, fixedrange=True)
    return figure


def checked_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return grades with floats for ``value``, ``low`` and ``high``, NaN where there is no interval.

    Raises:
        FigureError: No row, or a value that is no number.
    """
    if rows.empty or not np.isfinite(rows["value"].to_numpy(float)).all():
        raise FigureError("grades: expected at least one, and a number for each")
    return rows.astype(dict.fromkeys(_NEEDED, float))


def placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a dot chart with ``place``, from 0 on top: methods first, the best of all runs before others.

    Raises:
        FigureError: See :func:`checked_rows`.
    """
    rows = checked_rows(rows)
    order = rows.assign(last=rows["kind"].map({"method": 0, "baseline": 1, "ceiling": 2}))
    best = order.groupby(["last", "subject"], sort=False)["value"].max().reset_index()
    best = best.sort_values(["last", "value"], ascending=[True, False], kind="stable")
    places = {key: place for place, key in enumerate(zip(best["last"], best["subject"], strict=True))}
    own = [places[key] for key in zip(order["last"], order["subject"], strict=True)]
    return rows.assign(place=own)


def names_of(rows: pd.DataFrame) -> list[str]:
    """Return the subjects of :func:`placed` from the top."""
    return [str(name) for name in rows.drop_duplicates("place").sort_values("place")["subject"]]


def set_apart(number: int, count: int, over: float) -> float:
    """Return how far from the middle the ``number``-th of ``count`` things stands that share the length ``over``."""
    return over * ((number + 0.5) / count - 0.5)


def look_of(number: int, theme: Theme) -> tuple[str, str, str]:
    """Return colour, dash and symbol of the ``number``-th line; where colours come again, the others are shifted."""
    colours = palette(theme).series
    look = number // len(colours) + number
    return colours[number % len(colours)], _DASHES[look % len(_DASHES)], SYMBOLS[look % len(SYMBOLS)]


def dots_alt(rows: pd.DataFrame, title: str) -> str:
    """Say the numbers of a dot chart."""
    said = [
        tr("{subject} of {run} {numbers}", subject=row.subject, run=row.run, numbers=_numbers(row))
        for row in rows.itertuples()
    ]
    return tr("Dot chart of {title}: {values}.", title=title, values=listed(said))


def curves_alt(rows: pd.DataFrame, title: str) -> str:
    """Say where each line over the splits begins and ends."""
    said = [
        tr("{line} from {begins:.2f} on {first} to {ends:.2f} on {last}", line=line, begins=part["value"].iloc[0],
           first=part["split"].iloc[0], ends=part["value"].iloc[-1], last=part["split"].iloc[-1])
        for line, part in rows.groupby("line", sort=False)
    ]  # fmt: skip
    splits = rows["split"].nunique()
    return tr("Line chart of {title} over {n} splits: {lines}.", title=title, n=splits, lines=listed(said))


def _bars(rows: pd.DataFrame, colour: str) -> dict[str, object]:
    """Return error bars; none where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows["value"]).clip(lower=0),
        "arrayminus": (rows["value"] - rows["low"]).clip(lower=0),
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def _mark_goal(figure: go.Figure, goal: float | None, theme: Theme, vertical: bool) -> None:
    if goal is None:
        return
    said = tr("goal {limit:g}", limit=goal)
    look = {"line": {"color": palette(theme).muted, "dash": "dash", "width": 1}, "annotation_text": said}
    if vertical:
        figure.add_vline(goal, **look)
    else:
        figure.add_hline(goal, **look)


def _numbers(row: object) -> str:
    value, low, high = (float(getattr(row, name)) for name in _NEEDED)
    if low != low:
        return f"{value:.3f}"
    return tr("{value:.3f} ({low:.3f} to {high:.3f})", value=value, low=low, high=high)
