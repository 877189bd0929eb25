"""How long a person waits for the studio in a browser: the bench ``app``."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fisa.bench import BenchError, Cost, Settings, cost
from fisa.ui import counted
from fisa.ui.timing import APP, PAGES
from fisa.ui.timing_browser import Act, arm, chromium, opened, served, timed, visit, waited
from fisa.ui.timing_data import crowded_shelf

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

EMPTY = "import streamlit as st\nst.title('Nothing')\nst.button('Again', key='again')\n"
PROMISED = 1.0
"""Seconds that an interaction may take, beyond what a model works for it."""
MODEL = ("explanation", "attribution")
"""Computations that are the model's own work for one image."""
_TITLES = {"images": "Your images"}


@dataclass(frozen=True)
class Interaction:
    """What a person does, again and again.

    Attributes:
        name: Such as ``explain.emotion``.
        what: In words.
        start: Page and query where it begins.
        acts: Done in turn.
        model: Whether a model works for it, whose time is taken off.
    """

    name: str
    what: str
    start: str
    acts: tuple[Act, ...]
    model: bool = False


def bench_app(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Iterator[Cost]:
    """Every interaction over a click in an empty app, and over a second; then what was computed more than once.

    Raises:
        BenchError: Playwright or Chromium is missing, there is no app beside the library, or a page fails.
    """
    if not APP.exists():
        raise BenchError(f"{APP}: the pages are not beside the library; run bench app in a copy of the repository")
    with chromium() as browser, tempfile.TemporaryDirectory(prefix="fisa-bench-") as name:
        folder = Path(name)
        shelf = crowded_shelf(folder, 50 * settings.images)
        (folder / "empty.py").write_text(EMPTY, encoding="utf-8")
        lines = folder / "computed"
        environment = {
            "FISA_ARTIFACTS": str(shelf), "FISA_RUNS": str(folder / "none"), "FISA_STUDIO_HOME": str(folder / "home"),
            "OMP_NUM_THREADS": str(settings.threads), counted.FILE: str(lines),
        }  # fmt: skip
        with served(APP, environment) as studio, served(folder / "empty.py", {}) as empty:
            page, reference, second = (opened(browser) for _ in range(3))
            visit(reference, empty)
            for number, interaction in enumerate(INTERACTIONS):
                visit(page, f"{studio}/{interaction.start}")
                yield from _measured(interaction, page, reference, lines, settings.rounds)
                if progress is not None:
                    progress(number + 1, len(INTERACTIONS))
            for name in PAGES:
                visit(second, f"{studio}/{_path(name)}")
        computed, again = counted.read_counts(lines)
        total, twice = float(sum(computed.values())), float(sum(again.values()))
        what = "computations for two visitors, over those that differ"
        yield cost("app.computed", what, np.array([total]), np.array([total - twice]), 1.0, "calls")


def _measured(each: Interaction, page: Page, reference: Page, lines: Path, rounds: int) -> Iterator[Cost]:
    """Do an interaction and a click in the empty app in turn; yield their ratio, and the seconds by themselves."""
    acts = cycle(each.acts)
    for _ in each.acts:  # the first visit of what is then seen again
        timed(page, next(acts))
    seconds, clicks = np.empty(rounds), np.empty(rounds)
    for number in range(rounds):
        for turn in (0, 1) if number % 2 == 0 else (1, 0):
            if turn == 0:
                before = counted.read_seconds(lines, MODEL)
                seconds[number] = timed(page, next(acts))
                if each.model:
                    seconds[number] -= counted.read_seconds(lines, MODEL) - before
            else:
                clicks[number] = timed(reference, _press("again"))
    yield cost(f"app.{each.name}", f"{each.what}, over a click in an empty app", seconds, clicks)
    less = ", the model's own time taken off" if each.model else ""
    yield cost(f"app.{each.name}.seconds", f"{each.what}{less}, over one second", seconds, np.ones(rounds), PROMISED)


def _path(page: str) -> str:
    return "" if page == "home" else page


def _click(find: Callable[[Page], Locator]) -> Act:
    def act(page: Page) -> None:
        target = find(page)
        target.wait_for()
        arm(page)
        target.click()

    return act


def _press(key: str) -> Act:
    """Press the button of a Streamlit key; its name says its shortcut, too."""
    return _click(lambda page: page.locator(f".st-key-{key} button"))


def _choose(label: str, option: str) -> Act:
    """Choose from a list, which is opened beforehand."""

    def act(page: Page) -> None:
        page.get_by_test_id("stMain").get_by_role("combobox", name=re.compile(label)).press("ArrowDown")
        found = page.get_by_role("option", name=option, exact=True)
        found.wait_for()
        arm(page)
        found.click()

    return act


def _filter(text: str) -> Act:
    """Write a filter; the list of its fields is opened beforehand."""

    def act(page: Page) -> None:
        field = page.get_by_role("textbox", name="As text")
        if not field.is_visible():
            page.locator(".st-key-filters button").first.click()
        field.fill(text)
        arm(page)
        field.press("Enter")

    return act


def _lasso(left: float, right: float) -> Act:
    """Draw around what lies between two shares of the map's width; a drag from an edge drawn before would move that."""

    def act(page: Page) -> None:
        area = page.locator(".js-plotly-plot .nsewdrag").first
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        if box is None:
            raise BenchError("bench app: the map is not drawn; open the Map page in the studio to see why")
        (x, y), (width, height) = (box["x"], box["y"]), (box["width"], box["height"])
        corners = [(left, 0.3), (right, 0.3), (right, 0.7), (left, 0.7), (left, 0.3)]
        page.mouse.move(x + corners[0][0] * width, y + corners[0][1] * height)
        page.mouse.down()
        for across, down in corners[1:]:
            page.mouse.move(x + across * width, y + down * height, steps=5)
        arm(page)
        page.mouse.up()

    return act


def _go(page_name: str) -> Act:
    """Go to a page by the list at the side; from Home, or to Home from the gallery."""
    title = _TITLES.get(page_name, page_name.capitalize())
    other = "Gallery" if page_name == "home" else "Home"

    def link(page: Page, name: str) -> Locator:
        return page.get_by_test_id("stSidebarNavLink").filter(has_text=name)

    def act(page: Page) -> None:
        arm(page)
        link(page, other).click()
        waited(page)
        arm(page)
        link(page, title).click()

    return act


_EXPLAIN = "explain?run=fisa&emotion=awe"
_EMOTIONS = (_press("emotion_fear"), _press("emotion_awe"))
_NEXT, _PREVIOUS = _press("next_image"), _press("previous_image")
INTERACTIONS = (
    Interaction("explain.emotion", "another emotion on Explain", _EXPLAIN, _EMOTIONS),
    Interaction("explain.head", "another head", _EXPLAIN, (_choose("Head", "Head 2"), _choose("Head", "Head 3"))),
    Interaction("explain.seen", "an image that was explained", _EXPLAIN, (_NEXT, _PREVIOUS)),
    Interaction("explain.new", "an image that was not", f"{_EXPLAIN}&image=00010.jpg", (_NEXT,), model=True),
    Interaction(
        "gallery.sort", "another order of the gallery", "gallery?run=fisa",
        (_choose("Sorted by", "Error ↓"), _choose("Sorted by", "Entropy ↓")),
    ),
    Interaction(
        "gallery.filter", "another filter", "gallery?run=fisa", (_filter("dominant=fear"), _filter("dominant=awe"))
    ),
    Interaction(
        "gallery.page", "the next page of the gallery", "gallery?run=fisa",
        (_click(lambda page: page.get_by_role("button", name="Next page")),),
    ),
    Interaction(
        "map.lasso", "what a lasso holds", "map?run=fisa&drag=lasso", (_lasso(0.38, 0.46), _lasso(0.54, 0.62))
    ),
    *(Interaction(f"go.{name}", f"to the page {name}", "", (_go(name),)) for name in PAGES),
)  # fmt: skip
