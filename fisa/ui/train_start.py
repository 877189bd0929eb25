"""Beside the form of a training: how long it takes, its start, what it changes, and the same as a command."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import pandas as pd
import streamlit as st

from fisa.config import RunConfig, dump_config
from fisa.config.form import differences_from, overrides_between
from fisa.jobs import JobError
from fisa.jobs.estimates import Measurement, look_at_estimate, start_estimate, stop_estimate
from fisa.jobs.trainings import start_training
from fisa.language import tr, trn
from fisa.runs import free_path
from fisa.training.estimate import Estimate
from fisa.ui import state
from fisa.ui.meters import duration
from fisa.ui.shelves import own_shelf
from fisa.ui.state import plain
from fisa.ui.train_form import Draft
from fisa.ui.widgets import guard, problem

EVERY = 1.0
"""Seconds between two looks at an estimate that is being measured."""
_LEND = "train_lend"
_REFUSED = "train_refused"


def draw(draft: Draft) -> None:
    """Draw it; without a valid configuration only what is wrong and what is changed."""
    config = draft.config
    with st.container(border=True):
        if config is None:
            text = trn(
                "{n} thing is to mend before it can start.",
                "{n} things are to mend before it can start.",
                len(draft.problems),
            )
            st.error(text)
        else:
            _begin(draft, config)
    changes = differences_from(draft.before, draft.document)
    count = len(changes) or tr("nothing")
    st.caption(tr("Changed from {base}: {count}", base=plain(draft.base.title), count=count))
    if changes:
        rows = {plain(key): [_cell(value) for value in values] for key, values in changes.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=[tr("before"), tr("now")])
        st.table(table, border="horizontal", alt=tr("What the form changes: option, value before, value now"))
    if config is not None:
        _same_elsewhere(draft, config)


def _begin(draft: Draft, config: RunConfig) -> None:
    measured = look_at_estimate(config)
    lend = False
    if draft.base.run is not None:
        lend = st.checkbox(tr("Begin with the weights of {run}", run=plain(draft.base.run.name)), key=_LEND)
    st.button(
        tr("Start training"), icon=":material/play_arrow:", type="primary", key="train_start", width="stretch",
        disabled=measured.state == "failed", on_click=_start, args=(config, draft.base.run if lend else None),
    )  # fmt: skip
    if refused := st.session_state.pop(_REFUSED, None):
        problem(refused)
    if measured.state == "running":
        _measuring(config)
        return
    if measured.state == "failed":
        st.error(plain(tr(measured.reason)), icon=":material/error:")
    if measured.estimate is not None:
        _tell(measured.estimate, measured)
    label = tr("How long will it take?") if measured.state == "none" else tr("Measure again")
    st.button(label, icon=":material/timer:", key="train_estimate", on_click=_measure, args=(config,), type="tertiary")


@st.fragment(run_every=EVERY)
def _measuring(config: RunConfig) -> None:
    """Show how far the estimate is, until it is done."""
    with guard():  # the page's own does not reach what a fragment does by itself
        measured = look_at_estimate(config)
        if measured.state != "running":
            st.rerun()  # the page tells the result
        words = tr("The process starts …") if measured.stage == "start" else tr("A few steps are timed …")
        if measured.total:
            words = tr("Images are made: {done:,} of {total:,}", done=measured.done, total=measured.total)
        st.progress(measured.done / max(measured.total, 1), words)
        st.button(tr("Stop"), icon=":material/stop:", key="train_estimate_stop", on_click=stop_estimate, args=(config,))


def _tell(estimate: Estimate, measured: Measurement) -> None:
    low, likely, high = map(duration, estimate.seconds)
    text = tr(
        "About **{likely}**, {low} to {high} by its fastest and slowest steps.", likely=likely, low=low, high=high
    )
    st.markdown(text)
    memory = "" if estimate.memory is None else tr(", {gib:.1f} GiB of memory", gib=estimate.memory / 2**30)
    when = time.strftime("%H:%M", time.localtime(measured.ended))
    text = tr(
        "{epochs:,} epochs of {steps:,} steps and a validation, {parameters:,} parameters{memory}, on {device}; "
        "measured at {when}, with the machine as busy as it was. The test, the grades and the map come on top.",
        epochs=estimate.epochs, steps=estimate.steps, parameters=estimate.parameters, memory=memory,
        device=estimate.device, when=when,
    )  # fmt: skip
    st.caption(text)


def _same_elsewhere(draft: Draft, config: RunConfig) -> None:
    """Give the configuration as a file, and the command that does what the button does."""
    out = free_path(own_shelf(), config.name)
    with st.expander(tr("The same as a file and as a command"), icon=":material/terminal:"):
        st.code(command(draft, out), language="bash", wrap_lines=True)
        text = dump_config(config)
        st.download_button(
            "YAML", text, f"{config.name}.yaml", "application/yaml",
            icon=":material/download:", on_click="ignore", key="train_yaml",
        )  # fmt: skip
        st.code(text, language="yaml", height=320)


def command(draft: Draft, out: Path, init_from: Path | None = None) -> str:
    """Return the command that trains what the form says, as a shell takes it."""
    parts = ["python", "-m", "fisa", "train", _near(draft.base.file), "--out", str(out)]
    for override in overrides_between(draft.before, draft.document):
        parts += ["--set", override]
    lend = init_from or (draft.base.run if st.session_state.get(_LEND) else None)
    return shlex.join([*parts, *(["--init-from", _near(lend)] if lend else [])])


def _near(path: Path) -> str:
    """Write a path from where the studio was started, where it lies below."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def _start(config: RunConfig, lender: Path | None) -> None:
    try:
        path = start_training(config, own_shelf(), lender)
    except JobError as error:
        st.session_state[_REFUSED] = error
        return
    state.put("job", path.name)


def _measure(config: RunConfig) -> None:
    try:
        start_estimate(config)
    except JobError as error:
        st.session_state[_REFUSED] = error


def _cell(value: object) -> str:
    return "–" if value is None else plain(str(value))
