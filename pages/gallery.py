import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import (
    browse,
    cache,
    datasets_pictures,
    filters,
    gallery,
    marks,
    others,
    reading,
    slices,
    state,
    steps,
    widgets,
)


def page(run: Run, beside: DeltaGenerator) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    dataset = cache.test_data(run)
    walk = browse.settle_walk(run, dataset, choose_one=False)
    shown = gallery.settle(walk)
    noted = marks.read(dataset)
    state.share("run", *walk.keys, "sheet", "panel")
    st.html(datasets_pictures.STYLE)
    with beside, st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        browse.choose_order(browse.sorts_of(run, walk.table))
        if walk.other:
            others.choose_one()

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tools"):
        widgets.choose(
            "panel", list(gallery.PANELS), tr("Part"), st.segmented_control, lambda name: tr(gallery.PANELS[name]),
            required=True, label_visibility="collapsed", width="content",
        )  # fmt: skip
        reading.show(gallery.HELP[str(state.get("panel"))])
        filters.control(run, dataset, walk)
        slices.control(dataset, str(state.get("filter") or ""))
        if len(shown):
            gallery.explain_first(str(walk.table["id"].iloc[shown[0]]))
        marks.many(dataset, [str(walk.table["id"].iloc[row]) for row in shown], walk.order)
    if walk.narrowed:
        browse.tell(walk)
    if state.get("panel") == "measures":
        gallery.measures(run, dataset, walk)
    elif state.get("panel") == "found":
        gallery.found(run, dataset, walk)
    elif len(shown):
        gallery.introduce(run, walk)
        gallery.images(run, dataset, walk, shown, noted)


state.enter("gallery")
words, order = st.columns([3, 2], vertical_alignment="bottom")
words.title(tr("Gallery"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen, order)
