"""When a page of the studio stands, what its address says, and how one chooses from a list."""

import re
from contextlib import suppress

from playwright.sync_api import Page, TimeoutError, expect

PATIENCE = 120_000
"""Milliseconds; the first page of a server imports torch."""
expect.set_options(timeout=PATIENCE)  # not the five seconds of its own, which a busy machine may need for a click

QUIET = 250
"""Milliseconds for which a page stands still before it counts as settled: longer than from a click, or a step back in
history, to the first sign of the script that answers it."""


def settled(page: Page) -> None:
    """Wait until the script has run to its end, every element is drawn, and nothing has begun anew for a while."""
    expect(page.locator("h1").first).to_be_visible()
    page.evaluate("window.standingSince = null")
    page.wait_for_function(
        """quiet => {
            const app = document.querySelector('[data-testid=stApp]');
            const stands = app?.getAttribute('data-test-script-state') === 'notRunning'
                && !document.querySelector('[data-testid=stSkeleton]')
                && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
                    .every(e => e.querySelector('.main-svg'));
            window.standingSince = stands ? window.standingSince ?? performance.now() : null;
            return stands && performance.now() - window.standingSince >= quiet;
        }""",
        arg=QUIET,
    )


def query(page: Page, name: str) -> str | None:
    """Return one parameter of the page's address."""
    found = re.search(rf"[?&]{name}=([^&]*)", page.url)
    return found and found[1]


def await_query(page: Page, name: str, value: str) -> None:
    """Wait until the address names ``value``."""
    page.wait_for_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"))
    settled(page)


def choose(page: Page, label: str, name: str) -> None:
    """Choose from a list, which is opened anew as often as a page that is drawn anew closes it."""
    for _ in range(20):
        page.get_by_role("combobox", name=label).press("ArrowDown")
        with suppress(TimeoutError):
            page.get_by_role("option", name=name).click(timeout=3000)
            return
    raise AssertionError(f"the list {label} does not stay open")
