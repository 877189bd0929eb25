"""What data sets hold and what searches find, in print: what is drawn is what was given, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fisa import figures
from fisa.emotions import EKMAN6, RATINGS
from fisa.figures import FigureError, paper

WIDE = (("one", 82.0), ("two", 174.0))
LABELS = list(EKMAN6.labels)
PICTURE = np.full((32, 32, 3), 90, np.uint8)


def words(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_totals_stand_in_their_order_with_their_numbers() -> None:
    totals, order = np.array([1200.0, 3, 0, 2.5, 40, 5]), [2, 3, 1, 5, 4, 0]
    figure = paper.label_totals(totals, EKMAN6, order, "votes")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [LABELS[column] for column in order]
    assert [bar.get_width() for bar in axes.patches] == list(totals[order])
    assert axes.yaxis_inverted()  # the first on top
    assert words(figure) == ["0", "2.5", "3", "5", "40", "1,200"]
    shapes = [drawn.get_gid() for drawn in axes.collections]
    assert shapes == [LABELS[column] for column in order]  # each has its shape, too
    assert figure.get_label() == figures.label_totals(totals, EKMAN6, order, "votes").layout.meta["alt"]


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6]])
def test_an_order_without_each_label_once_is_refused(order: list[int]) -> None:
    with pytest.raises(FigureError, match="an order with each label once"):
        paper.label_totals(np.ones(6), EKMAN6, order, "votes")


def test_bars_of_entropies_reach_from_edge_to_edge() -> None:
    edges, counts = np.array([0, 0.5, 1.5, 2.0]), np.array([4, 0, 7])
    figure = paper.entropy_histogram(edges, counts)
    (axes,) = figure.axes
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in axes.patches]
    assert bars == [(0, 0.5, 4), (0.5, 1, 0), (1.5, 0.5, 7)]
    assert axes.get_xlim() == (0, 2)
    # Middles .25, 1 and 1.75: (4 * .25 + 7 * 1.75) / 11 = 1.20.
    assert "11 images" in figure.get_label() and "mean 1.20" in figure.get_label()
    with pytest.raises(FigureError, match="ascending edges"):
        paper.entropy_histogram(edges[::-1], counts)


def test_votes_are_bars_at_their_numbers() -> None:
    figure = paper.vote_histogram([3, 5, 10], [7, 1, 2])
    (axes,) = figure.axes
    middles = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in axes.patches]
    assert middles == [(3, 7), (5, 1), (10, 2)]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())  # there is no half a vote
    with pytest.raises(FigureError, match="at least one number of votes"):
        paper.vote_histogram([], [])


def test_ratings_lie_on_the_scales_of_the_raters() -> None:
    rated = pd.DataFrame({"id": list("abcd"), "valence": [1.0, 7, 4, 2], "arousal": [2.0, 3, 9, 4]})
    labels = ["joy", "fear", "joy", "anger"]
    figure = paper.rating_scatter(rated, ((1, 7), (1, 9)), labels, EKMAN6)
    (axes,) = figure.axes
    dots = {drawn.get_label(): drawn.get_offsets().tolist() for drawn in axes.collections}
    assert dots == {"joy": [[1, 2], [4, 9]], "fear": [[7, 3]], "anger": [[2, 4]]}
    middles = [line.get_xydata().tolist() for line in axes.lines]
    assert [middles[0][0][0], middles[1][0][1]] == [4, 5]  # of 1 to 7, of 1 to 9
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("valence, 1 to 7", "arousal, 1 to 9")
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(dots)
    plain = paper.rating_scatter(rated, ((1, 7), (1, 9)), None, RATINGS)
    assert not plain.legends and sum(len(drawn.get_offsets()) for drawn in plain.axes[0].collections) == 4
    with pytest.raises(FigureError, match="upper end"):
        paper.rating_scatter(rated, ((7, 1), (1, 9)))


@pytest.mark.parametrize(("width", "most"), [("one", 4), ("two", 6)])
def test_what_was_found_stands_in_frames_that_say_what_is_right(width: paper.Width, most: int) -> None:
    nearest = [(PICTURE, name) for name in ("awe", "fear", "a name that is longer than its picture is wide, 日本")]
    figure = paper.retrieved((PICTURE, "fear"), nearest, [False, True, False], [0.25, 1.5, 2], width)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 4 and len(figure.axes) == min(most, 4)
    below = [axes.get_xlabel().split("\n") for axes in shown]
    assert [lines[1] for lines in below] == ["query", "✗ 0.250", "✓ 1.500", "✗ 2.000"]
    assert [lines[0] for lines in below[:3]] == ["fear", "awe", "fear"] and "…" in below[3][0]
    drawn = [np.asarray(axes.images[0].get_array()) for axes in shown]
    np.testing.assert_array_equal(drawn[0], PICTURE)
    np.testing.assert_array_equal(drawn[1], figures.framed(PICTURE, False))
    np.testing.assert_array_equal(drawn[2], figures.framed(PICTURE, True))
    assert figure.get_label() == "The query fear, and the 3 nearest images, 1 of them right."


def test_more_than_a_row_of_neighbours_goes_on_below() -> None:
    figure = paper.retrieved((PICTURE, "q"), [(PICTURE, "n")] * 20, [True] * 20, range(20), "one")
    assert len([axes for axes in figure.axes if axes.images]) == 21 and len(figure.axes) == 24  # six rows of four
    assert figure.get_figheight() > 6 * figure.get_figwidth() / 4


def test_nothing_found_or_lengths_that_differ_are_refused() -> None:
    for nearest, right in (([], []), ([(PICTURE, "n")], [True, False])):
        with pytest.raises(FigureError, match="expected one or more"):
            paper.retrieved((PICTURE, "q"), nearest, right, [1.0])


@pytest.mark.parametrize(("width", "millimetres"), WIDE)
def test_they_are_as_wide_as_a_column(width: paper.Width, millimetres: float) -> None:
    rated = pd.DataFrame({"id": ["a"], "valence": [0.0], "arousal": [0.5]})
    drawn = [
        paper.label_totals(np.zeros(6), EKMAN6, range(6), "votes", width),
        paper.entropy_histogram(np.array([0.0, 1]), np.zeros(1), width),
        paper.vote_histogram([4], [2], width),
        paper.rating_scatter(rated, ((-1, 1), (-1, 1)), None, None, width),
        paper.retrieved((PICTURE, "q"), [(PICTURE, "n")], [True], [0.0], width),
    ]
    for figure in drawn:
        assert figure.get_figwidth() * 25.4 == pytest.approx(millimetres)
        assert paper.to_bytes(figure, "svg").startswith(b"<?xml") and figure.get_label()
