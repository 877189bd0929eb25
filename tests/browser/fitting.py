"""What does not fit into a window as narrow as a telephone's."""

from collections.abc import Iterator

from playwright.sync_api import Page

NARROW = 400

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
SCROLLED = "[document.scrollingElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"


def misfits(page: Page) -> Iterator[str]:
    """Yield in words what does not fit into a page in a window that is ``NARROW`` pixels wide."""
    if max(widths := page.evaluate(SCROLLED)) > NARROW:
        yield f"scrolls to {max(widths)} pixels"
    for what, names in page.evaluate(MISFITS, NARROW).items():
        yield from (f"{what}: {name}" for name in names)
