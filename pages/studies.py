from pathlib import Path

import streamlit as st

from fisa.language import tr
from fisa.ui import export, state, studies, studies_export, widgets


def page(folders: dict[str, Path]) -> None:
    name = state.resolve("study", list(folders), studies.first(folders), tr("study"))
    state.share("study")
    widgets.choose("study", list(folders), tr("Study"))
    table, results = studies.open_study(folders[name])
    if results is not None:
        st.caption(
            tr("Systems under one protocol: equal search, choice on validation, one look at the test split a cell.")
        )
    about = table.attrs
    st.markdown(
        tr(
            "{data}, {split}, {samples}, data version {version}. Best first, the best figures in bold; *theirs* "
            "are published; last stand the oracles.",
            data=state.plain(about["data"]),
            split=state.plain(about["split"]),
            samples=tr("{n} samples", n=about["n"]),
            version=state.plain(about["data_version"]),
        )
    )
    row = studies.whole(table, name)
    offer = studies_export.of_study(name, folders[name], table, results)
    if offer.figures or offer.tables:
        with row:
            export.draw(offer)
    studies.differences(table)
    studies.claims(table)
    studies.notes(table)
    if results is not None:
        studies.draft(studies.drafted(results))


state.enter("studies")
st.title(tr("Studies"), anchor=False)
with widgets.guard():
    found = studies.found()
    if found:
        page(found)
    else:
        st.info(
            tr("No study was found; `python -m fisa study configs/studies/draft.yaml --out runs/draft` makes one."),
            icon=":material/folder_off:",
        )
