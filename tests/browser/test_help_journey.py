"""Help as a person finds it: progress (row 25), and a first launch without data, runs or knowledge (row 27)."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from waiting import PATIENCE, await_query, query, settled

Open = Callable[..., Page]
Serve = Callable[[Path], str]

# Bars vanish when the work is done: this keeps what any of them ever said.
KEEP_BARS = """
window.bars = [];
new MutationObserver(() => {
    for (const bar of document.querySelectorAll('[data-testid=stProgress]')) window.bars.push(bar.innerText);
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


def test_row_25_what_takes_long_shows_a_bar_that_counts(
    serve: Serve, tiny_runs: Path, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))  # nothing was ever looked at here
    address = serve(tiny_runs)
    context = browser.new_context()
    context.add_init_script(KEEP_BARS)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{address}/retrieval?run=cnn&k=5")
    settled(page)
    expect(page.get_by_role("heading", name="Over all test images")).to_be_visible()
    said = page.evaluate("window.bars")
    assert any(re.match(r"Looking at every test image … \d+ of \d+", text) for text in said), said
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    context.close()


def test_row_27_a_first_launch_without_runs_leads_somewhere(
    serve: Serve, tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FISA_STUDIO_HOME", str(home))
    address = serve(tmp_path / "no runs")
    page = open_page(address)
    expect(page.get_by_text("A first look, step 1 of 5.")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="Look at the drawn scenes").click()
    expect(page.get_by_role("heading", name="Data", level=1)).to_be_visible()
    settled(page)
    expect(page.get_by_text("drawn scenes whose every cause is known")).to_be_visible()

    page.get_by_test_id("stSidebarNavLink").filter(has_text="Home").click()
    page.get_by_role("button", name="Next step").click()
    expect(page.get_by_text("A first look, step 2 of 5.")).to_be_visible()
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_text("A first look")).to_have_count(0)
    assert json.loads((home / "tour.json").read_text()) == {"step": 1, "closed": True}

    page.reload()
    settled(page)
    expect(page.get_by_text("A first look")).to_have_count(0)  # it does not come back by itself
    page.get_by_role("button", name="Tour").click()
    expect(page.get_by_text("A first look, step 2 of 5.")).to_be_visible()


def test_row_27_every_help_leads_to_its_section_offline(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".st-key-reading_contributions").get_by_role("button", name="How to read this").click()
    opened = page.get_by_test_id("stPopoverBody")
    expect(opened).to_contain_text("with the bias they add up to it exactly")
    expect(opened.locator(".katex-display")).to_have_count(1)
    expect(opened.locator(".katex-error")).to_have_count(0)
    opened.get_by_role("link", name="Methods, 10. Contributions").click()
    await_query(page, "section", "10-contributions")
    expect(page.get_by_role("heading", name="10. Contributions")).to_be_visible()
    expect(page.get_by_test_id("stMain").locator(".katex-error")).to_have_count(0)
    assert [url for url in asked if "//localhost" not in url and not url.startswith(("data:", "blob:"))] == []
    page.go_back()
    await_query(page, "image", "iid-00003")
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()


@pytest.mark.parametrize("width", [1280, pytest.param(400, marks=pytest.mark.slow)])
def test_row_27_one_key_shows_the_keys_on_any_page(studio: str, open_page: Open, width: int) -> None:
    page = open_page(f"{studio}/metrics?run=fisa", width=width)
    page.locator("body").press("h")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Show or hide the planted masks")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    settled(page)
    assert query(page, "run") == "fisa"
