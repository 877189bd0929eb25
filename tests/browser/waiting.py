"""When a page of the studio stands, what its address says, and how one chooses from a list."""

import re
from contextlib import suppress

from playwright.sync_api import Page, TimeoutError, expect

PATIENCE = 120_000
"""Milliseconds; the first page of a server imports torch."""


def settled(page: Page) -> None:
    """Wait until the script has run to its end and every element is drawn."""
    expect(page.locator("h1").first).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(
        """() => document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'
            && !document.querySelector('[data-testid=stSkeleton]')
            && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
                .every(e => e.querySelector('.main-svg'))
        """,
        timeout=PATIENCE,
    )


def query(page: Page, name: str) -> str | None:
    """Return one parameter of the page's address."""
    found = re.search(rf"[?&]{name}=([^&]*)", page.url)
    return found and found[1]


def await_query(page: Page, name: str, value: str) -> None:
    """Wait until the address names ``value``."""
    page.wait_for_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"), timeout=PATIENCE)
    settled(page)


def choose(page: Page, label: str, name: str) -> None:
    """Choose from a list; a page that is drawn anew closes an open list, so it is opened until it stays."""
    option = page.get_by_role("option", name=name)
    for _ in range(20):
        page.get_by_role("combobox", name=label).press("ArrowDown")
        with suppress(TimeoutError):
            option.wait_for(timeout=3000)
            break
    option.click(timeout=3000)
