"""Which folders the studio takes its runs from, and what in them cannot be opened."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import streamlit as st

from fisa.language import tr
from fisa.runs import RunError, list_runs, list_unfinished
from fisa.ui.state import plain

ROOT = Path(__file__).parents[2]
_ELSEWHERE = "fisa_elsewhere"


def shelves() -> list[Path]:
    """Return the folders that hold runs: what ships or ``--artifacts`` names, the person's own, then one elsewhere.

    ``streamlit run app.py -- --artifacts DIR`` comes before the variable FISA_ARTIFACTS, and that before what ships.
    """
    artifacts = Path(_argument("--artifacts") or os.environ.get("FISA_ARTIFACTS") or ROOT / "artifacts")
    elsewhere = str(st.session_state.get(_ELSEWHERE) or "").strip()
    return [artifacts, own_shelf(), *([_at_home(elsewhere)] if elsewhere else [])]


def own_shelf() -> Path:
    """Return the folder of the person's own runs, where trainings go: that of FISA_RUNS, or ``runs``."""
    return Path(os.environ.get("FISA_RUNS") or "runs")


def choose_elsewhere() -> None:
    """Draw the field that opens another folder of runs, and say what is wrong with what it names."""
    st.text_input(
        tr("Run folders elsewhere"),
        key=_ELSEWHERE,
        placeholder="/path/to/runs",
        help=tr("A folder on this machine that holds run folders; they are listed beside the others."),
    )
    elsewhere = str(st.session_state[_ELSEWHERE] or "").strip()
    folder = _at_home(elsewhere)
    if not elsewhere:
        return
    try:
        if not folder.is_dir():
            st.warning(plain(tr("{folder}: no such folder", folder=folder)), icon=":material/folder_off:")
        elif not list_runs(folder) and not list_unfinished(folder):
            st.warning(plain(tr("{folder}: holds no run folders", folder=folder)), icon=":material/folder_off:")
    except OSError as error:
        st.warning(
            plain(tr("{folder}: cannot be read ({why})", folder=folder, why=error.strerror)),
            icon=":material/folder_off:",
        )


def list_refused(reasons: list[RunError]) -> None:
    """Name the runs that cannot be opened, each with its reason."""
    if reasons:
        with st.expander(tr("Cannot be opened: {n}", n=len(reasons)), icon=":material/error:"):
            for reason in reasons:
                st.caption(plain(str(reason)))


def _at_home(text: str) -> Path:
    """Return a path that a person typed, as it is where it begins with the home of somebody unknown."""
    return Path(os.path.expanduser(text))


def _argument(name: str) -> str | None:
    """Return the value of an option that follows ``--`` on Streamlit's command line."""
    for place, argument in enumerate(sys.argv[1:], start=1):
        if argument == name and place + 1 < len(sys.argv):
            return sys.argv[place + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return None
