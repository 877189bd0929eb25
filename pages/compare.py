import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import (
    browse,
    cache,
    compare_errors,
    compare_export,
    compare_image,
    compare_measures,
    compare_runs,
    export,
    others,
    rated,
    reading,
    selection,
    state,
    steps,
    studies,
    widgets,
)


def page(runs: dict[str, Run], tools: DeltaGenerator) -> None:
    first = next(iter(runs.values()))
    dataset = cache.test_data(first)
    others.partner([*runs][1:])
    walk = browse.settle_walk(first, dataset)
    seen = compare_image.settle(runs, dataset, walk.chosen)
    selection.settle_drag()
    seeds = compare_runs.seeds_of_each(runs)
    counted = compare_measures.settle_seeds(seeds)
    found = compare_runs.measured(runs, dataset, counted)
    state.share("run", *state.COMPARE_KEYS, *walk.keys, "emotion", "matrix", "drag")
    with tools:
        export.draw(compare_export.of_comparison(runs, dataset, found, seen))

    reading.header(tr("What differs"), "settings")
    compare_measures.settings(runs)
    reading.header(tr("Measures"), "paired")
    compare_measures.choose_seeds(seeds)
    compare_measures.measures(found, counted)

    reading.header(tr("Image by image"), "errors")
    errors = compare_errors.errors_of(runs, dataset)
    own = dict(errors.loc[walk.chosen])
    compare_errors.draw(runs, dataset, walk, lambda: compare_image.wheel(seen, own))
    compare_image.draw(seen, runs)


def comparison(run: Run) -> None:
    runs, reasons = compare_runs.settle(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if others.known():
            compare_runs.choose(runs)
        tools = st.container(width="content")
    for reason in reasons:
        st.info(state.plain(reason), icon=":material/compare:")
    if len(runs) < 2:
        state.share("run", "against")
        if not reasons:
            st.info(tr(others.ALONE), icon=":material/compare:")
    elif rated.is_rated(run):
        state.share("run", "against")
        rated.compare_page(runs, tools)
    else:
        page(runs, tools)
        studies.ablation()


state.enter("compare")
st.title(tr("Compare"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        if steps.is_sequence(chosen):
            steps.notice(chosen)
        else:
            comparison(chosen)
