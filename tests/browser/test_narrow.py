"""Every page at the width of a telephone: nothing lies beside it, and no text is cut off (row 26 of the features)."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect
from waiting import settled

from fisa.ui.timing import PAGES

Open = Callable[..., Page]
WIDTH = 400

# Of what is visible in the page itself: what sticks out of the window, unless it scrolls by itself; texts that are cut
# off, other than those of fields, which scroll; and controls with less room than WCAG 2.5.8 asks for.
MISFITS = """(width) => {
    const shown = e => e.getClientRects().length
        && e.checkVisibility({opacityProperty: true, visibilityProperty: true});
    const scrolls = e => e && e.dataset.testid !== 'stMain'
        && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    const unseen = e => e && e.dataset.testid !== 'stMain'
        && (getComputedStyle(e).clipPath.startsWith('inset(50%') || unseen(e.parentElement));
    const name = e => [e.tagName, e.dataset.testid, e.textContent].join(' ').slice(0, 80);
    const all = [...document.querySelectorAll('[data-testid=stMain] *')].filter(e => shown(e) && !unseen(e));
    const boxes = all.map(e => [e, e.getBoundingClientRect()]);
    const own = e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
    return {
        beside: boxes.filter(([e, b]) => (b.right > width + 1 || b.left < -1) && b.width && !scrolls(e)
            && !e.closest('svg')).map(([e]) => name(e)),
        cut: all.filter(e => own(e) && getComputedStyle(e).overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 1
            && !e.closest('[data-baseweb], input, [role=combobox], .visually-hidden')).map(name),
        small: boxes.filter(([e, b]) => e.matches('button, a')
            && !e.closest('p, li, svg, table, [data-testid*=Tooltip], [data-testid=stMultiSelect]')
            && Math.max(b.width, b.height) < 24)
            .map(([e]) => name(e)),
    };
}"""


def misfits(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(MISFITS, WIDTH)
    return {what: names for what, names in found.items() if names}


def test_every_page_fits_into_400_pixels(studio: str, open_page: Open) -> None:
    page = open_page(studio, width=WIDTH)
    wrong = {}
    for name in PAGES:
        page.goto(f"{studio}/{'' if name == 'home' else name}")
        settled(page)
        scrolled = page.evaluate(
            "[document.scrollingElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"
        )
        assert max(scrolled) <= WIDTH, name
        if found := misfits(page):
            wrong[name] = found
    assert wrong == {}


def test_the_list_of_pages_opens_and_closes(studio: str, open_page: Open) -> None:
    page = open_page(studio, width=WIDTH)
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links.first).not_to_be_in_viewport()
    page.get_by_test_id("stExpandSidebarButton").click()
    links.filter(has_text="Metrics").click()
    expect(page.get_by_role("heading", level=1, name="Metrics")).to_be_visible()
    settled(page)
    page.get_by_test_id("stSidebar").hover()  # Streamlit shows the arrow that closes the list to who points at it
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(links.first).not_to_be_in_viewport()
