"""What leaves the studio of heads: tables in long form, and intervals in print."""

import itertools

import numpy as np
import pandas as pd
import pytest

from fisa.emotions import EmotionSpace
from fisa.explain.heads import Importance
from fisa.export.heads import (
    importance_figure,
    importance_numbers,
    kinship_table,
    likeness_table,
    means_table,
    origin_of,
    pairs_table,
)
from fisa.figures import FigureError, paper
from fisa.records import Interval

THREE = EmotionSpace("three", ("a", "b", "c"), (0, 0, 0), (2, 0, 1), ("#111111",) * 3, ("circle",) * 3)
CELLS = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])  # row a receives 1 from a, 2 from b, 3 from c


def test_means_have_a_row_for_each_head_and_pair_in_wheel_order() -> None:
    table = means_table({"1": CELLS, "all": 10 * CELLS}, THREE).reset_index()
    assert list(table) == ["head", "receives", "gives", "value"] and len(table) == 18
    first = [["1", "c", "c", 9], ["1", "c", "a", 7], ["1", "c", "b", 8], ["1", "a", "c", 3]]
    assert table.iloc[:4].to_numpy().tolist() == first
    assert table.iloc[-1].to_list() == ["all", "b", "b", 50]
    with pytest.raises(FigureError, match="expected shape"):
        means_table({"1": CELLS[:2]}, THREE)


def test_pairs_leave_out_what_was_never_learned() -> None:
    learned = CELLS.copy()
    learned[0, 1] = np.nan
    table = pairs_table(learned, {"planted": -CELLS}, THREE)
    assert np.isnan(table.loc[("a", "b"), "learned contribution"]) and table.loc[("a", "b"), "planted"] == -2
    assert table.loc[("b", "c")].to_list() == [6, -6]
    # The five pairs that are left fall on one line, downwards.
    (row,) = kinship_table(learned, {"planted": -CELLS}).reset_index().to_numpy().tolist()
    assert row == ["planted", pytest.approx(-1), pytest.approx(-1), 5]


def test_known_of_pairs_says_where_it_is_from() -> None:
    assert origin_of("co-occurrence") == "co-occurrence: of the labels of the training split"
    assert origin_of("wheel distance") == "wheel distance: by definition"


SILENCED = Importance("score", 0.9, (Interval(-0.2, -0.3, -0.1), Interval(0.0, 1e-18, 0.0)), Interval(-0.5, -0.6, 0.2))


def test_importance_ends_with_what_no_head_at_all_changes() -> None:
    table = importance_numbers(SILENCED, np.array([[1, 0.25], [0.25, 1]]))
    assert table.reset_index().columns.to_list() == ["head", "change", "low", "high", "nearest", "similarity"]
    assert table.loc[1].to_list() == [-0.2, -0.3, -0.1, 2, 0.25]
    assert table.loc["all"].to_list()[:3] == [-0.5, -0.6, 0.2] and table.loc["all"].isna().sum() == 2
    assert table.to_csv().splitlines()[1] == "1,-0.2,-0.3,-0.1,2,0.25"  # a number of a head is no fraction
    alone = Importance("kl", 0.9, SILENCED.heads[:1], SILENCED.without)
    assert importance_numbers(alone, np.ones((1, 1))).index.to_list() == [1, "all"]


def test_importance_in_print_has_a_row_a_head_and_one_for_all() -> None:
    figure = importance_figure(SILENCED, "one")  # the second interval is off its value by a rounding
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "without head 1", "without head 2", "without any head",
    ]  # fmt: skip
    assert [group.lines[0].get_xdata()[0] for group in axes.containers] == [-0.2, 0, -0.5]
    assert [group.lines[0].get_marker() for group in axes.containers] == ["<", "o", "o"]  # below 0; around it
    assert axes.get_xlabel() == "change of the score, 95 % intervals"
    kl = Importance("kl", 0.9, SILENCED.heads, SILENCED.without)
    for of, width in itertools.product((SILENCED, kl), paper.WIDTHS):
        figure = importance_figure(of, width)
        figure.draw_without_rendering()
        label = figure.axes[0].xaxis.label.get_window_extent()
        assert 0 <= label.x0 < label.x1 <= figure.bbox.width
    assert figure.axes[0].get_xlabel() == "change of the KL in nats, 95 % intervals"


def test_likeness_counts_heads_from_one() -> None:
    table = likeness_table(np.array([[1, 0.5], [0.5, 1]]))
    pd.testing.assert_frame_equal(
        table.reset_index(), pd.DataFrame({"head": [1, 2], 1: [1, 0.5], 2: [0.5, 1]}), check_column_type=False
    )
