"""Five steps through the studio, on Home until the person has seen them or sends them away; no other page has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from fisa.language import mark, tr
from fisa.slices import SliceError, home
from fisa.slices.store import read_json, write_json
from fisa.ui import state

_SESSION = "fisa_tour"


@dataclass(frozen=True)
class Step:
    """One place to see.

    Attributes:
        page: Script of the page.
        link: What the link to it says.
        words: What to do there.
        query: What of the view the link sets, names and texts.
    """

    page: str
    link: str
    words: str
    query: tuple[tuple[str, str], ...] = ()


_GALLERY = Step(
    "pages/gallery.py", mark("Open the gallery"), mark("The test images stand worst first. Choose one: its strip shows "
    "the prediction above the truth."), (("sort", "error"),),
)  # fmt: skip
_EXPLAIN = Step(
    "pages/explain.py", mark("Explain an image"), mark("Choose an emotion below the picture, see where it looks, and "
    "who pushes it up or down."),
)  # fmt: skip
_IMAGES = Step(
    "pages/images.py", mark("Try your photographs"), mark("Add a few; they stay on this machine. The page says when "
    "one is unlike all that the run knows."),
)  # fmt: skip
STEPS = (
    _GALLERY,
    _EXPLAIN,
    Step("pages/interactions.py", mark("See the interaction heads"), mark("Find the head that pushes that emotion: "
         "click a cell for the images in which it does so most.")),
    Step("pages/compare.py", mark("Compare two runs"), mark("Choose a run that lacks one part, and see which images "
         "that part puts right.")),
    _IMAGES,
)  # fmt: skip
STEPS_WITHOUT_RUNS = (
    Step("pages/data.py", mark("Look at the drawn scenes"), mark("They are drawn here, so that nothing has to be "
         "downloaded. Open one: its true distribution and its causes are known.")),
    Step("pages/train.py", mark("Train a first run"), mark("The form is filled in. Press Start; the page says how long "
         "it takes and shows the curves grow.")),
    _GALLERY,
    _EXPLAIN,
    _IMAGES,
)  # fmt: skip
"""Where no run is there to look at, the way to one comes first."""


def draw(has_runs: bool) -> None:
    """Draw the step that the person is at, or the button that takes the tour up again."""
    at = _read()
    steps = STEPS if has_runs else STEPS_WITHOUT_RUNS
    number = min(max(at["step"], 0), len(steps) - 1)
    if at["closed"]:
        st.button(
            tr("Tour"), icon=":material/tour:", type="tertiary", key="tour_open", on_click=_go, args=(number, False)
        )
    else:
        _card(steps, number)


def _card(steps: Sequence[Step], number: int) -> None:
    step, last = steps[number], number == len(steps) - 1
    with st.container(border=True, gap="xsmall", key="tour"):
        counted = tr("A first look, step {step} of {steps}.", step=number + 1, steps=len(steps))
        st.markdown(f"**{counted}** {tr(step.words)}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(step.page, label=tr(step.link), icon=":material/arrow_forward:", query_params=step.query)
            st.button(tr("Back"), type="tertiary", key="tour_back", disabled=not number, on_click=_go,
                      args=(number - 1, False))  # fmt: skip
            if last:
                st.button(tr("Finish"), type="tertiary", key="tour_next", on_click=_go, args=(0, True))
            else:
                st.button(tr("Next step"), type="tertiary", key="tour_next", on_click=_go, args=(number + 1, False))
            st.button(tr("Not now"), type="tertiary", key="tour_close", on_click=_go, args=(number, True))


def _file() -> Path:
    return home() / "tour.json"


def _read() -> dict[str, Any]:
    """Return which step is shown, from 0, and whether the tour is closed; the first one where nothing is known."""
    if _SESSION not in st.session_state:
        try:
            kept = read_json(_file())
        except SliceError:  # never opened, or damaged: a tour is no reason to complain
            kept = {}
        step, closed = kept.get("step"), kept.get("closed")
        st.session_state[_SESSION] = {"step": step if isinstance(step, int) else 0, "closed": closed is True}
    found: dict[str, Any] = st.session_state[_SESSION]
    return found


def _go(step: int, closed: bool) -> None:
    """Show another step, or close the tour, in this session and, unless the disk refuses, in all to come."""
    st.session_state[_SESSION] = {"step": step, "closed": closed}
    state.attempt(lambda: write_json(_file(), st.session_state[_SESSION]))
