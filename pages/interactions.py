import streamlit as st

from fisa.explain.heads import has_heads
from fisa.runs import Run
from fisa.ui import cache, heads, state, steps, widgets


def page(run: Run) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    if not has_heads(run):
        state.share("run")
        heads.without(run)
        return
    dataset = cache.test_data(run)
    matrices = heads.found(run, dataset)
    view = heads.settle(run, matrices)
    state.share("run", "matrix", "head", "predicted", "pair", "reference")

    st.markdown(
        f"What the interaction heads of {state.plain(run.name)} do over the whole test split: who gives to whom on "
        "average, which heads do the same, and which of them the prediction needs."
    )
    heads.choices(matrices, run.space)
    heads.means(matrices, run.space, view)
    heads.pair_images(run, dataset, matrices, view)
    heads.likeness(run, dataset, matrices, view)
    with widgets.guard():
        heads.beside(run, dataset, matrices, view)


state.enter("interactions")
st.title("Interactions", anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen)
