"""One journey for each row of the feature list that no other module of this folder walks, named after the row."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain.attribution import METHODS, applicable
from fisa.runs import load_run

Open = Callable[..., Page]
CELL = """([named, row, column]) => {
    const plot = [...document.querySelectorAll('.js-plotly-plot')].find(e => e._fullLayout.annotations
        ?.some(note => note.text.includes(named)));
    plot.scrollIntoView({block: 'center'});
    const layout = plot._fullLayout, box = plot.getBoundingClientRect();
    const squares = plot._fullData.find(each => each.marker?.symbol === 'square' && each.customdata?.length === 64);
    const place = squares.customdata.findIndex(each => each[0] === row && each[1] === column);
    return [box.x + layout.xaxis._offset + layout.xaxis.d2p(squares.x[place]),
            box.y + layout.yaxis._offset + layout.yaxis.d2p(squares.y[place])];
}"""


def known() -> tuple[list[str], np.ndarray]:
    manifest = open_dataset("planted-tiny").manifest
    return [str(name) for name in manifest["id"]], manifest[[f"truth_{label}" for label in MIKELS8.labels]].to_numpy()


def errors(folder: Path, run: str) -> np.ndarray:
    truth = known()[1]
    predicted = load_run(folder / run).predictions[list(MIKELS8.labels)].to_numpy(float)
    return np.asarray((truth * np.log(truth / predicted)).sum(1))


def click_cell(page: Page, named: str, row: str, column: str) -> None:
    """Click a cell of the matrix whose legend holds ``named``."""
    before, (x, y) = None, page.evaluate(CELL, [named, MIKELS8.index(row), MIKELS8.index(column)])
    while before != (x, y):  # what is drawn above may still move it
        page.wait_for_timeout(300)
        before, (x, y) = (x, y), page.evaluate(CELL, [named, MIKELS8.index(row), MIKELS8.index(column)])
    page.mouse.move(x - 1, y)
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def pictures(page: Page) -> list[str]:
    return page.locator(".st-key-gallery a").all_inner_texts()


def open_popover(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_test_id("stPopover").get_by_role("button", name=name).click()
    expect(page.get_by_test_id("stPopoverBody")).to_be_visible()


def test_row_05_the_next_worst_is_defined_also_by_what_another_run_mends(
    studio: str, tiny_runs: Path, open_page: Open
) -> None:
    ids, gain = known()[0], errors(tiny_runs, "fisa") - errors(tiny_runs, "cnn")
    order = [ids[place] for place in np.argsort(-gain, kind="stable")]
    page = open_page(f"{studio}/gallery?run=fisa&sort=fixed&against=cnn")
    assert pictures(page) == order[:24]
    page.locator(".st-key-gallery a").first.click()
    await_query(page, "image", order[0])
    page.locator("body").press("n")
    await_query(page, "image", order[1])


def test_row_06_a_filter_is_saved_under_a_name_and_found_again(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/gallery?run=fisa&filter=entropy>0.5")
    seen = pictures(page)
    open_popover(page, "Slices")
    page.get_by_role("textbox", name="Save this filter as").fill("undecided")
    page.get_by_role("textbox", name="Save this filter as").press("Enter")
    expect(page.get_by_test_id("stPopover").get_by_role("button", name="undecided")).to_be_visible()

    other = open_page(f"{studio}/gallery?run=fisa")
    open_popover(other, "Slices")
    other.get_by_role("combobox", name="Slice").click()
    other.get_by_role("option", name="undecided (filter)").click()
    other.wait_for_url(re.compile("filter=entropy"))
    settled(other)
    assert pictures(other) == seen

    other.get_by_role("radio", name="Where it errs").click()
    expect(other.get_by_text(re.compile(r"Looked at [\d,]+ slices with at least \d+ images"))).to_be_visible()


def test_row_07_a_tag_is_written_on_an_image_and_leaves_as_csv(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00005")
    open_popover(page, "Tags")
    tags = page.get_by_role("combobox", name="Tags of iid-00005")
    tags.fill("=odd 🙂")
    tags.press("Enter")
    expect(page.get_by_role("dialog", name="Tags (1)")).to_be_visible()

    other = open_page(f"{studio}/gallery?run=fisa")
    open_popover(other, "Tags")
    with other.expect_download() as coming:
        other.get_by_role("button", name="1 mark as CSV").click()
    table = pd.read_csv(coming.value.path())
    assert list(table["id"]) == ["iid-00005"] and "odd 🙂" in table["tags"].iloc[0]
    assert not str(table["tags"].iloc[0]).startswith("=")  # no formula for a spreadsheet


def test_row_09_prediction_and_truth_on_the_wheel_with_their_numbers(
    studio: str, tiny_runs: Path, open_page: Open
) -> None:
    ids, truth = known()
    place = ids.index("iid-00003")
    predicted = load_run(tiny_runs / "fisa").predictions[list(MIKELS8.labels)].to_numpy(float)
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003")
    said = page.locator("[aria-label^='Emotion wheel'], [alt^='Emotion wheel'], [title^='Emotion wheel']").first
    words = said.evaluate("e => e.getAttribute('aria-label') || e.getAttribute('alt') || e.title")
    for name, row in (("truth", truth[place]), ("fisa", predicted[place])):
        top = int(row.argmax())
        assert re.search(rf"{name}: {MIKELS8.labels[top]} {row[top]:.0%}", words), words
    wheel = page.locator(".st-key-wheel_twin")
    wheel.get_by_role("button", name="Numbers").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stDataFrame")).to_be_visible()


def test_row_10_the_attention_of_an_emotion_fades_and_has_its_numbers(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003&emotion=awe")
    picture = page.get_by_role("img", name="iid-00003 with attention of awe")
    before = picture.get_attribute("src")
    expect(page.get_by_text(re.compile(r"\d+% of the attention of awe rests on no place at all"))).to_be_visible()
    slider = page.get_by_role("slider", name="Opacity of the attention")
    slider.focus()
    slider.press("ArrowLeft")
    page.wait_for_url(re.compile(r"opacity=0\.55"))
    settled(page)
    assert picture.get_attribute("src") != before
    expect(page.locator(".st-key-emotion_strip").get_by_role("img")).to_have_count(8)  # one map an emotion


def test_row_11_a_pair_is_lit_on_wheel_and_picture(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003&head=together&matrix=contribution")
    click_cell(page, "contribution to the logit of the row", "fear", "awe")
    page.wait_for_function("location.search.includes('lit=')")
    settled(page)
    assert unquote(query(page, "lit") or "") == "fear<-awe" and query(page, "emotion") == "fear"
    expect(page.get_by_role("img", name="attention of fear and of awe, which acts on it")).to_be_visible()
    expect(page.get_by_text(re.compile(r"fear receives from awe: contribution [+-]\d"))).to_be_visible()
    page.get_by_role("button", name="Put out").click()
    page.wait_for_function("!location.search.includes('lit=')")


def test_row_12_contributions_add_up_to_the_logit(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003&emotion=awe")
    steps = page.evaluate(
        """() => {
            const plot = [...document.querySelectorAll('.js-plotly-plot')].find(e =>
                e._fullData.some(each => (each.hovertext || []).some?.(text => /^logit: /.test(text))));
            return plot._fullData.flatMap(each => each.hovertext || []);
        }"""
    )
    named = dict(text.replace("−", "-").replace(" (itself)", "").rsplit(": ", 1) for text in steps)
    logit = float(named.pop("logit"))
    assert set(MIKELS8.labels) <= set(named) and "bias" in named
    assert abs(sum(map(float, named.values())) - logit) < 1e-3


def test_row_13_every_method_with_its_curve(studio: str, tiny_runs: Path, open_page: Open) -> None:
    page = open_page(f"{studio}/explain?run=fisa&image=iid-00003&emotion=awe")
    expect(page.get_by_role("img", name=re.compile("^Deletion and insertion"))).to_have_count(0)
    page.get_by_text("Every method side by side").click()
    await_query(page, "methods", "on")
    names = {METHODS[name].title for name in applicable(load_run(tiny_runs / "fisa"))}
    curves = page.locator("[class*=st-key-methods_] .js-plotly-plot")
    expect(curves).to_have_count(len(names))
    for name in names:
        expect(page.get_by_role("img", name=f"iid-00003: {name}", exact=True)).to_be_visible()


def test_row_21_another_map_is_made_only_when_asked(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/map?run=fisa&perplexity=7&seed=3")
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    page.locator(".st-key-map_run").get_by_role("button").click()
    expect(page.get_by_text(re.compile("perplexity 7, .* distance, seed 3"))).to_be_visible()
    settled(page)
    expect(page.get_by_text(re.compile(r"Trustworthiness [01]\.\d{3}"))).to_be_visible()


def test_row_22_measures_of_a_data_set_beside_the_constant_and_published_ones_apart(
    studio: str, open_page: Open
) -> None:
    page = open_page(f"{studio}/metrics?run=fisa")
    table = page.get_by_role("table", name="Measures of every run on planted-tiny iid")
    expect(table).to_be_visible()
    assert {"fisa", "cnn"} <= set(table.get_by_role("columnheader").all_inner_texts())
    expect(table.get_by_role("columnheader").filter(has_text="constant")).to_have_count(1)
    page.get_by_text("What each measure is").click()
    expect(page.get_by_text(re.compile(r"KL\(")).first).to_be_visible()
    published = page.get_by_role("table", name="Published measures on real data sets")
    expect(published).to_be_visible()
    assert published.get_by_role("row").count() > 1


def test_row_23_mass_between_neighbours_leads_to_the_images_behind_it(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/metrics?run=fisa&moved=fear>sadness")
    click_cell(page, "mean mass that goes there", "awe", "contentment")
    page.wait_for_function("decodeURIComponent(location.search).includes('moved=awe>contentment')")
    settled(page)
    expect(page.get_by_role("combobox", name="From the true to the predicted emotion")).to_have_value(
        "awe to contentment"
    )
    page.get_by_role("link", name=re.compile("in the gallery$")).click()
    expect(page.get_by_role("heading", name="Gallery", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile("slice awe to contentment")).first).to_be_visible()
