"""Trainings on the page: all of them in a list, and one with its curves, its epochs, its log and its buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import streamlit as st

from fisa.config import ConfigError, dump_config
from fisa.figures import history
from fisa.jobs import JobError
from fisa.jobs.trainings import (
    Training,
    config_of,
    delete_training,
    history_of,
    list_trainings,
    log_of,
    look_at_training,
    pause_training,
    resume_training,
)
from fisa.language import mark, tr, trn
from fisa.runs import RunError
from fisa.ui import cache, reading, state
from fisa.ui.meters import duration
from fisa.ui.shelves import own_shelf
from fisa.ui.state import plain
from fisa.ui.widgets import chart, guard, problem

EVERY = 1.0
"""Seconds between two looks at a training that runs."""
SHOWN = 5
"""Trainings that are listed without being asked for."""
Colour = Literal["red", "orange", "blue", "green"]
STATES: dict[str, tuple[str, str, Colour]] = {
    "running": (mark("Running"), ":material/sync:", "blue"),
    "paused": (mark("Paused"), ":material/pause_circle:", "orange"),
    "stopped": (mark("Stopped"), ":material/power_off:", "orange"),
    "failed": (mark("Failed"), ":material/error:", "red"),
    "finished": (mark("Finished"), ":material/check_circle:", "green"),
}
"""How each state is called and marked."""
STAGES = {
    "start": mark("The process starts"),
    "data": mark("Images are made"),
    "train": mark("Training"),
    "test": mark("The test split is measured"),
    "grade": mark("Explanations are graded"),
}
COLUMNS = {
    "epoch": (mark("epoch"), "%d"),
    "seconds": (mark("seconds"), "%.1f"),
    "train_loss": (mark("training"), "%.4f"),
    "validation_kl": (mark("validation KL"), "%.4f"),
    "validation_mse": (mark("validation error"), "%.4f"),
    "lr": (mark("rate"), "%.1e"),
}
"""How the columns of a history are called and written, so that they fit beside the curves."""
_REFUSED = "train_action_refused"


def draw_list() -> None:
    """Draw the trainings in one's own folder of runs; live while one runs."""
    found = list_trainings(own_shelf())
    if found:
        st.header(tr("Trainings"), anchor=False)
    if any(training.state == "running" for training in found):
        _live_list()
    else:
        _rows(found)
        _until_one_runs()


def draw_one(name: str) -> None:
    """Draw a training, which exists; live while it runs."""
    path = own_shelf() / name
    st.button(tr("All trainings, and a new one"), icon=":material/arrow_back:", on_click=state.put,
              args=("job", ""), type="tertiary", key="train_back")  # fmt: skip
    training = look_at_training(path)
    if training.state == "running":
        _live_one(path)
    else:
        _one(training)
        if training.state != "finished":
            _until_one_runs(path)
    _settings(path)


@st.fragment(run_every=EVERY)
def _live_list() -> None:
    with guard():  # the page's own does not reach what a fragment does by itself
        found = list_trainings(own_shelf())
        if all(training.state != "running" for training in found):
            st.rerun()
        _rows(found)


@st.fragment(run_every=EVERY)
def _live_one(path: Path) -> None:
    with guard():
        training = look_at_training(path)
        if training.state != "running" or state.get("job") != path.name:
            st.rerun()
        _one(training)


@st.fragment(run_every=EVERY)
def _until_one_runs(path: Path | None = None) -> None:
    """Draw the page anew once a training, or any, has been set going from another window."""
    with guard():
        found = list_trainings(own_shelf()) if path is None else [look_at_training(path)]
        if any(training.state == "running" for training in found):
            st.rerun()


def _rows(found: Sequence[Training]) -> None:
    for training in found[:SHOWN]:
        _row(training)
    if len(found) > SHOWN:
        with st.expander(tr("Earlier: {n}", n=len(found) - SHOWN)):
            for training in found[SHOWN:]:
                _row(training)


def _row(training: Training) -> None:
    name, how_far = st.columns([3, 4], vertical_alignment="center")
    with name, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            "pages/train.py", label=plain(training.name), query_params={**state.common(), "job": training.name}
        )
        _badge(training)
    with how_far:
        if training.state == "running":
            _progress(training)
        else:
            st.caption(plain(tr("; ").join(filter(None, (_epochs(training), tr(training.reason))))))


def _one(training: Training) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(plain(training.name), anchor=False, width="content")
        _badge(training)
        reading.show("curves")
    if training.state == "running":
        _progress(training)
    elif training.state == "failed":
        st.error(plain(training.reason), icon=":material/error:")
    elif training.state != "finished":
        text = tr("{reason}. {next}", reason=plain(_capital(tr(training.reason))), next=_goes_on(training))
        st.info(text, icon=":material/pause_circle:")
    _buttons(training)
    rows = history_of(training.path)
    columns = {name: st.column_config.NumberColumn(tr(title), format=form) for name, (title, form) in COLUMNS.items()}
    curves, table = st.columns([3, 2])
    with curves:
        chart(history(rows, state.theme()), "train_history")
    with table:
        st.dataframe(
            rows.iloc[::-1], hide_index=True, height=380, key="train_epochs", column_config=columns,
            alt=tr("Each epoch, the last first: seconds, training loss, validation number, learning rate"),
        )  # fmt: skip
    log = log_of(training.path)
    if log:
        with st.expander(tr("What its process wrote"), expanded=training.state == "failed", icon=":material/article:"):
            st.code(log, language=None, wrap_lines=True)


def _badge(training: Training) -> None:
    title, icon, colour = STATES[training.state]
    if training.stopping:
        title = mark("Pausing")
    st.badge(tr(title), icon=icon, color=colour)


def _progress(training: Training) -> None:
    """Show the stage as a bar; training counts the epochs, too."""
    words, counted = tr(STAGES.get(training.stage, mark("Working"))), mark("{words}: {done:,} of {total:,}")
    if training.stage == "train":
        counted = mark("{words}: step {done:,} of {total:,}")
        if training.epochs:
            epoch = min(training.epoch + 1, training.epochs)
            words = tr("Epoch {epoch} of {epochs}", epoch=epoch, epochs=training.epochs)
    if training.total:
        words = tr(counted, words=words, done=training.done, total=training.total)
    if training.seconds_left is not None:
        words = tr("{words}, about {time} left", words=words, time=duration(training.seconds_left))
    st.progress(min(training.done / max(training.total, 1), 1.0), words)


def _buttons(training: Training) -> None:
    path = training.path
    with st.container(horizontal=True, vertical_alignment="center"):
        if training.usable:
            name = next((name for name, known in cache.run_folders().items() if known == path), training.name)
            st.page_link("pages/explain.py", label=tr("Explain it"), query_params={"run": name},
                         icon=":material/search_insights:")  # fmt: skip
        if training.state == "running":
            if training.managed:
                st.button(tr("Pause"), icon=":material/pause:", key="train_pause", disabled=training.stopping,
                          on_click=pause_training, args=(path,))  # fmt: skip
                st.caption(tr("It goes on when this page is left, and when the studio is closed."), width="content")
            else:
                st.caption(tr("Begun on the command line; it is stopped there."))
        elif training.state != "finished":
            st.button(tr("Go on"), icon=":material/play_arrow:", type="primary", key="train_resume",
                      on_click=_act, args=(resume_training, path))  # fmt: skip
        if training.managed or training.usable:
            st.button(tr("Train a variant"), icon=":material/edit:", key="train_variant", on_click=_vary,
                      args=(training,))  # fmt: skip
        if training.state in ("paused", "stopped", "failed") and not training.usable:
            with st.popover(tr("Remove"), icon=":material/delete:"):
                st.markdown(tr("Its checkpoint goes, too, for good."))
                st.button(tr("Remove for good"), key="train_delete", on_click=_remove, args=(path,))
    if refused := st.session_state.pop(_REFUSED, None):
        problem(refused)


def _settings(path: Path) -> None:
    """Show the configuration and when it began."""
    try:
        text = dump_config(config_of(path))
    except (ConfigError, RunError):
        return
    with st.expander(tr("Its configuration"), icon=":material/tune:"):
        began = look_at_training(path).began
        st.caption(tr("Begun {when}.", when=time.strftime("%Y-%m-%d %H:%M", time.localtime(began))))
        st.code(text, language="yaml")


def _act(action: Callable[[Path], None], path: Path) -> None:
    try:
        action(path)
    except (JobError, RunError, ConfigError) as error:
        st.session_state[_REFUSED] = error


def _remove(path: Path) -> None:
    _act(delete_training, path)
    if not path.exists():
        state.put("job", "")


def _vary(training: Training) -> None:
    names = {path: name for name, path in cache.run_folders().items()}
    base = f"run/{names[training.path]}" if training.path in names else f"training/{training.name}"
    state.put("base", base)
    state.keep("set", "")
    state.drop("job")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _goes_on(training: Training) -> str:
    if not training.epoch:
        return tr("It begins anew, for no epoch was done.")
    return tr("It goes on after epoch {epoch}.", epoch=training.epoch)


def _epochs(training: Training) -> str:
    if not training.epochs:
        return trn("{n} epoch", "{n} epochs", training.epoch)
    return tr("{n} of {total} epochs", n=training.epoch, total=training.epochs)
