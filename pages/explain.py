import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import (
    attributions,
    browse,
    cache,
    export,
    extras,
    graded,
    image_export,
    marks,
    methods,
    methods_export,
    panels,
    rated,
    reading,
    standing,
    state,
    steps,
    what_if,
    widgets,
)


def page(run: Run, bar: DeltaGenerator) -> None:
    dataset = cache.test_data(run)
    walk = browse.settle_walk(run, dataset)
    name = walk.chosen
    subject = cache.subject(dataset, name)
    found = cache.explanation(run, subject)
    emotion = panels.settle(found)
    asked = attributions.settle(run, found, subject, emotion)
    methods.settle()
    scene = what_if.scene_of(dataset, subject)
    edits = what_if.settle(run, scene)
    shown = ("emotion", "head", "matrix", "lit", "masks", "opacity", *asked, "methods", "edits")
    state.share("run", *walk.keys, *shown)

    with bar:
        browse.draw(run, walk)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(standing.headline(found, subject, run.name, cache.samples(run, dataset)))
        st.page_link("pages/map.py", label=tr("On the map"), icon=":material/scatter_plot:")
        tools = st.container(width="content")
    left, right = st.columns(2, gap="medium")
    with left:
        panels.picture(found, subject, emotion)
        graded.under_attention(run, found)
    with right:
        named = panels.named_distributions(found, subject, run.name)
        panels.distributions(named, run.space, "wheel", panels.lit(run.space))
    panels.emotion_strip(found, subject, emotion, run.name)

    what, among = st.columns(2, gap="medium")
    with what:
        reading.header(tr("What makes {emotion}", emotion=tr(emotion)), "contributions")
        panels.contributions(found, emotion, run.name, "contributions")
    with among:
        reading.header(tr("Among the test images"), "among")
        standing.measures(cache.samples(run, dataset), name)
    reading.header(tr("Which places speak for it"), "attribution")
    attribution = attributions.draw(run, found, subject, emotion)
    compared = methods.draw(run, found, subject, emotion)
    reading.header(tr("Who acts on whom"), "matrices")
    panels.matrices(found, run.name, "matrix")
    extras.draw(found, run.name, subject)
    what_if.draw(run, found, subject, scene, edits)
    with tools, st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        st.page_link("pages/gallery.py", label=tr("Gallery"), icon=":material/grid_view:")
        marks.editor(dataset, name)
        offer = image_export.offer_of(
            run, dataset, found, subject, emotion, attribution, attributions.settings_of(found)
        )
        export.draw(methods_export.joined(offer, compared))


state.enter("explain")
title, beside = st.columns([1, 5], vertical_alignment="bottom")
title.title(tr("Explain"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        if steps.is_sequence(chosen):
            steps.explain_page(chosen, beside)
        else:
            (rated.explain_page if rated.is_rated(chosen) else page)(chosen, beside)
