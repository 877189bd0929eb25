"""How a training run went."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fisa.figures.checks import FigureError, listed
from fisa.figures.theme import Theme, palette, style
from fisa.language import mark, tr

TITLES = {"validation_kl": mark("validation KL"), "validation_mse": mark("validation squared error")}
"""The numbers that choose an epoch, one a task, as people read them."""


def history(history: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw training loss and the validation number by epoch, one above the other: their units differ.

    Args:
        history: Columns ``epoch``, ``train_loss``, and ``validation_kl`` or ``validation_mse``; one row an epoch. NaN
            (a loss that diverged) leaves a gap. No row yet draws the empty axes.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        A figure with one curve each and a star at the epoch of the smallest validation number.

    Raises:
        FigureError: A column is missing.
    """
    loss, chosen = columns_of(history)
    curves = ((loss, tr("training loss")), (chosen, tr(TITLES[chosen])))
    colours = palette(theme)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    for row, (column, name) in enumerate(curves, start=1):
        values = history[column].astype(float)
        figure.add_scatter(
            x=history["epoch"],
            y=values.where(np.isfinite(values)),
            mode="lines+markers",
            name=name,
            line={"color": colours.series[row - 1], "width": 2},
            marker={"size": 5, "symbol": ("circle", "square")[row - 1]},
            hovertemplate=tr("epoch %{{x}}: {name} %{{y:.4f}}", name=name) + "<extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(title={"text": name}, row=row, col=1)
    finite = history[np.isfinite(history[chosen].astype(float))]
    said = tr("no epoch is finished yet")
    if history.empty:
        figure.add_annotation(text=said, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
        figure.update_xaxes(showticklabels=False, showgrid=False)
        figure.update_yaxes(showticklabels=False, showgrid=False)
    elif len(finite):
        best = finite.iloc[int(finite[chosen].to_numpy().argmin())]
        _star(figure, float(best["epoch"]), float(best[chosen]), theme)
        said = tr(
            "{n} epochs, {number} from {first:.4f} to its best {best:.4f} at epoch {epoch:g}",
            n=len(history),
            number=tr(TITLES[chosen]),
            first=finite[chosen].iloc[0],
            best=best[chosen],
            epoch=best["epoch"],
        )
    else:
        said = tr("{n} epochs, no finite {number}", n=len(history), number=tr(TITLES[chosen]))
    style(figure, theme, tr("Training history: {said}.", said=said), height=400)
    figure.update_layout(showlegend=False, dragmode=False, hovermode="x unified")
    figure.update_xaxes(title={"text": tr("epoch")}, row=2, col=1)
    figure.update_xaxes(fixedrange=True)
    if len(history) <= 10:  # otherwise plotly would tick half epochs
        figure.update_xaxes(dtick=1)
    figure.update_yaxes(fixedrange=True, nticks=5)
    return figure


def columns_of(history: pd.DataFrame) -> tuple[str, str]:
    """Return the columns of a history that are drawn: the training loss, and a key of ``TITLES``.

    Raises:
        FigureError: A column is missing.
    """
    chosen = next((column for column in TITLES if column in history), "validation_kl")
    missing = {"epoch", "train_loss", chosen} - set(history.columns)
    if missing:
        raise FigureError(f"history: column {listed(sorted(missing))} is missing")
    return "train_loss", chosen


def _star(figure: go.Figure, epoch: float, value: float, theme: Theme) -> None:
    colours = palette(theme)
    figure.add_scatter(
        x=[epoch],
        y=[value],
        mode="markers+text",
        name=tr("best"),
        marker={"symbol": "star", "size": 13, "color": colours.up, "line": {"width": 1, "color": colours.surface}},
        text=[tr("best {value:.3f}", value=value)],
        textposition="top center",
        textfont={"color": colours.ink, "size": 12},
        cliponaxis=False,
        hoverinfo="skip",
        row=2,
        col=1,
    )
