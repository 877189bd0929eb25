"""The form of a training: a field for each option of the configuration, what is wrong beside it, all in the address."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from fisa.config import ConfigError, RunConfig, load_config
from fisa.config.form import (
    Option,
    at,
    changed,
    differences_from,
    options_of,
    problems_of,
    read_changes,
    read_value,
    write_changes,
)
from fisa.datasets import DATASETS
from fisa.jobs.trainings import JOB, list_trainings
from fisa.language import ENGLISH, language, mark, tr
from fisa.ui import cache, state
from fisa.ui.shelves import ROOT, own_shelf
from fisa.ui.state import plain

FIRST = "configs/fisa"
SMALL = {"data.name": "planted-small"}
"""What the first visit changes, so that what one starts by a click ends before one leaves."""
FRONT = ("name", "training.epochs", "training.seed")
"""What nearly everyone sets: with the data set before the sections."""
SECTIONS = {"data": mark("Data"), "model": mark("Model"), "objective": mark("Objective"), "training": mark("Training")}
SUGGESTED: Mapping[str, Sequence[str]] = {"data.name": tuple(DATASETS)}
"""What there is to choose from where the configuration takes any text."""
TITLES = {
    "name": mark("Name"), "training.epochs": mark("Epochs"), "training.seed": mark("Seed"),
    "data.name": mark("Data set"), "data.root": mark("Path of the data"), "data.test": mark("Test split"),
    "model.name": mark("Model"), "model.backbone.name": mark("Backbone"), "training.lr": mark("Learning rate"),
    "objective.kl": "KL", "objective.ce": "CE", "objective.emd": "EMD",
}  # fmt: skip
"""What fields are called that nearly everyone sets, or whose key says it less well."""
LARGEST = 2**53 - 1
"""The largest whole number that a browser keeps."""


@dataclass(frozen=True)
class Base:
    """What a training may be a variant of.

    Attributes:
        key: What the address calls it.
        title: What the page calls it.
        file: Its configuration.
        run: The run folder, of one that can lend its weights.
    """

    key: str
    title: str
    file: Path
    run: Path | None = None


@dataclass(frozen=True)
class Draft:
    """What the form says.

    Attributes:
        base: What it changes.
        before: The configuration of that, every default written out.
        document: The configuration as changed; perhaps none.
        problems: A sentence for each key that something is wrong at.
    """

    base: Base
    before: dict[str, Any]
    document: dict[str, Any]
    problems: dict[str, str]

    @property
    def config(self) -> RunConfig | None:
        """The configuration, where nothing is wrong."""
        return None if self.problems else RunConfig.model_validate(self.document)


def bases() -> dict[str, Base]:
    """Return what there is to start from: shipped configurations, runs, and trainings that are not finished."""
    folder = ROOT / "configs"
    files = [file for file in sorted(folder.rglob("*.yaml")) if file.parent.name != "studies"]
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    found = [Base(f"configs/{name}", name, file) for name, file in zip(names, files, strict=True)]
    found.sort(key=lambda base: base.key != FIRST)
    for name, path in cache.run_folders().items():
        found.append(Base(f"run/{name}", tr("the run {run}", run=name), path / "config.yaml", path))
    for training in list_trainings(own_shelf()):
        if not training.usable and training.managed:
            file = training.path / JOB / "config.yaml"
            title = tr("the training {training}", training=training.name)
            found.append(Base(f"training/{training.name}", title, file))
    return {base.key: base for base in found}


def settle() -> Draft:
    """Resolve what the address asks for; what cannot be used of it is said on top of the page."""
    known = bases()
    if state.get("base") is None and state.get("set") is None:
        state.keep("set", write_changes(SMALL))
    base = known[state.resolve("base", list(known), FIRST, tr("configuration"))]
    try:
        before = load_config(base.file).model_dump(mode="json")
    except ConfigError as error:
        state.notice(tr("{problem}; showing “{found}” instead.", problem=error, found=known[FIRST].title))
        base = known[FIRST]
        state.keep("base", FIRST)
        before = load_config(base.file).model_dump(mode="json")
    try:
        changes = read_changes(state.get("set") or "")
        document = changed(before, changes)
    except ConfigError as error:
        state.notice(tr("The changes in this link cannot be used: {why}.", why=error))
        changes, document = {}, before
    ours = differences_from(before, document)
    if unknown := [key for key in changes if key not in ours and at(before, key) != changes[key]]:
        state.notice(tr("There is no option {key} here; it is left out.", key=state.clip(unknown[0])))
    state.keep("set", write_changes({key: changes[key] for key in changes if key in ours}))
    return Draft(base, before, document, problems_of(document))


def draw(draft: Draft) -> None:
    """Draw what to start from, what nearly everyone sets, and the sections with all the rest."""
    options = {option.key: option for option in options_of(draft.document)}
    left, right = st.columns(2)
    with left:
        _choose_base(draft)
    with right:
        _fields(draft, [options["data.name"]], 1)
    _fields(draft, [options[key] for key in FRONT], 3)
    if "" in draft.problems:
        _complain(draft.problems[""])
    for section, tab in zip(SECTIONS, st.tabs([tr(title) for title in SECTIONS.values()]), strict=True):
        with tab:
            inside = [
                o for o in options.values() if o.key.startswith(f"{section}.") and o.key not in (*FRONT, "data.name")
            ]
            inside += [options["task"]] if section == "objective" else []
            if section in draft.problems:
                _complain(draft.problems[section])
            _fields(draft, [option for option in inside if _matters(option, draft)], 3)


def _choose_base(draft: Draft) -> None:
    known = bases()
    key = state.key("base")
    st.session_state[key] = draft.base.key

    def take() -> None:
        state.keep("set", "")
        state.put("base", st.session_state[key])

    st.selectbox(
        tr("Start from"), list(known), key=key, format_func=lambda name: known[name].title, on_change=take,
        help=tr("A configuration that ships, or that of a run, of which this one is a variant."),
    )  # fmt: skip


def _matters(option: Option, draft: Draft) -> bool:
    """Tell whether an option changes anything: one of a loss term that has no weight does not."""
    return not option.waits_for or bool(at(draft.document, option.waits_for))


def _fields(draft: Draft, options: Sequence[Option], across: int) -> None:
    for start in range(0, len(options), across):
        for column, option in zip(st.columns(across), options[start : start + across], strict=False):
            with column:
                _field(draft, option)
                if option.key in draft.problems:
                    _complain(draft.problems[option.key])


def _complain(sentence: str) -> None:
    st.markdown(f":red[:material/error: {plain(sentence)}]")


def _field(draft: Draft, option: Option) -> None:
    """Draw the field of an option, with its value now."""
    value = at(draft.document, option.key, option.default)
    key = f"train_{option.key}"
    choices = option.choices or SUGGESTED.get(option.key, ())
    dot = " •" if at(draft.before, option.key, option.default) != value else ""
    label = f"{_title(option)}{dot}"
    common: dict[str, Any] = {
        "key": key, "on_change": _take, "args": (draft, option), "help": _help(option),
    }  # fmt: skip
    if choices:
        st.session_state[key] = value if value in choices else None
        st.selectbox(label, choices, **common)
    elif option.kind == "switch":
        st.session_state[key] = value is True
        st.space("small")
        st.toggle(label, **common)
    elif option.kind in ("whole", "number"):
        st.session_state[key] = _number(option, value)
        whole = option.kind == "whole"
        st.number_input(
            label, value=None, step=1 if whole else _step(value), format="%d" if whole else "%g",
            placeholder=tr("none") if option.optional else tr("a number"), **common,
        )  # fmt: skip
    else:
        listed = option.kind == "list" and isinstance(value, list)
        st.session_state[key] = ", ".join(map(str, value)) if listed else str("" if value is None else value)
        st.text_input(label, placeholder=tr("none") if option.optional else "", **common)


def _title(option: Option) -> str:
    """Return what an option is called; the words of its key are English, so that other languages show the key."""
    if option.key in TITLES:
        return tr(TITLES[option.key])
    return option.label.capitalize() if language() == ENGLISH else f"`{option.key.rpartition('.')[2]}`"


def _take(draft: Draft, option: Option) -> None:
    """Take what was just set in a field into the changes; what is as in the base is no change."""
    value = st.session_state[f"train_{option.key}"]
    if option.kind in ("text", "list") and isinstance(value, str):
        try:
            value = read_value(option, value)
        except ConfigError as error:
            state.put("set", state.get("set") or "")
            state.notice(str(error))
            return
    changes = read_changes(state.get("set") or "")
    changes.pop(option.key, None)
    if value is not None or option.optional:
        changes[option.key] = value
    ours = differences_from(draft.before, changed(draft.before, changes))
    state.put("base", draft.base.key)
    state.keep("set", write_changes({key: changes[key] for key in changes if key in ours}))


def _help(option: Option) -> str:
    said = [option.help, option.bounds, f"`{option.key}`"]
    if option.required:
        return "\n\n".join(filter(None, said))
    shown = tr("none") if option.default is None else plain(str(option.default))
    return "\n\n".join(filter(None, [*said, tr("Default: {value}", value=shown)]))


def _number(option: Option, value: Any) -> int | float | None:
    """Return a number as its field can show it; what is none leaves the field empty, and is said beside it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if option.kind == "whole":
        return int(value) if value == int(value) and abs(value) <= LARGEST else None
    return float(value)


def _step(value: Any) -> float:
    """Return by how much the buttons of a field change a number: a tenth of its order of magnitude, or of 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value or not math.isfinite(value):
        return 0.1
    return float(10.0 ** (math.floor(math.log10(abs(value)) + 1e-9) - 1)) if abs(value) < 1 else 0.1
