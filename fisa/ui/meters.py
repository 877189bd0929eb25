"""How far work has come that a person waits for: a bar with a count and an estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def meter(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of progress inside, with how much is done and how long it will take; it goes at the end."""
    bar, began = st.progress(0.0, what), time.monotonic()

    def report(done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), how_far(what, done, total, time.monotonic() - began))

    try:
        yield report
    finally:
        bar.empty()


def how_far(what: str, done: int, total: int, seconds: float) -> str:
    """Say how much is done and, from two seconds on, about how long the rest takes at the pace so far.

    Args:
        what: The work, such as ``"Looking at images …"``.
        done: Parts that are done.
        total: Parts in all.
        seconds: Since the work began.
    """
    words = f"{what} {done:,} of {total:,}"
    left = seconds * (total - done) / done if done else 0.0
    return words if left < 1 or seconds < 2 else f"{words}, about {duration(left)} left"


def duration(seconds: float) -> str:
    """Write a time as people say it: 48 s, 12 min, 1.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
