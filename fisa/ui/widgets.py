"""Small parts that every page uses: choices tied to the view, charts with their table, plain words for failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fisa.exceptions import FisaError
from fisa.language import language, tr
from fisa.runs import Run
from fisa.ui import cache, others, state
from fisa.ui.reading import show as show_reading
from fisa.ui.shelves import shelves
from fisa.ui.state import plain

PROBLEMS = (FisaError, OSError)
"""What a broken folder can raise; each message is one sentence for the person."""


def problem(error: Exception) -> None:
    """Say in one sentence what went wrong."""
    st.error(plain(str(error)), icon=":material/error:")


def other_run() -> Run | None:
    """Open the run to compare with; where there is none, say so and return None."""
    names = others.settle()
    if not names:
        st.info(tr(others.ALONE), icon=":material/compare:")
        return None
    try:
        return cache.open_run(cache.run_folders()[others.partner(names)])
    except PROBLEMS as error:
        problem(error)
        return None


@contextmanager
def guard() -> Iterator[None]:
    """Turn what a broken folder raises inside into one sentence on the page."""
    try:
        yield
    except PROBLEMS as error:
        problem(error)


def no_runs() -> None:
    """Say that there is no run yet, and how to get one."""
    places = tr(" or ").join(str(shelf) for shelf in shelves())
    st.info(
        tr(
            "No trained run was found in {places}; "
            "`python -m fisa train configs/fisa.yaml` makes one, and FISA_RUNS names another folder.",
            places=plain(places),
        ),
        icon=":material/folder_off:",
    )
    st.page_link("pages/train.py", label=tr("Train one here"), icon=":material/model_training:")


def picked_run() -> Run | None:
    """Open the run that the view names; where that fails, say why and return None."""
    folders = cache.run_folders()
    if not folders:
        no_runs()
        return None
    chosen = settle_run(folders)
    try:
        return cache.open_run(folders[chosen])
    except PROBLEMS as error:
        state.share("run")
        problem(error)
        return None


def settle_run(folders: Mapping[str, Path]) -> str:
    """Resolve the run of the view; one that is gone, or was not asked for, becomes one that can be opened."""
    options = list(folders)
    if state.get("run") not in folders:
        options = [name for name in options if cache.sound_run(folders[name])] or options
    return state.resolve("run", options, options[0], tr("run"))


def choose(
    name: str,
    options: Sequence[str],
    label: str,
    widget: Callable[..., Any] = st.selectbox,
    shown: Callable[[str], str] = str,
    **settings: Any,
) -> None:
    """Draw a widget that shows and changes ``name`` of the view, which must be resolved already."""
    st.session_state[state.key(name)] = state.get(name)
    reads_markdown = widget is not st.selectbox
    widget(
        label,
        options,
        key=state.key(name),
        on_change=state.commit,
        args=(name,),
        format_func=lambda option: plain(shown(option)) if reads_markdown else shown(option),
        **settings,
    )


MANY_DOTS = 2000
"""Dots above which WebGL draws one pixel for each of the page's. Four, plotly's default, take twice the time where no
graphics card draws them, and look the same but on screens of high density, where dots have a slightly softer edge."""


def chart(
    figure: go.Figure,
    key: str,
    twin: pd.DataFrame | None = None,
    on_select: Callable[[], None] | None = None,
    modes: Sequence[str] = ("points",),
    reading: str = "",
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Draw a figure with its alternative text and, where given, its table twin, in ``columns``, and how it is read."""
    alt = str((figure.layout.meta or {}).get("alt", "")) or None
    selection: dict[str, Any] = {"on_select": on_select, "selection_mode": modes} if on_select else {}
    config: dict[str, Any] = {"displayModeBar": False}
    if sum(len(trace.x) for trace in figure.select_traces({"type": "scattergl"})) > MANY_DOTS:
        config["plotGlPixelRatio"] = 1
    st.plotly_chart(figure, theme=None, key=key, alt=alt, config=config, **selection)
    with st.container(horizontal=True, vertical_alignment="center") if twin is not None and reading else nullcontext():
        if twin is not None:
            table_twin(twin, key, columns)
        if reading:
            show_reading(reading, f"_{key}")


def drawn(draw: Callable[..., go.Figure], *of: Any) -> go.Figure:
    """Return what a function of ``fisa.figures`` draws of ``of``, once for all who look at it; never change it."""
    return _drawn(draw.__name__, of, language(), draw)


@st.cache_resource(max_entries=256, show_spinner=False)
def _drawn(name: str, of: tuple[Any, ...], language: str, _draw: Callable[..., go.Figure]) -> go.Figure:
    return _draw(*of)


def table_twin(table: pd.DataFrame, key: str, columns: Mapping[str, Any] | None = None) -> None:
    """Offer the numbers behind a chart."""
    with st.popover(tr("Numbers"), icon=":material/table:", type="tertiary", key=f"{key}_twin"):
        st.dataframe(table, "stretch" if columns is None else "content", key=f"{key}_table", column_config=columns)


def selected(key: str) -> Any:
    """Return the customdata of the point that was clicked in the chart ``key``, or None."""
    event = st.session_state.get(key) or {}
    points = event.get("selection", {}).get("points", [])
    return points[0].get("customdata") if points else None


def first_text(customdata: Any) -> str:
    """Return the id that a clicked point carries, whether plotly sent it bare or in a list."""
    return str(customdata[0] if isinstance(customdata, list | tuple) else customdata)


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def html_table(table: pd.DataFrame, best: pd.DataFrame | None = None, digits: int = 3, alt: str | None = None) -> None:
    """Draw a small table; cells where ``best`` is True are bold, names are shown letter for letter.

    Args:
        table: Rows and columns as shown; numbers get ``digits`` decimals, missing ones a dash.
        best: Bool, same shape.
        digits: Decimals.
        alt: What the table says, for screen readers.
    """
    cells = table.astype(object).copy()
    for row in range(len(table)):
        for column in range(table.shape[1]):
            text = _cell(table.iat[row, column], digits)
            cells.iat[row, column] = f"**{text}**" if best is not None and bool(best.iat[row, column]) else text
    cells.columns = [plain(str(column)) for column in table.columns]
    cells.index = pd.Index([plain(str(name)).replace(" ", "\u00a0") for name in table.index])
    st.table(cells, border="horizontal", alt=alt)


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return number(value, digits)
    return "–" if value is None else plain(str(value))
