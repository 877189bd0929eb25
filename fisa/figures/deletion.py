"""How a target goes while the places of an image go, and come back, in the order of an attribution."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, checked, plain, signed
from fisa.figures.theme import Theme, new_figure, palette


def deletion_curves(
    shares: np.ndarray,
    deletion: np.ndarray,
    insertion: np.ndarray,
    chance: tuple[np.ndarray, np.ndarray],
    name: str = "",
    limits: tuple[float, float] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw a target along deletion (solid) and insertion (dashed), and along random orders (thin, dotted).

    Args:
        shares: Of the image that are gone, or back; float [S], 0 to 1.
        deletion: The target at each share, [S].
        insertion: The same, [S].
        chance: Deletion and insertion in random orders, [S] each.
        name: Of the method, for the alternative text.
        limits: Ends of the axis of the target; give figures the same ones to compare them. None fits the curves.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FigureError: Curves of other lengths, or values that are not finite.
    """
    rows = {
        "deletion": deletion, "insertion": insertion,
        "deletion, random orders": chance[0], "insertion, random orders": chance[1],
    }  # fmt: skip
    along = checked(shares, (None,), "shares")
    if not len(along):
        raise FigureError("deletion curves: there is no step to draw")
    drawn = {what: checked(values, along.shape, what) for what, values in rows.items()}
    figure = new_figure(theme, _alt(name, drawn), height=190)
    colours = palette(theme)
    for what, values in drawn.items():
        random, inserts = what.endswith("random orders"), what.startswith("insertion")
        figure.add_scatter(
            x=along,
            y=values,
            name=what,
            mode="lines",
            line={
                "color": colours.muted if random else colours.series[int(inserts)],
                "width": 1.25 if random else 2.25,
                "dash": "dot" if random else "dash" if inserts else "solid",
            },
            hovertemplate=f"{what}, %{{x:.0%}} of the image: %{{y:+.3f}}<extra></extra>",
        )
    figure.update_layout(showlegend=False, dragmode=False, margin={"l": 8, "r": 8, "t": 8, "b": 30})
    figure.update_xaxes(fixedrange=True, range=[0, 1], tickformat=".0%", nticks=3)
    figure.update_yaxes(fixedrange=True, nticks=4, range=None if limits is None else list(limits))
    return figure


def _alt(name: str, drawn: dict[str, np.ndarray]) -> str:
    said = ", ".join(f"{what} {signed(float(values.mean()))}" for what, values in drawn.items())
    return f"Deletion and insertion{f' by {plain(name)}' if name else ''}; the target in the mean: {said}."
