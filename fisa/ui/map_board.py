"""The map with what is selected on it: measures of the selection against all images, its pictures, its slice.

The whole is a fragment: what is selected draws it anew and nothing else of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.evaluation import target_of, truth_of
from fisa.explain.maps import Made, Map
from fisa.metrics import bootstrap_mean
from fisa.records import Interval
from fisa.runs import Run
from fisa.ui import cache, panels, rated, reading, slices, state
from fisa.ui.browse import Walk
from fisa.ui.counted import counted
from fisa.ui.map_choice import Colouring, words
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, chart, first_text, html_table, problem

LEAF = 24
"""Pictures of a selection that are shown at once."""
SIDE = 112
"""Of a small picture, pixels."""
_PICKED, _OPENED = "map_picked", "map_opened"


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
    def of(self) -> tuple[str, str]:
        """What a selection is of."""
        return self.run.digest, self.dataset.version

    @property
    def passing(self) -> tuple[str, ...] | None:
        """Ids of what the view's slice and filter leave, or None where they leave all, or nothing."""
        return tuple(self.walk.order) if self.walk.narrowed and self.walk.order else None


@st.fragment
def draw(board: Board, beside: Callable[[], None]) -> None:
    """Draw the map, what ``beside`` draws at its side, and what is selected on it."""
    left, right = st.columns([4, 1], gap="medium")
    with left:
        _map(board)
    with right:
        beside()
    chosen = selection(board)
    if chosen is not None:
        _selected(board, *chosen)


def _map(board: Board) -> None:
    title, drag = board.colouring.title, state.get("drag") or "pan"
    at = () if board.placed is None else tuple(board.placed.itertuples(index=False, name=None))
    looks = (board.walk.chosen, state.theme(), drag, board.passing)
    figure = _figure(board.of, board.shown.made, board.colouring.key, looks, at, board)
    twin = board.shown.points.assign(**{title: board.colouring.values}).set_index("id")
    modes = ("points",) if drag == "pan" else ("points", {"lasso": "lasso", "select": "box"}[drag])
    chart(figure, "map", twin, on_select=lambda: _pick(board), modes=modes)
    if st.session_state.pop(_OPENED, False):
        st.switch_page("pages/explain.py")
    st.caption(words(board.shown))


@st.cache_resource(max_entries=16, show_spinner=False)
@counted("map")
def _figure(
    of: tuple[str, str], made: Made, colours: str, looks: tuple[Any, ...], at: tuple[Any, ...], _board: Board
) -> go.Figure:
    """Draw the map once for all who look at the same; nobody changes the figure."""
    image, theme, drag, among = looks
    colouring, points = _board.colouring, _board.shown.points
    return figures.embedding_map(
        points, colouring.values, colouring.space, image, theme, colouring.scale, drag, among, _board.placed
    )


def selection(board: Board) -> tuple[str, list[str]] | None:
    """Return Markdown for what is selected, by dragging or by the slice and the filter of the view, and its ids."""
    of, ids = st.session_state.get(_PICKED, (None, []))
    if of == board.of and ids:
        return "Selection", list(ids)
    return None if board.passing is None else (board.walk.words, list(board.passing))


def _pick(board: Board) -> None:
    """Take what was clicked to Explain, and what was dragged around into the session."""
    event = (st.session_state.get("map") or {}).get("selection", {})
    names = [first_text(point["customdata"]) for point in event.get("points", []) if point.get("customdata")]
    if names and not event.get("lasso") and not event.get("box"):
        state.put("image", names[0])
        st.session_state[_OPENED] = True
        return
    st.session_state[_PICKED] = (board.of, _behind(board, names))


def _behind(board: Board, names: Sequence[str]) -> list[str]:
    """Return the ids of all images that some dots stand for."""
    dots = figures.dots_of(board.shown.points, board.colouring.values, board.colouring.space)
    return [str(each) for each in dots.index[dots.isin(names)]]


def _selected(board: Board, name: str, ids: list[str]) -> None:
    reading.header(f"{name}: {len(ids):,} of {len(board.dataset):,} images", "map_selection")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("Save it as a slice", key="map_slice_name", placeholder="a name", width=220)
        if st.button("Save", icon=":material/bookmark_add:", key="map_slice_save"):
            _save(board, ids)
        if st.button("Clear", icon=":material/deselect:", type="tertiary", key="map_clear"):
            _forget()
            state.put("slice", "")
            st.rerun()
    _measures(board, ids)
    _pictures(board, ids)


def _save(board: Board, ids: list[str]) -> None:
    try:
        link = slices.save(board.dataset, ids, str(st.session_state["map_slice_name"]))
    except PROBLEMS as error:
        problem(error)
        return
    _forget()
    state.put("slice", link)
    st.rerun()


def _forget() -> None:
    """Leave nothing that would narrow what is saved or cleared."""
    st.session_state.pop(_PICKED, None)
    state.drop("filter")


def _measures(board: Board, ids: list[str]) -> None:
    """Draw number, mean error, mean entropy and mean distribution of the selection beside those of all images."""
    table = cache.samples(board.run, board.dataset)
    rows = table["id"].astype(str).isin(ids).to_numpy()
    parts = {"selected": rows, "all": np.ones(len(rows), dtype=bool)}
    error = "mean squared error" if rated.is_rated(board.run) else "mean KL to the truth"
    cells: dict[str, dict[str, object]] = {}
    for name, part in parts.items():
        mean = _mean(board.run.digest, board.dataset.version, part.tobytes(), table["error"].to_numpy(float)[part])
        cells[name] = {"images": int(part.sum()), f"{error} [95 %]": _interval(mean)}
        if "entropy" in table:
            cells[name]["mean entropy of the prediction"] = float(table["entropy"].to_numpy(float)[part].mean())
    left, right = st.columns([3, 2], gap="medium")
    with left:
        html_table(pd.DataFrame.from_dict(cells, orient="index").T, alt="Measures of the selection beside all images")
        st.caption(
            "Means over images, with bootstrap intervals. On the wheel: what is true of the selection and what "
            f"{plain(board.run.name)} predicts of it, beside what is true of all images."
        )
    if len(board.run.space) and not rated.is_rated(board.run):
        with right:
            panels.distributions(_distributions(board, rows), board.run.space, "map_wheel")


def _distributions(board: Board, rows: np.ndarray) -> dict[str, np.ndarray]:
    space, truth = board.run.space, truth_of(board.dataset)
    known = target_of(board.dataset, space) if truth is None else truth
    predicted = board.run.predictions[list(space.labels)].to_numpy(float)
    name = board.run.name if board.run.name not in ("truth", "all, truth") else f"run {board.run.name}"
    return {"truth": known[rows].mean(0), name: predicted[rows].mean(0), "all, truth": known.mean(0)}


@st.cache_data(max_entries=64, show_spinner=False)
def _mean(run_digest: str, data_version: str, rows: bytes, _errors: np.ndarray) -> Interval:
    return bootstrap_mean(_errors)


def _interval(value: Interval) -> str:
    mean = f"{value.value:.4f}"
    return mean if value.low != value.low else f"{mean}\u00a0[{value.low:.4f},\u00a0{value.high:.4f}]"


def _pictures(board: Board, ids: list[str]) -> None:
    """Draw the images of the selection, largest error first, a page at a time."""
    errors = cache.samples(board.run, board.dataset).set_index("id")["error"]
    ordered = errors.loc[ids].sort_values(ascending=False, kind="stable")
    leaves = -(-len(ordered) // LEAF)
    leaf = 1
    with st.container(key="map_gallery"):
        place = st.container()
        if leaves > 1:
            leaf = int(st.pagination(leaves, key="map_leaf") or 1)
        here = ordered.iloc[(min(leaf, leaves) - 1) * LEAF :][:LEAF]
        with place:
            row(board.run, board.dataset, {str(name): f"error {error:.3f}" for name, error in here.items()})


def row(run: Run, dataset: Dataset, said: Mapping[str, str]) -> None:
    """Draw small pictures side by side, what is said of each below it; each name leads to Explain."""
    with st.container(horizontal=True, gap="small"):
        for name, words_of in said.items():
            with st.container(width=SIDE, gap=None):
                if not run.takes_vectors:
                    st.image(cache.thumbnail(dataset, name, SIDE), width="stretch", alt=f"{name}: {words_of}")
                    link = {"run": str(state.get("run")), "image": name}
                    st.page_link("pages/explain.py", label=plain(name), query_params=link)
                else:
                    st.markdown(plain(name))
                st.caption(plain(words_of))
