import streamlit as st

from fisa.ui import handbook, state, widgets

state.enter("methods")
st.title("Methods", anchor=False)
st.caption("What every number, map and model means: docs/methods.md, a section at a time.")
with widgets.guard():
    handbook.draw()
