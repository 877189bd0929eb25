"""A training in a real browser: begun, watched by two, paused, gone on with, finished and explained."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from waiting import PATIENCE, await_query, query, settled

Open = Callable[..., Page]
Serve = Callable[[Path], str]
FORM = "base=configs/cnn&set={name: journey, data.name: planted-tiny, data.image_size: 64, model.backbone.width: 16}"
EPOCHS = 70
"""Some tenths of a second each, so that what is clicked comes before the end, and that comes soon."""


@pytest.mark.timeout(900)
def test_row_24_a_training_survives_reloads_and_pauses_and_is_explained_at_its_end(
    serve: Serve, tiny_runs: Path, open_page: Open
) -> None:
    address = serve(tiny_runs)
    page = open_page(f"{address}/train?{FORM}")
    expect(page.get_by_role("combobox", name="Data set")).to_have_value("planted-tiny")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("0")
    epochs.press("Enter")
    expect(page.get_by_text("Input should be greater than 0")).to_be_visible()
    epochs.fill(str(EPOCHS))
    epochs.press("Enter")
    expect(page.get_by_text("Input should be greater than 0")).to_have_count(0)
    page.wait_for_url("**epochs**")
    other = open_page(f"{address}/train")  # another person, another session, who sees by herself what is begun
    page.get_by_role("button", name="Start training").click()
    await_query_while_it_runs(page, "job", "journey-1")
    for each in (page, other):
        expect(each.get_by_text(f"of {EPOCHS}: step")).to_be_visible()

    page.reload()
    expect(page.get_by_role("heading", name="journey-1")).to_be_visible()
    expect(page.get_by_text(f"of {EPOCHS}: step")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.get_by_text("Paused by hand.")).to_be_visible()
    settled(page)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(1)

    expect(other.get_by_text("paused by hand")).to_be_visible()
    other.get_by_role("link", name="journey-1").click()
    expect(other.get_by_role("button", name="Go on")).to_be_visible()
    page.get_by_role("button", name="Go on").click()  # and the other's page sees by itself that it runs
    for each in (page, other):
        expect(each.get_by_role("link", name="Explain it")).to_be_visible(timeout=4 * PATIENCE)
        expect(each.get_by_role("paragraph").filter(has_text=re.compile(r"Finished$"))).to_be_visible()
    page.get_by_role("link", name="Explain it").click()
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    await_query(page, "run", "journey-1")
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("journey-1")
    settled(other)
    assert query(other, "job") == "journey-1"


def await_query_while_it_runs(page: Page, name: str, value: str) -> None:
    """Wait for the address alone: a page that is live is not settled for long."""
    page.wait_for_url(f"**{name}={value}*")
