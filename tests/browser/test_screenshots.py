"""The pictures of docs/: the command makes one as it should be, and the page names every one."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests import screenshots

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_page_is_pictured_in_every_look(studio: str, browser: Browser, tmp_path: Path) -> None:
    files = list(screenshots.make(studio, browser, ["metrics"], tmp_path / "out"))
    assert [file.name for file in files] == ["metrics-light.webp", "metrics-dark.webp", "metrics-narrow.webp"]
    pictures = [Image.open(io.BytesIO(file.read_bytes())).convert("L") for file in files]
    assert [picture.size for picture in pictures] == [(1280, 800), (1280, 800), (400, 800)]
    assert pictures[0].getpixel((1270, 400)) > 200 > 60 > pictures[1].getpixel((1270, 400))


def test_the_page_of_the_documents_is_that_of_the_command() -> None:
    assert (ROOT / "docs" / "screenshots.md").read_text(encoding="utf-8") == screenshots.document()


def test_every_page_of_the_studio_is_pictured() -> None:
    names = {file.stem for file in (ROOT / "pages").glob("*.py")}
    assert set(screenshots.PAGES) == names
