"""From opening the studio to a figure for the paper, by keyboard alone: no mouse, no touch, no script."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from waiting import await_query, query, settled

Open = Callable[..., Page]
FARTHEST = 250
"""Presses of Tab after which a part counts as out of reach."""


def reach(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab, or Shift+Tab, until the part that is wanted, or something in it, has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(FARTHEST):
        if wanted.evaluate("each => each.contains(document.activeElement)"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} cannot be reached by {key}")


def choose(page: Page, label: str, begins: str) -> None:
    """Choose from a list by typing how an option begins."""
    reach(page, page.get_by_role("combobox", name=label))
    page.keyboard.type(begins)
    expect(page.get_by_role("option").first).to_contain_text(begins)
    page.keyboard.press("Enter")


def leave(page: Page) -> None:
    """Move on to something that is no field, where keys are keys of the page and not letters."""
    for _ in range(FARTHEST):
        if page.evaluate("!/INPUT|TEXTAREA/.test(document.activeElement.tagName)"):
            return
        page.keyboard.press("Tab")


def go_to(page: Page, name: str) -> None:
    """Open a page of the sidebar, which comes before the page itself."""
    reach(page, page.get_by_test_id("stSidebarNav").get_by_role("link", name=name), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1).filter(has_text=name)).to_be_visible()
    settled(page)


def test_from_the_worst_image_to_a_figure_by_keyboard_alone(studio: str, open_page: Open) -> None:
    page = open_page(studio)
    reach(page, page.get_by_test_id("stSidebarNav").get_by_role("link", name="Gallery"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Gallery", level=1)).to_be_visible()
    settled(page)

    choose(page, "Sorted by", "Error")  # the worst image first
    await_query(page, "sort", "error")
    worst = page.get_by_test_id("stMain").get_by_role("link", name=re.compile(r"^iid-\d+$")).first.inner_text()
    leave(page)
    page.keyboard.press("e")
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "image", worst)

    emotion = query(page, "emotion")  # why?
    page.keyboard.press("k")
    page.wait_for_url(lambda url: f"emotion={emotion}&" not in url)
    settled(page)
    expect(page.get_by_role("heading", name=f"What makes {query(page, 'emotion')}")).to_be_visible()
    reach(page, page.locator(".st-key-reading_contributions").get_by_role("button"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text("raise the logit")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)

    choose(page, "Head", "Head 2")  # which head?
    await_query(page, "head", "2")

    go_to(page, "Compare")  # did the run without it do better?
    assert query(page, "image") == worst and query(page, "against") == "cnn"

    reach(page, page.get_by_test_id("stMain").get_by_role("button", name="Export"))
    page.keyboard.press("Enter")
    figure = page.get_by_test_id("stPopoverBody").get_by_role("button", name="SVG", exact=True)
    reach(page, figure)
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert Path(coming.value.path()).read_bytes().lstrip().startswith(b"<?xml")
    assert coming.value.suggested_filename.endswith(".svg")
