import streamlit as st

from fisa.datasets.problems import WRONG
from fisa.datasets.whole import Whole
from fisa.language import mark, tr, trn
from fisa.ui import (
    datasets,
    datasets_check,
    datasets_export,
    datasets_gallery,
    datasets_item,
    datasets_overview,
    datasets_pictures,
    export,
    state,
    widgets,
)
from fisa.ui.state import plain

VIEWS = {"holds": mark("What it holds"), "gallery": mark("Gallery"), "check": mark("Check")}


def page(chosen: datasets.Choice, whole: Whole, looked: datasets_gallery.Looked) -> None:
    st.html(datasets_pictures.STYLE)
    st.markdown(datasets.introduction(chosen, whole))
    wrong = int((whole.problems["kind"] == WRONG).sum())
    if wrong and state.get("view") != "check":
        text = trn(
            "{n:,} row is left out, as something is wrong; Check says what.",
            "{n:,} rows are left out, as something is wrong; Check says what.",
            wrong,
        )
        st.warning(text, icon=":material/error:")
    if looked.item is not None:
        datasets_item.draw(whole, looked.item, looked.rows)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        widgets.choose(
            "view", list(VIEWS), tr("View"), st.segmented_control, lambda name: tr(VIEWS[name]), required=True
        )
        if state.get("view") == "holds":
            datasets_gallery.choose_split(whole)
            datasets_gallery.tell_filtered(whole, looked.rows)
            export.draw(datasets_export.of_holdings(whole, looked.rows))
    if state.get("view") == "holds":
        datasets_overview.draw(whole, looked.rows)
    elif state.get("view") == "gallery":
        datasets_gallery.draw(whole, looked)
    else:
        datasets_check.draw(whole)


state.enter("data")
words, beside = st.columns([2, 1], vertical_alignment="bottom")
words.title(tr("Data"), anchor=False)
known, choice = datasets.settle()
layout = datasets.layout_of(choice)
state.resolve("view", list(VIEWS), "holds", tr("view"))
data, seen = None, None
with widgets.guard():
    if layout is not None:
        data = datasets.opened(choice, layout)
        seen = datasets_gallery.settle(data)
state.share(*state.DATA_KEYS)
with beside:
    datasets.choose(known)
if layout is None and choice.found is not None:
    text = tr("{path}: {reason}; or choose its layout in the sidebar.", path=choice.root, reason=choice.found.reason)
    st.error(plain(text))
if data is not None and seen is not None:
    with widgets.guard():
        page(choice, data, seen)
