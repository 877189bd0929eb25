import streamlit as st

from fisa.jobs.trainings import list_trainings
from fisa.language import tr
from fisa.ui import state, train_form, train_start, train_watch, widgets
from fisa.ui.shelves import own_shelf


def form() -> None:
    draft = train_form.settle()
    state.share(*state.TRAIN_KEYS)
    train_watch.draw_list()
    st.header(tr("A new training"), anchor=False)
    fields, beside = st.columns([5, 3], gap="large")
    with fields:
        train_form.draw(draft)
    with beside:
        train_start.draw(draft)


state.enter("train")
st.title(tr("Train"), anchor=False)
with widgets.guard():
    names = [training.name for training in list_trainings(own_shelf())]
    job = state.resolve_optional("job", names, tr("training"))
    if job:
        state.share("job")
        train_watch.draw_one(job)
    else:
        form()
