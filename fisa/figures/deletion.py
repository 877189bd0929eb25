"""How a target goes while the places of an image go, and come back, in the order of an attribution."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from fisa.figures.checks import FigureError, checked, plain, signed
from fisa.figures.theme import Theme, new_figure, palette
from fisa.language import mark, tr

# The curves by (whether it inserts, whether it is of random orders).
_NAMES = {
    (False, False): mark("deletion"),
    (True, False): mark("insertion"),
    (False, True): mark("deletion, random orders"),
    (True, True): mark("insertion, random orders"),
}


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
    rows = dict(zip(_NAMES, (deletion, insertion, *chance), strict=True))
    along = checked(shares, (None,), "shares")
    if not len(along):
        raise FigureError("deletion curves: there is no step to draw")
    drawn = {kind: checked(values, along.shape, _NAMES[kind]) for kind, values in rows.items()}
    figure = new_figure(theme, _alt(name, drawn), height=190)
    colours = palette(theme)
    for (inserts, random), values in drawn.items():
        curve = tr(_NAMES[inserts, random])
        figure.add_scatter(
            x=along,
            y=values,
            name=curve,
            mode="lines",
            line={
                "color": colours.muted if random else colours.series[int(inserts)],
                "width": 1.25 if random else 2.25,
                "dash": "dot" if random else "dash" if inserts else "solid",
            },
            hovertemplate=tr("{curve}, {share} of the image: {value}", curve=curve, share="%{x:.0%}", value="%{y:+.3f}")
            + "<extra></extra>",
        )
    figure.update_layout(showlegend=False, dragmode=False, margin={"l": 8, "r": 8, "t": 8, "b": 30})
    figure.update_xaxes(fixedrange=True, range=[0, 1], tickformat=".0%", nticks=3)
    figure.update_yaxes(fixedrange=True, nticks=4, range=None if limits is None else list(limits))
    return figure


def _alt(method: str, drawn: dict[tuple[bool, bool], np.ndarray]) -> str:
    said = tr(", ").join(f"{tr(_NAMES[kind])} {signed(float(values.mean()))}" for kind, values in drawn.items())
    if not method:
        return tr("Deletion and insertion; the target in the mean: {said}.", said=said)
    return tr("Deletion and insertion by {method}; the target in the mean: {said}.", method=plain(method), said=said)
