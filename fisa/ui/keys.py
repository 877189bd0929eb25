"""The keys of the studio: one table, from which buttons take theirs and the help panel is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fisa.language import mark, tr
from fisa.ui.contents import TITLES


@dataclass(frozen=True)
class Key:
    """A key that presses a button.

    Attributes:
        key: As ``st.button(shortcut=...)`` takes it; C and R are Streamlit's own, and it knows no punctuation.
        does: What it does.
        pages: URL names of the pages that have the button; empty where all have.
    """

    key: str
    does: str
    pages: tuple[str, ...] = ()


_WALK = ("explain", "compare", "retrieval")
KEYS: dict[str, Key] = {
    "keys": Key("H", mark("Show this list")),
    "previous": Key("P", mark("Previous image"), (*_WALK, "data")),
    "next": Key("N", mark("Next image"), (*_WALK, "data")),
    "random": Key("X", mark("Any image"), _WALK),
    "previous_emotion": Key("J", mark("Previous emotion"), ("explain", "images")),
    "next_emotion": Key("K", mark("Next emotion"), ("explain", "images")),
    "masks": Key("M", mark("Show or hide the planted masks"), ("explain",)),
    "explain": Key("E", mark("Explain the first image"), ("gallery",)),
    "back": Key("B", mark("Back from an image to the gallery"), ("data",)),
}
"""By the name that pages call it."""


def shortcut(name: str) -> str:
    """Return the key of ``name``, for ``st.button(shortcut=...)``."""
    return KEYS[name].key


def draw() -> None:
    """Draw the button that shows the list of keys."""
    st.button(tr("Keys"), icon=":material/keyboard:", shortcut=shortcut("keys"), type="tertiary", key="keys",
              on_click=_panel)  # fmt: skip


def _panel() -> None:
    st.dialog(tr("Keys"), icon=":material/keyboard:")(_list)()


def _list() -> None:
    st.markdown(table())
    st.caption(tr("Tab and Shift+Tab move on and back, Enter and Space press, arrows choose, Esc closes."))


def table() -> str:
    """Return the list of keys as Markdown."""
    rows = (f"| **{each.key}** | {tr(each.does)} | {_where(each)} |" for each in KEYS.values())
    return "\n".join([tr("| Key | What it does | Where |"), "| --- | --- | --- |", *rows])


def _where(each: Key) -> str:
    return ", ".join(tr(TITLES[page]) for page in each.pages) or tr("Every page")
