"""Measures between distributions beside scipy, POT for the circle, a Fourier identity, and a search for the minimum."""

import math

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.spatial import distance
from scipy.stats import entropy as scipy_entropy
from scipy.stats import multinomial, wasserstein_distance
from sparse_distributions import pairs, votes

from fisa import distances


@given(pairs())
def test_against_scipy(pair):
    target, predicted = pair
    classes = target.shape[1]
    place = np.arange(classes)
    rows = list(zip(target, predicted, strict=True))
    assert distances.canberra(*pair) == pytest.approx([distance.canberra(t, p) for t, p in rows])
    assert distances.chebyshev(*pair) == pytest.approx([distance.chebyshev(t, p) for t, p in rows])
    assert distances.jensen_shannon(*pair) == pytest.approx(
        [distance.jensenshannon(t, p) ** 2 for t, p in rows], abs=1e-9
    )
    assert distances.cosine(*pair) == pytest.approx([1 - distance.cosine(t, p) for t, p in rows], abs=1e-12)
    expected = [wasserstein_distance(place, place, t, p) for t, p in rows]
    assert distances.wasserstein1(*pair) == pytest.approx(expected, abs=1e-12)
    assert classes * distances.emd(*pair, r=1) == pytest.approx(expected, abs=1e-12)
    assert distances.entropy(target) == pytest.approx([scipy_entropy(t) for t in target], abs=1e-12)
    inside = predicted * 0.9 + 0.1 / classes
    expected = [scipy_entropy(t, p) for t, p in zip(target, inside, strict=True)]
    assert distances.kl(target, inside) == pytest.approx(expected, abs=1e-12)


@given(arrays(np.int64, 5, elements=st.integers(0, 6)), votes(rows=1, classes=5))
def test_log_likelihood_against_the_multinomial(counts, predicted):
    n = counts.sum() + 1
    counts[0] += 1
    mixed = (1 - 1e-6) * predicted[0] + 1e-6 / 5
    coefficient = math.lgamma(n + 1) - sum(math.lgamma(count + 1) for count in counts)
    expected = multinomial.logpmf(counts, n, mixed) - coefficient
    assert n * distances.log_likelihood([counts / n], predicted)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(pairs())
def test_circular_r_1_against_optimal_transport(pair):
    # POT's exact linear programme, with the shorter way around the wheel as the cost, in turns. (Its
    # closed form, ot.wasserstein_circle, is off by a turn where rounding moves a quantile over the cut.)
    classes = pair[0].shape[1]
    steps = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    cost = np.minimum(steps, classes - steps) / classes
    expected = [ot.emd2(t, p, cost) for t, p in zip(*pair, strict=True)]
    assert distances.circular_emd(*pair, r=1) == pytest.approx(expected, abs=1e-9)


@given(pairs())
def test_circular_r_2_against_fourier(pair):
    # The CDF difference D is the running sum of t - p, so its spectrum is that of t - p divided by
    # 1 - exp(-2 pi i f / C); without f = 0, Parseval gives the sum of (D - mean D)^2.
    target, predicted = pair
    classes = target.shape[1]
    spectrum = np.fft.fft(target - predicted, axis=1)[:, 1:]
    spectrum /= 1 - np.exp(-2j * np.pi * np.arange(1, classes) / classes)
    expected = np.sqrt((np.abs(spectrum) ** 2).sum(axis=1)) / classes
    assert distances.circular_emd(target, predicted) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("r", [1, 2])
def test_circular_closed_form_is_the_minimum_over_the_flow_across_the_cut(r):
    rng = np.random.default_rng(0)
    target, predicted = rng.dirichlet(np.ones(7), 5), rng.dirichlet(np.ones(7), 5)
    for t, p, value in zip(target, predicted, distances.circular_emd(target, predicted, r=r), strict=True):
        difference = np.cumsum(t - p)
        found = minimize_scalar(
            lambda flow, d=difference: (np.abs(d - flow) ** r).mean(), bounds=(-1, 1), options={"xatol": 1e-12}
        )
        assert value == pytest.approx(found.fun ** (1 / r), abs=1e-6)
