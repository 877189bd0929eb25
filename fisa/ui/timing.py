"""How long the pages take to run, without a browser: the bench ``page``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from fisa.bench import BenchError, Cost, Settings, cost, interleave
from fisa.ui.contents import HIDDEN, TITLES

APP = Path(__file__).parents[2] / "app.py"
PAGES = tuple(name for name in TITLES if name not in HIDDEN)
EMPTY = "import streamlit as st\nst.title('Nothing')"
PATIENCE = 240.0
"""Seconds that a page may take."""


def bench_pages(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Iterator[Cost]:
    """Each page again, over a page that shows nothing; and for the first time, caches empty, over again.

    Raises:
        BenchError: There is no app beside the library, or a page fails.
    """
    set_log_level("error")  # else it warns, at every page, that no server runs
    empty = AppTest.from_string(EMPTY, default_timeout=PATIENCE).run()
    for number, page in enumerate(PAGES):
        shown = _open(page)
        calls: dict[str, Callable[[], object]] = {
            "first": partial(_first, page),
            "again": shown.run,
            "empty": empty.run,
        }
        seconds = interleave(calls, settings.rounds)
        what = f"page {page}: shown again, over a page that shows nothing"
        yield cost(f"page.{page}.again", what, seconds["again"], seconds["empty"])
        what = f"page {page}: shown with empty caches, over shown again"
        yield cost(f"page.{page}.first", what, seconds["first"], seconds["again"])
        if progress is not None:
            progress(number + 1, len(PAGES))


def _first(page: str) -> AppTest:
    """Open a page with nothing cached, and leave cached what it uses."""
    st.cache_data.clear()
    st.cache_resource.clear()
    return _open(page)


def _open(page: str) -> AppTest:
    if not APP.exists():
        raise BenchError(f"{APP}: the pages are not beside the library; run bench page in a copy of the repository")
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    app.query_params["page"] = page
    app.run()
    if app.exception:
        raise BenchError(f"bench page: {page} fails ({app.exception[0].message}); open it in the studio to see why")
    return app
