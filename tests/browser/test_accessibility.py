"""axe-core finds nothing serious on any page, and every page fits a telephone (row 26 of the features).

Slow: every page; in the dark; and what hides opened.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from fitting import NARROW, misfits
from PIL import Image
from playwright.sync_api import Page, expect
from waiting import settled

from fisa.ui.timing import PAGES

Open = Callable[..., Page]
Serve = Callable[[Path], str]
Show = Callable[[Page], str]
"""Shows something on a page, and returns its selector."""
SHIPPED = Path(__file__).parents[2] / "artifacts" / "studies"
GRAVE = ("serious", "critical")
THEMES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast"],  # all that a theme changes
}
"""The rules that each theme is held against."""


def photograph() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.linspace(0, 255, 60 * 80 * 3).astype(np.uint8).reshape(60, 80, 3)).save(file, "JPEG")
    return file.getvalue()


def press(key: str) -> Callable[[Page], str]:
    """Open the popover of a Streamlit key, and return the selector of what it shows."""

    def act(page: Page) -> str:
        page.keyboard.press("Escape")  # closes another one
        page.locator(f"[class*=st-key-{key}] button").first.click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
        return "[data-testid=stPopoverBody]"

    return act


def unfold(page: Page) -> str:
    if not page.get_by_test_id("stExpander").first.locator("details[open]").count():
        page.get_by_test_id("stExpander").first.locator("summary").click()
    return "[data-testid=stExpander]"


def list_options(page: Page) -> str:
    page.get_by_test_id("stSidebar").get_by_role("combobox").first.press("ArrowDown")
    expect(page.get_by_role("option").first).to_be_visible()
    return "[role=listbox]"


def upload(page: Page) -> str:
    if not page.get_by_role("heading", name="beach.jpg").count():
        page.locator("input[type=file]").set_input_files(
            [{"name": "beach.jpg", "mimeType": "image/jpeg", "buffer": photograph()}]
        )
    expect(page.get_by_role("heading", name="beach.jpg")).to_be_visible()
    settled(page)
    return "body"


def look(page: Page) -> str:
    return "body"


VIEWS = (*PAGES, "gallery?panel=measures", "gallery?panel=found", "data?data=planted-tiny&view=gallery")
PLAIN: dict[str, tuple[Show, ...]] = {**dict.fromkeys(VIEWS, (look,)), "images": (look, upload)}
MIXED = ("home", "explain", "compare", "studies", "train", "images")
"""Views that have every kind of element between them."""
HIDDEN: dict[str, tuple[Show, ...]] = {
    "home": (list_options,),
    "explain": (press("export"), press("wheel_twin")),
    "gallery": (press("filters"),),
    "interactions": (press("export"),),
    "map": (press("export"), press("map_made")),
    "metrics": (unfold, press("export")),
    "data": (press("export"),),
    "retrieval": (press("export"),),
}


@pytest.fixture(scope="module")
def furnished(serve: Serve, tiny_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a studio that has something to show on every page: the two small runs, and the studies that ship."""
    shelf = tmp_path_factory.mktemp("shelf")
    for path in (tiny_runs / "fisa", tiny_runs / "cnn", SHIPPED):
        (shelf / path.name).symlink_to(path, target_is_directory=True)
    return serve(shelf)


def grave(page: Page, within: str, rules: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the rule, the element and the reason of every serious violation inside a selector."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}  # to list what passes takes longer than to find faults
    for violation in Axe().run(page, within, options).response["violations"]:
        if violation["impact"] in GRAVE:
            for node in violation["nodes"]:
                yield violation["id"], str(node["html"]), str(node["failureSummary"])


def turn_dark(page: Page) -> None:
    """Have the browser in the dark theme, and the page drawn anew: figures take their colours from the script."""
    page.emulate_media(color_scheme="dark")
    page.keyboard.press("Escape")  # closes what hangs over the page
    page.locator("h1").first.click()
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    settled(page)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(14, 17, 23)")


def squeezed(page: Page) -> list[str]:
    """Make the window as narrow as a telephone's for a while, and return what then does not fit."""
    wide = page.viewport_size
    assert wide is not None
    page.set_viewport_size({**wide, "width": NARROW})
    for _ in range(20):
        if not (found := list(misfits(page))):
            break
        page.wait_for_timeout(250)
    page.set_viewport_size(wide)
    return found


def violations(
    studio: str, open_page: Open, shown: Mapping[str, tuple[Show, ...]], themes: Mapping[str, list[str]]
) -> Iterator[str]:
    """Yield in words what is wrong with views by the rules of each theme, and with what is shown on each."""
    page = open_page(studio)
    for view, shows in shown.items():
        page.emulate_media(color_scheme="light")
        page.goto(f"{studio}/{'' if view == 'home' else view}")
        settled(page)
        for theme, rules in themes.items():
            if theme == "dark":
                turn_dark(page)
            else:  # a theme changes no widths
                yield from (f"{view}, narrow: {misfit}" for misfit in squeezed(page))
            for show in shows:
                for rule, element, why in grave(page, show(page), rules):
                    yield f"{view}, {theme}: {rule}: {element[:300]}: {why}"


@pytest.mark.timeout(1200)
def test_no_kind_of_element_has_a_serious_violation(furnished: str, open_page: Open) -> None:
    views = {name: PLAIN[name] for name in MIXED}
    assert "\n".join(violations(furnished, open_page, views, {"light": THEMES["light"]})) == ""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("theme", THEMES)
def test_no_page_has_a_serious_violation_or_something_beside_a_narrow_window(
    furnished: str, open_page: Open, theme: str
) -> None:
    assert "\n".join(violations(furnished, open_page, PLAIN, {theme: THEMES[theme]})) == ""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_nothing_that_hides_has_a_serious_violation_in_either_theme(furnished: str, open_page: Open) -> None:
    assert "\n".join(violations(furnished, open_page, HIDDEN, THEMES)) == ""
