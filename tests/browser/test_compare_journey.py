"""Compare in a real browser: up to four runs on one image, their measures, every image as a dot, and what is exported.

The tests are named after the rows of the product's list of features.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from downloading import fetch, open_export, read_offline
from playwright.sync_api import Browser, Page, TimeoutError, expect
from variants import five_runs
from waiting import await_query, choose, query, settled

Open = Callable[..., Page]
Serve = Callable[[Path], str]
SCATTER = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .find(plot => (plot._fullData || []).some(trace => trace.type === 'scattergl'))"""
DOTS = f"""() => {{
    const plot = ({SCATTER})(), layout = plot._fullLayout, dots = [];
    const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
    for (const trace of plot._fullData) for (let i = 0; i < (trace.customdata || []).length; i++)
        dots.push([box.x + layout.xaxis.d2p(trace.x[i]), box.y + layout.yaxis.d2p(trace.y[i]),
                   [].concat(trace.customdata[i])[0]]);
    return dots;
}}"""
RUNS = "() => document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'notRunning'"
SCALES = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullLayout.coloraxis)
    .filter(axis => axis && axis.cmin !== undefined).map(axis => [axis.cmin, axis.cmax])"""


@pytest.fixture(scope="module")
def studio_of_five(serve: Serve, tiny_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a studio with fisa, cnn, two variants of fisa, and another seed of it."""
    return serve(five_runs(tiny_runs, tmp_path_factory.mktemp("five")))


def dots(page: Page) -> list[tuple[float, float, str]]:
    page.locator(".js-plotly-plot .nsewdrag").first.scroll_into_view_if_needed()
    return [(float(x), float(y), str(name)) for x, y, name in page.evaluate(DOTS)]


def take(page: Page, label: str, option: str) -> None:
    """Choose what is exported."""
    page.get_by_test_id("stPopoverBody").get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()
    with suppress(TimeoutError):  # else the page may count as settled before its script begins
        page.wait_for_function(RUNS, timeout=3000)
    settled(page)


def test_row_16_four_runs_on_the_same_image_at_one_scale(studio_of_five: str, open_page: Open) -> None:
    page = open_page(f"{studio_of_five}/compare?run=fisa&against=cnn,slow,small&image=iid-00003&emotion=awe")
    main = page.get_by_test_id("stMain")
    for name in ("fisa", "slow", "small", "slow less fisa", "small less fisa"):
        expect(main.get_by_role("img", name=f"Attention of {name}", exact=True)).to_be_visible()
    expect(main.get_by_text("cnn has no attention maps.")).to_be_visible()
    expect(main.get_by_text(re.compile("^One scale for all: full colour is"))).to_be_visible()
    scales = [tuple(scale) for scale in page.evaluate(SCALES)]
    own, gaps = scales[:3], scales[3:]  # fisa, slow and small; the two others less fisa
    assert len(set(own)) == 1 and len(gaps) == 2 and len(set(gaps)) == 1
    assert gaps[0][0] == -gaps[0][1]

    page.get_by_test_id("stMain").get_by_role("radio", name="slow", exact=True).first.click()
    await_query(page, "run", "slow")  # the reference is one click
    assert query(page, "against") in ("cnn%2Cfisa%2Csmall", "cnn,fisa,small")
    expect(main.get_by_role("img", name="Attention of fisa less slow", exact=True)).to_be_visible()


def test_row_17_changed_settings_above_measures_with_intervals_and_tests(studio_of_five: str, open_page: Open) -> None:
    page = open_page(f"{studio_of_five}/compare?run=fisa&against=slow,small&seeds=alone")
    settings = page.get_by_role("table", name=re.compile("^Configuration keys that differ"))
    measures = page.get_by_role("table", name="Measures of fisa, slow, small")
    gaps = page.get_by_role("table", name=re.compile("^Differences to fisa"))
    expect(settings.get_by_text("training.lr")).to_be_visible()
    expect(settings.get_by_text("training.epochs")).to_have_count(0)
    boxes = [each.bounding_box() for each in (settings, measures, gaps)]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops) and len(tops) == 3
    expect(measures.get_by_text(re.compile(r"^\d\.\d{4} \[\d\.\d{4}, \d\.\d{4}\]$")).first).to_be_visible()
    assert measures.locator("strong").count() >= 14  # the best of every measure
    expect(gaps.get_by_text(re.compile(r"^[+-]\d\.\d{4} \[.*\], p \d\.\d{4}$")).first).to_be_visible()
    expect(page.get_by_text(re.compile("adjusted for 2 comparisons by Holm's procedure"))).to_be_visible()


def test_row_18_every_image_is_a_dot_and_seeds_are_told_as_mean_and_deviation(
    studio_of_five: str, open_page: Open
) -> None:
    page = open_page(f"{studio_of_five}/compare?run=fisa&against=cnn&image=iid-00000")
    measures = page.get_by_role("table", name="Measures of fisa, cnn")
    expect(measures.get_by_text(re.compile(r"^\d\.\d{4} ± \d\.\d{4}$")).first).to_be_visible()
    expect(measures.get_by_text("n = 2", exact=True)).to_be_visible()
    expect(measures.get_by_text("n = 1, no ±", exact=True)).to_be_visible()

    found = dots(page)
    room = {
        name: min((x - a) ** 2 + (y - b) ** 2 for a, b, other in found if other != name)
        for x, y, name in found
        if name != "iid-00000" and 0 < y < 780
    }
    x, y, name = next(dot for dot in found if dot[2] == max(room, key=room.__getitem__))
    page.mouse.move(x - 1, y - 1)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    await_query(page, "image", name)
    expect(page.get_by_text(f"{name} by every run")).to_be_visible()

    page.get_by_role("radio", name="Box").click()
    await_query(page, "drag", "select")
    found = dots(page)
    ys = sorted(y for _, y, _ in found)
    _, middle = max((low - high, (high + low) / 2) for high, low in pairwise(ys[15:46]))
    inside = {name for _, y, name in found if y < middle}
    xs = [x for x, *_ in found]
    page.mouse.move(min(xs) - 6, ys[0] - 6)
    page.mouse.down()
    page.mouse.move(max(xs), middle - 5, steps=5)
    page.mouse.move(max(xs) + 6, middle, steps=5)
    page.mouse.up()
    heading = page.get_by_role("heading", name=re.compile(r"^Selection: \d+ of 60 images"))
    expect(heading).to_be_visible()
    settled(page)
    assert heading.inner_text().startswith(f"Selection: {len(inside)} of 60")
    table = page.get_by_role("table", name="Measures of the selection beside all images")
    for run in ("fisa", "cnn"):
        expect(table.get_by_text(f"mean KL to the truth of {run} [95 %]".replace(" ", "\u00a0"))).to_be_visible()
    shown = page.locator(".st-key-errors_gallery a")
    assert {shown.nth(place).inner_text() for place in range(shown.count())} <= inside
    other = shown.first.inner_text()
    shown.first.click()
    await_query(page, "image", other)
    assert query(page, "run") == "fisa" and query(page, "against") == "cnn"


def test_row_19_tables_and_figures_with_provenance(studio_of_five: str, open_page: Open) -> None:
    page = open_page(f"{studio_of_five}/compare?run=fisa&against=slow,cnn&image=iid-00003&seeds=alone")
    open_export(page)
    take(page, "^.*Figure", "Matrices")
    heads = {"SVG": b"<?xml", "PNG": b"\x89PNG", "PDF": b"%PDF"}
    for label, head in heads.items():
        figure = fetch(page, label)
        assert figure.name == f"fisa-slow-cnn-matrices.{label.lower()}" and figure.read_bytes().startswith(head)
        settled(page)
        if label == "SVG":
            text = figure.read_text(encoding="utf-8")
            assert "slow − fisa" in text and "(digest " in text and "iid-00003" in text
    latex, markdown, csv = (fetch(page, label).read_text(encoding="utf-8") for label in ("TEX", "MD", "CSV"))
    assert r"\textbf{" in latex and r"\toprule" in latex and "(digest " in latex
    assert "**" in markdown and "version" in markdown and "split iid" in markdown
    assert csv.split("\n")[0].startswith("measure,fisa,") and "python -m fisa report" in csv


@pytest.mark.slow
def test_row_20_a_comparison_is_one_offline_file(studio_of_five: str, open_page: Open, browser: Browser) -> None:
    page = open_page(f"{studio_of_five}/compare?run=fisa&against=slow,cnn,small&image=iid-00003&emotion=awe")
    open_export(page)
    offline = fetch(page, "HTML")
    with read_offline(browser, offline) as reader:
        expect(reader.get_by_role("heading", level=1)).to_have_text("fisa against slow against cnn against small")
        expect(reader.get_by_text(re.compile("adjusted for 3 comparisons"))).to_be_visible()
        expect(reader.get_by_role("rowheader", name="training.lr").first).to_be_visible()
        expect(reader.get_by_role("heading", name="The image iid-00003")).to_be_visible()
        expect(reader.get_by_role("figure").filter(has_text="Attention of awe").get_by_role("img")).to_be_visible()


def test_journey_from_the_worst_image_to_the_exported_figure(studio_of_five: str, open_page: Open) -> None:
    page = open_page(f"{studio_of_five}/gallery?run=fisa&against=slow&sort=error")
    page.locator(".st-key-gallery a").first.click()  # the worst image
    expect(page.get_by_role("heading", name="Explain", level=1)).to_be_visible()
    page.wait_for_url(re.compile("image="))
    settled(page)
    worst = query(page, "image")
    expect(page.get_by_text("smaller than on 0% of the test images")).to_be_visible()
    emotion = query(page, "emotion")
    expect(page.get_by_role("heading", name=f"What makes {emotion}")).to_be_visible()  # why
    choose(page, "Head", "Head 2")  # which head
    await_query(page, "head", "2")

    page.get_by_test_id("stSidebarNavLink").filter(has_text="Compare").click()
    expect(page.get_by_role("heading", name="Compare", level=1)).to_be_visible()
    await_query(page, "image", str(worst))
    assert query(page, "emotion") == emotion and query(page, "against") == "slow"
    said = page.get_by_text(re.compile("^Errors on this image, in nats: fisa "))
    expect(said).to_be_visible()  # did the ablation fix it
    words = said.inner_text()
    fisa, slow = (float(number) for number in re.findall(r"(?:fisa|slow) (\d+\.\d+)", words))
    assert words.endswith(f"Nearest to the truth: {'fisa' if fisa < slow else 'slow'}.")

    open_export(page)
    take(page, "^.*Figure", "Maps")
    figure = fetch(page, "PDF")
    assert figure.name == "fisa-slow-maps.pdf" and figure.read_bytes().startswith(b"%PDF")
