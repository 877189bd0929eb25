import streamlit as st

from fisa.language import tr
from fisa.ui import handbook, state, widgets

state.enter("methods")
st.title(tr("Methods"), anchor=False)
st.caption(tr("What every number, map and model means: docs/methods.md, a section at a time."))
with widgets.guard():
    handbook.draw()
