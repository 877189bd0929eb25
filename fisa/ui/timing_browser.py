"""A studio served to a headless Chromium, and how long one waits in it from a click to a settled page."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fisa.bench import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 600.0
"""Seconds that a page may take; the first one imports torch, and looks at every image."""
QUIET = 0.15
"""Seconds for which a page must stand to count as settled; they are no part of the time."""

_POLLING = 50
"""Milliseconds between looks at a page; frames, the default, are not drawn of a window behind another."""

ARGUMENTS = (
    "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader", "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
)  # fmt: skip
"""Of Chromium on a machine without a GPU: SwiftShader draws WebGL, and nothing else, which the processor draws itself
in less time (Debian's start script asks for a GPU). A container has no user namespaces to sandbox with."""
_MISSING = (
    "bench app: needs Playwright and Chromium; run pip install -r requirements-dev.txt, and on Debian apt-get install "
    "chromium"
)
# A run may be over before the browser has drawn that there is one; what comes from the server says so in any case. It
# counts two frames later, when what it brought is drawn.
_LISTEN = """() => {
    window.heard = 0;
    const Plain = WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...of) {
            super(...of);
            const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => { heard += 1 }));
            this.addEventListener('message', drawn);
        }
    };
}"""
_WATCH = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const state = () => app.getAttribute('data-test-script-state');
    const settled = () => state() === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')
        && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(e => e.querySelector('.main-svg'));
    window.bench = {began: null, ran: false, since: null};
    for (const kind of ['mouseup', 'click', 'keydown'])
        addEventListener(kind, () => { bench.began ??= performance.now() }, true);
    new MutationObserver(() => { bench.ran ||= state() !== 'notRunning' })
        .observe(app, {attributes: true, attributeFilter: ['data-test-script-state']});
    setInterval(() => {
        bench.ran ||= bench.began !== null && heard !== bench.before;
        bench.since = bench.ran && settled() ? bench.since ?? performance.now() : null;
    }, 10);
}"""
_STANDS = "quiet => bench.since !== null && performance.now() - bench.since > 1000 * quiet"
_FIRST = "() => document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a headless Chromium: the system's, or else Playwright's own.

    Raises:
        BenchError: Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise BenchError(_MISSING) from None
    installed = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed, args=list(ARGUMENTS))
        except Error:
            raise BenchError(_MISSING) from None
        yield browser
        browser.close()


@contextmanager
def served(script: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve a Streamlit script in a process of its own, from its folder; yield the address.

    Raises:
        BenchError: The server does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script.name, f"--server.port={port}", "--server.headless=true"]
    command += ["--server.fileWatcherType=none", "--server.address=localhost", "--browser.gatherUsageStats=false"]
    process = subprocess.Popen(
        command, cwd=script.parent, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await_health(f"http://localhost:{port}", process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _await_health(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise BenchError("bench app: Streamlit does not start; run streamlit run app.py to see why")


def opened(browser: Browser) -> Page:
    """Open a window with a session of its own."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(1000 * PATIENCE)
    page.add_init_script(f"({_LISTEN})()")
    return page


def visit(page: Page, address: str) -> None:
    """Open an address and wait until the page stands; then watch what clicks do to it."""
    page.bring_to_front()
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_function(_FIRST, polling=_POLLING)
    page.evaluate(_WATCH)
    page.evaluate("bench.ran = true")
    page.wait_for_function(_STANDS, arg=QUIET, polling=_POLLING)


def arm(page: Page) -> None:
    """Let the clock start with the next click or key."""
    page.evaluate("Object.assign(bench, {before: heard, began: null, ran: false, since: null})")


def waited(page: Page) -> float:
    """Return the seconds from the click to the settled page, by the browser's own clock.

    Raises:
        BenchError: An exception stands on the page.
    """
    page.wait_for_function(_STANDS, arg=QUIET, polling=_POLLING)
    if page.get_by_test_id("stException").count():
        raise BenchError(f"bench app: {page.url} fails; open it in the studio to see why")
    return float(page.evaluate("(bench.since - bench.began) / 1000"))


Act = Callable[["Page"], None]
"""What a person does: whatever must stand before, then :func:`arm`, then one click or key."""


def timed(page: Page, act: Act) -> float:
    """Return how long one waits after ``act``, in seconds; see :func:`waited`."""
    page.bring_to_front()
    act(page)
    return waited(page)
