"""Image by image: one run's errors against another's, what is selected among them, and what one fixed or broke.

The chart with its selection is a fragment: what is dragged around draws it anew and nothing else of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.language import language, mark, tr
from fisa.runs import Run
from fisa.ui import browse, cache, others, selection, state
from fisa.ui.browse import Walk
from fisa.ui.counted import counted
from fisa.ui.state import plain
from fisa.ui.widgets import chart

COMPARE = "pages/compare.py"
_LINKED = ("run", *state.COMPARE_KEYS, "sort", "reverse", "filter", "slice", "emotion", "matrix", "drag")
"""What of the view a picture takes along."""
_OPENED = "errors_opened"

FIXED = (
    mark("Fixed by {other}: {n:,}"),
    mark("Walks the test images by how much {other} errs less than {first}, largest first"),
    ":material/build:",
)
"""The way to what another run does better than the first: what it is called, what it does, its icon."""
BROKEN = (
    mark("Broken by {other}: {n:,}"),
    mark("Walks the test images by how much {other} errs more than {first}, largest first"),
    ":material/broken_image:",
)
"""The way to what it does worse."""


def draw(runs: Mapping[str, Run], dataset: Dataset, walk: Walk, beside: Callable[[], None]) -> None:
    """Draw the walk, the pair that is looked at, and its chart.

    Args:
        runs: Two at least, the reference first.
        dataset: Their test split.
        walk: Of the reference.
        beside: Draws what stands at the side of the chart.
    """
    first, *names = runs
    other = others.partner(names)
    errors = errors_of(runs, dataset)
    browse.draw(runs[first], walk)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="errors_controls"):
        others.choose_partner(names)
        _orders(first, other, errors)
        selection.choose_drag("chart")
    pair = {name: runs[name] for name in (first, other)}
    link = {name: text for name in _LINKED if (text := state.get(name))}
    _chart(selection.Board("errors", runs, dataset, walk, COMPARE, link), pair, errors, beside)


def errors_of(runs: Mapping[str, Run], dataset: Dataset) -> pd.DataFrame:
    """Return the error of each image (the index) by each run."""
    return pd.DataFrame({name: cache.samples(run, dataset).set_index("id")["error"] for name, run in runs.items()})


def _orders(first: str, other: str, errors: pd.DataFrame) -> None:
    """Draw the ways to what the other run does better and worse than the reference."""
    gaps = errors[first].to_numpy(float) - errors[other].to_numpy(float)
    words = {"fixed": (FIXED, int((gaps > 0).sum())), "broke": (BROKEN, int((gaps < 0).sum()))}
    for sort, ((title, told, icon), count) in words.items():
        st.button(
            tr(title, other=plain(other), n=count), icon=icon, key=f"sort_{sort}", on_click=_sort, args=(sort,),
            help=tr(told, other=plain(other), first=plain(first)),
        )  # fmt: skip
    query = {name: text for name in ("run", "against", "versus", "filter", "slice") if (text := state.get(name))}
    order = str(state.get("sort")) if state.get("sort") in words else "fixed"
    st.page_link(
        "pages/gallery.py", label=tr("In the gallery"), icon=":material/grid_view:",
        query_params={**query, "sort": order},
    )  # fmt: skip


def _sort(by: str) -> None:
    state.drop("reverse", "image")
    state.put("sort", by)


@st.fragment
def _chart(board: selection.Board, pair: Mapping[str, Run], errors: pd.DataFrame, beside: Callable[[], None]) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        _scatter(board, pair, errors)
    with right:
        beside()
    selection.draw(board)


def _scatter(board: selection.Board, pair: Mapping[str, Run], errors: pd.DataFrame) -> None:
    one, other = pair
    drag = state.get("drag") or "pan"
    ids = [str(name) for name in errors.index]
    a, b = (errors[name].to_numpy(float) for name in pair)
    looks = (board.walk.chosen, state.theme(), drag, board.passing)
    of = (*(run.digest for run in pair.values()), board.dataset.version)
    figure = _figure(of, (one, other), looks, language(), a, b, ids)
    chart(figure, "errors", errors, on_select=lambda: _pick(board, a, b, ids), modes=selection.modes(drag))
    if st.session_state.pop(_OPENED, False):
        st.rerun()  # the page, not this part of it
    st.caption(
        tr(
            "Each dot is a test image; click one to see all runs on it, or draw around several. Below the diagonal "
            "{other} is nearer to the truth, above it {one}.",
            other=plain(other),
            one=plain(one),
        )
    )


def _pick(board: selection.Board, a: np.ndarray, b: np.ndarray, ids: list[str]) -> None:
    st.session_state[_OPENED] = board.take(figures.error_dots(a, b, ids))


@st.cache_resource(max_entries=16, show_spinner=False)
@counted("figure")
def _figure(
    of: tuple[str, ...],
    names: tuple[str, str],
    looks: tuple[Any, ...],
    language: str,
    _a: np.ndarray,
    _b: np.ndarray,
    _ids: list[str],
) -> go.Figure:
    """Draw the chart once for all who look at the same; nobody changes the figure."""
    image, theme, drag, among = looks
    return figures.error_scatter(_a, _b, _ids, names, theme, image, drag, among)
