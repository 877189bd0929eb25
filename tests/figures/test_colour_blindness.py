"""Emotion colours stand out from the page, and from one another for whoever lacks a kind of cones (row 26).

Colour blindness is simulated by the matrices of Machado, Oliveira, Fernandes (2009), "A physiologically-based model for
simulation of color vision deficiency", at severity 1, which for blue is their approximation; differences are CIEDE2000;
both by the library colour-science.
"""

from itertools import combinations

import numpy as np
import pytest
from plotly.colors import hex_to_rgb

from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, POLARITY3, EmotionSpace
from fisa.figures import PALETTES, Theme
from fisa.figures.theme import contrast

with np.printoptions():  # which colour-science changes for the whole process, pandas' CSV included
    import colour

pytestmark = pytest.mark.filterwarnings("ignore:.*simulation of tritanomaly")
SPACES = (MIKELS8, EKMAN6, EKMAN7, AFFECTNET8, POLARITY3)
SIGHTS = ("Normal", "Protanomaly", "Deuteranomaly", "Tritanomaly")

JUST_NOTICED = 2.3
"""Difference that is just noticed between large fields side by side (Mahy, Van Eycken, Oosterlinck 1994)."""

WITH_SHAPE = 3 * JUST_NOTICED
"""For small marks apart from one another, which have a shape of their own each, so that colour is a second cue."""

COLOUR_ALONE = 5 * JUST_NOTICED
"""For fields that touch and bear no mark, as neighbours on the wheel do in the strips below small pictures."""


def difference(first: str, second: str, sight: str) -> float:
    """Return the CIEDE2000 between two colours as one sees them."""
    seen = []
    for code in (first, second):
        linear = colour.cctf_decoding(np.array(hex_to_rgb(code)) / 255, "sRGB")
        if sight != "Normal":
            linear = np.clip(colour.matrix_cvd_Machado2009(sight, 1.0) @ linear, 0, 1)
        seen.append(colour.XYZ_to_Lab(colour.RGB_to_XYZ(linear, "sRGB")))
    return float(colour.delta_E(*seen, method="CIE 2000"))


def test_the_simulation_knows_what_is_confused() -> None:
    # Red and green of one lightness: far apart for most, a confusion pair without cones for long waves.
    assert difference("#c04000", "#747000", "Normal") > 30
    assert difference("#c04000", "#747000", "Deuteranomaly") < 15
    assert difference("#336699", "#336699", "Tritanomaly") == 0


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_no_two_emotions_look_alike(space: EmotionSpace, sight: str) -> None:
    near = {
        (space.labels[i], space.labels[j]): apart
        for i, j in combinations(range(len(space)), 2)
        if (apart := difference(space.colours[i], space.colours[j], sight)) < WITH_SHAPE
    }
    assert near == {}


@pytest.mark.parametrize("sight", SIGHTS)
def test_neighbours_on_the_wheel_are_told_apart_by_colour_alone(sight: str) -> None:
    order = MIKELS8.wheel
    apart = [
        difference(MIKELS8.colours[one], MIKELS8.colours[other], sight)
        for one, other in zip(order, (*order[1:], order[0]), strict=True)
    ]
    assert min(apart) >= COLOUR_ALONE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_emotions_stand_out_from_the_page(space: EmotionSpace, theme: Theme) -> None:
    page = hex_to_rgb(PALETTES[theme].surface)
    for code in space.colours:
        assert contrast(hex_to_rgb(code), page) >= 3  # WCAG 1.4.11, graphical objects
