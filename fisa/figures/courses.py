"""The emotions of a sequence over time, predicted below true ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, wheel_order
from fisa.figures.theme import Theme, palette, rgba, style
from fisa.language import tr

Series = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Name -> times in steps [L] and values [L]."""
TOLERANCE = 1e-3
"""How far a row may be from summing to 1."""


def emotion_course(
    space: EmotionSpace,
    courses: Mapping[str, np.ndarray],
    series: Series | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw distributions over steps as stacked areas, one course above the other, and series below them.

    A line stands where the emotion of the largest degree changes.

    Args:
        space: Label space.
        courses: Name -> distributions [T, C], rows sum to 1; the first one is the truth, or what was voted.
        series: What was observed beside them; by default none.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: No course, courses of other lengths, or rows that are no distribution.
    """
    rows = checked_courses(space, courses)
    steps = len(next(iter(rows.values())))
    known = {name: pair for name, pair in (series or {}).items() if len(pair[0])}
    panels, colours = len(rows) + bool(known), palette(theme)
    figure = make_subplots(rows=panels, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (name, course) in enumerate(rows.items(), start=1):
        for column in wheel_order(space):
            figure.add_scatter(
                x=np.arange(steps),
                y=course[:, column],
                name=space.names[column],
                legendgroup=space.labels[column],
                showlegend=row == 1,
                stackgroup=f"course {row}",
                mode="lines",
                line={"width": 0.5, "color": space.colours[column]},
                fillcolor=rgba(space.colours[column], 0.75),
                hovertemplate=tr("step {step}: {emotion}", step="%{x}", emotion=space.names[column])
                + " %{y:.0%}<extra></extra>",
                row=row,
                col=1,
            )
        for step in moments(course):
            figure.add_vline(x=step - 0.5, line={"width": 1.5, "dash": "dot", "color": colours.ink}, row=row, col=1)
        figure.update_yaxes(title={"text": name}, range=[0, 1], tickformat=".0%", nticks=3, row=row, col=1)
    for place, (name, (times, values)) in enumerate(known.items()):
        figure.add_scatter(
            x=times,
            y=values,
            name=name,
            mode="lines+markers",
            line={"shape": "hv", "width": 1.5, "color": colours.series[place % len(colours.series)]},
            marker={"size": 4},
            hovertemplate=tr("{series} {value} at {step}", series=name, value="%{y:.2f}", step="%{x:.1f}")
            + "<extra></extra>",
            row=panels,
            col=1,
        )
    if known:
        figure.update_yaxes(title={"text": tr("series")}, nticks=3, row=panels, col=1)
    style(figure, theme, course_alt(space, rows), height=150 * panels + 90)
    figure.update_layout(dragmode=False, legend={"orientation": "h", "y": -0.12})
    figure.update_xaxes(fixedrange=True, range=[0, max(steps - 1, 1)])
    figure.update_xaxes(title={"text": tr("step")}, row=panels, col=1)
    figure.update_yaxes(fixedrange=True)
    return figure


def checked_courses(space: EmotionSpace, courses: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ``courses`` as arrays; see :func:`emotion_course` for what is refused."""
    rows = {name: checked(course, (None, len(space)), f"course {name!r}") for name, course in courses.items()}
    for name, course in rows.items():
        if (course < 0).any() or (abs(course.sum(1) - 1) > TOLERANCE).any():
            raise FigureError(f"course {name!r}: a step is no distribution")
    if not rows or len({len(row) for row in rows.values()}) > 1:
        raise FigureError("courses: expected one or more of the same number of steps")
    return rows


def moments(course: np.ndarray) -> list[int]:
    """Return the steps, from 1, at which the column of the largest degree is another than before."""
    leads = course.argmax(axis=1)
    return [int(step) + 1 for step in np.flatnonzero(leads[1:] != leads[:-1])]


def course_alt(space: EmotionSpace, rows: Mapping[str, np.ndarray]) -> str:
    """Return in words which emotion leads from which step on."""
    told = []
    for name, course in rows.items():
        starts = [0, *moments(course)]
        leads = [tr("{emotion} from step {step}", emotion=space.names[course[s].argmax()], step=s) for s in starts]
        told.append(tr("{name}: {what}", name=name, what=tr(", then ").join(leads)))
    return tr("Emotions over {n} steps. {said}.", n=len(next(iter(rows.values()))), said=tr("; ").join(told))
