"""Measures between distributions: values worked by hand, and what is refused."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import rel_entr
from sparse_distributions import DISTANCES, MEASURES, by_name

from fisa import distances
from fisa.distances import normalise
from fisa.emotions import MIKELS8

# Worked by hand, target (1/2, 1/2, 0, 0), predicted (1/4, 1/4, 1/4, 1/4):
#   kl            2 * 1/2 ln(1/2 / 1/4) = ln 2
#   relative differences |t - p| / (t + p): 1/3, 1/3, 1, 1
#   clark         sqrt(1/9 + 1/9 + 1 + 1) = sqrt(20/9);  scaled: / sqrt 4
#   canberra      8/3;  scaled: / 4
#   cosine        (1/8 + 1/8) / (sqrt(1/2) * 1/2) = 1 / sqrt 2
#   CDF differences 1/4, 1/2, 1/4, 0; squares sum to 3/8
#   emd           sqrt(3/8 / 4);  wasserstein1: 1
#   circular      mean of the CDF differences 1/4, so 0, 1/4, 0, -1/4: sqrt(2/16 / 4) = sqrt(1/32)
#   entropy       ln 2 against ln 4
#   accuracy      predicted ties, first column: a dominant emotion
#   likelihood    ln((1 - eps)/4 + eps/4) = -ln 4
HAND = {
    "kl": math.log(2),
    "chebyshev": 1 / 4,
    "clark": math.sqrt(20) / 3,
    "clark_scaled": math.sqrt(20) / 6,
    "canberra": 8 / 3,
    "canberra_scaled": 2 / 3,
    "cosine": math.sqrt(0.5),
    "intersection": 1 / 2,
    "emd": math.sqrt(3 / 32),
    "wasserstein1": 1,
    "circular_emd": math.sqrt(1 / 32),
    "entropy_error": math.log(2),
    "accuracy": 1,
    "accuracy_strict": 1,
    "log_likelihood": -math.log(4),
}


@pytest.mark.parametrize("measure", MEASURES, ids=by_name)
def test_hand_worked(measure):
    value = measure([[0.5, 0.5, 0, 0]], [[0.25, 0.25, 0.25, 0.25]])
    assert value.dtype == np.float64
    assert value == pytest.approx([HAND[measure.__name__]], abs=1e-12)


# One-hot at opposite ends, (1, 0, 0, 0) and (0, 0, 0, 1): nothing in common.
#   kl 1 ln(1 / 1e-12); relative differences 1, 0 (0/0), 0 (0/0), 1
#   CDF differences 1, 1, 1, 0: emd sqrt(3/4); less their mean 1/4, 1/4, 1/4, -3/4: circular sqrt(12/64)
#   likelihood ln(eps / 4) with eps = 1e-6
ONE_HOT = {
    "kl": 12 * math.log(10),
    "chebyshev": 1,
    "clark": math.sqrt(2),
    "clark_scaled": math.sqrt(0.5),
    "canberra": 2,
    "canberra_scaled": 0.5,
    "cosine": 0,
    "intersection": 0,
    "emd": math.sqrt(0.75),
    "wasserstein1": 3,
    "circular_emd": math.sqrt(12) / 8,
    "entropy_error": 0,
    "accuracy": 0,
    "accuracy_strict": 0,
    "log_likelihood": math.log(1e-6 / 4),
}


@pytest.mark.parametrize("measure", MEASURES, ids=by_name)
def test_opposite_one_hot_rows(measure):
    assert measure([[1, 0, 0, 0]], [[0, 0, 0, 1]]) == pytest.approx([ONE_HOT[measure.__name__]], abs=1e-12)


def test_asymmetric_kl_by_hand():
    # t (3/4, 1/4), p (1/4, 3/4): 3/4 ln 3 + 1/4 ln(1/3) = 1/2 ln 3; t (1, 0), p (1/2, 1/2): ln 2, but
    # the other way round 1/2 ln(1/2) + 1/2 ln(1/2 / 1e-12).
    assert distances.kl([[0.75, 0.25], [1, 0]], [[0.25, 0.75], [0.5, 0.5]]) == pytest.approx(
        [math.log(3) / 2, math.log(2)]
    )
    assert distances.kl([[0.5, 0.5]], [[1, 0]])[0] == pytest.approx(-math.log(2) + 6 * math.log(10))


def test_rounding_never_makes_kl_negative():
    target = np.random.default_rng(0).dirichlet(np.ones(8), 500)
    predicted = np.nextafter(target, 1)
    assert rel_entr(target, predicted).sum(axis=1).min() < 0  # as the bare sum is
    assert (distances.kl(target, predicted) >= 0).all()


def test_r_1_is_the_scaled_wasserstein_distance():
    # CDF differences of the hand-worked pair: 1/4, 1/2, 1/4, 0, mean 1/4; around the circle less the
    # median 1/4: 0, 1/4, 0, 1/4, mean 1/8.
    t, p = [[0.5, 0.5, 0, 0]], [[0.25, 0.25, 0.25, 0.25]]
    assert distances.emd(t, p, r=1) == pytest.approx([1 / 4])
    assert distances.circular_emd(t, p, r=1) == pytest.approx([1 / 8])


def test_accuracy_with_ties():
    target = [[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4]]
    predicted = [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]]
    # Second row of three: the second dominant emotion counts only when ties are tolerated. The last
    # prediction is tied: its first column, which the target does not favour.
    assert distances.accuracy(target, predicted).tolist() == [1, 1, 0, 0]
    assert distances.accuracy_strict(target, predicted).tolist() == [0, 1, 0, 0]


def test_accuracy_tie_survives_float_sums():
    # 0.1 + 0.2 differs from 0.3 in the last bit; as votes they are three against three.
    assert distances.accuracy([[0.1 + 0.2, 0.3, 0.4 - 1e-16 - 0.1, 0.1]], [[0, 1, 0, 0]]).tolist() == [1]


def test_circular_order_around_the_wheel():
    # Excitement and fear are neighbours on Mikels' wheel: all mass moves one of eight steps.
    one_hot = np.eye(8)
    excitement, fear = one_hot[[MIKELS8.index("excitement")]], one_hot[[MIKELS8.index("fear")]]
    assert distances.circular_emd(excitement, fear, order=MIKELS8.wheel, r=1) == pytest.approx([1 / 8])
    # Every pair: the number of steps in eighths.
    row, column = np.divmod(np.arange(64), 8)
    steps = distances.circular_emd(one_hot[row], one_hot[column], order=MIKELS8.wheel, r=1).reshape(8, 8)
    assert steps * 8 == pytest.approx(MIKELS8.wheel_steps())


def test_entropy_of_uniform_and_one_hot():
    assert distances.entropy([[0.125] * 8, [0, 1, 0, 0, 0, 0, 0, 0]]) == pytest.approx([math.log(8), 0])


@pytest.mark.parametrize("measure", [*MEASURES, distances.entropy], ids=by_name)
def test_no_rows_give_no_values(measure):
    empty = np.zeros((0, 8))
    assert measure(*[empty] * (1 if measure is distances.entropy else 2)).shape == (0,)


BAD = [
    ([[0.5, 0.5], [0.5, np.nan]], "row 1 has a value that is not finite"),
    ([[np.inf, 0.5]], "row 0 has a value that is not finite"),
    ([[0.5, 0.5], [1.5, -0.5]], r"row 1 has a negative degree \(-0.5\)"),
    ([[0.5, 0.5], [0.5, 0.5], [0, 0]], "row 2 is zero throughout"),
    ([[3, 7]], r"row 0 sums to 10, not 1; divide by the row sum, e.g. with fisa.distances.normalise\(\)"),
    ([[0.5, 0.498]], "row 0 sums to 0.998, not 1"),
    ([0.5, 0.5], r"has shape \(2,\); expected \[N, C\]"),
    ([[[0.5, 0.5]]], r"has shape \(1, 1, 2\)"),
    (np.zeros((3, 0)), r"has shape \(3, 0\)"),
    ([["joy", "fear"]], "must be numbers"),
    ([[0.5, 0.5], [1.0]], "must be numbers"),
]


@pytest.mark.parametrize("measure", MEASURES, ids=by_name)
@pytest.mark.parametrize(("rows", "message"), BAD)
def test_bad_rows_are_refused_by_name(measure, rows, message):
    with pytest.raises(ValueError, match=f"^target .*{message}"):
        measure(rows, [[0.5, 0.5]])
    with pytest.raises(ValueError, match=f"^predicted .*{message}"):
        measure([[0.5, 0.5]], rows)


@pytest.mark.parametrize("measure", MEASURES, ids=by_name)
def test_different_shapes_are_refused(measure):
    # (1, 2) against (2, 2) would broadcast silently.
    with pytest.raises(ValueError, match=r"target has shape \(1, 2\) but predicted has \(2, 2\)"):
        measure([[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]])


def test_small_errors_of_the_sum_are_divided_out():
    rows = np.random.default_rng(0).dirichlet(np.ones(8), 20)
    off = rows * np.linspace(0.9991, 1.0009, 20)[:, None]
    for measure in DISTANCES:
        assert measure(off, rows) == pytest.approx(0, abs=1e-9)
    assert distances.entropy(off) == pytest.approx(distances.entropy(rows))
    assert distances.kl(rows, rows.astype(np.float32)) == pytest.approx(0, abs=1e-12)


def test_arguments_are_not_changed():
    rows = np.array([[0.6, 0.4005]])
    for measure in MEASURES:
        measure(rows, rows)
    normalise(rows)
    assert rows.tolist() == [[0.6, 0.4005]]


def test_target_comes_before_predicted():
    for measure in MEASURES:
        assert list(inspect.signature(measure).parameters)[:2] == ["target", "predicted"]


@pytest.mark.parametrize("bad", [0, -0.1, 1.1, math.nan])
def test_smoothing_share_is_checked(bad):
    with pytest.raises(ValueError, match="eps"):
        distances.log_likelihood([[1.0]], [[1.0]], eps=bad)


@pytest.mark.parametrize("measure", [distances.emd, distances.circular_emd])
def test_exponent_is_checked(measure):
    with pytest.raises(ValueError, match="r is 3"):
        measure([[1.0]], [[1.0]], r=3)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3], []])
def test_wheel_order_is_checked(order):
    with pytest.raises(ValueError, match="each of the 3 columns once"):
        distances.circular_emd([[1, 0, 0]], [[1, 0, 0]], order=order)


class TestNormalise:
    def test_by_hand(self):
        assert normalise([[3, 1], [0, 5]]).tolist() == [[0.75, 0.25], [0, 1]]
        # Their sum, 3.2e308, is beyond float64.
        assert normalise([[1.6e308, 1.6e308]]).tolist() == [[0.5, 0.5]]

    @given(
        arrays(np.float64, (2, 5), elements=st.one_of(st.just(0.0), st.floats(1e-300, 1e300))).filter(
            lambda rows: rows.any(axis=1).all()
        )
    )
    def test_rows_sum_to_one_at_any_scale(self, rows):
        assert normalise(rows).sum(axis=1) == pytest.approx(1)
        assert distances.entropy(normalise(rows)).shape == (2,)

    @pytest.mark.parametrize(
        ("rows", "message"), [([[0, 0]], "values row 0 is zero"), ([[2, -1]], "negative"), ([1, 2], "shape")]
    )
    def test_refusals(self, rows, message):
        with pytest.raises(ValueError, match=message):
            normalise(rows)
