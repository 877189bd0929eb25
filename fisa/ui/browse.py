"""Walking through a test split: which images pass, in which order, and the bar of buttons for it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import Dataset
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.slices import (
    Among,
    Condition,
    FilterError,
    Slice,
    check,
    fits,
    loosened,
    parse,
    parse_condition,
    passing,
    ranked,
)
from fisa.slices import write as text_of
from fisa.ui import cache, keys, marks, pairs, slices, state
from fisa.ui.state import clip, plain

SORTS = {"index": mark("Number"), "error": mark("Error"), "entropy": mark("Entropy")}
_RATED_SORTS = {
    "index": SORTS["index"], "error": SORTS["error"], "valence": mark("Valence"), "arousal": mark("Arousal"),
}  # fmt: skip
KEYS = ("image", "sort", "reverse", "filter", "slice")
"""What of the view a walk shares in the address."""


@dataclass(frozen=True, eq=False)
class Walk:
    """The current sorted filter.

    Attributes:
        table: A row for each test image with all that it can be filtered and sorted by, as the data set lists them.
        rows: Those that pass, in order.
        sort: Column of the order, or ``index``.
        conditions: Which must hold.
        part: The slice that is looked at, or None for all images.
        chosen: Id of the image that is looked at, which need not pass; empty where none is.
        other: Name of the run that this one is compared with, where that is asked for; else empty.
    """

    table: pd.DataFrame
    rows: np.ndarray
    sort: str
    conditions: tuple[Condition, ...]
    part: Slice | None
    chosen: str
    other: str

    @cached_property
    def order(self) -> list[str]:
        """Ids of the images that pass, in order."""
        return [str(name) for name in self.table["id"].to_numpy()[self.rows]]

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out on purpose."""
        return bool(self.conditions) or self.part is not None

    @property
    def words(self) -> str:
        """Markdown that says what passes."""
        named = [] if self.part is None else [tr("slice {name}", name=self.part.name)]
        return " · ".join(plain(clip(text)) for text in (*named, *(each.words() for each in self.conditions)))

    @property
    def keys(self) -> tuple[str, ...]:
        """What of the view the address must name."""
        return (*KEYS, "against", "versus") if self.other else KEYS


def settle(run: Run, dataset: Dataset) -> tuple[list[str], str]:
    """Resolve the walk of the view; return the ids that pass in their order, and the chosen one."""
    walk = settle_walk(run, dataset)
    return walk.order, walk.chosen


def settle_walk(run: Run, dataset: Dataset, choose_one: bool = True) -> Walk:
    """Resolve the filter, the slice, the order and the image of the view.

    What cannot be read, or is not there, is left out, and the page says so.

    Args:
        run: That predicts the images.
        dataset: Its test split.
        choose_one: Whether the first image is chosen where none was asked for.
    """
    table = cache.samples(run, dataset)
    asked = _asked()
    wanted = {state.get("sort"), *(condition.column for condition in asked)} & set(pairs.COLUMNS)
    other = pairs.other_of(run, dataset) if wanted else None
    if other is not None:
        table = pairs.with_other(table, run, other, dataset)
    elif state.get("sort") in pairs.COLUMNS:
        state.drop("sort")
    if any(condition.column == "tag" for condition in asked):
        table = table.assign(tag=marks.column(dataset))
    known = (*SORTS, *pairs.COLUMNS, *(name for name in table if name != "id"))
    sort = state.resolve("sort", list(sorts_of(run, table)), "index", tr("order"), quiet=state.get("sort") in known)
    state.keep("reverse", "on" if state.get("reverse") == "on" else "")
    conditions = _fitting(table, asked, run)
    part = slices.current(dataset)
    keep = passing(table, conditions) & _inside(table, part)
    rows = _ordered(table, sort)
    rows = rows[keep[rows]]
    ids: list[str] = table["id"].to_numpy(object).tolist()
    first = ids[int(rows[0])] if len(rows) else ids[0]
    chosen = state.resolve("image", ids, first, tr("image")) if choose_one or state.get("image") else ""
    return Walk(table, rows, sort, conditions, part, chosen, other.name if other else "")


def _asked() -> list[Condition]:
    found = []
    for term in (state.get("filter") or "").split(";"):
        try:
            found += [parse_condition(term)] if term.strip() else []
        except FilterError as error:
            state.notice(tr("{error}; it is left out.", error=clip(str(error), 200)))
    return found


def _fitting(table: pd.DataFrame, asked: Sequence[Condition], run: Run) -> tuple[Condition, ...]:
    """Return the conditions that can be held against a table; labels that there are not become the nearest."""
    labels, found = run.space.labels, []
    for condition in asked:
        try:
            check(table, condition)
        except FilterError as error:
            state.notice(tr("{error}; the condition is left out.", error=clip(str(error), 200)))
            continue
        if isinstance(condition, Among) and condition.column in ("predicted", "dominant"):
            near = [label if label in labels else state.nearest(label, labels, labels[0]) for label in condition.values]
            if strange := [label for label in condition.values if label not in labels]:
                text = tr("There is no emotion “{wanted}” here; taking “{found}” instead.",
                          wanted=clip(strange[0]), found=tr(", ").join(map(tr, near)))  # fmt: skip
                state.notice(text)
            condition = Among(condition.column, tuple(dict.fromkeys(near)))
        found.append(condition)
    state.keep("filter", text_of(found))
    return tuple(found)


def _inside(table: pd.DataFrame, part: Slice | None) -> np.ndarray:
    """Return which rows are in a slice, bool [N]; a condition of it that this table cannot meet counts for nothing."""
    if part is not None and part.ids:
        return np.asarray(table["id"].isin(part.ids))
    conditions = parse(part.filter) if part else ()
    return passing(table, [each for each in conditions if fits(table, each)])


def _ordered(table: pd.DataFrame, sort: str) -> np.ndarray:
    reverse = state.get("reverse") == "on"
    if sort == "index":
        return np.arange(len(table))[:: -1 if reverse else 1]
    return ranked(table, sort, falling=not reverse)


def sorts_of(run: Run, table: pd.DataFrame | None = None) -> dict[str, str]:
    """Return the orders that there are for a run, with titles in the person's language.

    Those by its measures are there only with the table that has them.
    """
    named = SORTS if run.task.name == "distribution" else _RATED_SORTS
    titles = {name: tr(title) for name, title in named.items()}
    if run.task.name != "distribution":
        return titles
    measures = {} if table is None else pairs.measures_in(table)
    return {**titles, **pairs.titles(run), **measures}


def draw(run: Run, walk: Walk) -> None:
    """Draw the bar of buttons, and below it what passes where not all images do."""
    bar(walk.order, walk.chosen, sorts_of(run, walk.table), reversible=True)
    if walk.narrowed:
        tell(walk)


def bar(order: Sequence[str], chosen: str, sorts: Mapping[str, str], reversible: bool = False) -> None:
    """Draw previous, next, random, the position in the order, and the order itself.

    Args:
        order: Ids in order; may be empty.
        chosen: The id that is looked at; where it is not in ``order``, next leads to the first.
        sorts: Orders to choose from, with their titles in the person's language.
        reversible: Whether the order can be turned round.
    """
    order = list(order)
    place, count = order.index(chosen) if chosen in order else -1, len(order)
    st.session_state["image_place"] = place + 1 if place >= 0 else None

    def go(to: int) -> None:
        state.put("image", order[to])

    def go_to_place() -> None:
        wanted = st.session_state["image_place"]
        if wanted is not None:
            go(int(wanted) - 1)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="browse"):
        st.button(
            tr("Previous"), icon=":material/chevron_left:", shortcut=keys.shortcut("previous"), disabled=place < 1,
            on_click=go, args=(place - 1,), key="previous_image",
        )  # fmt: skip
        st.button(
            tr("Next"), icon=":material/chevron_right:", shortcut=keys.shortcut("next"), disabled=place >= count - 1,
            on_click=go, args=(place + 1,), key="next_image",
        )  # fmt: skip
        st.button(
            tr("Random"), icon=":material/shuffle:", shortcut=keys.shortcut("random"), disabled=not count,
            on_click=lambda: go(random.randrange(count)), key="random_image",
        )  # fmt: skip
        st.number_input(
            tr("Place (1 to {count})", count=count), min(count, 1), max(count, 1), step=1, width=130,
            value="min" if place >= 0 else None, key="image_place", on_change=go_to_place, disabled=not count,
        )  # fmt: skip
        choose_order(sorts, reversible)


def choose_order(sorts: Mapping[str, str], reversible: bool = True) -> None:
    """Draw the choice of the order, and the button that turns it round."""
    reverse = state.get("reverse") == "on"
    arrow = f" {'↑' if reverse else '↓'}" if reversible else ""
    shown = {name: title if name == "index" else f"{title}{arrow}" for name, title in sorts.items()}
    st.session_state[state.key("sort")] = state.get("sort")
    st.selectbox(
        tr("Sorted by"), list(sorts), key=state.key("sort"), format_func=shown.__getitem__, on_change=_take_order,
        width=185,
    )  # fmt: skip
    if reversible:
        st.button(
            ":material/swap_vert:", help=tr("Turn the order round"), on_click=_turn_round, args=(reverse,),
            key="reverse_order",
        )  # fmt: skip


def _take_order() -> None:
    state.drop("sheet")
    state.commit("sort")


def _turn_round(reverse: bool) -> None:
    state.drop("sheet")
    state.put("reverse", "" if reverse else "on")


def tell(walk: Walk) -> None:
    """Draw how many images pass and what they have in common, a way to all, and what an empty filter could do."""
    count, total = len(walk.rows), len(walk.table)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="walk"):
        told = tr(":material/filter_alt: **{count:,}** of {total:,}: {words}",
                  count=count, total=total, words=walk.words)  # fmt: skip
        st.markdown(told, width="content")
        if count and walk.chosen and walk.chosen not in walk.order:
            outside = tr("{image} is not among them", image=plain(walk.chosen))
            st.badge(outside, icon=":material/info:", color="orange")
        st.button(tr("Show all"), icon=":material/filter_alt_off:", type="tertiary", on_click=show_all, key="show_all")
    if not count:
        _loosen(walk)


def show_all() -> None:
    """Take the filter and the slice out of the view; for callbacks."""
    for name in ("filter", "slice", "sheet"):
        state.put(name, "")


def _loosen(walk: Walk) -> None:
    """Say which condition of an empty filter to loosen, with a button for each that helps."""
    table = walk.table[_inside(walk.table, walk.part)]
    helpful = [(condition, left) for condition, left in loosened(table, walk.conditions) if left]
    with st.container(border=True):
        if not helpful:
            st.markdown(tr("No image passes, and leaving out one condition does not help: show all and begin anew."))
            return
        st.markdown(tr("No image passes all of it. Loosen one condition:"))
        for place, (condition, left) in enumerate(helpful):
            rest = text_of([each for each in walk.conditions if each is not condition])
            offer = tr("without {condition}: {left:,} images", condition=plain(clip(condition.words())), left=left)
            st.button(offer, key=f"loosen_{place}", type="tertiary", on_click=state.put, args=("filter", rest))
