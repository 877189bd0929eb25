"""Grades with their intervals: methods beside baselines and ceilings, and one grade over several splits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, listed, plain
from fisa.figures.theme import Theme, new_figure, palette
from fisa.language import tr

_ROW = 34
_SPREAD = 0.7
"""Share of a row that the dots of several runs take up."""

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star")
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
    rows = _checked(rows)
    order = rows.assign(last=rows["kind"].map({"method": 0, "baseline": 1, "ceiling": 2}))
    best = order.groupby(["last", "subject"], sort=False)["value"].max().reset_index()
    best = best.sort_values(["last", "value"], ascending=[True, False], kind="stable")
    places = {key: place for place, key in enumerate(zip(best["last"], best["subject"], strict=True))}
    runs, colours = list(dict.fromkeys(rows["run"])), palette(theme)
    said = [
        tr("{subject} of {run} {numbers}", subject=row.subject, run=row.run, numbers=_numbers(row))
        for row in rows.itertuples()
    ]
    alt = tr("Dot chart of {title}: {values}.", title=title, values=listed(said))
    figure = new_figure(theme, alt, height=80 + _ROW * len(places))
    for number, run in enumerate(runs):
        part = order[order["run"] == run]
        offset = _SPREAD * ((number + 0.5) / len(runs) - 0.5)
        colour, symbol = colours.series[number % len(colours.series)], _SYMBOLS[number % len(_SYMBOLS)]
        figure.add_scatter(
            x=part["value"],
            y=[places[key] + offset for key in zip(part["last"], part["subject"], strict=True)],
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
        range=[len(places) - 0.5, -0.5],
        tickvals=list(places.values()),
        ticktext=[plain(subject) for _, subject in places],
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
    rows = _checked(rows)
    splits, lines = list(dict.fromkeys(rows["split"])), list(dict.fromkeys(rows["line"]))
    colours = palette(theme).series
    said = [
        tr("{line} from {begins:.2f} on {first} to {ends:.2f} on {last}", line=line, begins=part["value"].iloc[0],
           first=part["split"].iloc[0], ends=part["value"].iloc[-1], last=part["split"].iloc[-1])
        for line, part in rows.groupby("line", sort=False)
    ]  # fmt: skip
    alt = tr("Line chart of {title} over {n} splits: {lines}.", title=title, n=len(splits), lines=listed(said))
    figure = new_figure(theme, alt, height=360)
    for number, line in enumerate(lines):
        part = rows[rows["line"] == line]
        colour, look = colours[number % len(colours)], number // len(colours) + number
        offset = 0.3 * ((number + 0.5) / len(lines) - 0.5)
        figure.add_scatter(
            x=[splits.index(split) + offset for split in part["split"]],
            y=part["value"],
            error_y=_bars(part, colour),
            mode="lines+markers",
            line={"color": colour, "dash": _DASHES[look % len(_DASHES)], "width": 2},
            marker={"color": colour, "symbol": _SYMBOLS[look % len(_SYMBOLS)], "size": 8},
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


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty or not np.isfinite(rows["value"].to_numpy(float)).all():
        raise FigureError("grades: expected at least one, and a number for each")
    return rows.astype(dict.fromkeys(_NEEDED, float))


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
