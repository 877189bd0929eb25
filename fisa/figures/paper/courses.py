"""Emotions over the steps of a sequence, in print."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fisa.emotions import EmotionSpace
from fisa.figures.checks import wheel_order
from fisa.figures.courses import Series, checked_courses, course_alt, moments
from fisa.figures.paper.sheet import INK, MARKERS, Width, sheet, short, styled
from fisa.figures.theme import palette

_DASHES = ("-", "--", "-.", ":")
_LEAST = 0.12
"""Degree from which an emotion's band has room for its shape."""


@styled()
def course(
    space: EmotionSpace, courses: Mapping[str, np.ndarray], series: Series | None = None, width: Width = "two"
) -> Figure:
    """Draw distributions over steps as stacked bands, and series below them; see :func:`fisa.figures.emotion_course`.

    Raises:
        FigureError: As there.
    """
    rows = checked_courses(space, courses)
    known = {name: pair for name, pair in (series or {}).items() if len(pair[0])}
    panels = len(rows) + bool(known)
    figure = sheet(width, 26.0 * panels + 16, course_alt(space, rows))
    axes = np.ravel(figure.subplots(panels, 1, sharex=True))
    order = wheel_order(space)
    for panel, (name, course) in zip(axes, rows.items(), strict=False):
        _bands(panel, space, course[:, order], order)
        for step in moments(course):
            panel.axvline(step - 0.5, color=INK, linewidth=0.8, linestyle=":")
        panel.set_ylabel(short(name))
    for place, (name, (times, values)) in enumerate(known.items()):
        axes[-1].plot(
            times, values, label=short(name), color=palette("light").series[place % 5], drawstyle="steps-post",
            linestyle=_DASHES[place % 4], marker=".",
        )  # fmt: skip
    if known:
        axes[-1].set_ylabel("series")
        axes[-1].legend(ncols=min(len(known), 4), loc="best")
    steps = len(next(iter(rows.values())))
    axes[-1].set_xlim(0, max(steps - 1, 1))
    axes[-1].set_xlabel("step")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    handles = [
        Line2D(
            [], [], color=space.colours[one], marker=MARKERS[space.markers[one]], linestyle="", label=space.labels[one]
        )
        for one in order
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(space), 8 if width == "two" else 4))
    return figure


def _bands(axes: Axes, space: EmotionSpace, course: np.ndarray, order: list[int]) -> None:
    """Stack the columns of ``course``, which are in ``order``; each band has its emotion's shape where it is widest."""
    steps = np.arange(len(course))
    colours = [space.colours[one] for one in order]
    axes.stackplot(steps, course.T, colors=colours, edgecolor="white", linewidth=0.4)
    tops = course.cumsum(axis=1)
    for place, one in enumerate(order):
        step = int(course[:, place].argmax())
        if course[step, place] >= _LEAST:
            axes.scatter(
                [step], [tops[step, place] - course[step, place] / 2], s=12, color="white", zorder=5, clip_on=False,
                marker=MARKERS[space.markers[one]], edgecolors=INK, linewidths=0.3, gid=space.labels[one],
            )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_yticks([0, 0.5, 1])
