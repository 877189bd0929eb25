"""The slice that a page looks at: named in the address, kept on this machine, chosen, saved, renamed and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from fisa.datasets import Dataset
from fisa.language import tr, trn
from fisa.slices import (
    Slice,
    SliceError,
    as_link,
    delete_slice,
    free_name,
    from_link,
    list_slices,
    read_slice,
    save_slice,
    settled_name,
)
from fisa.ui import state
from fisa.ui.state import clip, plain

_ALL = ""


def save(dataset: Dataset, ids: Iterable[str], name: str) -> str:
    """Store images of a data set as a slice, and return what ``?slice=`` names it by.

    Args:
        dataset: The split that the images are of.
        ids: Of the images, one at least.
        name: As the person calls it; where another slice has this name, a number is added.

    Raises:
        SliceError: No image, no name, or the disk refuses.
    """
    members = tuple(dict.fromkeys(str(each) for each in ids))
    one = Slice(settled_name(name), dataset.name, dataset.split, dataset.version, members)
    if read_slice(one.name, one.data, one.split) != one:
        one = replace(one, name=free_name(one.name, one))
        save_slice(one)
    return as_link(one)


def current(dataset: Dataset) -> Slice | None:
    """Return the slice that ``?slice=`` names, with those of its images that are there; None where it names none.

    Ids in the link count, for they are what was shared; without them the slice of that name on this machine. What is
    gone is said when the page shares its view, and all images are shown.
    """
    text = state.get("slice")
    if not text:
        return None
    try:
        one = _named(dataset, text)
    except SliceError as error:
        state.notice(str(error))
        one = None
    if one is None:
        state.drop("slice")
    elif one.ids:
        state.keep("slice", as_link(one))
    return one


def _named(dataset: Dataset, text: str) -> Slice | None:
    written, ids = from_link(text)
    name = settled_name(written)
    if not ids:
        stored = read_slice(name, dataset.name, dataset.split)
        if stored is None:
            text = tr("There is no slice “{name}” of {data} on this machine; showing all images.",
                      name=clip(name), data=dataset.name)  # fmt: skip
            state.notice(text)
        if stored is None or stored.filter:
            return stored
        ids = stored.ids
    known = set(dataset.manifest["id"])
    there = tuple(each for each in ids if each in known)
    if not there:
        text = tr("No image of the slice “{name}” is in {data} {split}; showing all images.",
                  name=clip(name), data=dataset.name, split=dataset.split)  # fmt: skip
        state.notice(text)
        return None
    if len(there) < len(ids):
        gone = len(ids) - len(there)
        text = tr("{gone:,} of the {total:,} images of the slice “{name}” are not in {data} now.",
                  gone=gone, total=len(ids), name=clip(name), data=dataset.name)  # fmt: skip
        state.notice(text)
    return Slice(name, dataset.name, dataset.split, dataset.version, there)


def control(dataset: Dataset, conditions: str = "") -> None:
    """Draw the choice among the slices of a data set, and what can be done with the chosen one.

    Args:
        dataset: Whose slices.
        conditions: The filter that is looked at, which can be saved under a name; empty for none.
    """
    shown = current(dataset)
    stored, problems = list_slices(dataset.name, dataset.split)
    named = {one.name: one for one in stored}
    chosen = _chosen(shown, conditions, stored)
    title = clip(shown.name if shown else chosen.name if chosen else tr("Slices"), 24)
    with st.popover(plain(title), icon=":material/bookmark:", key="slices"):
        st.session_state["slice_choice"] = chosen.name if chosen else _ALL
        st.selectbox(
            tr("Slice"), [_ALL, *named], key="slice_choice", on_change=_choose, args=(named,),
            format_func=lambda name: _told(named[name]) if name else tr("All images"),
        )  # fmt: skip
        if chosen is not None:
            _change(chosen)
        if shown is not None and chosen is None and shown.ids:
            came = trn(
                "{name} came with the link: {n:,} image.", "{name} came with the link: {n:,} images.", len(shown.ids),
                name=plain(shown.name),
            )  # fmt: skip
            st.caption(came)
            st.button(tr("Keep it on this machine"), icon=":material/save:", on_click=_keep, args=(dataset, shown))
        if conditions and chosen is None:
            _offer_to_save(dataset, conditions)
        if not stored and not conditions and shown is None:
            st.caption(tr("Filter the images and save the filter here, or select points on the Map."))
        for problem in problems:
            st.caption(f":material/error: {plain(str(problem))}")


def _chosen(shown: Slice | None, conditions: str, stored: list[Slice]) -> Slice | None:
    """Return the stored slice that the view shows, by its images or by its conditions."""
    if shown is not None:
        same = [one for one in stored if (one.name, one.ids, one.filter) == (shown.name, shown.ids, shown.filter)]
    else:
        same = [one for one in stored if conditions and one.filter == conditions]
    return same[0] if same else None


def _told(one: Slice) -> str:
    if one.ids:
        return trn("{name} ({n:,} image)", "{name} ({n:,} images)", len(one.ids), name=one.name)
    return tr("{name} (filter)", name=one.name)


def _change(chosen: Slice) -> None:
    """Draw what can be done with a stored slice."""
    st.session_state["slice_name"] = chosen.name
    st.text_input(tr("Name"), key="slice_name", on_change=_rename, args=(chosen,))
    st.button(tr("Delete"), icon=":material/delete:", on_click=_delete, args=(chosen,), key="delete_slice")


def _offer_to_save(dataset: Dataset, conditions: str) -> None:
    with st.form("save_slice", border=False):
        st.text_input(tr("Save this filter as"), key="new_slice", placeholder=tr("a name"))
        st.form_submit_button(tr("Save"), icon=":material/save:", on_click=_save_filter, args=(dataset, conditions))


def _choose(named: dict[str, Slice]) -> None:
    state.drop("sheet", "image", "slice", "filter")
    one = named.get(st.session_state["slice_choice"])
    if one is None:
        state.put("slice", "")
    elif one.ids:
        state.put("slice", as_link(one))
    else:
        state.put("filter", one.filter)


def _save_filter(dataset: Dataset, conditions: str) -> None:
    def store() -> None:
        name = settled_name(st.session_state["new_slice"])
        one = Slice(name, dataset.name, dataset.split, dataset.version, filter=conditions)
        _refuse_taken(one)
        save_slice(one)

    state.attempt(store)


def _keep(dataset: Dataset, shown: Slice) -> None:
    state.attempt(lambda: state.put("slice", save(dataset, shown.ids, shown.name)))


def _rename(chosen: Slice) -> None:
    def store() -> None:
        one = replace(chosen, name=settled_name(st.session_state["slice_name"]))
        if one.name == chosen.name:
            return
        _refuse_taken(one)
        save_slice(one)
        delete_slice(chosen)
        if one.ids:
            state.put("slice", as_link(one))

    state.attempt(store)


def _delete(chosen: Slice) -> None:
    def remove() -> None:
        delete_slice(chosen)
        state.drop("sheet", "filter" if chosen.filter else "slice")

    state.attempt(remove)


def _refuse_taken(one: Slice) -> None:
    if read_slice(one.name, one.data, one.split) is not None:
        text = tr("There is a slice “{name}” already; choose another name, or delete that one first.",
                  name=clip(one.name))  # fmt: skip
        raise SliceError(text)
