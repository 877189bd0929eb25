"""The list of pages at the width of a telephone (row 26 of the features); that pages fit: test_accessibility."""

from collections.abc import Callable

from fitting import NARROW
from playwright.sync_api import Page, expect
from waiting import settled

Open = Callable[..., Page]


def test_the_list_of_pages_opens_and_closes(studio: str, open_page: Open) -> None:
    page = open_page(studio, width=NARROW)
    links = page.get_by_test_id("stSidebarNavLink")
    expect(links.first).not_to_be_in_viewport()
    page.get_by_test_id("stExpandSidebarButton").click()
    links.filter(has_text="Metrics").click()
    expect(page.get_by_role("heading", level=1, name="Metrics")).to_be_visible()
    settled(page)
    page.get_by_test_id("stSidebar").hover()  # Streamlit shows the arrow that closes the list to who points at it
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(links.first).not_to_be_in_viewport()
