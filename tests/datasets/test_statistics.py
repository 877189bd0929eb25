"""What a data set holds, in numbers: by hand, or against NumPy, SciPy and pandas where they define the same."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr

from fisa.config import ObjectiveConfig
from fisa.datasets import open_dataset
from fisa.datasets import statistics as stats
from fisa.datasets.selection import ASCENDING, BY_ID, DESCENDING, Selection, browsable, orders, select
from fisa.emotions import MIKELS8, RATINGS, EmotionSpace
from fisa.objectives import build_objective

ABC = EmotionSpace("abc", ("a", "b", "c"), (1, 0, -1), (), ("#e69f00", "#56b4e9", "#009e73"), ("circle", "star", "x"))


def manifest() -> pd.DataFrame:
    # Rows as votes: 4 = (1, 3, 0), 2 = (0, 2, 0), unknown = (1/2, 1/2, 0), 8 = (4, 2, 2).
    return pd.DataFrame(
        {
            "id": ["x/1", "x/2", "Y/é", "y/4"],
            "path": None,
            "split": ["test", "train", "train", "extra"],
            "votes": [4, 2, 0, 8],
            "a": [0.25, 0.0, 0.5, 0.5],
            "b": [0.75, 1.0, 0.5, 0.25],
            "c": [0.0, 0.0, 0.0, 0.25],
            "valence": [-1.0, 0.0, np.nan, 1.0],
            "arousal": [0.5, 0.5, 0.5, -0.5],
            "group": ["x", "x", "y", "y"],
        }
    )


def test_split_counts_name_known_splits_first_and_the_span_of_votes() -> None:
    table = stats.split_counts(manifest())
    assert list(table.index) == ["train", "test", "extra", "all"]
    assert list(table["images"]) == [2, 1, 1, 4]
    assert table.loc["train", ["fewest", "most"]].tolist() == [2, 2]  # of the other row the number is unknown
    assert table.loc["all", ["fewest", "most"]].tolist() == [2, 8]
    unknown = stats.split_counts(manifest().assign(votes=0))
    assert unknown["fewest"].isna().all()


def test_label_totals_by_hand() -> None:
    table = stats.label_totals(manifest(), ABC)
    # Votes 1 + 0 + 4, 3 + 2 + 2, 0 + 0 + 2; the row of unknown votes counts in degrees only.
    assert table["votes"].tolist() == [5, 7, 2]
    assert table["degree"].tolist() == [1.25, 2.5, 0.25]
    assert table["mean"].tolist() == [1.25 / 4, 2.5 / 4, 0.25 / 4]
    # Row 3 is tied between a and b: a stands first.
    assert table["dominant"].tolist() == [2, 2, 0]


def test_votes_of_real_votes_add_up() -> None:
    data = open_dataset("planted-tiny", None, "train")
    table = stats.label_totals(data.manifest, MIKELS8)
    assert table["votes"].sum() == 10 * len(data) and table["dominant"].sum() == len(data)
    np.testing.assert_allclose(table["mean"], data.manifest[list(MIKELS8.labels)].mean(), rtol=1e-12)


def test_vote_order_is_that_of_the_emd_in_training() -> None:
    degrees = stats.degrees_of(open_dataset("planted-tiny", None, "train").manifest, MIKELS8)
    objective = build_objective(ObjectiveConfig(emd=1.0), degrees.sum(0), MIKELS8)
    assert stats.vote_order(degrees) == objective.order.tolist()
    assert stats.vote_order(np.array([[0.5, 0.25, 0.25]])) == [1, 2, 0]  # ties in column order


def test_entropies_are_those_of_scipy() -> None:
    degrees = np.random.default_rng(0).dirichlet(np.ones(8), 50)
    np.testing.assert_allclose(stats.entropies(degrees), scipy_entropy(degrees, axis=1))
    assert stats.entropies(np.zeros((0, 3))).tolist() == []


def test_entropy_histogram_runs_from_one_label_to_all_equally() -> None:
    values = stats.entropies(np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]))
    edges, counts = stats.entropy_histogram(values, ABC, bins=2)
    # Halves of [0, ln 3 = 1.099]: two zeros below .549; ln 2 = .693 and ln 3 above.
    assert edges.tolist() == pytest.approx([0, math.log(3) / 2, math.log(3)])
    assert counts.tolist() == [2, 2]


def test_an_entropy_at_an_edge_is_counted_above_it_whatever_its_sum_rounds_to() -> None:
    # ln 2 and ln 4 of eight labels are edges 8 and 16 of 24; their sums of floats may fall a little below.
    values = np.log([2.0, 4.0]) - 4e-16
    _, counts = stats.entropy_histogram(values, MIKELS8)
    assert counts[[8, 16]].tolist() == [1, 1] and counts.sum() == 2


def test_lowest_and_highest_break_ties_by_row() -> None:
    low, high = stats.lowest_and_highest(np.array([0.5, 0.0, 1.0, 0.0, 1.0]), 3)
    assert low.tolist() == [1, 3, 0] and high.tolist() == [2, 4, 0]
    assert [len(rows) for rows in stats.lowest_and_highest(np.array([1.0]), 3)] == [1, 1]


def test_correlation_is_that_of_scipy() -> None:
    target = np.random.default_rng(1).dirichlet(np.ones(4), 30)
    assert stats.label_correlation(target)[2, 1] == pytest.approx(pearsonr(target[:, 2], target[:, 1])[0])


def test_an_emotion_that_nobody_felt_correlates_with_none() -> None:
    correlation = stats.label_correlation(np.array([[0.5, 0.5, 0], [0.25, 0.75, 0]]))
    np.testing.assert_allclose(correlation, [[1, -1, 0], [-1, 1, 0], [0, 0, 1]])


def test_emotions_that_never_vary_correlate_with_none() -> None:
    target = np.array([[0.1, 0.1, 0.3 + 0.1 * row, 0.5 - 0.1 * row] for row in range(6)])  # the mean of .1 is not .1
    expected = np.eye(4)
    expected[2, 3] = expected[3, 2] = -1
    np.testing.assert_allclose(stats.label_correlation(target), expected, atol=1e-12)


def test_co_occurrence_by_hand() -> None:
    # a is named three times, once with b; b once, with a; c never.
    target = np.array([[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]])
    np.testing.assert_allclose(stats.co_occurrence(target), [[1, 1 / 3, 0], [1, 1, 0], [0, 0, 0]])


def test_votes_per_image_leave_out_what_is_unknown() -> None:
    counted = stats.votes_per_image(manifest())
    assert counted.index.tolist() == [2, 4, 8] and counted.tolist() == [1, 1, 1]


def test_ratings_come_back_in_their_original_range() -> None:
    table = stats.ratings(manifest(), {"valence": (1, 9)})
    # -1, 0 and 1 of 1 to 9 are 1, 5, 9; the third row has no valence. Arousal has no other range.
    assert table["valence"].tolist() == [1, 5, 9] and table["arousal"].tolist() == [0.5, 0.5, -0.5]
    assert table.index.tolist() == [0, 1, 3] and table["id"].tolist() == ["x/1", "x/2", "y/4"]
    assert stats.ratings(manifest().drop(columns="arousal"), {}).empty


TABLE = browsable(manifest(), ABC)


def test_browsable_adds_entropy_and_dominant_label() -> None:
    assert TABLE["dominant"].tolist() == ["b", "b", "a", "a"]
    assert TABLE["entropy"].tolist() == pytest.approx([0.5623351446, 0, math.log(2), 1.5 * math.log(2)])
    assert list(browsable(manifest()[["id", "split", "votes"]], RATINGS)) == ["id", "split", "votes"]


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection(split="train"), [1, 2]),
        (Selection(label="a"), [2, 3]),
        (Selection(entropy=(0.0, 0.6)), [0, 1]),
        (Selection(votes=(2, 4)), [0, 1]),
        (Selection(group="y"), [2, 3]),
        (Selection(text="y/"), [2, 3]),
        (Selection(text="E\u0301"), [2]),  # the capital, decomposed
        (Selection(text=".*"), []),  # no pattern
        (Selection(split="train", label="a"), [2]),
        (Selection(order=BY_ID), [2, 0, 1, 3]),
        (Selection(order=ASCENDING), [1, 0, 2, 3]),
        (Selection(order=DESCENDING), [3, 2, 0, 1]),
        (Selection(order="a"), [2, 3, 0, 1]),
        (Selection(order="valence"), [3, 1, 0, 2]),  # unrated last
    ],
)
def test_select(chosen: Selection, rows: list[int]) -> None:
    assert select(TABLE, chosen).tolist() == rows


def test_a_filter_without_its_column_passes_none() -> None:
    bare = manifest()[["id", "split", "votes"]]
    assert select(bare, Selection(label="a")).tolist() == select(bare, Selection(group="x")).tolist() == []


def test_orders_are_those_that_the_data_can_have() -> None:
    assert orders(TABLE, ABC) == ["listed", BY_ID, ASCENDING, DESCENDING, "a", "b", "c", "valence", "arousal"]
    assert orders(manifest()[["id", "valence"]], RATINGS) == ["listed", BY_ID, "valence"]
