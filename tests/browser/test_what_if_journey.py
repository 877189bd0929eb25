"""What if in a real browser: a box that is dragged is covered, and the same view comes back after a reload."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from waiting import query, settled

from fisa.explain.edits import Cover, parse_edit

Open = Callable[..., Page]
PLOT = ".js-plotly-plot:has(.imagelayer image)"


def test_row_14_a_dragged_box_is_covered_and_taken_back(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003")
    page.get_by_text("Change the picture or the model").click()
    plot = page.locator(PLOT)
    expect(plot).to_be_visible()
    settled(page)
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.9 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]edits=cover"))
    settled(page)
    edit = parse_edit((query(page, "edits") or "").replace("%3A", ":").replace("%2C", ","))
    assert isinstance(edit, Cover)
    for side, wanted in zip((edit.left, edit.top, edit.right, edit.bottom), (0.25, 0.5, 0.75, 0.9), strict=True):
        assert abs(side - wanted) < 0.03
    expect(page.get_by_text("fisa would predict")).to_be_visible()

    page.reload()
    settled(page)
    expect(page.get_by_text("fisa would predict")).to_be_visible()
    table = page.get_by_role("table", name="Logits and degrees before and after the edits")
    expect(table).to_be_visible()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.get_by_text("fisa would predict")).to_be_hidden()
    settled(page)
    assert query(page, "edits") is None
