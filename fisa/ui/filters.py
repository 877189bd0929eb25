"""The controls of the filter: each changes one condition of the text that the address carries."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from fisa.datasets import Dataset
from fisa.emotions import DIMENSIONS
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.slices import Among, Condition, Within, write
from fisa.ui import marks, panels, state
from fisa.ui.browse import Walk

_TITLES = {
    "predicted": mark("Predicted emotion"), "dominant": mark("True emotion"),
    "entropy": mark("Entropy of the prediction, nats"), "error": mark("Error"),
    "valence": mark("Predicted valence"), "arousal": mark("Predicted arousal"), "tag": mark("Tag"),
}  # fmt: skip
_EXAMPLE = "predicted=fear;error>0.5"
_HELP = mark(
    "Conditions, joined by semicolons; all must hold. predicted=fear,awe names values, entropy=1.2-2 a range, "
    "error>0.5 and error<0.5 one end. Every measure can be named, and on drawn scenes brightness and saturation."
)


def control(run: Run, dataset: Dataset, walk: Walk) -> None:
    """Draw the filter: emotions, ranges, tags, and all of it as text."""
    title = tr("Filter ({n})", n=len(walk.conditions)) if walk.conditions else tr("Filter")
    with st.popover(title, icon=":material/filter_alt:", key="filters"):
        if "dominant" in walk.table:
            labels = [run.space.labels[column] for column in panels.wheel_order(run.space)]
            for name in ("predicted", "dominant"):
                _among(walk, name, labels, tr)
        for name, (low, high) in _ends(walk.table).items():
            _within(walk, name, low, high)
        if tags := marks.known_tags(dataset):
            _among(walk, "tag", tags)
        st.session_state["filter_text"] = write(walk.conditions)
        st.text_input(
            tr("As text"), key="filter_text", on_change=_take_text, help=tr(_HELP),
            placeholder=_EXAMPLE,
        )  # fmt: skip


def _ends(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return what can be chosen by a range, with its ends."""
    ends = {"error": (0.0, math.ceil(100 * float(table["error"].max())) / 100)}
    if "entropy" in table:
        ends["entropy"] = (0.0, math.ceil(100 * float(table["entropy"].max())) / 100)
    if "dominant" not in table:
        ends |= dict.fromkeys(DIMENSIONS, (-1.0, 1.0))
    return {name: (low, high) for name, (low, high) in ends.items() if low < high}


def _among(walk: Walk, name: str, options: list[str], shown: Callable[[str], str] = str) -> None:
    now = next((each for each in walk.conditions if each.column == name), None)
    values = now.values if isinstance(now, Among) else ()
    key = f"filter_{name}"
    st.session_state[key] = [value for value in values if value in options]
    st.multiselect(
        tr(_TITLES[name]), options, key=key, on_change=_take_values, args=(walk, name), placeholder=tr("any"),
        format_func=shown,
    )  # fmt: skip


def _within(walk: Walk, name: str, low: float, high: float) -> None:
    now = next((each for each in walk.conditions if each.column == name), None)
    first, last = (now.low, now.high) if isinstance(now, Within) else (None, None)
    key = f"filter_{name}"
    shown = (min(max(low, low if first is None else first), high), max(min(high, high if last is None else last), low))
    st.session_state[key] = (min(shown), max(shown))
    st.slider(tr(_TITLES[name]), low, high, step=0.01, key=key, on_change=_take_range, args=(walk, name, low, high))


def _take_values(walk: Walk, name: str) -> None:
    values = tuple(st.session_state[f"filter_{name}"])
    _replace(walk, name, Among(name, values) if values else None)


def _take_range(walk: Walk, name: str, low: float, high: float) -> None:
    first, last = (round(end, 4) for end in st.session_state[f"filter_{name}"])
    if first <= low and last >= high:
        _replace(walk, name, None)
    elif first <= low:
        _replace(walk, name, Within(name, high=last))
    else:
        _replace(walk, name, Within(name, first, None if last >= high else last))


def _replace(walk: Walk, name: str, condition: Condition | None) -> None:
    """Put a condition in the place of those on its column; the gallery begins anew."""
    others = [each for each in walk.conditions if each.column != name]
    _take(write([*others, *([condition] if condition else [])]))


def _take_text() -> None:
    _take(str(st.session_state["filter_text"] or ""))


def _take(text: str) -> None:
    state.drop("sheet", "image")
    state.put("filter", text)
