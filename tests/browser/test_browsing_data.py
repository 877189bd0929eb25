"""The Data page in a real browser: from a path to an image, and the same view after a reload."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_plus

import numpy as np
import pytest
import trees
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

from fisa.datasets.whole import read_whole

Open = Callable[..., Page]


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list, and wait until the page is drawn anew."""
    page.get_by_test_id("stMain").get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def pictures_of(page: Page) -> list[str]:
    return [text or "" for text in page.locator("[class*=st-key-button_gallery] button").all_inner_texts()]


def test_journey_from_a_path_to_an_image_and_back_after_a_reload(studio: str, open_page: Open, tmp_path: Path) -> None:
    root = tmp_path / "Flickr <b>🙂"
    trees.ldl(root, 60)
    manifest = read_whole("flickr-ldl", root).manifest
    page = open_page(f"{studio}/data?data=planted-tiny")
    expect(page.get_by_role("heading", name="Mean distribution")).to_be_visible()

    path = page.get_by_role("textbox", name="Path of a data set")
    path.fill(str(root))
    path.press("Enter")
    expect(page.get_by_text("60 images of 11,150 published")).to_be_visible()
    settled(page)
    assert unquote_plus(query(page, "data") or "") == str(root)

    page.get_by_test_id("stMain").get_by_role("radio", name="Gallery").click()
    await_query(page, "view", "gallery")
    choose(page, "Dominant label", "awe")
    await_query(page, "label", "awe")
    awe = manifest[manifest["dominant"] == "awe"]
    assert pictures_of(page) == awe["id"].head(24).to_list()

    # A click on the picture itself, over which the button of its name is stretched.
    page.get_by_test_id("stMain").locator("[class*=st-key-shot_gallery] img").nth(1).click(force=True)
    expect(page.get_by_role("heading", name=awe["id"].iloc[1])).to_be_visible()
    settled(page)
    page.locator("body").press("n")  # the shortcut of Next
    expect(page.get_by_role("heading", name=awe["id"].iloc[2])).to_be_visible()
    settled(page)
    assert unquote_plus(query(page, "item") or "") == awe["id"].iloc[2]

    page.reload()
    settled(page)
    expect(page.get_by_role("heading", name=awe["id"].iloc[2])).to_be_visible()
    expect(page.get_by_text(f"3 of {len(awe)}")).to_be_visible()
    page.locator("body").press("b")  # of Back
    expect(page.get_by_role("heading", name=awe["id"].iloc[2])).to_be_hidden()
    settled(page)
    assert pictures_of(page) == awe["id"].head(24).to_list() and query(page, "label") == "awe"


@pytest.mark.slow
def test_a_bar_of_entropies_leads_to_its_images(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/data?data=planted-tiny")
    x, y, low, high = page.evaluate(
        """() => {
            const plot = [...document.querySelectorAll('.js-plotly-plot')]
                .find(e => e._fullLayout.xaxis?.title?.text.startsWith('entropy'));
            plot.scrollIntoView({block: 'center'});
            const trace = plot._fullData[0], layout = plot._fullLayout;
            const best = trace.y.indexOf(Math.max(...trace.y));
            const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
            return [box.x + layout.xaxis.d2p(trace.x[best]), box.y + layout.yaxis.d2p(trace.y[best] / 2),
                    ...trace.customdata[best]];
        }"""
    )
    page.mouse.move(x - 1, y)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    await_query(page, "view", "gallery")
    entropy = read_whole("planted-tiny", None).manifest["entropy"]
    inside = int(np.count_nonzero(entropy.between(round(low, 4), round(high, 4))))
    expect(page.get_by_text(f"{inside} of 260 images")).to_be_visible()


def test_a_check_runs_beside_the_page_and_its_report_stays(studio: str, open_page: Open, tmp_path: Path) -> None:
    root = tmp_path / "oasis"
    trees.oasis(root)
    (root / "images" / "Dog 1.jpg").write_text("no image")
    os.utime(root)
    page = open_page(f"{studio}/data?data={root}&view=check")
    page.get_by_role("button", name="Check everything").click()
    expect(page.get_by_role("button", name="Check again")).to_be_visible()
    settled(page)
    expect(page.get_by_text("2 problems to mend")).to_be_visible()  # the picture, and the IDs that are absent
    page.reload()
    settled(page)
    expect(page.get_by_text("2 problems to mend")).to_be_visible()
