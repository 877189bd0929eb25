"""The images of a data set: filters that live in the address, and a gallery a page at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import statistics
from fisa.datasets.selection import (
    ASCENDING,
    BY_ID,
    DESCENDING,
    LISTED,
    Selection,
    orders,
    select,
)
from fisa.datasets.whole import Whole
from fisa.language import mark, tr
from fisa.tables import inert_csv
from fisa.ui import state
from fisa.ui.datasets import COUNTED
from fisa.ui.datasets_pictures import cell, in_words
from fisa.ui.state import plain

PAGE = 24
"""Images on one page of the gallery; no more are decoded."""
MOST_GROUPS = 1_000
"""Groups that a list offers; of more, the address alone can name one."""

ANY = ""
_ORDERS = {
    LISTED: mark("As listed"),
    BY_ID: mark("ID"),
    ASCENDING: mark("Entropy, lowest first"),
    DESCENDING: mark("Entropy, highest first"),
}


@dataclass(frozen=True, eq=False)
class Looked:
    """What the view asks for.

    Attributes:
        rows: Rows of the manifest that pass the filters, in order.
        leaf: Page of the gallery, from 1.
        leaves: Pages in all.
        item: Row of the image that is open, or None.
    """

    rows: np.ndarray
    leaf: int
    leaves: int
    item: int | None


def settle(whole: Whole) -> Looked:
    """Resolve the filters, the order, the page and the image of the view."""
    table, space = whole.manifest, whole.space
    votes = table["votes"][table["votes"] > 0]
    fewest, most = (int(votes.min()), int(votes.max())) if len(votes) else (0, 0)
    counted = state.resolve_range("votes", fewest, most, tr("Number of votes"))
    order = state.resolve("order", orders(table, space), LISTED, tr("order"))
    if order == LISTED:
        state.drop("order")
    chosen = Selection(
        split=state.resolve_optional("split", statistics.split_names(table), tr("split")),
        label=state.resolve_optional("label", space.labels, tr("label")),
        entropy=state.resolve_range("entropy", 0, _highest(whole), tr("Entropy")),
        votes=None if counted is None else (int(counted[0]), int(counted[1])),
        group=state.resolve_optional("group", groups(whole), tr("group")),
        text=state.get("text") or "",
        order=order,
    )
    rows = select(table, chosen)
    leaves = max(math.ceil(len(rows) / PAGE), 1)
    leaf = round(state.resolve_number("leaf", 1, leaves, 1, tr("Page")))
    if leaf == 1:
        state.drop("leaf")
    return Looked(rows, leaf, leaves, _open_item(whole, rows))


def _highest(whole: Whole) -> float:
    """Return ln C, rounded up to what the slider can reach."""
    return math.ceil(math.log(max(len(whole.space), 2)) * 100) / 100


def groups(whole: Whole) -> list[str]:
    """Return the groups of a data set, sorted; empty where it has none."""
    if "group" not in whole.manifest:
        return []
    return sorted(str(name) for name in pd.unique(whole.manifest["group"]) if isinstance(name, str) and name)


def _open_item(whole: Whole, rows: np.ndarray) -> int | None:
    ids = whole.manifest["id"]
    wanted = state.get("item")
    if not wanted or not len(ids):
        state.drop("item")
        return None
    found = np.flatnonzero(ids == wanted)
    if not len(found):
        near = ids.iloc[rows[:2000]] if len(rows) else ids.iloc[:2000]  # spelling is compared one by one
        wanted = state.resolve("item", near.to_list(), str(near.iloc[0]), tr("image"))
        found = np.flatnonzero(ids == wanted)
    return int(found[0])


def choose_split(whole: Whole) -> None:
    """Draw the choice of the split, which counts for what is held and for the gallery."""
    names = statistics.split_names(whole.manifest)
    if len(names) > 1:
        _optional("split", names, tr("Split"), tr("all splits"), tr)


def _filters(whole: Whole) -> None:
    """Draw every filter that the data set has a column for, and the order."""
    table, space = whole.manifest, whole.space
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="data_filters"):
        choose_split(whole)
        if len(space):
            _optional("label", list(space.labels), tr("Dominant label"), tr("any label"), tr)
        names = groups(whole)
        if 1 < len(names) <= MOST_GROUPS:
            _optional("group", names, tr("Group"), tr("any group"))
        _text()
        if len(space) and table["entropy"].any():
            _slider("entropy", 0.0, _highest(whole), 0.01, tr("Entropy in nats"))
        votes = table["votes"][table["votes"] > 0]
        if len(votes) and votes.min() < votes.max():
            _slider("votes", int(votes.min()), int(votes.max()), 1, tr("Votes"))
        st.session_state[state.key("order")] = state.get("order") or LISTED
        st.selectbox(
            tr("Sorted by"), orders(table, space), key=state.key("order"), format_func=_order_name, width=200,
            on_change=_narrow, args=("order",),
        )  # fmt: skip


def _order_name(order: str) -> str:
    return tr(_ORDERS[order]) if order in _ORDERS else tr("{label}, most first", label=tr(order))


def _optional(name: str, options: list[str], label: str, nothing: str, shown: Callable[[str], str] = str) -> None:
    st.session_state[state.key(name)] = state.get(name) or ANY
    st.selectbox(
        label, [ANY, *options], key=state.key(name), on_change=_narrow, args=(name,), width=140,
        format_func=lambda option: shown(option) if option else nothing,
    )  # fmt: skip


def _text() -> None:
    st.session_state[state.key("text")] = state.get("text") or ""
    st.text_input(tr("Name contains"), key=state.key("text"), on_change=_narrow, args=("text",), width=130)


def _slider(name: str, low: float, high: float, step: float, label: str) -> None:
    key = state.key(name)
    asked = state.resolve_range(name, low, high, label)
    ends = (low, high) if asked is None else asked
    st.session_state[key] = tuple(type(low)(end) for end in ends)
    st.slider(label, low, high, step=step, key=key, on_change=_narrow_range, args=(name,), width=180)


def _narrow(name: str) -> None:
    """Take a filter into the view, and begin at the first page."""
    state.drop("leaf", "item", name)
    value = st.session_state[state.key(name)]
    state.put(name, str(value or ""))


def _narrow_range(name: str) -> None:
    state.drop("leaf", "item")
    low, high = st.session_state[state.key(name)]
    state.put(name, f"{low:g}-{high:g}")


def _clear() -> None:
    state.drop("label", "entropy", "votes", "group", "text", "leaf", "item")
    state.put("split", "")


def tell_filtered(whole: Whole, rows: np.ndarray) -> None:
    """Say how many images pass the filters, and offer to clear them."""
    held = tr(COUNTED[whole.has_images], n=len(whole.manifest))
    st.markdown(tr("**{n:,}** of {held}", n=len(rows), held=held))
    if len(rows) < len(whole.manifest):
        st.button(tr("Clear filters"), icon=":material/filter_alt_off:", type="tertiary", on_click=_clear)


def draw(whole: Whole, looked: Looked) -> None:
    """Draw the filters, and one page of the images that pass them."""
    _filters(whole)
    rows = looked.rows
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        tell_filtered(whole, rows)
        if len(rows):
            st.download_button(
                "CSV", lambda: inert_csv(whole.manifest.iloc[rows]),
                f"{whole.name}-selection.csv", "text/csv", icon=":material/download:",
                on_click="ignore", type="tertiary",
            )  # fmt: skip
    if not len(rows):
        st.info(tr("No image passes these filters."), icon=":material/filter_alt_off:")
        return
    here = rows[(looked.leaf - 1) * PAGE : looked.leaf * PAGE]
    if whole.has_images:
        with st.container(horizontal=True, gap="small", key="data_gallery"):
            for row in here:
                cell(whole, int(row), "gallery", _caption(whole, int(row)))
    else:
        _listed(whole, here)
    if looked.leaves > 1:
        key = f"leaf_{looked.leaf}"  # another widget for each page, which begins at it
        st.pagination(looked.leaves, default=looked.leaf, key=key, on_change=_turn, args=(key,))


def _turn(key: str) -> None:
    state.put("leaf", str(st.session_state[key]))


def _caption(whole: Whole, row: int) -> str:
    if len(whole.space):
        return plain(in_words(whole, row, most=1))
    rated = statistics.ratings(whole.manifest.iloc[[row]], whole.ranges)
    if rated.empty:
        return tr("not rated")
    return f"V {rated['valence'].iloc[0]:.2f}, A {rated['arousal'].iloc[0]:.2f}"


def _listed(whole: Whole, rows: np.ndarray) -> None:
    """Draw rows without images as a table; a row that is chosen opens."""
    labels = list(whole.space.labels)
    table = whole.manifest.iloc[rows][["id", "split", "dominant", "entropy", *labels]]

    def pick() -> None:
        chosen = st.session_state["data_rows"]["selection"]["rows"]
        if chosen:
            state.put("item", str(table["id"].iloc[chosen[0]]))

    shown = table.assign(split=table["split"].map(tr), dominant=table["dominant"].map(tr))
    columns: dict[str, Any] = {"split": tr("split"), "dominant": tr("dominant"), "entropy": tr("entropy")}
    columns |= {label: st.column_config.NumberColumn(tr(label), format="percent") for label in labels}
    st.dataframe(
        shown, hide_index=True, column_config=columns, on_select=pick, selection_mode="single-row",
        key="data_rows", alt=tr("Rows of the data set; choose one to open it"),
    )  # fmt: skip
