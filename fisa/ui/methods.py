"""Every method of attribution on one image, side by side, each with what deletion and insertion say of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.evaluation import Progress
from fisa.explain.asking import Settings
from fisa.explain.attribution import METHODS
from fisa.explain.deletion import RANDOM_ORDERS, Curves, curves
from fisa.explain.graded import stored_grades
from fisa.explain.targets import Target
from fisa.language import sentences, tr
from fisa.records import Attribution, Explanation
from fisa.runs import Run
from fisa.ui import attributions, graded, pictures, reading, state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import meter
from fisa.ui.widgets import chart

ACROSS = 4
"""Methods in a row."""
_LAST = "methods_last"  # what the session saw of this last


@dataclass(frozen=True, eq=False)
class Shown:
    """What is drawn: attributions by method, and their curves with those of random orders."""

    maps: Mapping[str, Attribution]
    curves: Mapping[str, Curves]

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of one axis for all curves."""
        values = np.concatenate([part for each in self.curves.values() for part in (each.deletion, each.insertion)])
        low, high = float(values.min()), float(values.max())
        room = 0.06 * (high - low) or 1.0
        return low - room, high + room

    @property
    def ranked(self) -> list[str]:
        """Methods, that with the most of both gains first."""
        return sorted(self.maps, key=lambda name: -np.nan_to_num(sum(self.gains(name))))

    def gains(self, method: str) -> tuple[float, float]:
        """Return by how much deletion falls below random orders, and insertion rises above, in sizes of the change."""
        own, chance = self.curves[method], self.curves["random"]
        whole = abs(chance.deletion[0] - chance.deletion[-1])
        if whole == 0:
            return float("nan"), float("nan")
        down, up = (chance.deletion - own.deletion).mean() / whole, (own.insertion - chance.insertion).mean() / whole
        return float(down), float(up)


def settle() -> None:
    """Resolve whether the methods stand side by side."""
    state.resolve("methods", ("off", "on"), "off", tr("setting of the methods"))


def draw(run: Run, found: Explanation, subject: Subject, emotion: str) -> Shown | None:
    """Draw the switch, and where it is on, every method that can answer for the target, the best at deletion first.

    Returns:
        What is drawn; None where the switch is off.
    """
    st.session_state["methods_toggle"] = state.get("methods") == "on"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(tr("Every method side by side"), key="methods_toggle", on_change=_switch)
        reading.show("deletion")
    if state.get("methods") != "on":
        return None
    shown = _shown(run, found, subject, emotion)
    best = shown.ranked
    for start in range(0, len(best), ACROSS):
        for column, method in zip(st.columns(ACROSS, gap="small"), best[start : start + ACROSS], strict=False):
            with column:
                _one(run, subject, shown, method)
    read = tr(
        "Each map has a scale of its own; the curves share one. Solid: the places that speak most for the target "
        "give way to a blur first, so a good map lets the target fall soon. Dashed: they come back first, so it "
        "rises soon. Dotted: {n} random orders. Numbers: how far the target lies below them in the mean by "
        "deletion, and above them by insertion, in shares of the size of the whole change. An image half blurred "
        "is one that no training image looks like.", n=RANDOM_ORDERS,
    )  # fmt: skip
    worth = tr("Faithfulness is of the run on planted scenes, with its 95 % interval.") if stored_grades(run) else ""
    usual = "" if attributions.settings_of(found) == Settings() else tr("Head and baseline are the usual ones here.")
    st.caption(sentences(read, worth, usual))
    return shown


def _switch() -> None:
    state.put("methods", "on" if st.session_state["methods_toggle"] else "off")


def _one(run: Run, subject: Subject, shown: Shown, method: str) -> None:
    title, own, chance = tr(METHODS[method].title), shown.curves[method], shown.curves["random"]
    down, up = shown.gains(method)
    st.markdown(f"**{attributions.marked(run, method)}**")
    image = pictures.signed(subject, shown.maps[method].values)
    st.image(image, width="stretch", alt=tr("{name}: {what}", name=subject.name, what=title))
    with st.container(gap=None):
        st.caption(tr("deletion {down:+.0%} · insertion {up:+.0%}", down=down, up=up))
        st.caption(graded.of_method(run, method))
    random = (chance.deletion, chance.insertion)
    figure = figures.deletion_curves(
        own.shares, own.deletion, own.insertion, random, title, shown.limits, state.theme()
    )
    names = (tr("deletion"), tr("insertion"), tr("deletion, random"), tr("insertion, random"))
    columns = dict(zip(names, (own.deletion, own.insertion, *random), strict=True))
    twin = pd.DataFrame(columns, index=pd.Index(own.shares, name=tr("share")))
    chart(figure, f"methods_{method}", twin)


def _shown(run: Run, found: Explanation, subject: Subject, emotion: str) -> Shown:
    """Return what is drawn, with progress where attributions must be computed."""
    asked = attributions.asked()
    names = attributions.methods_for(run, asked)
    key = (run.digest, subject.digest, asked, emotion)
    # What stood here a moment ago is in the caches, and a bar for it would only make the page jump.
    asking = tr("Asking {n} methods …", n=len(names))
    with _silent() if st.session_state.get(_LAST) == key else meter(asking) as progress:
        maps = {}
        for number, name in enumerate(names):
            progress(number, len(names) + 1)
            maps[name] = attributions.attribution_of(run, subject, name, asked, emotion)
        progress(len(names), len(names) + 1)
        shown = Shown(maps, curves_of(run, subject, asked, emotion, maps))
    st.session_state[_LAST] = key
    return shown


def _silent() -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


def curves_of(
    run: Run, subject: Subject, asked: str, emotion: str, maps: Mapping[str, Attribution]
) -> dict[str, Curves]:
    """Return what deletion and insertion say of each map, and of random orders; computed once."""
    target, truth = attributions.target_of(asked, emotion), attributions.truth_for(subject, asked)
    return _curves(run.digest, subject.digest, target, truth, run, subject, maps)


@st.cache_data(max_entries=64, show_spinner=False)
@counted("curves")
def _curves(
    run_digest: str,
    image_digest: str,
    target: str,
    truth: np.ndarray | None,
    _run: Run,
    _subject: Subject,
    _maps: Mapping[str, Attribution],
) -> dict[str, Curves]:
    values = {name: each.values for name, each in _maps.items()}
    return curves(_run, _subject.seen_by(_run), values, Target.parse(target, _run.space), truth)
