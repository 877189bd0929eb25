"""Oracles: hand-worked means, scikit-learn, the t interval, simulated coverage, and axioms."""

import math

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import accuracy_score, log_loss

from fisa import distances
from fisa.metrics import METRICS, bootstrap_mean, evaluate, paired_bootstrap

# fmt: off
KEYS = [
    "kl", "chebyshev", "clark", "clark_scaled", "canberra", "canberra_scaled", "cosine", "intersection",
    "emd", "wasserstein1", "accuracy", "accuracy_strict", "entropy_error",
]
# fmt: on


class TestTable:
    def test_keys_and_their_order(self):
        assert list(METRICS) == KEYS
        assert [metric.name for metric in METRICS.values()] == KEYS

    def test_functions_belong_to_their_names(self):
        assert {name: metric.function for name, metric in METRICS.items()} == {
            name: getattr(distances, name) for name in KEYS
        }

    def test_titles_tell_the_measures_apart(self):
        assert len({metric.title for metric in METRICS.values()}) == len(KEYS)
        assert all(metric.convention and "\n" not in metric.convention for metric in METRICS.values())

    def test_direction_by_experiment(self):
        # A perfect prediction against one that is wrong throughout: the better score tells the direction.
        target = np.array([[0.7, 0.2, 0.1, 0.0]])
        wrong = np.array([[0.0, 0.0, 0.0, 1.0]])
        perfect, awful = evaluate(target, target), evaluate(target, wrong)
        assert {name: perfect[name] > awful[name] for name in KEYS} == {
            name: metric.higher_is_better for name, metric in METRICS.items()
        }


class TestEvaluate:
    def test_hand_worked_means(self):
        # Row 1 is (1/2, 1/2) against (1/4, 3/4), row 2 equal one-hots; every mean is half of row 1's value
        # for distances, and half of (that + 1) for similarities. Row 1:
        #   kl 1/2 ln 2 + 1/2 ln 2/3 = 1/2 ln 4/3; relative differences 1/3, 1/5
        #   clark sqrt(1/9 + 1/25) = sqrt(34)/15; canberra 8/15
        #   cosine (1/8 + 3/8) / (sqrt(1/2) sqrt(10/16)) = 1/2 / sqrt(5/16) = 2 / sqrt 5
        #   CDF differences 1/4, 0: emd sqrt(1/32), wasserstein 1/4
        #   accuracy: predicted 2nd, tied in the target, argmax of which is the 1st
        #   entropy: ln 2 - (1/4 ln 4 + 3/4 ln 4/3) = 3/4 ln 3 - ln 2
        scores = evaluate([[0.5, 0.5], [1, 0]], [[0.25, 0.75], [1, 0]])
        clark, canberra = math.sqrt(34) / 15, 8 / 15
        expected = {
            "kl": math.log(4 / 3) / 4,
            "chebyshev": 1 / 8,
            "clark": clark / 2,
            "clark_scaled": clark / math.sqrt(2) / 2,
            "canberra": canberra / 2,
            "canberra_scaled": canberra / 4,
            "cosine": (2 / math.sqrt(5) + 1) / 2,
            "intersection": (3 / 4 + 1) / 2,
            "emd": math.sqrt(1 / 32) / 2,
            "wasserstein1": 1 / 8,
            "accuracy": 1.0,
            "accuracy_strict": 0.5,
            "entropy_error": (0.75 * math.log(3) - math.log(2)) / 2,
        }
        assert list(scores) == KEYS
        assert scores == pytest.approx(expected)
        assert all(type(value) is float for value in scores.values())

    def test_against_scikit_learn(self):
        # With one-hot targets KL is the cross-entropy and strict accuracy the usual one.
        rng = np.random.default_rng(0)
        truth, predicted = rng.integers(0, 6, 200), rng.dirichlet(np.ones(6), 200)
        scores = evaluate(np.eye(6)[truth], predicted)
        assert scores["kl"] == pytest.approx(log_loss(truth, predicted, labels=range(6)))
        assert scores["accuracy_strict"] == pytest.approx(accuracy_score(truth, predicted.argmax(axis=1)))
        assert scores["accuracy"] == scores["accuracy_strict"]

    def test_float32_and_lists(self):
        rows = np.random.default_rng(0).dirichlet(np.ones(8), 10)
        assert evaluate(rows, rows.astype(np.float32)[::-1].copy()) == pytest.approx(
            evaluate(rows.tolist(), rows[::-1].tolist()), rel=1e-5
        )

    def test_refusals(self):
        with pytest.raises(ValueError, match="no rows"):
            evaluate(np.zeros((0, 8)), np.zeros((0, 8)))
        with pytest.raises(ValueError, match=r"predicted row 1 sums to 0\.7"):
            evaluate([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.2]])
        with pytest.raises(ValueError, match="target must be numbers"):
            evaluate("rows", [[1.0]])


class TestBootstrapMean:
    def test_near_the_t_interval_of_many_normal_values(self):
        values = np.random.default_rng(1).normal(3, 2, 2000)
        interval = bootstrap_mean(values)
        low, high = student.interval(0.95, 1999, values.mean(), values.std(ddof=1) / math.sqrt(2000))
        assert interval.value == pytest.approx(values.mean())
        width = high - low
        assert interval.low == pytest.approx(low, abs=0.06 * width)
        assert interval.high == pytest.approx(high, abs=0.06 * width)

    def test_two_values_by_hand(self):
        # Resamples of (0, 1) have means 0, 1/2, 1 with chances 1/4, 1/2, 1/4: at 95 % all of it, at 40 % only 1/2.
        wide, narrow = bootstrap_mean([0, 1]), bootstrap_mean([0, 1], level=0.4)
        assert (wide.value, wide.low, wide.high) == (0.5, 0.0, 1.0)
        assert (narrow.low, narrow.high) == (0.5, 0.5)

    def test_coverage(self):
        # 90 % intervals of 60 exponential values hold the true mean in about 88 % of 300 draws;
        # 5 standard deviations of that count are 28.
        rng = np.random.default_rng(2)
        intervals = [bootstrap_mean(rng.exponential(1, 60), level=0.9, resamples=300) for _ in range(300)]
        held = sum(interval.low <= 1 <= interval.high for interval in intervals)
        assert 236 <= held <= 292

    def test_seed(self):
        values = np.random.default_rng(0).normal(size=50)
        assert bootstrap_mean(values, seed=4) == bootstrap_mean(values, seed=4)
        assert bootstrap_mean(values, seed=4).low != bootstrap_mean(values, seed=5).low

    def test_shift_and_scale(self):
        values = np.random.default_rng(0).normal(size=50)
        plain, moved = bootstrap_mean(values), bootstrap_mean(3 * values + 2)
        assert (moved.value, moved.low, moved.high) == pytest.approx(
            (3 * plain.value + 2, 3 * plain.low + 2, 3 * plain.high + 2)
        )

    def test_equal_values_have_no_spread(self):
        interval = bootstrap_mean([0.25] * 7)
        assert (interval.value, interval.low, interval.high) == (0.25, 0.25, 0.25)

    def test_batches_do_not_change_the_kind_of_result(self):
        # Five batches of six or seven resamples: 2**21 draws a batch.
        values = np.random.default_rng(0).normal(size=300_000)
        interval = bootstrap_mean(values, resamples=30, level=0.5)
        spread = 1 / math.sqrt(len(values))
        assert interval.low < interval.high and abs(interval.high - interval.low) < 5 * spread

    @pytest.mark.parametrize("groups", [None, ["a"], ["a"] * 3])
    def test_one_unit_has_no_interval(self, groups):
        values = [2.0] if groups is None else [2.0] * len(groups)
        interval = bootstrap_mean(values, groups=groups)
        assert interval.value == 2 and math.isnan(interval.low) and math.isnan(interval.high)


class TestGroups:
    def test_groups_of_one_are_no_groups(self):
        values = np.random.default_rng(0).normal(size=40)
        assert bootstrap_mean(values, groups=range(40)) == bootstrap_mean(values)

    def test_repeating_every_sample_does_not_narrow_the_interval(self):
        # Ten copies of each value are no new knowledge; without groups the interval shrinks by sqrt(10).
        values = np.random.default_rng(0).normal(size=60)
        single = bootstrap_mean(values)
        copied = bootstrap_mean(np.repeat(values, 10), groups=np.repeat(np.arange(60), 10))
        naive = bootstrap_mean(np.repeat(values, 10))
        assert (copied.value, copied.low, copied.high) == pytest.approx((single.value, single.low, single.high))
        assert (naive.high - naive.low) * math.sqrt(10) == pytest.approx(single.high - single.low, rel=0.1)

    def test_unequal_groups_by_hand(self):
        # Groups (0, 0, 0) and (1): drawn twice, mixed, twice: means 0, 1/4, 1. All samples: 1/4.
        groups = ["x", "y", "x", "x"]
        wide = bootstrap_mean([0, 1, 0, 0], groups=groups)
        narrow = bootstrap_mean([0, 1, 0, 0], groups=groups, level=0.4)
        assert (wide.value, wide.low, wide.high) == (0.25, 0, 1)
        assert (narrow.low, narrow.high) == (0.25, 0.25)


class TestPaired:
    def test_is_the_mean_of_the_differences(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=80), rng.normal(size=80)
        assert paired_bootstrap(a, b, seed=3) == bootstrap_mean(a - b, seed=3)

    def test_sign_is_a_minus_b(self):
        interval = paired_bootstrap([3, 4, 5, 6.5], [1, 2, 3, 4])
        assert interval.value == pytest.approx(2.125) and interval.low > 0

    def test_pairing_sees_a_small_constant_difference(self):
        # Samples differ by whole units, the systems by 0.01 on each: paired certain, unpaired invisible.
        hard = np.random.default_rng(0).normal(size=100)
        interval = paired_bootstrap(hard + 0.01, hard)
        assert (interval.low, interval.high) == pytest.approx((0.01, 0.01))

    def test_exchange(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=30), rng.normal(size=30)
        forth, back = paired_bootstrap(a, b), paired_bootstrap(b, a)
        assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))

    def test_groups_reach_the_resampling(self):
        rng = np.random.default_rng(0)
        a, groups = np.repeat(rng.normal(size=20), 9), np.repeat(np.arange(20), 9)
        wide, narrow = paired_bootstrap(a, 0 * a, groups=groups), paired_bootstrap(a, 0 * a)
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, r"values has shape \(0,\)"),
        ([[1.0]], {}, r"values has shape \(1, 1\)"),
        ([1, math.nan, 2], {}, "not finite at sample 1"),
        ([1, 2, math.inf], {}, "not finite at sample 2"),
        ([1, 2], {"groups": [1]}, r"groups has shape \(1,\)"),
        ([1, 2], {"level": 0}, "level is 0"),
        ([1, 2], {"level": 1}, "level is 1"),
        ([1, 2], {"level": 95}, "level is 95"),
        ([1, 2], {"resamples": 0}, "resamples is 0"),
    ],
)
def test_bad_input(values, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(values, **options)


def test_pairs_of_different_length():
    with pytest.raises(ValueError, match="a has 3 samples and b 2"):
        paired_bootstrap([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match=r"b has shape \(0,\)"):
        paired_bootstrap([1, 2, 3], [])
