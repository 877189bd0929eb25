"""What the popover Export gives, and how its pages read where there is no network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect


def open_export(page: Page) -> None:
    """Open the popover and wait until it can be used."""
    page.get_by_test_id("stPopover").get_by_role("button", name="Export").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_role("button", name="PDF")).to_be_visible()


def fetch(page: Page, label: str) -> Path:
    """Press a button of the popover and return the file that comes."""
    with page.expect_download() as coming:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).click()
    path = Path(coming.value.path())
    return path.rename(path.with_name(coming.value.suggested_filename))


@contextmanager
def read_offline(browser: Browser, file: Path) -> Iterator[Page]:
    """Open a page without a network; at the end all its pictures must be there, and nothing was asked for elsewhere."""
    asked: list[str] = []
    alone = browser.new_context(offline=True)
    reader = alone.new_page()
    reader.on("request", lambda request: asked.append(request.url))
    reader.goto(file.as_uri())
    yield reader
    assert reader.evaluate("[...document.images].every(each => each.complete && each.naturalWidth > 0)")
    assert all(url.startswith(("file:", "data:")) for url in asked)
    alone.close()
