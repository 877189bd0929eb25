"""The wheel, its bar twin, its tables and its emblem."""

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fisa.emotions import MIKELS8, EmotionSpace
from fisa.figures import (
    FigureError,
    Theme,
    distribution_bars,
    distribution_table,
    wheel,
    wheel_emblem,
)
from fisa.language import using

THEMES: tuple[Theme, ...] = ("light", "dark")
MOODS = EmotionSpace(
    "moods", ("calm", "<b>x</b>", "a & b"), (1, 0, -1), (), ("#e69f00", "#56b4e9", "#009e73"), ("circle", "star", "x")
)
PAIR = EmotionSpace("pair", ("up", "down"), (1, -1), (), ("#e69f00", "#56b4e9"), ("circle", "star"))
ONE = EmotionSpace("one", ("calm",), (1,), (), ("#e69f00",), ("circle",))
# amusement, awe, contentment, excitement, anger, disgust, fear, sadness
TRUTH = np.array([0.13, 0.27, 0.19, 0.16, 0.02, 0.02, 0.09, 0.12])
PREDICTED = np.array([0.10, 0.31, 0.15, 0.20, 0.01, 0.03, 0.12, 0.08])
# Clockwise as the design states: fear, sadness, disgust, anger, amusement, contentment, awe, excitement.
TRUTH_AROUND = [0.09, 0.12, 0.02, 0.02, 0.13, 0.19, 0.27, 0.16]
LABELS_AROUND = ["fear", "sadness", "disgust", "anger", "amusement", "contentment", "awe", "excitement"]


@pytest.mark.parametrize("theme", THEMES)
def test_wheel_polygons_hold_the_distributions_in_wheel_order(theme: Theme) -> None:
    figure = wheel(MIKELS8, {"truth": TRUTH, "fisa": PREDICTED}, theme)
    truth, fisa = figure.data[-2:]
    assert (truth.name, fisa.name) == ("truth", "fisa")
    assert list(truth.r) == [*TRUTH_AROUND, 0.09]  # closed
    assert list(truth.theta) == [0, 45, 90, 135, 180, 225, 270, 315, 0]
    assert fisa.r[0] == fisa.r[-1] == 0.12
    assert list(truth.customdata) == [6, 7, 5, 4, 0, 2, 1, 3, 6]
    assert figure.layout.polar.angularaxis.direction == "clockwise"
    assert figure.layout.polar.angularaxis.rotation == 90  # 0 degrees at the top


def test_wheel_tells_observation_from_prediction_without_colour() -> None:
    truth, fisa, cnn = wheel(MIKELS8, {"Truth": TRUTH, "fisa": PREDICTED, "cnn": PREDICTED}).data[-3:]
    assert truth.line.dash == "dash" and truth.fill == "none"
    assert fisa.line.dash == "solid" and fisa.fill == "toself"
    assert fisa.marker.symbol != cnn.marker.symbol
    votes = wheel(MIKELS8, {"votes": TRUTH}).data[-1]
    assert votes.line.dash == "dot"


def test_rim_shows_every_emotion_in_its_colour_and_shape() -> None:
    rim = next(trace for trace in wheel(MIKELS8, {"fisa": PREDICTED}).data if trace.type == "scatterpolar")
    assert tuple(rim.marker.color) == MIKELS8.colours
    assert tuple(rim.marker.symbol) == MIKELS8.markers


def test_wheel_of_a_space_without_wheel_uses_column_order_and_shows_markup_as_text() -> None:
    figure = wheel(MOODS, {"<i>run</i>": np.array([0.5, 0.3, 0.2])})
    trace = figure.data[-1]
    assert list(trace.r) == [0.5, 0.3, 0.2, 0.5]
    assert trace.name == "&lt;i&gt;run&lt;/i&gt;"
    assert list(figure.layout.polar.angularaxis.ticktext) == ["calm", "&lt;b&gt;x&lt;/b&gt;", "a &amp; b"]
    assert "<b>" not in json.dumps([t.to_plotly_json() for t in figure.data], default=list)


@pytest.mark.parametrize("space", [ONE, PAIR], ids=["one", "two"])
def test_wheel_of_fewer_than_three_emotions_is_refused_and_names_the_alternative(space: EmotionSpace) -> None:
    flat = np.full(len(space), 1 / len(space))
    with pytest.raises(FigureError, match=f"at least three emotions and {space.name!r} has {len(space)}; use dist"):
        wheel(space, {"fisa": flat})
    assert list(distribution_bars(space, {"fisa": flat}).data[0].x) == list(flat)


@settings(max_examples=25)
@given(arrays(float, 8, elements=st.floats(0, 1)).filter(lambda row: row.sum() > 1e-3).map(lambda row: row / row.sum()))
def test_no_degree_leaves_the_rings_and_the_scale_stays_tight(row: np.ndarray) -> None:
    figure = wheel(MIKELS8, {"fisa": row})
    sectors = figure.data[0].r[0]
    assert sectors >= row.max() - 1e-9
    assert sectors <= max(0.1, row.max() + 0.05) + 1e-9
    rings = figure.layout.polar.radialaxis.tickvals
    assert 1 <= len(rings) <= 4 and max(rings) <= sectors + 1e-9


@pytest.mark.parametrize("draw", [wheel, distribution_bars, distribution_table])
@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (np.where(TRUTH == 0.27, np.nan, TRUTH), "distribution 'fisa': 1 of 8 values are NaN"),
        (TRUTH[:7], r"distribution 'fisa': expected shape \[8\], got \[7\]"),
        (2 * TRUTH, "sum to 1, got .* a sum of 2"),
        (TRUTH - np.eye(8)[4] * 0.1 + np.eye(8)[0] * 0.1, "at least 0 .* minimum of -0.08"),
        (np.array(["much"] * 8), "distribution 'fisa': expected numbers"),
    ],
)
def test_what_is_no_distribution_is_refused(draw: object, row: np.ndarray, complaint: str) -> None:
    with pytest.raises(FigureError, match=complaint):
        draw(MIKELS8, {"fisa": row})  # type: ignore[operator]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(FigureError, match="at least one distribution"):
        wheel(MIKELS8, {})


def test_unknown_theme_is_refused() -> None:
    with pytest.raises(FigureError, match="choose light or dark"):
        wheel(MIKELS8, {"fisa": TRUTH}, "sepia")  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [wheel, distribution_bars])
def test_alternative_text_names_the_strongest_emotions(draw: object) -> None:
    alt = draw(MIKELS8, {"truth": TRUTH, "fisa": PREDICTED}).layout.meta["alt"]  # type: ignore[operator]
    assert "truth: awe 27%, contentment 19%, excitement 16%" in alt
    assert "fisa: awe 31%, excitement 20%, contentment 15%" in alt


@pytest.mark.parametrize("theme", THEMES)
def test_bars_hold_the_degrees_in_wheel_order_from_the_top(theme: Theme) -> None:
    figure = distribution_bars(MIKELS8, {"truth": TRUTH, "fisa": PREDICTED}, theme)
    truth, fisa, _ = figure.data
    assert list(truth.x) == TRUTH_AROUND
    assert list(truth.y) == list(range(8))
    low, high = figure.layout.yaxis.range
    assert low > high  # reversed: position 0 on top
    assert list(figure.layout.yaxis.ticktext) == LABELS_AROUND
    assert truth.marker.pattern.shape == "/" and fisa.marker.pattern.shape == ""
    assert fisa.text[0] == "12%"


def test_single_bars_take_the_emotions_colours() -> None:
    colours = distribution_bars(MIKELS8, {"fisa": PREDICTED}).data[0].marker.color
    assert colours[0] == MIKELS8.colours[MIKELS8.index("fear")]
    assert colours[6] == MIKELS8.colours[MIKELS8.index("awe")]


def test_small_degrees_are_not_rounded_to_nothing() -> None:
    bars = distribution_bars(MOODS, {"fisa": np.array([0.996, 0.004, 0.0])}).data[0]
    assert list(bars.text) == ["100%", "0.4%", "0%"]


def test_table_twin_has_the_numbers_and_the_gap() -> None:
    table = distribution_table(MIKELS8, {"truth": TRUTH, "fisa": PREDICTED})
    assert list(table.index) == LABELS_AROUND
    assert list(table.columns) == ["truth", "fisa", "gap"]
    assert table.loc["awe", "truth"] == 0.27
    assert table.loc["awe", "gap"] == pytest.approx(0.04)  # .31 - .27
    assert list(distribution_table(MIKELS8, {"fisa": PREDICTED}).columns) == ["fisa"]


def test_chinese_names_emotions_and_observations_but_no_run() -> None:
    with using("zh_Hans"):
        figure = wheel(MIKELS8, {"truth": TRUTH, "fear": PREDICTED}, pair=(0, 1))  # a run may be called like an emotion
        bars = distribution_bars(MIKELS8, {"votes": TRUTH})
        table = distribution_table(MIKELS8, {"truth": TRUTH, "fear": PREDICTED})
    truth, run = figure.data[-2:]
    assert (truth.name, truth.line.dash, run.name) == ("真值", "dash", "fear")
    assert truth.hovertext[6] == "真值：敬畏 27.0%" and list(truth.customdata[:2]) == [6, 7]
    assert figure.layout.meta["alt"].startswith("情感轮，8 种情感。") and "敬畏作用于愉悦" in figure.layout.meta["alt"]
    assert list(bars.layout.yaxis.ticktext[:2]) == ["恐惧", "悲伤"]
    assert list(table.columns) == ["真值", "fear", "差值"]
    assert (table.index.name, table.loc["敬畏", "真值"]) == ("情感", 0.27)


def test_emblem_is_xml_with_two_shapes_an_emotion_and_the_size_asked_for() -> None:
    root = ElementTree.fromstring(wheel_emblem(MIKELS8, 48))
    space = "{http://www.w3.org/2000/svg}"
    assert root.attrib["width"] == root.attrib["height"] == "48"
    assert root.attrib["role"] == "img" and root.attrib["aria-label"]
    fills = [path.attrib["fill"] for path in root.iter(f"{space}path")]
    assert fills[::2] == fills[1::2] == [MIKELS8.colours[i] for i in MIKELS8.wheel]


def test_emblem_petals_stay_inside_the_view() -> None:
    paths = ElementTree.fromstring(wheel_emblem(MIKELS8)).iter("{http://www.w3.org/2000/svg}path")
    points = [part.split() for path in paths for part in path.attrib["d"].replace("M", "L").split("L")[1:]]
    assert max(math.hypot(float(x), float(y.split("A")[0])) for x, y, *_ in points) <= 50


def test_emblem_refuses_two_emotions() -> None:
    with pytest.raises(FigureError, match="at least three emotions"):
        wheel_emblem(PAIR)


def test_a_lit_pair_is_an_arrow_from_who_gives_to_who_receives() -> None:
    receives, gives = MIKELS8.index("fear"), MIKELS8.index("awe")
    figure = wheel(MIKELS8, {"truth": TRUTH}, pair=(receives, gives))
    (arrow,) = [trace for trace in figure.data if trace.name == "pair"]
    assert tuple(arrow.theta) == tuple(np.degrees(MIKELS8.angles[[gives, receives]]))
    assert arrow.marker.symbol == ("circle", "arrow") and arrow.marker.angleref == "previous"
    assert figure.layout.meta["alt"].endswith("Lit: awe acts on fear.")
    assert not [trace for trace in wheel(MIKELS8, {"truth": TRUTH}).data if trace.name == "pair"]


def test_an_emotion_that_acts_on_itself_is_ringed() -> None:
    figure = wheel(MIKELS8, {"truth": TRUTH}, pair=(2, 2))
    (ring,) = [trace for trace in figure.data if trace.name == "pair"]
    assert ring.marker.symbol == "circle-open" and tuple(ring.theta) == (float(np.degrees(MIKELS8.angles[2])),)


def test_a_pair_outside_the_space_is_refused() -> None:
    with pytest.raises(FigureError, match=r"pair \(0, 8\) is outside 'mikels8', which has 8 emotions"):
        wheel(MIKELS8, {"truth": TRUTH}, pair=(0, 8))
