"""The button that turns the studio into the other language."""

from __future__ import annotations

import streamlit as st

from fisa.language import LANGUAGES, language
from fisa.ui import state


def draw() -> None:
    """Draw a button for each language but the present one, in the words of those who read it.

    The document is said to be in the present one, so that a screen reader pronounces it (WCAG 2.2, 3.1.1).
    """
    st.html(
        f"<script>document.documentElement.lang = '{language().replace('_', '-')}'</script>",
        unsafe_allow_javascript=True,
    )
    for code, name in LANGUAGES.items():
        if code != language():
            st.button(name, icon=":material/translate:", type="tertiary", key=f"language_{code}",
                      on_click=state.put, args=("lang", code))  # fmt: skip
