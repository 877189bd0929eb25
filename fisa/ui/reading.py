"""Help in place: beside what a page shows, two lines on how to read it, its formula, and where that is derived."""

from __future__ import annotations

import streamlit as st

from fisa.language import mark, tr
from fisa.ui import handbook
from fisa.ui.reading_texts import READINGS

TITLE = mark("How to read this")

# The label is for those who hear the page; those who see it have the icon, and the label as its tooltip.
STYLE = """<style>
[class*="st-key-reading_"] button [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[class*="st-key-reading_"] button > div > [aria-hidden="true"] { display: none; }
</style>"""


def header(text: str, name: str, key: str = "") -> None:
    """Draw a heading with the help ``name`` beside it; see :func:`show`."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.header(text, anchor=False, width="content")
        show(name, key)


def subheader(text: str, name: str) -> None:
    """Draw a heading of a part with the help ``name`` beside it; see :func:`show`."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.subheader(text, anchor=False, width="content")
        show(name)


def show(name: str, key: str = "") -> None:
    """Draw a small button that opens the help ``name``.

    Args:
        name: In ``READINGS``.
        key: Tells two buttons of one page apart that open the same help.
    """
    reading = READINGS[name]
    with st.popover(tr(TITLE), icon=":material/help:", type="tertiary", help=tr(TITLE), key=f"reading_{name}{key}"):
        st.markdown(f"**{tr(TITLE)}.** {tr(reading.words)}\n\n$$\n{reading.formula}\n$$")
        st.page_link(
            "pages/methods.py", label=handbook.title_of(reading.section), icon=":material/menu_book:",
            query_params={"section": reading.section},
        )  # fmt: skip
