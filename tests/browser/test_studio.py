"""The studio as a person uses it, in a real browser."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from waiting import await_query, choose, query, settled

from fisa.ui.timing import PAGES

Open = Callable[..., Page]
Serve = Callable[[Path], str]


def photograph() -> bytes:
    pixels = np.linspace(0, 255, 90 * 120 * 3).astype(np.uint8).reshape(90, 120, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def go_to(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
    expect(page.get_by_role("heading", level=1).filter(has_text=name)).to_be_visible()
    settled(page)


def test_row_01_one_selection_from_home_to_the_map_and_back(studio: str, open_page: Open) -> None:
    page = open_page(studio)
    expect(page.get_by_role("heading", name="FISA Studio")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="fisa", exact=True).click()
    expect(page.get_by_role("heading", name="Explain")).to_be_visible()
    await_query(page, "image", "iid-00000")
    assert query(page, "run") == "fisa"

    page.locator("body").press("n")  # the shortcut of Next
    await_query(page, "image", "iid-00001")
    page.get_by_role("button", name="awe", exact=True).click()
    await_query(page, "emotion", "awe")
    expect(page.get_by_role("heading", name="What makes awe")).to_be_visible()
    settled(page)
    choose(page, "Head", "Head 2")
    await_query(page, "head", "2")

    go_to(page, "Compare")
    assert query(page, "image") == "iid-00001"  # one selection on every page
    expect(page.get_by_text("cnn has no attention maps")).to_be_visible()

    go_to(page, "Map")
    chart = page.get_by_test_id("stPlotlyChart")
    chart.scroll_into_view_if_needed()
    x, y, image = dot_away_from(page, "iid-00001")
    page.mouse.move(x - 1, y - 1)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    expect(page.get_by_role("heading", name="Explain")).to_be_visible()
    await_query(page, "image", image)


def dot_away_from(page: Page, image: str) -> tuple[float, float, str]:
    """Return the place on the page, and the id, of the dot of the map with the most room around it."""
    found = page.evaluate(
        """(own) => {
            const plot = document.querySelector('.js-plotly-plot'), layout = plot._fullLayout;
            const box = plot.querySelector('.nsewdrag').getBoundingClientRect(), dots = [];
            for (const trace of plot._fullData) for (let i = 0; i < (trace.customdata || []).length; i++)
                dots.push([box.x + layout.xaxis.d2p(trace.x[i]), box.y + layout.yaxis.d2p(trace.y[i]),
                           [].concat(trace.customdata[i])[0]]);
            const room = (a) => Math.min(...dots.filter(b => b[2] !== a[2]).map(b => Math.hypot(a[0]-b[0], a[1]-b[1])));
            const inside = (a) => a[0] > box.left && a[0] < box.right && a[1] > box.top
                && a[1] < Math.min(box.bottom, innerHeight - 10);
            return dots.filter(a => a[2] !== own && inside(a)).sort((a, b) => room(b) - room(a))[0];
        }""",
        image,
    )
    return float(found[0]), float(found[1]), str(found[2])


def test_journey_through_the_nearest_images(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/retrieval?run=cnn&k=5")
    await_query(page, "image", "iid-00000")
    shown = page.get_by_test_id("stMain").get_by_role(
        "img", name=re.compile(r"^Nearest \d, (right|wrong): iid-\d{5}, ")
    )
    expect(shown).to_have_count(5)
    said = [shown.nth(place).get_attribute("alt") or "" for place in range(5)]
    distances = [float(text.rpartition(" ")[2]) for text in said]
    assert distances == sorted(distances)
    page.get_by_role("radio", name="Polarity").click()
    await_query(page, "by", "polarity")
    nearest = re.findall(r"iid-\d{5}", said[0])[0]
    page.get_by_role("button", name=nearest, exact=True).click()
    await_query(page, "image", nearest)
    expect(page.get_by_text(f"{nearest}: ")).to_be_visible()
    go_to(page, "Explain")
    assert query(page, "image") == nearest  # one selection on every page
    page.go_back()  # one step, though the page that was gone to wrote its view into the address
    expect(page.get_by_role("heading", name="Retrieval", level=1)).to_be_visible()
    await_query(page, "by", "polarity")
    assert query(page, "image") == nearest


def test_row_08_deep_link_opens_as_the_first_request_of_a_fresh_server(
    serve: Serve, tiny_runs: Path, open_page: Open
) -> None:
    page = open_page(f"{serve(tiny_runs)}/explain?run=fisa&image=iid-00007&emotion=awe&head=3&matrix=contribution")
    await_query(page, "image", "iid-00007")
    assert [query(page, name) for name in ("run", "emotion", "head", "matrix")] == ["fisa", "awe", "3", "contribution"]
    expect(page.get_by_role("heading", name="What makes awe")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(len(PAGES))  # ours, not the folder's


def test_row_15_upload_explains_a_photograph_and_refuses_a_broken_file(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/images?run=fisa")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "beach.jpg", "mimeType": "image/jpeg", "buffer": photograph()},
            {"name": "torn.jpg", "mimeType": "image/jpeg", "buffer": photograph()[:300]},
        ]
    )
    expect(page.get_by_role("heading", name="beach.jpg")).to_be_visible()
    settled(page)
    alerts = page.get_by_test_id("stAlert")
    expect(alerts.filter(has_text="torn.jpg: ")).to_have_count(1)
    expect(alerts.filter(has_text="lies far from all that fisa was trained on")).to_have_count(1)
    expect(alerts).to_have_count(2)
    expect(page.get_by_text("1 predicted, 1 refused")).to_be_visible()
    expect(page.get_by_text(re.compile("no ground truth$"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    header, row = download.value.path().read_text(encoding="utf-8").strip().split("\n")
    assert header.split(",")[0] == "file" and row.split(",")[0] == "beach.jpg"
    assert sum(float(cell) for cell in row.split(",")[1:9]) == pytest.approx(1)


@pytest.mark.slow
def test_studio_without_runs_says_how_to_get_one(serve: Serve, tmp_path: Path, open_page: Open) -> None:
    address = serve(tmp_path)
    page = open_page(address)
    for path in ("", "explain", "compare"):  # the others: tests/pages
        page.goto(f"{address}/{path}")
        settled(page)
        expect(page.get_by_text("No trained run was found")).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)


def test_row_26_dark_theme_reaches_the_figures(studio: str, open_page: Open) -> None:
    seen = {}
    for dark in (True, False):
        page = open_page(f"{studio}/explain?run=fisa", dark=dark)
        colour = "e => getComputedStyle(e).{}"
        ground = page.get_by_test_id("stApp").evaluate(colour.format("backgroundColor"))
        label = page.locator(".js-plotly-plot .angularaxistick text").first.evaluate(colour.format("fill"))
        seen[dark] = (brightness(ground), brightness(label))
    assert seen[True][0] < 60 and seen[True][1] > 180
    assert seen[False][0] > 200 and seen[False][1] < 80


def brightness(colour: str) -> float:
    return float(np.mean([float(part) for part in re.findall(r"[\d.]+", colour)[:3]]))


def test_row_26_every_chart_and_picture_has_alternative_text(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa")
    pictures = page.get_by_test_id("stMain").locator("img")
    assert pictures.count() >= 9  # the picture and one small overlay for each emotion
    assert all(pictures.nth(index).get_attribute("alt") for index in range(pictures.count()))
    charts = page.get_by_test_id("stPlotlyChart")
    assert charts.count() >= 3
    for index in range(charts.count()):
        snapshot = charts.nth(index).evaluate(
            "e => (e.querySelector('[aria-label]') || e.closest('[aria-label]'))?.getAttribute('aria-label')"
        )
        assert snapshot and len(snapshot) > 20
