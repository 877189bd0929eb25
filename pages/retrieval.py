import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import browse, cache, export, reading, retrieval, retrieval_export, state, steps, widgets


def page(run: Run, tools: DeltaGenerator) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    dataset = cache.test_data(run)
    count = state.resolve("k", retrieval.COUNTS, "10", tr("number of neighbours"))
    results = retrieval.found(run, dataset, int(count))
    walk = browse.settle_walk(run, dataset)
    name = walk.chosen
    shown, by = retrieval.settle(results)
    state.share("run", *walk.keys, "embedding", "by", "k")

    st.markdown(
        tr(
            "The test images that {run} places nearest to one of them. If it has learned what images evoke, and not "
            "only what they show, these share its emotion.", run=state.plain(run.name),
        )
    )  # fmt: skip
    browse.draw(run, walk)
    retrieval.choices(results, shown)
    left, right = st.columns([1, 3], gap="medium")
    with left:
        retrieval.query(dataset, name)
    with right:
        retrieval.neighbours(shown, by, dataset, name)

    reading.header(tr("Over all test images"), "retrieval_scores")
    retrieval.scores(results, shown.neighbours.shape[1])
    planes = {}
    if len(results) > 1:
        planes = retrieval.planes(run, dataset, results, name)
    else:
        st.caption(tr("{run} has one embedding; the Map page shows its projection.", run=state.plain(run.name)))
    with tools:
        export.draw(retrieval_export.of_search(run, dataset, results, shown, by, name, planes))


state.enter("retrieval")
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title(tr("Retrieval"), anchor=False, width="content")
    beside = st.container(width="content")
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen, beside)
