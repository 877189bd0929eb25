"""Downloads in a real browser: a figure and the offline page of one image."""

from collections.abc import Callable

from downloading import fetch, open_export, read_offline
from playwright.sync_api import Browser, Page, expect
from waiting import settled

Open = Callable[..., Page]


def test_export_of_a_figure_and_of_the_page(studio: str, open_page: Open, browser: Browser) -> None:
    page = open_page(f"{studio}/?page=explain&run=fisa&image=iid-00003")
    open_export(page)
    figure = fetch(page, "PDF")
    assert figure.name == "fisa-iid-00003-wheel.pdf" and figure.read_bytes().startswith(b"%PDF")
    settled(page)
    offline = fetch(page, "HTML")
    assert offline.name == "fisa-iid-00003.html"

    with read_offline(browser, offline) as reader:
        expect(reader.get_by_role("heading", level=1)).to_have_text("iid-00003")
        assert reader.evaluate("document.images.length") > 5
