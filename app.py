"""FISA Studio: the page list and the shared sidebar. Start it with ``streamlit run app.py``."""

import streamlit as st
from streamlit.navigation.page import Page

from fisa import language
from fisa.emotions import MIKELS8
from fisa.figures import wheel_emblem
from fisa.language import tr
from fisa.ui import browser, cache, contents, keys, reading, shelves, state, tongue, widgets

# Streamlit writes on primary buttons and chosen tags in white, which the dark theme's primary colour is too light for.
DARK_LABELS = (
    "<style>[data-testid=stBaseButton-primary], [data-testid=stMultiSelect] span[title] {color: #0e1117}</style>"
)


def main() -> None:
    """Draw the sidebar, then the page that was asked for."""
    language.ask(state.language)
    st.set_page_config(
        page_title="FISA Studio", page_icon=wheel_emblem(MIKELS8, 64), layout="wide", initial_sidebar_state=230
    )
    st.logo(wheel_emblem(MIKELS8, 48), size="large")
    if state.theme() == "dark":
        st.html(DARK_LABELS)
    pages = {
        name: st.Page(
            f"pages/{name}.py", title=tr(title), icon=contents.ICONS[name], default=name == "home",
            visibility="hidden" if name in contents.HIDDEN else "visible",
        )
        for name, title in contents.TITLES.items()
    }  # fmt: skip
    page = st.navigation(list(pages.values()), expanded=True)
    state.arrive(pages, page)
    st.html(reading.STYLE)
    with language.using(language.language()):  # which each text would else ask the session for
        draw(pages, page)
    state.keep_language()


def draw(pages: dict[str, Page], page: Page) -> None:
    """Draw the sidebar, then the page."""
    with st.sidebar:
        if folders := cache.run_folders():
            widgets.settle_run(folders)
            widgets.choose("run", list(folders), tr("Run"))
        shelves.choose_elsewhere()
        shelves.list_refused(cache.refused())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(pages["methods"], label=tr("Methods"), icon=contents.ICONS["methods"])
            keys.draw()
            tongue.draw()
        browser.teach()  # last, as it has no height but a gap above
    page.run()


if __name__ == "__main__":  # a worker process, which makes images, imports this file under another name
    main()
