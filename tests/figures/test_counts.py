"""Totals, histograms and ratings of a data set: numbers, words for those who cannot see them, and refusals."""

import re

import numpy as np
import pandas as pd
import pytest

from fisa.emotions import MIKELS8, EmotionSpace
from fisa.figures import (
    FigureError,
    Theme,
    distribution_strip,
    entropy_histogram,
    label_totals,
    matrix,
    rating_scatter,
    vote_histogram,
)

THEMES: tuple[Theme, ...] = ("light", "dark")
ABC = EmotionSpace(
    "abc", ("calm", "<b>x</b>", "sad"), (1, 0, -1), (), ("#e69f00", "#56b4e9", "#009e73"), ("circle", "star", "x")
)


@pytest.mark.parametrize("theme", THEMES)
def test_label_totals_stand_in_the_order_asked_for(theme: Theme) -> None:
    figure = label_totals(np.array([1200, 3, 40]), ABC, [1, 2, 0], "votes", theme)
    bars = figure.data[0]
    assert bars.x.tolist() == [3, 40, 1200] and list(bars.customdata) == [1, 2, 0]
    assert list(figure.layout.yaxis.ticktext) == ["&lt;b&gt;x&lt;/b&gt;", "sad", "calm"]
    assert figure.layout.meta["alt"].endswith("for each label: <b>x</b> 3, sad 40, calm 1,200.")
    assert list(figure.data[1].marker.symbol) == ["star", "x", "circle"]


def test_totals_of_degrees_show_one_decimal() -> None:
    assert list(label_totals(np.array([0.25, 0, 2]), ABC, [0, 1, 2], "degrees").data[0].text) == ["0.2", "0", "2"]


@pytest.mark.parametrize(
    ("totals", "order"),
    [([1, 2], [0, 1, 2]), ([1, 2, -1], [0, 1, 2]), ([1, 2, np.nan], [0, 1, 2]), ([1, 2, 3], [0, 1])],
)
def test_label_totals_refuse_what_is_none(totals: list[float], order: list[int]) -> None:
    with pytest.raises(FigureError, match="label totals"):
        label_totals(np.array(totals), ABC, order, "votes")


def test_entropy_histogram_carries_its_edges_and_marks_what_is_filtered() -> None:
    edges, counts = np.array([0, 0.5, 1.0, 1.5]), np.array([2, 6, 2])
    figure = entropy_histogram(edges, counts, chosen=(0.5, 1.0))
    bars = figure.data[0]
    assert bars.x.tolist() == [0.25, 0.75, 1.25] and bars.y.tolist() == [2, 6, 2]
    assert list(bars.customdata) == [[0, 0.5], [0.5, 1.0], [1.0, 1.5]]
    strong = [not colour.startswith("rgba") for colour in bars.marker.color]
    assert strong == [False, True, False]
    # Means of the bins, weighed: (2 x .25 + 6 x .75 + 2 x 1.25) / 10 = .75.
    alt = figure.layout.meta["alt"]
    assert "10 images" in alt and "mean 0.75" in alt and "most, 6, lie between 0.50 and 1.00" in alt
    assert all(not colour.startswith("rgba") for colour in entropy_histogram(edges, counts).data[0].marker.color)
    assert "mean" not in entropy_histogram(edges, np.zeros(3)).layout.meta["alt"]


@pytest.mark.parametrize(("edges", "counts"), [([0, 1], [1, 2]), ([1, 0], [1]), ([0, 1], [-1]), ([0], [])])
def test_entropy_histogram_refuses_what_is_none(edges: list[float], counts: list[float]) -> None:
    with pytest.raises(FigureError, match="entropy"):
        entropy_histogram(np.array(edges), np.array(counts))


def test_vote_histogram_says_each_number_or_their_span() -> None:
    figure = vote_histogram([5, 11], [20, 1500])
    assert figure.data[0].y.tolist() == [20, 1500] and list(figure.data[0].customdata) == [5, 11]
    assert figure.layout.meta["alt"] == "Bar chart of votes an image: 20 have 5 and 1,500 have 11."
    assert "from 1 to 9" in vote_histogram(range(1, 10), [1] * 9).layout.meta["alt"]
    with pytest.raises(FigureError, match="at least one"):
        vote_histogram([], [])


RATINGS = pd.DataFrame({"id": ["a", "b", "<i>"], "valence": [1.0, 4.0, 7.0], "arousal": [2.0, 5.0, 5.0]})


@pytest.mark.parametrize("theme", THEMES)
def test_rating_scatter_keeps_the_original_scale(theme: Theme) -> None:
    figure = rating_scatter(RATINGS, ((1, 7), (1, 9)), theme=theme)
    (points,) = figure.data
    assert list(points.customdata) == ["a", "b", "<i>"] and points.hovertext[2].startswith("&lt;i&gt;")
    assert figure.layout.xaxis.title.text == "valence, 1 to 7" and figure.layout.yaxis.title.text == "arousal, 1 to 9"
    across, up = figure.layout.shapes
    assert across.x0 == across.x1 == 4 and up.y0 == up.y1 == 5
    # Correlation of (1, 4, 7) with (2, 5, 5): covariance 4.5 / sqrt(9 x 3) = .87.
    assert "mean valence 4.00 and mean arousal 4.00, correlation 0.87" in figure.layout.meta["alt"]
    assert figure.layout.showlegend is False


def test_rating_scatter_shows_dominant_labels_with_their_shapes() -> None:
    figure = rating_scatter(RATINGS, ((1, 7), (1, 7)), ["awe", "fear", "awe"], MIKELS8)
    symbols = {trace.name: (trace.marker.symbol, len(trace.x)) for trace in figure.data}
    assert symbols == {"awe": ("star", 2), "fear": ("pentagon", 1)}


def test_rating_scatter_is_binned_where_it_would_be_too_much() -> None:
    drawn = np.random.default_rng(0).uniform(-1, 1, (20_001, 2))
    many = pd.DataFrame({"id": map(str, range(20_001)), "valence": drawn[:, 0], "arousal": drawn[:, 1]})
    (points,) = rating_scatter(many, ((-1, 1), (-1, 1))).data
    assert len(points.x) <= 120 * 120


def test_rating_scatter_refuses_what_is_none() -> None:
    with pytest.raises(FigureError, match="column arousal is missing"):
        rating_scatter(RATINGS.drop(columns="arousal"), ((1, 7), (1, 7)))
    with pytest.raises(FigureError, match="upper end"):
        rating_scatter(RATINGS, ((1, 1), (1, 7)))
    with pytest.raises(FigureError, match="at least one point"):
        rating_scatter(RATINGS[:0], ((1, 7), (1, 7)))


def test_a_strip_has_a_field_for_each_label_as_wide_as_its_degree() -> None:
    svg = distribution_strip(ABC, np.array([0.25, 0.0, 0.75]), width=100)
    # 25 of 100 pixels, then 75; a label that nobody named has no field.
    assert re.findall(r'x="([\d.]+)" width="([\d.]+)" height="10" fill="(#\w+)"', svg) == [
        ("0.00", "25.00", "#e69f00"),
        ("25.00", "75.00", "#009e73"),
    ]
    assert 'aria-label="sad 75%, calm 25%, &lt;b&gt;x&lt;/b&gt; 0%"' in svg
    first = distribution_strip(MIKELS8, np.eye(8)[MIKELS8.wheel[0]] * 0.5 + np.eye(8)[0] * 0.5)
    assert MIKELS8.colours[MIKELS8.wheel[0]] in first.split("/>")[0]  # fields stand in wheel order
    two = distribution_strip(ABC, np.array([[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]]), width=100)
    assert re.findall(r'<rect y="(\d+)" x="([\d.]+)" width="([\d.]+)"', two) == [
        ("0", "0.00", "25.00"),
        ("0", "25.00", "75.00"),
        ("12", "0.00", "100.00"),  # two pixels below the first one's ten
    ]
    assert 'viewBox="0 0 100 22"' in two and "; " in two
    with pytest.raises(FigureError, match="sum to 1"):
        distribution_strip(ABC, np.array([0.5, 0.0, 0.0]))


def test_a_correlation_names_pairs_once_and_a_label_never_with_itself() -> None:
    cells = np.array([[1, -0.5, 0.25], [-0.5, 1, 0], [0.25, 0, 1]])
    figure = matrix(cells, ABC, kind="correlation", limit=1.0)
    alt = figure.layout.meta["alt"]
    assert "strongest: calm with <b>x</b> −0.50, calm with sad +0.25, <b>x</b> with sad 0.00." in alt
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmid, figure.layout.coloraxis.cmax) == (-1, 0, 1)
    assert not any("receive" in note.text for note in figure.layout.annotations)


def test_a_co_occurrence_has_a_direction_and_a_sequential_scale() -> None:
    cells = np.array([[1, 0.5, 0], [1, 1, 0], [0, 0, 0]])
    figure = matrix(cells, ABC, kind="co-occurrence", limit=1.0)
    assert (
        "strongest: calm where <b>x</b> is named 1.00, <b>x</b> where calm is named 0.50" in figure.layout.meta["alt"]
    )
    assert figure.layout.coloraxis.cmid is None and figure.layout.coloraxis.cmin == 0
