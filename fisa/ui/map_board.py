"""The map, and below it what is selected on it.

The whole is a fragment: what is selected draws it anew and nothing else of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.explain.maps import Made, Map
from fisa.language import language, tr
from fisa.runs import Run
from fisa.ui import selection, state
from fisa.ui.browse import Walk
from fisa.ui.counted import counted
from fisa.ui.map_choice import Colouring, words
from fisa.ui.selection import EXPLAIN
from fisa.ui.widgets import chart

_OPENED = "map_opened"


@dataclass(frozen=True, eq=False)
class Board:
    """What the map shows.

    Attributes:
        run: Whose map it is.
        dataset: The test split.
        shown: The map.
        colouring: Of the dots.
        walk: The slice and the filter of the view, and the ringed image.
        placed: New images on the map: id, x, y; None where they cannot be placed yet.
    """

    run: Run
    dataset: Dataset
    shown: Map
    colouring: Colouring
    walk: Walk
    placed: pd.DataFrame | None

    @property
    def chosen(self) -> selection.Board:
        """What can be selected."""
        link = {"run": str(state.get("run"))}
        return selection.Board("map", {self.run.name: self.run}, self.dataset, self.walk, EXPLAIN, link)


@st.fragment
def draw(board: Board, beside: Callable[[], None]) -> None:
    """Draw the map, what ``beside`` draws at its side, and what is selected on it."""
    left, right = st.columns([4, 1], gap="medium")
    with left:
        _map(board)
    with right:
        beside()
    selection.draw(board.chosen)


def _map(board: Board) -> None:
    title, drag = board.colouring.title, state.get("drag") or "pan"
    at = () if board.placed is None else tuple(board.placed.itertuples(index=False, name=None))
    looks = (board.walk.chosen, state.theme(), drag, board.chosen.passing)
    figure = _figure(board.chosen.of, board.shown.made, board.colouring.key, looks, at, language(), board)
    values = board.colouring.values
    if board.colouring.space is not None:
        values = pd.Series(values).map({each: tr(each) for each in board.colouring.space.labels}).to_numpy()
    twin = board.shown.points.assign(**{title: values}).set_index("id")
    chart(figure, "map", twin, on_select=lambda: _pick(board), modes=selection.modes(drag))
    if st.session_state.pop(_OPENED, False):
        st.switch_page(EXPLAIN)
    st.caption(words(board.shown))


@st.cache_resource(max_entries=16, show_spinner=False)
@counted("map")
def _figure(
    of: tuple[str, ...],
    made: Made,
    colours: str,
    looks: tuple[Any, ...],
    at: tuple[Any, ...],
    language: str,
    _board: Board,
) -> go.Figure:
    """Draw the map once for all who look at the same; nobody changes the figure."""
    image, theme, drag, among = looks
    colouring, points = _board.colouring, _board.shown.points
    return figures.embedding_map(
        points, colouring.values, colouring.space, image, theme, colouring.scale, drag, among, _board.placed
    )


def _pick(board: Board) -> None:
    """Take what was clicked to Explain, and what was dragged around into the session."""
    dots = figures.dots_of(board.shown.points, board.colouring.values, board.colouring.space)
    st.session_state[_OPENED] = board.chosen.take(dots)
