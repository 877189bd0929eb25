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
from fisa.datasets.problems import WRONG
from fisa.datasets.whole import Whole
from fisa.ui.state import plain
from fisa.ui.widgets import html_table, problem

EVERY = 1.0
"""Seconds between two looks at a check that runs."""
NAMED = 30
"""Absent IDs that are written out; the JSON has all."""


def draw(whole: Whole) -> None:
    """Draw what reading found, and the check with its report."""
    if whole.root is None:
        st.info("This set is drawn by the program: there is nothing on disk to check.", icon=":material/brush:")
        return
    check = look_at_check(whole.name, whole.root)
    if check.state == "running":
        _watch(whole.name, str(whole.root))
    else:
        _begin(check, whole)
    if check.report is not None:
        _report(check, check.report)
    elif len(whole.problems):
        st.header("Found while the lists were read", anchor=False)
        st.caption("No image was opened for these; the check opens every one.")
        _problems(whole.problems, whole.name)
    else:
        st.caption("The lists are right. The check also decodes every image, and looks for what is there twice.")


@st.fragment(run_every=EVERY)
def _watch(name: str, root: str) -> None:
    """Show how far the check is, each second, until it ends; then draw the page anew."""
    check = look_at_check(name, Path(root))
    if check.state != "running":
        st.rerun()
    words = f"{check.done:,} of {check.total:,} images" if check.total else "the lists are being read"
    st.progress(check.done / max(check.total, 1), f"Checking: {words}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", icon=":material/stop:", on_click=stop_check, args=(name, Path(root)), key="check_stop")
        st.caption("It goes on when this page is left or loaded again, and when the studio is closed.")


def _begin(check: Check, whole: Whole) -> None:
    """Say how the last check ended, and offer another."""
    assert whole.root is not None
    if check.state == "failed":
        st.error(plain(check.error), icon=":material/error:")
    elif check.state == "interrupted":
        st.info(
            f"A check was interrupted at {check.done:,} of {check.total:,} images; it goes on from there.",
            icon=":material/pause_circle:",
        )
    elif check.state == "done" and not check.current:
        st.warning("Lists or folders have changed since this report.", icon=":material/update:")
    label = {"none": "Check everything", "interrupted": "Go on"}.get(check.state, "Check again")
    if st.button(label, icon=":material/fact_check:", type="primary", key="check_start"):
        try:
            start_check(whole.name, whole.root)
        except DataError as error:
            problem(error)
            return
        st.rerun()
    st.caption(
        "Decodes every image once, in a process of its own, and remembers it: a second check is done at once. "
        f"The same as `python -m fisa data check {whole.name} PATH`."
    )


def _report(check: Check, report: Report) -> None:
    ended = time.strftime("%Y-%m-%d %H:%M", time.localtime(check.finished))
    if report.wrong:
        count = f"{report.wrong:,} {'problem' if report.wrong == 1 else 'problems'}"
        st.error(f"{count} to mend; training refuses until then, or leaves them out with `data.skip_bad`.")
    else:
        st.success("Nothing is wrong.", icon=":material/check_circle:")
    html_table(counts(report), alt="Counts of the check against the published ones")
    if report.absent:
        more = f" and {len(report.absent) - NAMED:,} more" if len(report.absent) > NAMED else ""
        with st.expander(f"Absent: {len(report.absent):,}"):
            st.caption(plain(", ".join(report.absent[:NAMED]) + more))
    if len(report.problems):
        _problems(report.problems, report.name)
    st.download_button(
        "JSON", lambda: json.dumps(report.document(), indent=2), f"{report.name}-check.json", "application/json",
        icon=":material/download:", on_click="ignore", key="check_json",
    )  # fmt: skip
    st.caption(f"Checked {ended}. Data version without what is wrong: {plain(report.version or 'nothing is left')}.")


def counts(report: Report) -> pd.DataFrame:
    """Return what was counted beside what was published; a dash where nothing was."""
    rows = {f"labelled {report.things}": (f"{report.rows:,}", _number(report.published))}
    if report.images is not None:
        rows["images read"] = (f"{report.images:,}", "–")
        rows["images refused"] = (f"{report.refused:,}", "–")
    for reason, count in report.left_out.items():
        rows[f"left out: {reason}"] = (f"{count:,}", "–")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["found", "published"])


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _problems(table: pd.DataFrame, name: str) -> None:
    """Draw the table of what is wrong, faults first, with its download."""
    faults = int((table["kind"] == WRONG).sum())
    st.markdown(f"**{faults:,}** wrong, **{len(table) - faults:,}** worth knowing and no fault")
    shown = table[["kind", "file", "row", "image", "problem", "mend"]]
    st.dataframe(shown, hide_index=True, key="data_problems", alt="What is wrong: file, row, image, problem, mend")
    st.download_button(
        "CSV", lambda: table.to_csv(index=False, lineterminator="\n"), f"{name}-problems.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="check_csv",
    )  # fmt: skip
