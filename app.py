"""FISA Studio: the page list and the shared sidebar. Start it with ``streamlit run app.py``."""

import streamlit as st

from fisa.emotions import MIKELS8
from fisa.figures import wheel_emblem
from fisa.ui import cache, keys, reading, shelves, state, widgets

PAGES = {
    "home": st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
    "gallery": st.Page("pages/gallery.py", title="Gallery", icon=":material/grid_view:"),
    "explain": st.Page("pages/explain.py", title="Explain", icon=":material/search_insights:"),
    "compare": st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
    "interactions": st.Page("pages/interactions.py", title="Interactions", icon=":material/hub:"),
    "map": st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:"),
    "retrieval": st.Page("pages/retrieval.py", title="Retrieval", icon=":material/image_search:"),
    "grades": st.Page("pages/grades.py", title="Grades", icon=":material/grading:"),
    "metrics": st.Page("pages/metrics.py", title="Metrics", icon=":material/leaderboard:"),
    "studies": st.Page("pages/studies.py", title="Studies", icon=":material/experiment:"),
    "data": st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
    "train": st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    "images": st.Page("pages/images.py", title="Your images", icon=":material/add_photo_alternate:"),
    "methods": st.Page("pages/methods.py", title="Methods", icon=":material/menu_book:", visibility="hidden"),
}

# Streamlit writes on primary buttons and chosen tags in white, which the dark theme's primary colour is too light for.
DARK_LABELS = (
    "<style>[data-testid=stBaseButton-primary], [data-testid=stMultiSelect] span[title] {color: #0e1117}</style>"
)


def main() -> None:
    """Draw the sidebar, then the page that was asked for."""
    st.set_page_config(
        page_title="FISA Studio", page_icon=wheel_emblem(MIKELS8, 64), layout="wide", initial_sidebar_state=230
    )
    st.logo(wheel_emblem(MIKELS8, 48), size="large")
    if state.theme() == "dark":
        st.html(DARK_LABELS)
    page = st.navigation(list(PAGES.values()), expanded=True)
    state.arrive(PAGES, page)
    st.html(reading.STYLE)
    with st.sidebar:
        folders = list(cache.run_folders())
        if folders:
            state.resolve("run", folders, folders[0], "run")
            widgets.choose("run", folders, "Run")
        shelves.choose_elsewhere()
        shelves.list_refused(cache.refused())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(PAGES["methods"], label="Methods", icon=":material/menu_book:")
            keys.draw()
    page.run()


if __name__ == "__main__":  # a worker process, which makes images, imports this file under another name
    main()
