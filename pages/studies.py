from pathlib import Path

import streamlit as st

from fisa.ui import state, studies, widgets


def page(folders: dict[str, Path]) -> None:
    name = state.resolve("study", list(folders), next(iter(folders)), "study")
    state.share("study")
    widgets.choose("study", list(folders), "Study")
    table, results = studies.open_study(folders[name])
    about = table.attrs
    samples = f"{about['n']} samples{' a fold' if 'p_folds' in table else ''}"
    st.markdown(
        f"{state.plain(about['data'])}, {state.plain(about['split'])}, {samples}, data version "
        f"{state.plain(about['data_version'])}. Worst first, best in bold; *theirs* are published figures."
    )
    studies.whole(table, name)
    studies.differences(table)
    studies.claims(table)
    studies.notes(table)
    if results is not None:
        studies.draft(results)


state.enter("studies")
st.title("Studies", anchor=False)
st.caption("Systems under one protocol: equal search, choice on validation, one look at the test split a cell.")
with widgets.guard():
    found = studies.found()
    if found:
        page(found)
    else:
        st.info(
            "No study was found; `python -m fisa study configs/studies/draft.yaml --out runs/draft` makes one.",
            icon=":material/folder_off:",
        )
