"""How far work has come that a person waits for: a bar with a count and an estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from fisa.language import tr

P = ParamSpec("P")
T = TypeVar("T")


def waiting(what: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Say ``what`` is going on while a function works for more than half a second; above ``st.cache_data``.

    Its own ``show_spinner`` would say it in the language of whoever imports the module.
    """

    def decorate(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def waited(*args: P.args, **kwargs: P.kwargs) -> T:
            with st.spinner(tr(what)):
                return work(*args, **kwargs)

        return waited

    return decorate


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
        what: The work in the person's language, such as ``tr("Looking at images …")``.
        done: Parts that are done.
        total: Parts in all.
        seconds: Since the work began.
    """
    words = tr("{what} {done:,} of {total:,}", what=what, done=done, total=total)
    left = seconds * (total - done) / done if done else 0.0
    return words if left < 1 or seconds < 2 else tr("{words}, about {time} left", words=words, time=duration(left))


def duration(seconds: float) -> str:
    """Write a time as people say it: 48 s, 12 min, 1.5 h."""
    if seconds < 90:
        return tr("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return tr("{minutes:.0f} min", minutes=seconds / 60)
    return tr("{hours:.1f} h", hours=seconds / 3600)
