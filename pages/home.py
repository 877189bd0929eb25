import streamlit as st

from fisa.emotions import MIKELS8
from fisa.figures import method_diagram, wheel_emblem
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.ui import cache, glance, meters, reading, state, tour, widgets

INTRODUCTION = mark(
    "A picture does not evoke one emotion; it evokes a distribution over emotions. FISA Studio predicts that "
    "distribution and shows why: where each emotion looks, and which emotions push one another up or down. "
    "Everything runs on this machine, first on drawn scenes whose true answer is known, then on your own photographs."
)


def introduction() -> None:
    emblem, words = st.columns([1, 6], vertical_alignment="center", gap="medium")
    emblem.image(wheel_emblem(MIKELS8, 132), width=132, alt=tr("Emblem: the emotion wheel"))
    with words:
        st.title("FISA Studio", anchor=False)
        st.markdown(tr(INTRODUCTION))
        with st.container(horizontal=True):
            st.page_link("pages/explain.py", label=tr("Explain a picture"), icon=":material/search_insights:")
            st.page_link("pages/images.py", label=tr("Try your photographs"), icon=":material/add_photo_alternate:")
            st.page_link("pages/grades.py", label=tr("How far to trust it"), icon=":material/grading:")


def runs() -> None:
    reading.header(tr("Trained runs"), "runs")
    folders = cache.run_folders()
    if not folders:
        widgets.no_runs()
        return
    # On a narrow screen the rows scroll together, not each by itself.
    scrolling = st.container(horizontal=True, wrap=False, key="runs")
    with scrolling.container(width=640, gap="xsmall"):
        headings = st.columns([2, 1, 1, 1, 1], wrap=False)
        titles = (tr("Run"), tr("Score"), "KL(p‖q)", tr("Localisation"), tr("Training"))
        for column, text in zip(headings, titles, strict=True):
            column.caption(text)
        for name, path in folders.items():
            with widgets.guard():
                row(name, cache.open_run(path))
    st.caption(
        tr(
            "Score: 1 − KL(p‖q)/KL(p‖constant) on the planted test scenes; 0 is the constant predictor, 1 the truth. "
            "Localisation: share of emotions, in scenes of two or more, whose attention peaks in their own visible "
            "motifs."
        )
    )


def row(name: str, run: Run) -> None:
    hit = glance.localisation(run)
    numbers = (
        widgets.number(run.metrics.get("score")),
        widgets.number(run.metrics.get("kl_truth"), 4),
        tr("no attention") if hit is None else f"{hit:.0%}",
        meters.duration(glance.training_seconds(run)),
    )
    columns = st.columns([2, 1, 1, 1, 1], wrap=False, vertical_alignment="center")
    columns[0].page_link("pages/explain.py", label=state.plain(name), query_params={"run": name})
    for column, text in zip(columns[1:], numbers, strict=True):
        column.text(text)


def data() -> None:
    reading.header(tr("The data at a glance"), "scenes")
    st.markdown(tr("**Planted Affect**: drawn scenes whose every cause is known, here one for each dominant emotion."))
    with st.container(horizontal=True, gap=6, key="glance"):
        for scene in glance.scenes():
            with st.container(width=96, gap=None):
                name = tr(scene.label)
                alt = tr("A drawn scene: {emotion} {degree:.0%}", emotion=name, degree=scene.degree)
                st.image(scene.picture, width="stretch", alt=alt)
                link = {"image": scene.name, "emotion": scene.label}
                st.page_link("pages/explain.py", label=name, query_params=link)


state.enter("home")
state.share()
introduction()
tour.draw(bool(cache.run_folders()))
pictures = st.container()
runs()
with pictures, widgets.guard():
    data()
reading.header(tr("How FISA works"), "diagram")
st.image(
    method_diagram(state.theme()),
    width="stretch",
    alt=tr("FISA in six steps: image, feature map, attention map, class features, interaction, distribution"),
)
