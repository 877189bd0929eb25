"""The map, or two of the same images side by side, and below what is selected on them.

The whole is a fragment: what is selected draws it anew and nothing else of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.explain.embeddings import TITLES
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
class Placed:
    """One map, and what was placed on it.

    Attributes:
        shown: The map.
        placed: New images on it: id, x, y; None where they cannot be placed yet.
    """

    shown: Map
    placed: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class Board:
    """What is shown of a run's test images.

    Attributes:
        run: Whose maps they are.
        dataset: The test split.
        maps: Chart -> one or two maps of the same images.
        colouring: Of the dots.
        walk: The slice and the filter of the view, and the ringed image.
    """

    run: Run
    dataset: Dataset
    maps: Mapping[str, Placed]
    colouring: Colouring
    walk: Walk

    @property
    def chosen(self) -> selection.Board:
        """What can be selected."""
        link = {"run": str(state.get("run"))}
        return selection.Board("map", {self.run.name: self.run}, self.dataset, self.walk, EXPLAIN, link)


@st.fragment
def draw(board: Board, beside: Callable[[], None]) -> None:
    """Draw the maps, what ``beside`` draws at their side, and what is selected on them."""
    *columns, right = st.columns([4 / len(board.maps)] * len(board.maps) + [1], gap="medium")
    for column, chart_key in zip(columns, board.maps, strict=True):
        with column:
            _map(board, chart_key)
    if st.session_state.pop(_OPENED, False):
        st.switch_page(EXPLAIN)
    with right:
        beside()
    selection.draw(board.chosen)


def _map(board: Board, key: str) -> None:
    one = board.maps[key]
    title, drag = board.colouring.title, state.get("drag") or "pan"
    at = () if one.placed is None else tuple(one.placed.itertuples(index=False, name=None))
    looks = (board.walk.chosen, state.theme(), drag, board.chosen.among(key))
    figure = _figure(board.chosen.of, one.shown.made, board.colouring.key, looks, at, language(), board.colouring, one)
    values = board.colouring.values
    if board.colouring.space is not None:
        values = pd.Series(values).map({each: tr(each) for each in board.colouring.space.labels}).to_numpy()
    twin = one.shown.points.assign(**{title: values}).set_index("id")
    if len(board.maps) > 1:
        st.markdown(f"**{tr(TITLES[one.shown.made.vectors])}**")
    chart(figure, key, twin, on_select=partial(_pick, board, key), modes=selection.modes(drag))
    st.caption(words(one.shown))


@st.cache_resource(max_entries=16, show_spinner=False)
@counted("map")
def _figure(
    of: tuple[str, ...],
    made: Made,
    colours: str,
    looks: tuple[Any, ...],
    at: tuple[Any, ...],
    language: str,
    _colouring: Colouring,
    _one: Placed,
) -> go.Figure:
    """Draw the map once for all who look at the same; nobody changes the figure."""
    image, theme, drag, among = looks
    points, placed = _one.shown.points, _one.placed
    return figures.embedding_map(
        points, _colouring.values, _colouring.space, image, theme, _colouring.scale, drag, among, placed
    )


def _pick(board: Board, key: str) -> None:
    """Take what was clicked to Explain, and what was dragged around into the session."""
    dots = figures.dots_of(board.maps[key].shown.points, board.colouring.values, board.colouring.space)
    st.session_state[_OPENED] = board.chosen.take(dots, key)
