"""The buttons, and keys, that go from one emotion to the next around the wheel."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fisa.language import tr
from fisa.ui import keys, state


def draw(labels: Sequence[str], emotion: str) -> None:
    """Draw the buttons that choose the emotions before and after ``emotion`` among ``labels``, in wheel order."""
    place = labels.index(emotion)
    with st.container(horizontal=True, gap="small", width="content"):
        for name, words, icon, step in (
            ("previous", tr("Previous emotion"), "left", -1),
            ("next", tr("Next emotion"), "right", 1),
        ):
            st.button(
                words, icon=f":material/chevron_{icon}:", type="tertiary",
                shortcut=keys.shortcut(f"{name}_emotion"), key=f"{name}_emotion",
                on_click=state.put, args=("emotion", labels[(place + step) % len(labels)]),
            )  # fmt: skip
