"""Tags and notes on the images of a test split: written on Explain, for many at once in the gallery, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from fisa.datasets import Dataset
from fisa.language import tr, trn
from fisa.slices import Mark, Notebook, SliceError, marks_table
from fisa.tables import inert_csv
from fisa.ui import state
from fisa.ui.state import clip, in_label, plain

_PAGE, _ALL = "page", "all"


def notebook_of(dataset: Dataset) -> Notebook:
    """Return where the marks on a split are kept."""
    return Notebook(dataset.name, dataset.split, dataset.version)


def read(dataset: Dataset) -> dict[str, Mark]:
    """Return the mark of every image that has one; of a damaged file none, with a notice."""
    notebook = notebook_of(dataset)
    try:
        status = notebook.file.stat()
    except OSError:
        return {}
    try:
        return _read(str(notebook.file), status.st_size, status.st_mtime_ns, notebook)
    except SliceError as error:
        state.notice(str(error))
        return {}


@st.cache_data(max_entries=8, show_spinner=False)
def _read(file: str, size: int, changed: int, _notebook: Notebook) -> dict[str, Mark]:
    return _notebook.read()


def column(dataset: Dataset) -> pd.Series:
    """Return the tags of each image of a split, in its order."""
    marks = read(dataset)
    return pd.Series([marks[name].tags if name in marks else () for name in dataset.manifest["id"]], dtype=object)


def known_tags(dataset: Dataset) -> list[str]:
    """Return every tag that an image of a split has."""
    return sorted({tag for mark in read(dataset).values() for tag in mark.tags})


def words(mark: Mark | None) -> str:
    """Return tags and the beginning of the note as Markdown; empty where there are none."""
    if mark is None:
        return ""
    tags = [f":material/label: {plain(clip(tag, 24))}" for tag in mark.tags]
    return " ".join([*tags, *([f":material/notes: {plain(clip(mark.note, 40))}"] if mark.note else [])])


def editor(dataset: Dataset, name: str) -> None:
    """Draw the tags and the note of one image, which are kept as they are changed."""
    mark = read(dataset).get(name, Mark())
    title = tr("Tags ({n})", n=len(mark.tags)) if mark.tags else tr("Tags")
    with st.popover(title, icon=":material/label:", type="tertiary", key="marks"):
        st.session_state["mark_tags"], st.session_state["mark_note"] = list(mark.tags), mark.note
        st.multiselect(
            tr("Tags of {name}", name=in_label(name)), sorted({*known_tags(dataset), *mark.tags}), key="mark_tags",
            accept_new_options=True, placeholder=tr("Choose, or type a new one"), on_change=_store,
            args=(dataset, name),
        )  # fmt: skip
        st.text_area(tr("Note"), key="mark_note", max_chars=2000, on_change=_store, args=(dataset, name), height=100)
        st.caption(tr("They stay on this machine; the Gallery filters by tag and gives all as CSV."))


def _store(dataset: Dataset, name: str) -> None:
    def write() -> None:
        notebook_of(dataset).set(name, Mark.of(st.session_state["mark_tags"], st.session_state["mark_note"] or ""))

    state.attempt(write)


def many(dataset: Dataset, shown: Sequence[str], passing: Sequence[str]) -> None:
    """Draw a tag for many images, and all marks as a file.

    Args:
        dataset: Whose images.
        shown: Ids on this page of the gallery.
        passing: Ids that pass the filter.
    """
    marks = read(dataset)
    with st.popover(tr("Tags"), icon=":material/label:", key="marks"):
        counts = {
            _PAGE: tr("the {n} on this page", n=len(shown)),
            _ALL: tr("all {n:,} that pass", n=len(passing)),
        }
        with st.form("tag_many", border=False):
            st.selectbox(
                tr("Tag"), known_tags(dataset), index=None, key="new_tag", accept_new_options=True,
                placeholder=tr("Choose, or type a new one"),
            )  # fmt: skip
            st.radio(tr("Give it to"), list(counts), format_func=counts.__getitem__, key="tag_whom")
            st.form_submit_button(
                tr("Add"), icon=":material/new_label:", on_click=_add, args=(dataset, list(shown), list(passing)),
                disabled=not passing,
            )  # fmt: skip
        if marks:
            st.download_button(
                trn("{n:,} mark as CSV", "{n:,} marks as CSV", len(marks)), lambda: as_csv(marks),
                f"{notebook_of(dataset).file.stem}-marks.csv", "text/csv", icon=":material/download:",
                on_click="ignore",
            )  # fmt: skip
        st.caption(tr("Tags and notes of a single image are written on Explain."))


def as_csv(marks: Mapping[str, Mark]) -> str:
    """Return marks as CSV in which no spreadsheet finds a formula."""
    return inert_csv(marks_table(marks))


def _add(dataset: Dataset, shown: Sequence[str], passing: Sequence[str]) -> None:
    tag, whom = st.session_state["new_tag"], st.session_state["tag_whom"]
    if tag:
        state.attempt(lambda: notebook_of(dataset).tag(passing if whom == _ALL else shown, str(tag)))
