"""The gallery in a browser: worst image, the next by key, back to the same place, and a link for another person."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_plus

import numpy as np
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.runs import load_run

Open = Callable[..., Page]


def by_error(folder: Path) -> list[str]:
    """Ids of the test images, worst first, from the stored predictions alone."""
    manifest = open_dataset("planted-tiny").manifest
    truth = manifest[[f"truth_{label}" for label in MIKELS8.labels]].to_numpy(float)
    predicted = load_run(folder / "fisa").predictions[list(MIKELS8.labels)].to_numpy(float)
    errors = (truth * np.log(truth / predicted)).sum(1)
    return [str(name) for name in manifest["id"].iloc[np.argsort(-errors, kind="stable")]]


def pictures(page: Page) -> list[str]:
    return page.locator(".st-key-gallery a").all_inner_texts()


def test_row_04_sort_open_next_and_back_to_the_same_place(studio: str, tiny_runs: Path, open_page: Open) -> None:
    worst = by_error(tiny_runs)
    page = open_page(f"{studio}/gallery?run=fisa")
    page.get_by_test_id("stMain").get_by_role("combobox", name=re.compile("Sorted by")).click()
    page.get_by_role("option", name="Error ↓", exact=True).click()
    await_query(page, "sort", "error")
    assert pictures(page) == worst[:24]

    page.get_by_test_id("stPaginationPage").filter(has_text=re.compile("^2$")).click()
    await_query(page, "sheet", "2")
    assert pictures(page) == worst[24:48]
    # A click on the picture itself, over which the link of its name is stretched.
    page.locator("[class*=st-key-shot_walk] img").first.click(force=True)
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "image", worst[24])
    page.locator("body").press("n")  # the shortcut of Next
    await_query(page, "image", worst[25])

    page.get_by_test_id("stMain").get_by_role("link", name="Gallery").click()
    expect(page.get_by_role("heading", name="Gallery", level=1)).to_be_visible()
    await_query(page, "sheet", "2")
    assert pictures(page) == worst[24:48]
    expect(page.locator(".st-key-gallery a strong")).to_have_text(worst[25])  # where one was


def test_row_08_a_shared_link_shows_the_same_and_back_undoes_a_filter(
    studio: str, tiny_runs: Path, open_page: Open
) -> None:
    page = open_page(f"{studio}/gallery?run=fisa&sort=error&reverse=on")
    everything = pictures(page)
    assert everything == by_error(tiny_runs)[:-25:-1]
    page.get_by_role("button", name="Filter").click()
    text = page.get_by_role("textbox", name="As text")
    text.fill("entropy>0.5;error<1")
    text.press("Enter")
    page.wait_for_url(re.compile("filter="))
    settled(page)
    link, seen = page.url, pictures(page)
    assert unquote_plus(query(page, "filter") or "") == "entropy>0.5;error<1"

    other = open_page(link)  # a browser of its own
    assert pictures(other) == seen
    expect(other.get_by_text(re.compile("of 60: entropy above 0.5"))).to_be_visible()

    page.go_back()
    page.wait_for_function("!location.search.includes('filter')")
    settled(page)
    expect(page.locator(".st-key-show_all")).to_have_count(0)
    # A step back clears the page before it is drawn anew, so the pictures are awaited, too.
    expect(page.locator(".st-key-gallery a")).to_have_text(everything)
