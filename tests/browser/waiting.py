"""When a page of the studio stands, and what its address says."""

import re

from playwright.sync_api import Page, expect

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
