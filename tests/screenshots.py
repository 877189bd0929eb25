"""Make the pictures of every page in docs/screenshots, and docs/screenshots.md: ``python -m tests.screenshots``.

It stands with the tests because it needs what only they need: Playwright, an installed Chromium, and a server of its
own. Pages are named to make some anew: ``python -m tests.screenshots explain map``.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parent / "browser"))  # as pytest does, for the two modules below

import serving
from waiting import PATIENCE, settled

from fisa.datasets.planted import draw_scene, render
from fisa.ui.timing_browser import ARGUMENTS

ROOT = Path(__file__).parents[1]
PAGES = {
    "home": ("Home", ""),
    "gallery": ("Gallery", "gallery?run=fisa&sort=error"),
    "explain": ("Explain", "explain?run=fisa&image=iid-00003"),
    "compare": ("Compare", "compare?run=fisa&against=fisa-h0&image=iid-00003"),
    "interactions": ("Interactions", "interactions?run=fisa"),
    "map": ("Map", "map?run=fisa"),
    "retrieval": ("Retrieval", "retrieval?run=fisa&image=iid-00003"),
    "grades": ("Grades", "grades?run=fisa"),
    "metrics": ("Metrics", "metrics?run=fisa"),
    "studies": ("Studies", "studies"),
    "data": ("Data", "data?data=planted"),
    "train": ("Train", "train"),
    "images": ("Your images", "images?run=fisa"),
    "methods": ("Methods", "methods?section=10-contributions"),
}
"""Of every page: its title, and the address that is pictured."""


@dataclass(frozen=True)
class Look:
    """How a page is looked at: in which theme, and on a screen of how many pixels."""

    dark: bool
    width: int
    height: int = 800


LOOKS = {"light": Look(False, 1280), "dark": Look(True, 1280), "narrow": Look(False, 400)}
QUALITY = 80
"""Of the WebP files: about 30 KB a picture."""


def shoot(browser: Browser, address: str, page: str, look: Look) -> bytes:
    """Return the first screen of a page as WebP."""
    context = browser.new_context(
        color_scheme="dark" if look.dark else "light", viewport={"width": look.width, "height": look.height}
    )
    context.set_default_timeout(PATIENCE)
    try:
        opened = context.new_page()
        opened.goto(f"{address}/{PAGES[page][1]}")
        settled(opened)
        if page == "images":
            _upload(opened)
        if opened.get_by_test_id("stException").count():
            raise SystemExit(f"{page}: an exception stands on the page; open it in the studio, and mend that first")
        opened.mouse.move(look.width - 1, look.height - 1)  # where nothing answers to it
        taken = opened.screenshot(animations="disabled")
    finally:
        context.close()
    file = io.BytesIO()
    Image.open(io.BytesIO(taken)).convert("RGB").save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def _upload(page: Page) -> None:
    """Give the page a picture that the run has not seen: no photograph may ship with the studio."""
    file = io.BytesIO()
    Image.fromarray(render(draw_scene(3, "rendering"), 400).image).save(file, "PNG")
    upload = {"name": "picture.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("input[type=file]").set_input_files([upload])
    page.get_by_role("heading", name="picture.png").wait_for()
    settled(page)


def make(address: str, browser: Browser, pages: list[str], out: Path) -> Iterator[Path]:
    """Write the pictures of some pages in every look, and yield each file as it is there."""
    out.mkdir(parents=True, exist_ok=True)
    shoot(browser, address, pages[0], LOOKS["light"])  # the first visit of a server has a wider sidebar
    for page in pages:
        for name, look in LOOKS.items():
            file = out / f"{page}-{name}.webp"
            file.write_bytes(shoot(browser, address, page, look))
            yield file


def document() -> str:
    """Return docs/screenshots.md."""
    lines = [
        "# Screenshots\n",
        "Every page on the runs that ship: light, dark, and at 400 pixels. Made by `python -m tests.screenshots`.",
    ]
    for page, (title, _) in PAGES.items():
        cells = (f"![{title}, {name}](screenshots/{page}-{name}.webp)" for name in LOOKS)
        lines.append(f"\n## {title}\n\n| {' | '.join(LOOKS)} |\n|{' --- |' * len(LOOKS)}\n| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Start a server on the runs that ship, as a person sees it who has been there before, and picture it."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"by default all: {', '.join(PAGES)}")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots", help="default: docs/screenshots")
    asked = parser.parse_args()
    if strange := [page for page in asked.pages if page not in PAGES]:
        parser.error(f"there is no page {strange[0]}; choose from {', '.join(PAGES)}")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        parser.error("no Chromium found; on Debian: apt-get install chromium")
    pages = asked.pages or list(PAGES)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "tour.json").write_text(json.dumps({"step": 0, "closed": True}))
        address, process = serving.start(ROOT / "artifacts", Path(folder), FISA_STUDIO_HOME=folder)
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            files = make(address, browser, pages, asked.out)
            for _ in track(files, "Pictures", total=len(pages) * len(LOOKS), console=Console(stderr=True)):
                pass
            browser.close()
        finally:
            process.terminate()
            process.wait(20)
    if not asked.pages:
        asked.out.with_suffix(".md").write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
