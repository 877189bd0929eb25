import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa import figures
from fisa.runs import Run
from fisa.ui import browse, cache, compare, export, panels, rated, state, steps, widgets


def page(a: Run, b: Run, choice: DeltaGenerator) -> None:
    dataset = cache.test_data(a)
    walk = browse.settle_walk(a, dataset)
    name = walk.chosen
    subject = cache.subject(dataset, name)
    found = [cache.explanation(run, subject) for run in (a, b)]
    emotion = panels.settle(found[0])
    state.share("run", "against", *walk.keys, "emotion", "matrix")
    with choice, st.container(horizontal=True, vertical_alignment="bottom"):
        widgets.choose_other()
        tools = st.container(width="content")

    tables = [cache.samples(run, dataset) for run in (a, b)]
    with tools:
        export.draw(export.of_comparison(a, b, dataset, tables))
    left, right = st.columns(2, gap="medium")
    with left:
        st.header("Measures", anchor=False)
        compare.measures(a, b, tables)
    with right:
        st.header("What differs", anchor=False)
        compare.settings(a, b)

    st.header("Image by image", anchor=False)
    browse.draw(a, walk)
    left, right = st.columns(2, gap="medium")
    with left:
        first, second = (table["error"].to_numpy(float) for table in tables)
        figure = figures.error_scatter(first, second, list(tables[0]["id"]), (a.name, b.name), state.theme())
        twin = pd.DataFrame({"id": tables[0]["id"], a.name: first, b.name: second}).set_index("id")
        widgets.chart(figure, "scatter", twin, on_select=open_image)
        st.caption("Each dot is a test image; click one to see both runs on it.")
    with right:
        compare.wheel(found, subject, (a.name, b.name))
    compare.same_image(found, subject, emotion, (a.name, b.name))


def open_image() -> None:
    picked = widgets.selected("scatter")
    if picked is not None:
        state.put("image", widgets.first_text(picked))


state.enter("compare")
words, beside = st.columns([2, 1], vertical_alignment="bottom")
words.title(f"Compare {state.plain(state.get('run') or 'runs')}", anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        other = widgets.other_run()
        if other is not None and (steps.is_sequence(chosen) or steps.is_sequence(other)):
            steps.notice(chosen if steps.is_sequence(chosen) else other)
        elif other is not None and (rated.is_rated(chosen) or rated.is_rated(other)):
            with beside:
                widgets.choose_other()
            rated.compare_page(chosen, other)
        elif other is not None:
            page(chosen, other, beside)
