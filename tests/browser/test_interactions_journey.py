"""Interactions in a real browser: from the grid of heads to one head, its pair, an image, and Explain."""

from collections.abc import Callable
from urllib.parse import unquote

from playwright.sync_api import Page, expect
from waiting import query, settled

Open = Callable[..., Page]
CELL = """([trace, place]) => {
    const plot = [...document.querySelectorAll('.js-plotly-plot')].find(e => e._fullLayout.annotations
        ?.some(note => note.text === 'head 1'));
    plot.scrollIntoView({block: 'center'});
    const squares = plot._fullData.filter(each => each.marker?.symbol === 'square' && each.customdata?.length === 64);
    const one = squares[trace], layout = plot._fullLayout;
    const x = layout[one.xaxis.replace('x', 'xaxis')], y = layout[one.yaxis.replace('y', 'yaxis')];
    const box = plot.getBoundingClientRect();
    return [box.x + x._offset + x.d2p(one.x[place]), box.y + y._offset + y.d2p(one.y[place]), one.customdata[place]];
}"""


def test_row_11_a_cell_of_a_head_leads_to_its_images_and_to_explain(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/interactions?run=fisa")
    expect(page.get_by_role("heading", name="Heads beside each other")).to_be_visible()
    settled(page)
    x, y, (head, receives, gives) = page.evaluate(CELL, [1, 11])
    assert head == 1
    page.mouse.move(x - 1, y)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    page.wait_for_function("location.search.includes('head=2')")
    settled(page)
    pair = unquote(query(page, "pair") or "")
    to, by = pair.split("<-")
    assert receives != gives and to != by
    expect(page.get_by_role("heading", name=f"{by} on {to}")).to_be_visible()

    page.reload()
    settled(page)
    expect(page.get_by_role("heading", name=f"{by} on {to}")).to_be_visible()
    link = page.locator(".st-key-pair_images a").first
    name = link.inner_text()
    link.click()
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    settled(page)
    assert (query(page, "image"), query(page, "emotion"), query(page, "head")) == (name, to, "2")
