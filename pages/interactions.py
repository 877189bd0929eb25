import streamlit as st

from fisa.explain.heads import has_heads
from fisa.language import tr
from fisa.runs import Run
from fisa.ui import (
    browse,
    cache,
    export,
    filters,
    heads,
    heads_export,
    heads_known,
    heads_likeness,
    slices,
    state,
    steps,
    widgets,
)


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
    walk = browse.settle_walk(run, dataset, choose_one=False)
    view = heads.settle(run, matrices, walk.rows)
    state.share(*heads.SHARED)

    st.markdown(
        tr(
            "What the interaction heads of {run} do over the whole test split: who gives to whom on average, which "
            "heads do the same, and which of them the prediction needs.", run=state.plain(run.name),
        )
    )  # fmt: skip
    heads.choices(matrices, run.space, walk.rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        filters.control(run, dataset, walk)
        slices.control(dataset, str(state.get("filter") or ""))
        tools = st.container(width="content")
    if walk.narrowed:
        browse.tell(walk)
    if not view.rows.any():
        return
    heads.means(matrices, run.space, view)
    heads.pair_images(run, dataset, matrices, view)
    alike = heads_likeness.draw(run, dataset, matrices, view)
    beside = None
    with widgets.guard():
        beside = heads_known.draw(run, dataset, matrices, view)
    with tools:
        export.draw(heads_export.of_heads(run, dataset, matrices, walk, view, alike, beside))


state.enter("interactions")
st.title(tr("Interactions"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen)
