"""Measures of sequences against values worked by hand and independent algorithms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from fisa.sequence_measures import (
    ARRIVALS,
    SEQUENCE_METRICS,
    change_counts,
    changes,
    evaluate_arrivals,
    evaluate_steps,
    fine_labels,
    separation,
)


def rows(emotions: list[int], sure: float = 0.8) -> np.ndarray:
    """Three columns: ``sure`` on the emotion, the rest shared."""
    return np.full((len(emotions), 3), (1 - sure) / 2) + (sure - (1 - sure) / 2) * np.eye(3)[emotions]


TRUE, FOUND = [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 1, 2]
ONE = np.array([6])


def test_by_hand() -> None:
    # Emotion 0: TP 1, FP 0, FN 1. Emotion 1: TP 2, FP 2, FN 0. Emotion 2: TP 1, FP 0, FN 1.
    # Precision (1 + 1/2 + 1)/3, recall (1/2 + 1 + 1/2)/3, F1 (2/3 + 2/3 + 2/3)/3; accuracy 4/6.
    found = evaluate_steps(np.eye(3)[TRUE], rows(FOUND), ONE)
    assert found["step_accuracy"] == pytest.approx(4 / 6)
    assert found["step_precision"] == pytest.approx(2.5 / 3)
    assert found["step_recall"] == pytest.approx(2 / 3)
    assert found["step_f1"] == pytest.approx(2 / 3)
    # -log .8 four times, -log .1 twice.
    assert found["step_kl"] == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)
    # AUC by pairs (step with the emotion, step without), ties half. Emotion 0: scores .8 .1 against .1 four times:
    # (4 + 4/2) / 8 = .75. Emotion 1: .8 .8 against .1 .8 .8 .1: (1 + .5 + .5 + 1) * 2 / 8 = .75. Emotion 2: as 0.
    assert found["step_auc"] == pytest.approx(0.75)
    # True changes at 2 and 4, predicted at 1 and 5: both matched within one step.
    assert (found["change_precision"], found["change_recall"], found["change_f1"]) == (1, 1, 1)


def test_a_tolerance_of_no_step_matches_nothing_here() -> None:
    found = evaluate_steps(np.eye(3)[TRUE], rows(FOUND), ONE, tolerance=0)
    assert (found["change_precision"], found["change_recall"], found["change_f1"]) == (0, 0, 0)


def test_accuracy_is_not_precision() -> None:
    found = evaluate_steps(np.eye(3)[[0, 0, 0, 1]], rows([0, 0, 0, 0]), np.array([4]))
    # Emotion 0 has precision 3/4, emotion 1 none (0/0 is 0); the mean is 3/8, and accuracy 3/4.
    assert (found["step_accuracy"], found["step_precision"]) == (0.75, 0.375)


def test_a_change_across_the_border_of_two_sequences_is_none() -> None:
    assert [list(each) for each in changes(np.array([0, 1, 2, 2]), np.array([2, 2]))] == [[1], []]


def test_one_change_matches_one_change() -> None:
    # True at 3; predicted at 2, 3 and 4: one is matched, whichever.
    counts = change_counts(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 0, 1]), np.array([5]))
    assert counts.tolist() == [[1, 3, 1]]


@pytest.mark.parametrize(
    ("true", "found", "expected"),
    [([0, 0], [0, 0], (1, 1, 1)), ([0, 0], [0, 1], (0, 0, 0)), ([0, 1], [0, 0], (0, 0, 0))],
    ids=["nothing to find", "a false alarm", "missed"],
)
def test_changes_that_are_not_there(true: list[int], found: list[int], expected: tuple[float, ...]) -> None:
    measures = evaluate_steps(np.eye(3)[true], rows(found), np.array([2]))
    assert tuple(measures[f"change_{name}"] for name in ("precision", "recall", "f1")) == expected
    assert ("step_auc" in measures) == (true == [0, 1])


@given(st.data(), st.integers(0, 3))
def test_as_many_changes_are_matched_as_can_be(data: st.DataObject, tolerance: int) -> None:
    lengths = np.array(data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)))
    steps = int(lengths.sum())
    true, found = (np.array(data.draw(st.lists(st.integers(0, 2), min_size=steps, max_size=steps))) for _ in range(2))
    counts = change_counts(true, found, lengths, tolerance)
    for row, real, claimed in zip(counts, changes(true, lengths), changes(found, lengths), strict=True):
        near = abs(real[:, None] - claimed[None]) <= tolerance
        best = (maximum_bipartite_matching(csr_array(near)) >= 0).sum() if near.size else 0
        assert tuple(row) == (best, len(claimed), len(real))


def test_fine_labels_by_hand() -> None:
    # Polarity + + -. The first sequence opens with 0, shifts to 1, stays, turns to 2 and to 0; the second opens anew.
    fine = fine_labels(np.array([0, 1, 1, 2, 0, 0, 2]), np.array([5, 2]), (1, 1, -1))
    opening, shifted, turned = range(len(ARRIVALS))
    assert fine.tolist() == [0 + opening, 3 + shifted, 3 + shifted, 6 + turned, 0 + turned, 0 + opening, 6 + turned]


def test_fine_measures_by_hand() -> None:
    # Label 1: precision 1, recall 1/2, F1 2/3. Label 4: precision 1/2, recall 1, F1 2/3. Label 7: 1.
    found = evaluate_arrivals(np.array([1, 1, 4, 7]), np.array([1, 4, 4, 7]))
    assert found["fine_accuracy"] == 0.75 and found["fine_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_separation_by_hand() -> None:
    target = np.eye(3)[[0, 0, 1]]
    # The true means are sqrt 2 apart; those of the vectors (1, 0, 0) and (.5, .5, 0) half as far.
    vectors = np.array([[1.5, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0]])
    assert separation(target, vectors) == pytest.approx(0.5)
    assert separation(target, np.ones((3, 3))) == 0 and separation(target[:2], vectors[:2]) == 1


def test_every_measure_has_a_row() -> None:
    measured = evaluate_steps(np.eye(3)[TRUE], rows(FOUND), ONE)
    fine = evaluate_arrivals(np.array([0]), np.array([0]))
    assert [*measured, *fine, "separation"] == list(SEQUENCE_METRICS)


@pytest.mark.parametrize(
    ("target", "predicted", "lengths"),
    [(np.empty((0, 3)), np.empty((0, 3)), [0]), (rows([0]), rows([0, 1]), [1]), (rows([0]), rows([0]), [2])],
    ids=["no steps", "other shapes", "other lengths"],
)
def test_what_does_not_fit_is_refused(target: np.ndarray, predicted: np.ndarray, lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=r"target is|lengths"):
        evaluate_steps(target, predicted, np.array(lengths))
