"""The Map in a real browser: a lasso, its measures, a slice of it; a dot, its image on Explain, and back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

Open = Callable[..., Page]
AREA = ".js-plotly-plot .nsewdrag"
DOTS = """() => {
    const plot = document.querySelector('.js-plotly-plot'), layout = plot._fullLayout;
    const box = plot.querySelector('.nsewdrag').getBoundingClientRect(), dots = [];
    for (const trace of plot._fullData) for (let i = 0; i < (trace.customdata || []).length; i++)
        dots.push([box.x + layout.xaxis.d2p(trace.x[i]), box.y + layout.yaxis.d2p(trace.y[i]),
                   [].concat(trace.customdata[i])[0]]);
    return dots;
}"""


def dots(page: Page) -> list[tuple[float, float, str]]:
    return [(float(x), float(y), str(name)) for x, y, name in page.evaluate(DOTS)]


def test_row_03_a_lasso_has_measures_and_becomes_a_slice(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/map?run=fisa")
    page.get_by_role("radio", name="Lasso").click()
    await_query(page, "drag", "lasso")
    page.locator(AREA).scroll_into_view_if_needed()
    all_dots = dots(page)
    xs, ys = sorted(x for x, *_ in all_dots), sorted(y for _, y, _ in all_dots)
    left, right = xs[0] - 8, (xs[len(xs) // 2 - 1] + xs[len(xs) // 2]) / 2
    corners = [(left, ys[0] - 8), (right, ys[0] - 8), (right, ys[-1] + 8), (left, ys[-1] + 8), (left, ys[0] - 8)]
    inside = {name for x, _, name in all_dots if x < right}
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()
    expect(page.get_by_role("heading", name=f"Selection: {len(inside)} of 60 images")).to_be_visible()
    settled(page)
    expect(page.get_by_role("table", name="Measures of the selection beside all images")).to_be_visible()
    shown = page.locator(".st-key-map_gallery a")
    assert {shown.nth(place).inner_text() for place in range(shown.count())} <= inside

    page.get_by_role("textbox", name="Save it as a slice").fill("the left half")
    page.get_by_role("textbox", name="Save it as a slice").press("Tab")
    settled(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: "slice=" in url)
    settled(page)
    page.reload()
    settled(page)
    heading = page.get_by_role("heading", name=f"slice the left half: {len(inside)} of 60 images")
    expect(heading).to_be_visible()
    link = page.locator(".st-key-map_gallery a").first
    name = link.inner_text()
    link.click()
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "image", name)


DIMMED = """place => {
    const plot = document.querySelectorAll('.js-plotly-plot')[place];
    return plot?._fullData?.filter(trace => (trace.customdata || []).length)
        .reduce((count, trace) => count + (trace.selectedpoints ? trace.x.length - trace.selectedpoints.length : 0), 0);
}"""


@pytest.mark.slow
def test_row_03_what_is_selected_on_one_map_is_shown_on_the_other(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/map?run=fisa&second=backbone&drag=select")
    page.get_by_role("button", name="Make the map of 60 images").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    settled(page)
    for place in (0, 1):  # the page is drawn once more when the process that makes a map has ended
        page.wait_for_function(f"place => ({DIMMED})(place) === 0", arg=place)
    settled(page)
    for dragged in (1, 0):  # the second one first: then the first, on which something is shown already
        page.locator(AREA).nth(dragged).scroll_into_view_if_needed()
        box = page.locator(AREA).nth(dragged).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 4, box["y"] + 4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] - 4, steps=8)
        page.mouse.up()
        page.wait_for_function(f"([place, dimmed]) => ({DIMMED})(place) !== dimmed", arg=[1 - dragged, 0])
        settled(page)
        page.wait_for_timeout(500)  # whatever a chart that was drawn anew may still send
        settled(page)
        heading = page.get_by_role("heading", name="Selection:")
        expect(heading).to_be_visible()
        count = int(heading.inner_text().split()[1])
        assert 0 < count < 60
        assert page.evaluate(DIMMED, 1 - dragged) == 60 - count


def test_row_02_a_dot_leads_to_explain_and_explain_to_its_place(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/map?run=fisa")
    page.locator(AREA).scroll_into_view_if_needed()
    found = [dot for dot in dots(page) if dot[2] != query(page, "image")]
    room = {name: min((x - a) ** 2 + (y - b) ** 2 for a, b, other in found if other != name) for x, y, name in found}
    x, y, name = max(found, key=lambda dot: room[dot[2]] * (0 < dot[1] < 780))
    page.mouse.move(x - 1, y - 1)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "image", name)
    page.get_by_role("link", name="On the map").click()
    expect(page.get_by_role("heading", name="Map", level=1)).to_be_visible()
    await_query(page, "image", name)
    expect(page.get_by_role("link", name=f"Ringed: {name}")).to_be_visible()
    near = page.locator(".st-key-map_near_seen a").first
    expect(near).to_be_visible()
    other = near.inner_text()
    near.click()
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "image", other)
