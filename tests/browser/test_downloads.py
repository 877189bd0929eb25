"""Downloads in a real browser: a figure and the offline page of one image."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from waiting import PATIENCE, settled

Open = Callable[..., Page]


def fetch(page: Page, label: str) -> Path:
    """Press a button of the popover and return the file that comes."""
    with page.expect_download(timeout=PATIENCE) as coming:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).click()
    return Path(coming.value.path()).rename(Path(coming.value.path()).with_name(coming.value.suggested_filename))


def test_export_of_a_figure_and_of_the_page(studio: str, open_page: Open, browser: Browser) -> None:
    page = open_page(f"{studio}/?page=explain&run=fisa&image=iid-00003")
    page.get_by_test_id("stPopover").get_by_role("button", name="Export").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_role("button", name="PDF")).to_be_visible()
    figure = fetch(page, "PDF")
    assert figure.name == "fisa-iid-00003-wheel.pdf" and figure.read_bytes().startswith(b"%PDF")
    settled(page)
    offline = fetch(page, "HTML")
    assert offline.name == "fisa-iid-00003.html"

    asked: list[str] = []
    alone = browser.new_context(offline=True)
    reader = alone.new_page()
    reader.on("request", lambda request: asked.append(request.url))
    reader.goto(offline.as_uri())
    expect(reader.get_by_role("heading", level=1)).to_have_text("iid-00003")
    assert reader.evaluate("[...document.images].every(each => each.complete && each.naturalWidth > 0)")
    assert reader.evaluate("document.images.length") > 5
    assert all(url.startswith(("file:", "data:")) for url in asked)
    alone.close()
