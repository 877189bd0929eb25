"""Which data set the Data page shows: drawn, found in the folders of FISA_DATA, or at a path that the person types."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fisa.datasets import DATASETS, SEQUENCES, Layout, OnDisk, Vectors
from fisa.datasets.found import VARIABLE, Found, data_folders, find_sets, recognise
from fisa.datasets.whole import Whole, read_whole, stamp
from fisa.language import mark, tr
from fisa.ui import state
from fisa.ui.meters import meter
from fisa.ui.state import plain

DRAWN = tuple(n for n, source in DATASETS.items() if not isinstance(source, OnDisk) and n not in SEQUENCES)
FIRST = "planted-small"
"""Shown where nothing else is asked for: the drawn set of the shipped runs."""
KEPT = 4
"""Data sets that stay in memory, the last used ones."""

COUNTED = {True: mark("{n:,} images"), False: mark("{n:,} vectors")}
"""How much a data set holds, by whether that is images."""

_PATH = "data_path"
_FILTERS = tuple(name for name in state.DATA_KEYS if name not in ("data", "view"))

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Choice:
    """A data set that can be shown.

    Attributes:
        key: What the address calls it: the name of a drawn set, or a path.
        title: What the page calls it.
        found: What was recognised of its folder; None of a drawn set.
    """

    key: str
    title: str
    found: Found | None

    @property
    def root(self) -> Path | None:
        """Folder or file that holds it."""
        return None if self.found is None else self.found.path


def choices() -> tuple[dict[str, Choice], list[Found]]:
    """Return what can be shown by its key, and what lies in the folders of FISA_DATA and is not recognised."""
    found = find_sets(data_folders())
    good = [each for each in found if each.layouts]
    wanted = state.get("data")
    if wanted and wanted not in DRAWN and wanted not in [str(each.path) for each in good]:
        typed = recognise(Path(wanted))
        good += [typed] if os.path.exists(typed.path) else []  # pathlib's raises where a name is too long
    titles = _titles([each.path for each in good])
    listed = [Choice(str(each.path), title, each) for each, title in zip(good, titles, strict=True)]
    drawn = [
        Choice(name, tr("{name} (drawn)", name=name), None)
        for name in (FIRST, *(name for name in DRAWN if name != FIRST))
    ]
    return {each.key: each for each in [*listed, *drawn]}, [each for each in found if not each.layouts]


def _titles(paths: Sequence[Path]) -> list[str]:
    """Name each path by its last part, and by its folder, too, where that is needed to tell it from another."""
    names = [path.name or str(path) for path in paths]
    return [
        f"{path.parent.name}/{name}" if names.count(name) > 1 else name for path, name in zip(paths, names, strict=True)
    ]


def settle() -> tuple[dict[str, Choice], Choice]:
    """Resolve which data set the view names, and draw the part of the sidebar that chooses others."""
    known, strange = choices()
    chosen = known[state.resolve("data", list(known), next(iter(known)), tr("data set"))]
    with st.sidebar:
        st.text_input(
            tr("Path of a data set"),
            key=_PATH,
            on_change=_take_path,
            placeholder="/path/to/Emotion6",
            help=tr(
                "A folder, or a file of feature vectors, on this machine; it is only read. "
                "Those in the folders of the variable {variable} are listed without.",
                variable=VARIABLE,
            ),
        )
        if refused := st.session_state.get("data_path_refused"):
            st.warning(plain(refused), icon=":material/folder_off:")
        if strange:
            with st.expander(tr("Not recognised: {n}", n=len(strange)), icon=":material/help:"):
                for each in strange:
                    st.caption(plain(f"{each.path}: {each.reason}"))
    return known, chosen


def _take_path() -> None:
    """Show the data set at the path that was typed, or say why there is none."""
    text = str(st.session_state[_PATH] or "").strip().strip("'\"")
    st.session_state["data_path_refused"] = ""
    if not text:
        return
    found = recognise(Path(text))
    if os.path.exists(found.path):
        _show(str(found.path))
    else:
        st.session_state["data_path_refused"] = f"{text}: {found.reason}"


def _show(key: str) -> None:
    state.drop(*_FILTERS)
    state.put("data", key)


def introduction(chosen: Choice, whole: Whole) -> str:
    """Say in Markdown what the data set is and where it lies."""
    source = DATASETS[whole.name]
    held = tr(COUNTED[whole.has_images], n=len(whole.manifest))
    if whole.published:
        held = tr("{held} of {published:,} published", held=held, published=whole.published)
    labels = tr("no labels, but ratings")
    if len(whole.space):
        labels = tr("{n} labels ({space})", n=len(whole.space), space=plain(whole.space.name))
    what = tr("drawn scenes whose every cause is known")
    if isinstance(source, Layout | Vectors):
        what = tr("{data}, at {path}", data=plain(tr(source.title)), path=plain(str(whole.root)))
    return tr("**{title}**: {held}, {labels}; {what}.", title=plain(chosen.title), held=held, labels=labels, what=what)


def choose(known: dict[str, Choice]) -> None:
    """Draw the choice between the data sets."""
    key = state.key("data")
    st.session_state[key] = state.get("data")
    st.selectbox(
        tr("Data set"),
        list(known),
        key=key,
        format_func=lambda name: known[name].title,
        on_change=lambda: _show(st.session_state[key]),
    )


def layout_of(chosen: Choice) -> str | None:
    """Resolve how the data set is read, with a choice in the sidebar; None where it must be chosen first."""
    if chosen.found is None:
        return chosen.key
    likely = chosen.found.layouts
    others = [name for name, source in DATASETS.items() if isinstance(source, Layout | Vectors) and name not in likely]
    options = [*likely, *others]
    if not likely and not state.get("layout"):
        layout = None
    else:
        layout = state.resolve("layout", options, options[0], tr("layout"))
        if likely and layout == likely[0]:
            state.drop("layout")
    key = state.key("layout")
    st.session_state[key] = layout
    with st.sidebar:
        st.selectbox(
            tr("Layout"),
            options,
            key=key,
            index=None if layout is None else 0,
            format_func=lambda name: tr("{name}: {what}", name=name, what=_title(name)),
            on_change=_change_layout,
            help=tr("How the files lie; likely ones come first. docs/datasets.md shows each."),
        )
    return layout


def _title(name: str) -> str:
    source = DATASETS[name]
    return tr(source.title) if isinstance(source, Layout | Vectors) else tr("drawn")


def _change_layout() -> None:
    state.drop(*_FILTERS)
    state.commit("layout")


def opened(chosen: Choice, layout: str) -> Whole:
    """Read a data set, once for each state of its lists and folders, with progress where that takes a while.

    Raises:
        DataError: Nothing can be read at all.
    """
    with meter(tr("Reading {data} …", data=plain(chosen.title))) as progress:
        return _library().read(layout, chosen.root, progress)


class Library:
    """The data sets last used, shared by all sessions: each is read by one of them while others wait."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], Whole] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: dict[tuple[object, ...], threading.Lock] = {}
        self.count = 0
        """How often a data set was read."""

    def read(self, layout: str, root: Path | None, progress: Progress) -> Whole:
        """Return a data set; see :func:`opened`."""
        key = (layout, str(root), None if root is None else stamp(root))
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            own = self._reading.setdefault(key, threading.Lock())
        with own:
            with self._lock:
                if key in self._held:
                    return self._held[key]
            whole = read_whole(layout, root, progress)
            with self._lock:
                self.count += 1
                self._held[key] = whole
                self._reading.pop(key, None)
                while len(self._held) > KEPT:
                    self._held.popitem(last=False)
            return whole


@st.cache_resource(show_spinner=False)
def _library() -> Library:
    return Library()
