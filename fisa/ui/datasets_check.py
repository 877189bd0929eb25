"""The check of a data set on a page: begun here, done in a process of its own, and told when it ends."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import streamlit as st

from fisa.datasets import DataError
from fisa.datasets.check import Report
from fisa.datasets.checking import Check, look_at_check, start_check, stop_check
from fisa.datasets.problems import NOTE, WRONG
from fisa.datasets.whole import Whole
from fisa.language import mark, tr, trn
from fisa.tables import inert_csv
from fisa.ui.state import plain
from fisa.ui.widgets import guard, html_table, problem

EVERY = 1.0
"""Seconds between two looks at a check that runs."""
NAMED = 30
"""Absent IDs that are written out; the JSON has all."""
LABELLED = {"images": mark("labelled images"), "vectors": mark("labelled vectors"), "steps": mark("labelled steps")}
"""What rows are counted as, by what they are of."""
COLUMNS = {
    "kind": mark("kind"),
    "file": mark("file"),
    "row": mark("row"),
    "image": mark("image"),
    "problem": mark("problem"),
    "mend": mark("mend"),
}
"""How the columns of a table of problems are called."""
KINDS = {WRONG: mark("wrong"), NOTE: mark("note")}


def draw(whole: Whole) -> None:
    """Draw what reading found, and the check with its report."""
    if whole.root is None:
        text = tr("This set is drawn by the program: there is nothing on disk to check.")
        st.info(text, icon=":material/brush:")
        return
    check = look_at_check(whole.name, whole.root)
    if check.state == "running":
        _watch(whole.name, str(whole.root))
    else:
        _begin(check, whole)
    if check.report is not None:
        _report(check, check.report)
    elif len(whole.problems):
        st.header(tr("Found while the lists were read"), anchor=False)
        st.caption(tr("No image was opened for these; the check opens every one."))
        _problems(whole.problems, whole.name)
    else:
        st.caption(tr("The lists are right. The check also decodes every image, and looks for what is there twice."))


@st.fragment(run_every=EVERY)
def _watch(name: str, root: str) -> None:
    """Show how far the check is, each second, until it ends; then draw the page anew."""
    with guard():  # the page's own does not reach what a fragment does by itself
        check = look_at_check(name, Path(root))
        if check.state != "running":
            st.rerun()
        words = tr("Checking: the lists are being read")
        if check.total:
            words = tr("Checking: {done:,} of {total:,} images", done=check.done, total=check.total)
        st.progress(check.done / max(check.total, 1), words)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                tr("Stop"), icon=":material/stop:", on_click=stop_check, args=(name, Path(root)), key="check_stop"
            )
            st.caption(tr("It goes on when this page is left or loaded again, and when the studio is closed."))


def _begin(check: Check, whole: Whole) -> None:
    """Say how the last check ended, and offer another."""
    assert whole.root is not None
    if check.state == "failed":
        st.error(plain(check.error), icon=":material/error:")
    elif check.state == "interrupted":
        text = tr("A check was interrupted at {done:,} of {total:,} images; it goes on from there.",
                  done=check.done, total=check.total)  # fmt: skip
        st.info(text, icon=":material/pause_circle:")
    elif check.state == "done" and not check.current:
        st.warning(tr("Lists or folders have changed since this report."), icon=":material/update:")
    label = {"none": tr("Check everything"), "interrupted": tr("Go on")}.get(check.state, tr("Check again"))
    if st.button(label, icon=":material/fact_check:", type="primary", key="check_start"):
        try:
            start_check(whole.name, whole.root)
        except DataError as error:
            problem(error)
            return
        st.rerun()
    text = tr(
        "Decodes every image once, in a process of its own, and remembers it: a second check is done at once. "
        "The same as `python -m fisa data check {name} PATH`.",
        name=whole.name,
    )
    st.caption(text)


def _report(check: Check, report: Report) -> None:
    ended = time.strftime("%Y-%m-%d %H:%M", time.localtime(check.finished))
    if report.wrong:
        text = trn(
            "{n:,} problem to mend; training refuses until then, or leaves them out with `data.skip_bad`.",
            "{n:,} problems to mend; training refuses until then, or leaves them out with `data.skip_bad`.",
            report.wrong,
        )
        st.error(text)
    else:
        st.success(tr("Nothing is wrong."), icon=":material/check_circle:")
    html_table(counts(report), alt=tr("Counts of the check against the published ones"))
    if report.absent:
        names, more = ", ".join(report.absent[:NAMED]), len(report.absent) - NAMED
        with st.expander(tr("Absent: {n:,}", n=len(report.absent))):
            st.caption(plain(tr("{names} and {n:,} more", names=names, n=more) if more > 0 else names))
    if len(report.problems):
        _problems(report.problems, report.name)
    st.download_button(
        "JSON", lambda: json.dumps(report.document(), indent=2), f"{report.name}-check.json", "application/json",
        icon=":material/download:", on_click="ignore", key="check_json",
    )  # fmt: skip
    version = plain(report.version or tr("nothing is left"))
    st.caption(tr("Checked {when}. Data version without what is wrong: {version}.", when=ended, version=version))


def counts(report: Report) -> pd.DataFrame:
    """Return what was counted beside what was published; a dash where nothing was."""
    rows = {tr(LABELLED[report.things]): (f"{report.rows:,}", _number(report.published))}
    if report.images is not None:
        rows[tr("images read")] = (f"{report.images:,}", "–")
        rows[tr("images refused")] = (f"{report.refused:,}", "–")
    for reason, count in report.left_out.items():
        rows[tr("left out: {reason}", reason=reason)] = (f"{count:,}", "–")
    return pd.DataFrame.from_dict(rows, orient="index", columns=[tr("found"), tr("published")])


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _problems(table: pd.DataFrame, name: str) -> None:
    """Draw the table of what is wrong, faults first, with its download."""
    faults = int((table["kind"] == WRONG).sum())
    text = tr("**{wrong:,}** wrong, **{notes:,}** worth knowing and no fault", wrong=faults, notes=len(table) - faults)
    st.markdown(text)
    shown = table.assign(kind=[tr(KINDS[kind]) for kind in table["kind"]])[list(COLUMNS)]
    st.dataframe(
        shown, hide_index=True, key="data_problems", alt=tr("What is wrong: file, row, image, problem, mend"),
        column_config={name: tr(title) for name, title in COLUMNS.items()},
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: inert_csv(table), f"{name}-problems.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="check_csv",
    )  # fmt: skip
