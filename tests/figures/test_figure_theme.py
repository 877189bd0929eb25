"""Both themes: readable text, transparent figures, alternative text; and the drawn diagram."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from plotly.colors import hex_to_rgb

from fisa import figures
from fisa.emotions import MIKELS8, SPACES, EmotionSpace
from fisa.figures import PALETTES, FigureError, Theme, method_diagram
from fisa.figures.theme import contrast, text_on

THEMES: tuple[Theme, ...] = ("light", "dark")
FLAT = np.full(8, 1 / 8)
SVG = "{http://www.w3.org/2000/svg}"

FIGURES: dict[str, Callable[[Theme], object]] = {
    "wheel": lambda theme: figures.wheel(MIKELS8, {"truth": FLAT}, theme),
    "distribution_bars": lambda theme: figures.distribution_bars(MIKELS8, {"truth": FLAT}, theme),
    "matrix": lambda theme: figures.matrix(np.eye(8), MIKELS8, theme=theme),
    "matrix_grid": lambda theme: figures.matrix_grid(np.ones((2, 8, 8)), MIKELS8, "effect", theme),
    "contribution_bars": lambda theme: figures.contribution_bars(FLAT, 0.0, 1.0, MIKELS8, 0, theme),
    "embedding_map": lambda theme: figures.embedding_map(
        pd.DataFrame({"id": ["a"], "x": [0.0], "y": [0.0]}), [3], MIKELS8, "a", theme
    ),
    "error_scatter": lambda theme: figures.error_scatter(FLAT, FLAT, list("abcdefgh"), ("a", "b"), theme),
    "history": lambda theme: figures.history(
        pd.DataFrame({"epoch": [1], "train_loss": [1.0], "validation_kl": [0.5]}), theme
    ),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_transparent_readable_and_described(name: str, theme: Theme) -> None:
    figure = FIGURES[name](theme)
    layout = figure.layout.template.layout  # type: ignore[attr-defined]
    assert layout.paper_bgcolor == layout.plot_bgcolor == layout.polar.bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color == PALETTES[theme].ink
    alt = figure.layout.meta["alt"]  # type: ignore[attr-defined]
    assert re.search(r"\d", alt) and alt.endswith(".")
    assert figure.layout.height  # type: ignore[attr-defined]
    assert figure.layout.title.text is None  # type: ignore[attr-defined]
    assert "http" not in figure.to_json()  # type: ignore[attr-defined]


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_lines_stand_out_from_the_page(theme: Theme) -> None:
    colours = PALETTES[theme]
    for page in (hex_to_rgb(colours.surface), hex_to_rgb(colours.panel)):
        assert contrast(hex_to_rgb(colours.ink), page) >= 7
        assert contrast(hex_to_rgb(colours.muted), page) >= 4.5
        for line in (*colours.series, colours.up, colours.down):
            assert contrast(hex_to_rgb(line), page) >= 3  # WCAG 1.4.11, graphical objects


def test_contrast_agrees_with_the_published_extremes() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)  # #777 on white


def test_text_on_any_grey_reaches_aa() -> None:
    assert all(contrast(hex_to_rgb(text_on((v, v, v))), (v, v, v)) >= 4.5 for v in range(256))


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_known_spaces_tell_emotions_apart_by_colour_and_by_shape(space: EmotionSpace) -> None:
    assert len(set(space.colours)) == len(set(space.markers)) == len(space)


@pytest.mark.parametrize("theme", THEMES)
def test_diagram_is_xml_that_scales_and_speaks(theme: Theme) -> None:
    text = method_diagram(theme)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and root.attrib["role"] == "img"
    assert root.attrib["viewBox"].startswith("0 0 ") and root.attrib["width"] == "100%"
    ids = {element.attrib["id"]: "".join(element.itertext()) for element in root.iter() if "id" in element.attrib}
    assert [bool(ids[name]) for name in root.attrib["aria-labelledby"].split()] == [True, True]
    assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|<script|<style|@import", text)


@pytest.mark.parametrize("theme", THEMES)
def test_diagram_draws_every_step(theme: Theme) -> None:
    root = ElementTree.fromstring(method_diagram(theme))
    words = ["".join(element.itertext()).replace("\u200b", "") for element in root.iter(f"{SVG}text")]
    for title in ("image", "feature map", "attention", "class features", "interaction", "distribution"):
        assert title in words
    for equation in ("Mk = softmax g(E·Lk)", "Fk = Σp Mk,p Fp", "Eff = ψ(qi)T φ(kj) + 1", "zi = bi + Σh,j chij"):
        assert equation in words
    fills = [element.attrib.get("fill") for element in root.iter()]
    for colour in MIKELS8.colours:  # 30 cells of its map, its features, its sector
        assert fills.count(colour) >= 40
    assert PALETTES[theme].ink in fills


def test_diagram_differs_by_theme_and_refuses_others() -> None:
    assert method_diagram("light") != method_diagram("dark")
    with pytest.raises(FigureError, match="choose light or dark"):
        method_diagram("sepia")  # type: ignore[arg-type]
