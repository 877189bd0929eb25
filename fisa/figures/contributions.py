"""Who pushes one emotion up or down: from the bias over signed contributions to its logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, plain, signed
from fisa.figures.theme import WIDEST_FIXED, Theme, fix_margins, new_figure, palette, width_of
from fisa.language import tr


def contribution_bars(
    contributions: np.ndarray,
    bias: float,
    logit: float,
    space: EmotionSpace,
    emotion: int,
    theme: Theme = "light",
    reach: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw who pushes one emotion up or down: from the bias over signed contributions to the logit.

    Args:
        contributions: float [C], contribution of each source emotion j to logit ``emotion``.
        bias: Where the logit starts.
        logit: Where it ends. Should bias and contributions not reach it within 1e-3 (one head of several,
            say), a bar named "not shown" makes up the rest, so that the bars always sum to the logit.
        space: Label space of C emotions.
        emotion: Index of the receiving emotion.
        theme: ``"light"`` or ``"dark"``.
        reach: Least and greatest logit on the axis, where several figures share one (:func:`ends_of`); by default
            those of its own bars.

    Returns:
        A figure with one waterfall: bias, sources by falling size, the rest if any, and the total; its
        ``customdata`` is the source's index, or None for the other bars.

    Raises:
        FigureError: Wrong shape, NaN or infinite numbers, or an emotion outside the space.
    """
    steps = steps_to(contributions, bias, logit, space, emotion)
    return _waterfall(steps, float(logit), space, emotion, theme, reach or ends_of(steps))


@dataclass(frozen=True)
class Step:
    """One bar on the way to a logit: how it is named, by how much, and the emotion it comes from, if it does."""

    name: str
    size: float
    source: int | None = None


def steps_to(contributions: np.ndarray, bias: float, logit: float, space: EmotionSpace, emotion: int) -> list[Step]:
    """Return the bars of :func:`contribution_bars` before the total: bias, sources by falling size, the rest if any.

    Raises:
        FigureError: Wrong shape, NaN or infinite numbers, or an emotion outside the space.
    """
    values = checked(contributions, (len(space),), "contributions")
    start, end = checked(np.array([bias, logit]), (2,), "bias and logit")
    if not 0 <= emotion < len(space):
        raise FigureError(f"emotion {emotion} is outside {space.name!r}, which has {len(space)}")
    order = [int(j) for j in np.argsort(-np.abs(values), kind="stable")]
    names = [tr("{emotion} (itself)", emotion=name) if j == emotion else name for j, name in enumerate(space.names)]
    sources = [Step(names[j], float(values[j]), j) for j in order]
    rest = float(end - start - values.sum())
    last = [Step(tr("not shown"), rest)] if abs(rest) > 1e-3 * max(1.0, abs(end)) else []
    return [Step(tr("bias"), float(start)), *sources, *last]


def ends_of(steps: Sequence[Step]) -> tuple[float, float]:
    """Return the least and the greatest logit on the way, 0 among them."""
    ends = np.cumsum([0.0, *(step.size for step in steps)])
    return float(ends.min()), float(ends.max())


def contributions_alt(steps: list[Step], total: float, target: str) -> str:
    """Say in one sentence what the bars show."""
    largest = tr(", ").join(f"{step.name} {signed(step.size)}" for step in steps[1:4])
    return tr(
        "Contributions to the logit of {target}: bias {bias}; largest {largest}; logit {logit}.",
        target=target, bias=signed(steps[0].size), largest=largest, logit=signed(total),
    )  # fmt: skip


def _waterfall(
    bars: list[Step], total: float, space: EmotionSpace, emotion: int, theme: Theme, reach: tuple[float, float]
) -> go.Figure:
    colours = palette(theme)
    target = space.names[emotion]
    names, steps, sources = zip(*((bar.name, bar.size, bar.source) for bar in bars), strict=True)
    figure = new_figure(theme, contributions_alt(bars, total, target), height=90 + 27 * (len(names) + 1))
    low, high = reach
    span = max(high - low, 1e-9)
    figure.add_waterfall(
        orientation="h",
        y=list(range(len(names) + 1)),
        x=[*steps, total],
        measure=["relative"] * len(names) + ["total"],
        text=[signed(step) for step in [*steps, total]],
        textposition="outside",
        textfont={"color": colours.ink, "size": 12},
        cliponaxis=False,
        increasing={"marker": {"color": colours.up}},
        decreasing={"marker": {"color": colours.down}},
        totals={"marker": {"color": colours.muted}},
        connector={"line": {"color": colours.muted, "width": 1, "dash": "dot"}},
        hoverinfo="text",
        hovertext=[f"{plain(n)}: {signed(s, 4)}" for n, s in zip([*names, tr("logit")], [*steps, total], strict=True)],
        customdata=[*sources, None],
        showlegend=False,
    )
    figure.update_layout(waterfallgap=0.3, dragmode=False)
    wide = width_of([*names, target], 13)
    if wide <= WIDEST_FIXED:
        fix_margins(figure, wide + 12, 12, 12, 50)
    figure.update_xaxes(
        range=[low - 0.25 * span, high + 0.22 * span],
        title={"text": tr("logit of {emotion}", emotion=plain(target))},
        nticks=6,
        zeroline=True,
        zerolinecolor=colours.muted,
        fixedrange=True,
    )
    figure.update_yaxes(
        range=[len(names) + 0.5, -0.5],
        tickvals=list(range(len(names) + 1)),
        ticktext=[*(plain(name) for name in names), f"<b>{plain(target)}</b>"],
        tickfont={"color": colours.ink, "size": 13},
        showgrid=False,
        fixedrange=True,
    )
    return figure
