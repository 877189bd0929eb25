"""docs/methods.md inside the studio: its sections, by the anchors that GitHub gives their headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from fisa.language import ENGLISH, language, tr
from fisa.ui import state

FILE = Path(__file__).parents[2] / "docs" / "methods.md"
_HEADING = re.compile(r"(#{2,3}) (.+)")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)\s]+\)")
_DISPLAY = re.compile(r"^\$\$(.+?)\$\$(\S*)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A chapter of the document, or a part of one.

    Attributes:
        anchor: What follows the ``#`` in a link to it.
        title: Its heading.
        level: 2 for a chapter, 3 for a part of it.
        text: Markdown from its heading on; a chapter's has all its parts.
    """

    anchor: str
    title: str
    level: int
    text: str


def sections() -> dict[str, Section]:
    """Return the sections of the document by anchor, in its order.

    Raises:
        OSError: The file cannot be read.
    """
    return _sections(FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _sections(document: str) -> dict[str, Section]:
    lines = document.splitlines()
    starts = [*_headings(lines), (len(lines), 2, "")]
    found = {}
    for place, (start, level, title) in enumerate(starts[:-1]):
        end = next(line for line, other, _ in starts[place + 1 :] if other <= level)
        found[anchor_of(title)] = Section(anchor_of(title), title, level, "\n".join(lines[start:end]))
    return found


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield line, level and text of each heading; what is in a fence is code."""
    fenced = False
    for number, line in enumerate(lines):
        fenced ^= line.startswith("```")
        match = None if fenced else _HEADING.fullmatch(line)
        if match:
            yield number, len(match[1]), match[2]


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: lower case, hyphens for spaces, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def title_of(anchor: str) -> str:
    """Return how a link to a section calls it; without the file, the document."""
    try:
        return tr("Methods, {section}", section=sections()[anchor].title)
    except OSError:
        return tr("Methods")


def shown(text: str) -> str:
    """Return a section as Streamlit renders it: equations on lines of their own, links into the repository as text."""
    return _DISPLAY.sub(r"$$\n\1\2\n$$", _LINK.sub(r"\1", text))


def draw() -> None:
    """Draw the section that the view names, with the choice of another."""
    found = sections()
    chosen = found[state.resolve("section", list(found), next(iter(found)), tr("section of the methods"))]
    state.share("section")
    st.session_state[state.key("section")] = chosen.anchor
    st.selectbox(
        tr("Section"), list(found), key=state.key("section"), on_change=state.commit, args=("section",), width=420,
        format_func=lambda anchor: f"{'– ' if found[anchor].level > 2 else ''}{found[anchor].title}",
    )  # fmt: skip
    if language() != ENGLISH:
        st.caption(tr("This document is in English."))
    st.markdown(shown(chosen.text))
