"""Measures between distributions: what holds of every pair, by hypothesis."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparse_distributions import DISTANCES, MEASURES, SIMILARITIES, pairs, votes

from fisa import distances

SYMMETRIC = [*DISTANCES[1:], distances.cosine, distances.intersection, distances.accuracy_strict]
ORDERLESS = [each for each in MEASURES if "emd" not in each.__name__ and each is not distances.wasserstein1]
UPPER = {
    "kl": lambda c: -math.log(distances.KL_FLOOR),
    "chebyshev": lambda c: 1,
    "clark": math.sqrt,
    "clark_scaled": lambda c: 1,
    "canberra": lambda c: c,
    "canberra_scaled": lambda c: 1,
    "emd": lambda c: math.sqrt((c - 1) / c),
    "wasserstein1": lambda c: c - 1,
    "circular_emd": lambda c: 0.5,
    "entropy_error": math.log,
    "cosine": lambda c: 1,
    "intersection": lambda c: 1,
    "accuracy": lambda c: 1,
    "accuracy_strict": lambda c: 1,
    "log_likelihood": lambda c: 0,
}


@given(pairs(), st.integers(0, 7), st.sampled_from([1, 2]))
def test_circular_does_not_depend_on_the_cut_nor_the_sense(pair, turn, r):
    target, predicted = pair
    value = distances.circular_emd(target, predicted, r=r)
    turned = np.roll(target, turn, axis=1), np.roll(predicted, turn, axis=1)
    assert distances.circular_emd(*turned, r=r) == pytest.approx(value, abs=1e-9)
    mirrored = target[:, ::-1], predicted[:, ::-1]
    assert distances.circular_emd(*mirrored, r=r) == pytest.approx(value, abs=1e-9)
    assert (value <= distances.emd(target, predicted, r=r) + 1e-12).all()


@given(votes())
def test_equal_distributions(rows):
    for measure in DISTANCES:
        assert measure(rows, rows) == pytest.approx(0, abs=1e-9)
    for measure in SIMILARITIES:
        assert measure(rows, rows) == pytest.approx(1)


@given(pairs())
def test_ranges(pair):
    classes = pair[0].shape[1]
    for measure in MEASURES:
        value = measure(*pair)
        assert (value <= UPPER[measure.__name__](classes) + 1e-9).all()
        if measure is not distances.log_likelihood:
            assert (value >= 0).all()


@given(pairs())
def test_symmetry(pair):
    for measure in SYMMETRIC:
        assert measure(*pair) == pytest.approx(measure(*pair[::-1]), abs=1e-12)


@given(pairs(), st.randoms(use_true_random=False))
def test_columns_may_be_permuted_together(pair, random):
    columns = list(range(pair[0].shape[1]))
    random.shuffle(columns)
    target, predicted = pair[0][:, columns], pair[1][:, columns]
    for measure in ORDERLESS:
        if measure in (distances.accuracy, distances.accuracy_strict):
            continue  # ties go to the first column by definition
        assert measure(target, predicted) == pytest.approx(measure(*pair), abs=1e-12)
    assert distances.circular_emd(*pair, order=columns) == pytest.approx(distances.circular_emd(target, predicted))


@given(pairs())
def test_rows_are_independent(pair):
    for measure in MEASURES:
        alone = [measure(t[None], p[None])[0] for t, p in zip(*pair, strict=True)]
        assert measure(*pair) == pytest.approx(alone, abs=1e-12)


@given(pairs())
def test_triangle_inequality_of_the_earth_movers_distances(pair):
    uniform = np.full_like(pair[0], 1 / pair[0].shape[1])
    for measure in (distances.emd, distances.wasserstein1, distances.circular_emd, distances.chebyshev):
        detour = measure(pair[0], uniform) + measure(uniform, pair[1])
        assert (measure(*pair) <= detour + 1e-9).all()
