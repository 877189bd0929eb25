"""A studio server in a process of its own, and a headless Chromium to look at it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serving
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from waiting import PATIENCE, settled

from fisa.ui.timing_browser import ARGUMENTS

TORN_PICTURES = "[...document.images].filter(e => e.complete && !e.naturalWidth).map(e => e.alt || e.src)"
CUT_LABELS = """[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    const room = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('.xtick text, .ytick text')].filter(text => {
        const own = text.getBoundingClientRect();
        return own.width && (own.left < room.left - 1 || own.right > room.right + 1 || own.top < room.top - 1
            || own.bottom > room.bottom + 1);
    }).map(text => text.textContent);
})"""
"""Names and numbers at axes that their figure has no room for; it must not be asked of a page that is being drawn."""
Serve = Callable[[Path], str]
Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium; without one the browser tests skip, but fail where CI is set."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium found; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Serve]:
    """Start ``streamlit run app.py`` on an artifacts folder; returns its address. Logs stay in the test's folder."""
    started: list[subprocess.Popen[bytes]] = []

    def start(artifacts: Path) -> str:
        address, process = serving.start(artifacts, tmp_path_factory.mktemp("server"))
        started.append(process)
        return address

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(20)


@pytest.fixture(scope="session")
def studio(serve: Serve, tiny_runs: Path) -> str:
    """Address of a studio with the two small runs."""
    return serve(tiny_runs)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a page and wait until it stands; at the end no exception box, console error or cut label may be there."""
    contexts = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Streamlit looks for its own endpoints below a deep link's path first, and drops a picture that the next click
        # replaces before the browser has fetched it; pictures that stay are looked at below.
        place = message.location.get("url", "")
        if message.type == "error" and "_stcore" not in place and "/media/" not in place:
            complaints.append(f"{message.text} ({place})")

    def show(address: str, dark: bool = False, width: int = 1280, locale: str = "en-US") -> Page:
        scheme = "dark" if dark else "light"
        view = {"width": width, "height": 800}
        # Without transitions a page costs a tenth less to draw.
        context = browser.new_context(color_scheme=scheme, viewport=view, locale=locale, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        settled(page)
        return page

    yield show
    pages = [page for context in contexts for page in context.pages]
    for page in pages:
        settled(page)
    boxes = [text for page in pages for text in page.get_by_test_id("stException").all_inner_texts()]
    torn = [alt for page in pages for alt in page.evaluate(TORN_PICTURES)]
    cut = [text for page in pages for text in page.evaluate(CUT_LABELS)]
    for context in contexts:
        context.close()
    assert boxes == [] and torn == [] and cut == []
    assert complaints == []
