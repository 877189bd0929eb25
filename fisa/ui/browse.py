"""Walking through a test split: which image, in which order, and the bar of buttons for it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import streamlit as st

from fisa.datasets import Dataset
from fisa.runs import Run
from fisa.ui import cache, state
from fisa.ui.widgets import choose

SORTS = {"index": "Number", "error": "Error, worst first", "entropy": "Entropy, highest first"}


def settle(run: Run, dataset: Dataset) -> tuple[list[str], str]:
    """Resolve the order and the image of the view; return all ids in that order and the chosen one."""
    sort = state.resolve("sort", list(sorts_of(run)), "index", "order")
    order = cache.walk(run, dataset, sort)
    return order, state.resolve("image", order, order[0], "image")


def sorts_of(run: Run) -> dict[str, str]:
    """Return the orders that there are for a run: only a distribution has an entropy."""
    distributions = run.task.name == "distribution"
    return {name: title for name, title in SORTS.items() if name != "entropy" or distributions}


def bar(order: Sequence[str], chosen: str, sorts: Mapping[str, str] = SORTS) -> None:
    """Draw previous, next, random, the position in the order, and the order itself."""
    place = list(order).index(chosen)
    count = len(order)
    st.session_state["image_place"] = place + 1

    def go_to_place() -> None:
        state.put("image", order[int(st.session_state["image_place"]) - 1])

    def go_anywhere() -> None:
        state.put("image", random.choice(order))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="browse"):
        st.button(
            "Previous", icon=":material/chevron_left:", shortcut="P", disabled=place == 0,
            on_click=state.put, args=("image", order[max(place - 1, 0)]), key="previous_image",
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", shortcut="N", disabled=place == count - 1,
            on_click=state.put, args=("image", order[min(place + 1, count - 1)]), key="next_image",
        )  # fmt: skip
        st.button("Random", icon=":material/shuffle:", shortcut="X", on_click=go_anywhere, key="random_image")
        st.number_input(
            f"Place (1 to {count})", 1, count, step=1, key="image_place", on_change=go_to_place, width=130,
        )  # fmt: skip
        choose("sort", list(sorts), "Sorted by", shown=sorts.__getitem__, width=185)
