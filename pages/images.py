import streamlit as st

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import (
    attributions,
    cache,
    export,
    extras,
    graded,
    image_export,
    methods_export,
    panels,
    photographs,
    rated,
    reading,
    standing,
    state,
    steps,
    what_if,
    widgets,
)


def page(run: Run) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    uploads = photographs.upload()
    subjects, refused = photographs.decoded(uploads)
    photographs.tell_refused(refused)
    if not subjects:
        state.share("run")
        if not uploads:
            st.caption(tr("Choose one or several files; each is explained like a test scene, without ground truth."))
        return
    if rated.is_rated(run):
        rated.images_page(run, subjects, len(refused))
        return
    table = photographs.predictions(run, subjects)
    picked = photographs.pick(list(subjects))
    found = cache.explanation(run, subjects[picked])
    emotion = panels.settle(found)
    asked = photographs.settle_places(run, found, subjects[picked], emotion)
    edits = what_if.settle(run, None)
    state.share("run", "emotion", "head", "matrix", "lit", "opacity", *asked, "edits")
    photographs.show_table(table, run, len(refused))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(state.plain(picked), anchor=False, width="content")
        tools = st.container(width="content")
    note = st.container()
    left, right = st.columns(2, gap="medium")
    with left:
        panels.picture(found, subjects[picked], emotion)
        graded.under_attention(run, found)
    with right:
        st.badge(tr("no ground truth"), icon=":material/help:", color="gray")
        st.markdown(standing.headline(found, subjects[picked], run.name))
        named = panels.named_distributions(found, subjects[picked], run.name)
        panels.distributions(named, run.space, "wheel", panels.lit(run.space))
    panels.emotion_strip(found, subjects[picked], emotion, run.name)
    reading.header(tr("What makes {emotion}", emotion=tr(emotion)), "contributions")
    panels.contributions(found, emotion, run.name, "contributions")
    attribution, compared = photographs.places(run, found, subjects[picked], emotion)
    reading.header(tr("Who acts on whom"), "matrices")
    panels.matrices(found, run.name, "matrix")
    extras.draw(found, run.name, subjects[picked])
    with widgets.guard():  # of the test images, which may be gone, some edits need means
        what_if.draw(run, found, subjects[picked], None, edits)
    with note:
        familiar = photographs.say_if_far(run, subjects[picked])
    settings = None if attribution is None else attributions.settings_of(found)
    offer = image_export.offer_of(run, None, found, subjects[picked], emotion, attribution, settings, familiar)
    with tools:
        export.draw(methods_export.joined(offer, compared, "images"))


state.enter("images")
st.title(tr("Your images"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen)
