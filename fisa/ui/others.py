"""The runs beside the one of the sidebar: up to three in an order, and the one of them that makes a pair with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import streamlit as st

from fisa.config import DataConfig
from fisa.language import mark, tr
from fisa.ui import cache, state
from fisa.ui.state import clip

MOST = 3
ALONE = mark("Comparing needs two runs, and there is only one.")
_MANY, _ONE = "choose_others", "choose_against"


def known() -> list[str]:
    """Return the names that ``against`` lists and that there are, or the usual other run; empty where there is none."""
    folders = _folders()
    return [name for name in _asked() if name in folders][:MOST] or _usual(folders)


def settle() -> list[str]:
    """Resolve ``against``, a list with commas; return the names in their order, empty where there is only one run.

    A run that is gone is left out, or becomes the nearest one where no other is asked for; the page says so.
    """
    folders = _folders()
    if not folders:
        return []
    wanted = [name for name in _asked() if name != state.get("run")]
    gone = [name for name in wanted if name not in folders]
    found = [name for name in wanted if name in folders]
    if gone and not found:
        found = [state.nearest(gone[0], folders, folders[0])]
        text = tr("There is no other run “{wanted}” here; showing “{found}” instead.",
                  wanted=clip(gone.pop(0)), found=clip(found[0]))  # fmt: skip
        state.notice(text)
    for name in gone:
        state.notice(tr("There is no other run “{wanted}” here; it is left out.", wanted=clip(name)))
    if len(found) > MOST:
        text = tr("At most {most} runs stand beside another one; “{over}” is left out.",
                  most=MOST, over=clip(", ".join(found[MOST:])))  # fmt: skip
        state.notice(text)
    found = found[:MOST] or _usual(folders)
    state.keep("against", text_of(found))
    return found


def partner(names: list[str]) -> str:
    """Return which of some runs ``versus`` chooses to be looked at pair by pair, by default the first one."""
    wanted = state.get("versus")
    if wanted and wanted not in cache.run_folders():
        wanted = state.resolve("versus", names, names[0], tr("run"))
    name = wanted if wanted in names else names[0]  # of one that there is it is said elsewhere why it is none of them
    state.keep("versus", name if name != known()[0] else "")
    return name


def make_reference(name: str) -> None:
    """Widget callback: let another run take the place of the one in the sidebar, which takes its place."""
    first, names = str(state.get("run")), known()
    state.put("against", text_of([first if each == name else each for each in names]))
    state.put("run", name)


def choose_several(names: list[str]) -> None:
    """Draw the choice of one to three runs, in the order in which they are chosen."""
    st.session_state[_MANY] = names
    label = tr("Beside {run}", run=state.in_label(str(state.get("run"))))
    st.multiselect(
        label, _folders(), key=_MANY, on_change=_take_several, max_selections=MOST, placeholder=tr("other runs"),
        width=300,
    )  # fmt: skip


def choose_one() -> None:
    """Draw the choice of the one run that a pair is made with, which must be resolved already."""
    st.session_state[_ONE] = partner(known())
    st.selectbox(tr("with"), _folders(), key=_ONE, on_change=_take_one)


def choose_partner(names: list[str]) -> None:
    """Draw which of several runs makes a pair with the reference; nothing where there is one."""
    if len(names) > 1:
        st.session_state[state.key("versus")] = partner(names)
        st.segmented_control(
            tr("Against"), names, key=state.key("versus"), on_change=state.commit, args=("versus",), required=True,
            format_func=state.plain,
        )  # fmt: skip


def _take_several() -> None:
    state.put("against", text_of(st.session_state[_MANY]))


def _take_one() -> None:
    name, names = str(st.session_state[_ONE]), known()
    if name not in names:
        state.put("against", text_of([name, *names][:MOST]))
    state.put("versus", name)


def text_of(names: Iterable[str]) -> str:
    """Return names of runs as one text of the view; :func:`names_in` reads it."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def names_in(text: str) -> list[str]:
    """Return the names of runs that a text of the view lists, each once."""
    names = [text] if text in cache.run_folders() else [unquote(name) for name in text.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _asked() -> list[str]:
    return names_in(state.get("against") or "")


def _usual(names: list[str]) -> list[str]:
    """Return the first of other runs with the model and the data of the sidebar's run, else the first; none of none.

    Of two of a kind all can be compared, maps and matrices as well.
    """
    folders = cache.run_folders()
    own = _kind(folders.get(str(state.get("run"))))
    return [name for name in names if own and _kind(folders[name]) == own][:1] or names[:1]


def _kind(folder: Path | None) -> tuple[str, DataConfig] | None:
    run = cache.sound_run(folder) if folder else None
    return (run.config.model.name, run.config.data) if run else None


def _folders() -> list[str]:
    return [name for name in cache.run_folders() if name != state.get("run")]
