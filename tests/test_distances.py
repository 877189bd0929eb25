"""Oracles: hand-worked values, scipy, POT for the circle, a Fourier identity, and axioms by hypothesis."""

import inspect
import math

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.spatial import distance
from scipy.special import rel_entr
from scipy.stats import entropy as scipy_entropy
from scipy.stats import multinomial, wasserstein_distance

from fisa import distances
from fisa.distances import normalise
from fisa.emotions import MIKELS8

# A loaded machine is no failure.
unhurried = settings(deadline=None, max_examples=50)

DISTANCES = [
    distances.kl,
    distances.chebyshev,
    distances.clark,
    distances.clark_scaled,
    distances.canberra,
    distances.canberra_scaled,
    distances.emd,
    distances.wasserstein1,
    distances.circular_emd,
    distances.entropy_error,
]
SIMILARITIES = [distances.cosine, distances.intersection, distances.accuracy, distances.accuracy_strict]
MEASURES = [*DISTANCES, *SIMILARITIES, distances.log_likelihood]
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


def by_name(measure):
    return measure.__name__


@st.composite
def votes(draw, rows=3, classes=None):
    """Distributions as votes give them: sparse, with zeros, ties and one-hot rows."""
    columns = classes or draw(st.integers(1, 8))
    counts = draw(arrays(np.int64, (rows, columns), elements=st.integers(0, 4)))
    counts[counts.sum(axis=1) == 0, draw(st.integers(0, columns - 1))] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@st.composite
def pairs(draw):
    classes = draw(st.integers(1, 8))
    return draw(votes(classes=classes)), draw(votes(classes=classes))


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


@unhurried
@given(pairs())
def test_against_scipy(pair):
    target, predicted = pair
    classes = target.shape[1]
    place = np.arange(classes)
    rows = list(zip(target, predicted, strict=True))
    assert distances.canberra(*pair) == pytest.approx([distance.canberra(t, p) for t, p in rows])
    assert distances.chebyshev(*pair) == pytest.approx([distance.chebyshev(t, p) for t, p in rows])
    assert distances.cosine(*pair) == pytest.approx([1 - distance.cosine(t, p) for t, p in rows], abs=1e-12)
    expected = [wasserstein_distance(place, place, t, p) for t, p in rows]
    assert distances.wasserstein1(*pair) == pytest.approx(expected, abs=1e-12)
    assert classes * distances.emd(*pair, r=1) == pytest.approx(expected, abs=1e-12)
    assert distances.entropy(target) == pytest.approx([scipy_entropy(t) for t in target], abs=1e-12)
    inside = predicted * 0.9 + 0.1 / classes
    expected = [scipy_entropy(t, p) for t, p in zip(target, inside, strict=True)]
    assert distances.kl(target, inside) == pytest.approx(expected, abs=1e-12)


@unhurried
@given(arrays(np.int64, 5, elements=st.integers(0, 6)), votes(rows=1, classes=5))
def test_log_likelihood_against_the_multinomial(counts, predicted):
    n = counts.sum() + 1
    counts[0] += 1
    mixed = (1 - 1e-6) * predicted[0] + 1e-6 / 5
    coefficient = math.lgamma(n + 1) - sum(math.lgamma(count + 1) for count in counts)
    expected = multinomial.logpmf(counts, n, mixed) - coefficient
    assert n * distances.log_likelihood([counts / n], predicted)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@unhurried
@given(pairs())
def test_circular_r_1_against_optimal_transport(pair):
    # POT's exact linear programme, with the shorter way around the wheel as the cost, in turns. (Its
    # closed form, ot.wasserstein_circle, is off by a turn where rounding moves a quantile over the cut.)
    classes = pair[0].shape[1]
    steps = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    cost = np.minimum(steps, classes - steps) / classes
    expected = [ot.emd2(t, p, cost) for t, p in zip(*pair, strict=True)]
    assert distances.circular_emd(*pair, r=1) == pytest.approx(expected, abs=1e-9)


@unhurried
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


@unhurried
@given(pairs(), st.integers(0, 7), st.sampled_from([1, 2]))
def test_circular_does_not_depend_on_the_cut_nor_the_sense(pair, turn, r):
    target, predicted = pair
    value = distances.circular_emd(target, predicted, r=r)
    turned = np.roll(target, turn, axis=1), np.roll(predicted, turn, axis=1)
    assert distances.circular_emd(*turned, r=r) == pytest.approx(value, abs=1e-9)
    mirrored = target[:, ::-1], predicted[:, ::-1]
    assert distances.circular_emd(*mirrored, r=r) == pytest.approx(value, abs=1e-9)
    assert (value <= distances.emd(target, predicted, r=r) + 1e-12).all()


def test_circular_order_around_the_wheel():
    # Excitement and fear are neighbours on Mikels' wheel: all mass moves one of eight steps.
    one_hot = np.eye(8)
    excitement, fear = one_hot[[MIKELS8.index("excitement")]], one_hot[[MIKELS8.index("fear")]]
    assert distances.circular_emd(excitement, fear, order=MIKELS8.wheel, r=1) == pytest.approx([1 / 8])
    # Every pair: the number of steps in eighths.
    row, column = np.divmod(np.arange(64), 8)
    steps = distances.circular_emd(one_hot[row], one_hot[column], order=MIKELS8.wheel, r=1).reshape(8, 8)
    assert steps * 8 == pytest.approx(MIKELS8.wheel_steps())


@unhurried
@given(votes())
def test_equal_distributions(rows):
    for measure in DISTANCES:
        assert measure(rows, rows) == pytest.approx(0, abs=1e-9)
    for measure in SIMILARITIES:
        assert measure(rows, rows) == pytest.approx(1)


@unhurried
@given(pairs())
def test_ranges(pair):
    classes = pair[0].shape[1]
    for measure in MEASURES:
        value = measure(*pair)
        assert (value <= UPPER[measure.__name__](classes) + 1e-9).all()
        if measure is not distances.log_likelihood:
            assert (value >= 0).all()


@unhurried
@given(pairs())
def test_symmetry(pair):
    for measure in SYMMETRIC:
        assert measure(*pair) == pytest.approx(measure(*pair[::-1]), abs=1e-12)


@unhurried
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


@unhurried
@given(pairs())
def test_rows_are_independent(pair):
    for measure in MEASURES:
        alone = [measure(t[None], p[None])[0] for t, p in zip(*pair, strict=True)]
        assert measure(*pair) == pytest.approx(alone, abs=1e-12)


@unhurried
@given(pairs())
def test_triangle_inequality_of_the_earth_movers_distances(pair):
    uniform = np.full_like(pair[0], 1 / pair[0].shape[1])
    for measure in (distances.emd, distances.wasserstein1, distances.circular_emd, distances.chebyshev):
        detour = measure(pair[0], uniform) + measure(uniform, pair[1])
        assert (measure(*pair) <= detour + 1e-9).all()


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

    @unhurried
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
