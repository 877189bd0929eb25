"""The button that turns the studio into the other language."""

from __future__ import annotations

import streamlit as st

from fisa.language import LANGUAGES, language
from fisa.ui import state


def draw() -> None:
    """Draw a button for each language but the present one, in the words of those who read it."""
    for code, name in LANGUAGES.items():
        if code != language():
            st.button(name, icon=":material/translate:", type="tertiary", key=f"language_{code}",
                      on_click=state.put, args=("lang", code))  # fmt: skip
