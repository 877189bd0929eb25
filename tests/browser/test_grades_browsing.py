"""The Grades page in a real browser: from one run to two side by side, to a chart, and the same view after a reload."""

import shutil
from collections.abc import Callable
from pathlib import Path

from graded_runs import store_by_hand
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

from fisa.runs import load_run

Open = Callable[..., Page]
Serve = Callable[[Path], str]


def test_journey_from_a_run_to_two_side_by_side(serve: Serve, open_page: Open, tiny_runs: Path, tmp_path: Path) -> None:
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, tmp_path / name)
    run = load_run(tmp_path / "fisa")
    store_by_hand(run)
    store_by_hand(run, "rendering", 0.2)
    studio = serve(tmp_path)
    page = open_page(studio)
    page.get_by_test_id("stMain").get_by_role("link", name="How far to trust it").click()
    expect(page.get_by_role("heading", name="Grades", exact=True)).to_be_visible()
    expect(page.get_by_text("keeps 3 of 4 goals")).to_be_visible()
    settled(page)

    page.get_by_test_id("stMain").get_by_role("combobox", name="Side by side with").click()
    page.get_by_role("option", name="cnn", exact=True).click()
    await_query(page, "beside", "cnn")
    expect(page.get_by_text("Not graded on iid yet: cnn.")).to_be_visible()
    page.keyboard.press("Escape")  # the open list hides the page from those who cannot see it
    settled(page)

    page.get_by_test_id("stMain").get_by_role("radio", name="Localisation").click()
    await_query(page, "part", "attention")
    await_query(page, "grade", "localisation")
    settled(page)
    charts = page.get_by_test_id("stPlotlyChart")
    expect(charts).to_have_count(2)
    page.reload()
    settled(page)
    expect(charts).to_have_count(2)
    assert query(page, "beside") == "cnn" and query(page, "grade") == "localisation"
