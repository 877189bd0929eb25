"""Who pushes one emotion up or down: from the bias over signed contributions to its logit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fisa.emotions import EmotionSpace
from fisa.figures.checks import FigureError, checked, plain, signed
from fisa.figures.theme import Theme, new_figure, palette


def contribution_bars(
    contributions: np.ndarray,
    bias: float,
    logit: float,
    space: EmotionSpace,
    emotion: int,
    theme: Theme = "light",
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

    Returns:
        A figure with one waterfall: bias, sources by falling size, the rest if any, and the total; its
        ``customdata`` is the source's index, or None for the other bars.

    Raises:
        FigureError: Wrong shape, NaN or infinite numbers, or an emotion outside the space.
    """
    values = checked(contributions, (len(space),), "contributions")
    start, end = checked(np.array([bias, logit]), (2,), "bias and logit")
    if not 0 <= emotion < len(space):
        raise FigureError(f"emotion {emotion} is outside {space.name!r}, which has {len(space)}")
    order = [int(j) for j in np.argsort(-np.abs(values), kind="stable")]
    names = ["bias", *(space.labels[j] + (" (itself)" if j == emotion else "") for j in order)]
    steps = [float(start), *values[order].tolist()]
    sources: list[int | None] = [None, *order]
    rest = float(end - start - values.sum())
    if abs(rest) > 1e-3 * max(1.0, abs(end)):
        names, steps, sources = [*names, "not shown"], [*steps, rest], [*sources, None]
    return _waterfall(names, steps, sources, float(end), space, emotion, theme)


def _waterfall(
    names: list[str],
    steps: list[float],
    sources: list[int | None],
    total: float,
    space: EmotionSpace,
    emotion: int,
    theme: Theme,
) -> go.Figure:
    colours = palette(theme)
    target = space.labels[emotion]
    up = ", ".join(f"{n} {signed(s)}" for n, s in zip(names[1:4], steps[1:4], strict=True))
    alt = f"Contributions to the logit of {target}: bias {signed(steps[0])}; largest {up}; logit {signed(total)}."
    figure = new_figure(theme, alt, height=90 + 27 * (len(names) + 1))
    ends = np.concatenate([[0.0], np.cumsum(steps)])
    span = max(float(np.ptp(ends)), 1e-9)
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
        hovertext=[f"{plain(n)}: {signed(s, 4)}" for n, s in zip([*names, "logit"], [*steps, total], strict=True)],
        customdata=[*sources, None],
        showlegend=False,
    )
    figure.update_layout(waterfallgap=0.3, dragmode=False)
    figure.update_xaxes(
        range=[ends.min() - 0.25 * span, ends.max() + 0.22 * span],
        title={"text": f"logit of {plain(target)}"},
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
