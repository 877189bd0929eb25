"""Measures of valence and arousal: against values worked by hand, NumPy, axioms; and their intervals."""

import math

import numpy as np
import pytest

from fisa.ratings import RATING_MEASURES, bootstrap_ratings, evaluate_ratings

RNG = np.random.default_rng(3)
TARGET, PREDICTED = RNG.uniform(-1, 1, (40, 2)), RNG.uniform(-1, 1, (40, 2))


def test_by_hand() -> None:
    # Valence 0, 1 predicted 0.5, 1: means .5 and .75, variances 1/4 and 1/16, covariance 1/8.
    # CCC = 2/8 / (1/4 + 1/16 + 1/16) = .25 / .375 = 2/3; Pearson 1; RMSE = sqrt(.25 / 2).
    # Arousal -1, 1 predicted 1, -1: CCC and Pearson -1, RMSE 2.
    found = evaluate_ratings([[0, -1], [1, 1]], [[0.5, 1], [1, -1]])
    assert found["ccc_valence"] == pytest.approx(2 / 3)
    assert found["pearson_valence"] == pytest.approx(1)
    assert found["rmse_valence"] == pytest.approx(math.sqrt(1 / 8))
    assert (found["ccc_arousal"], found["pearson_arousal"], found["rmse_arousal"]) == pytest.approx((-1, -1, 2))
    assert found["ccc_mean"] == pytest.approx((2 / 3 - 1) / 2)
    assert list(found) == [f"{name}_{part}" for name in RATING_MEASURES for part in ("valence", "arousal", "mean")]


def test_against_numpy() -> None:
    found = evaluate_ratings(TARGET, PREDICTED)
    for place, name in enumerate(("valence", "arousal")):
        t, p = TARGET[:, place], PREDICTED[:, place]
        covariance = np.cov(t, p, bias=True)
        expected = 2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1] + (t.mean() - p.mean()) ** 2)
        assert found[f"ccc_{name}"] == pytest.approx(expected)
        assert found[f"pearson_{name}"] == pytest.approx(np.corrcoef(t, p)[0, 1])
        assert found[f"rmse_{name}"] == pytest.approx(np.sqrt(np.mean((t - p) ** 2)))


def test_a_constant_has_no_concordance_and_no_correlation() -> None:
    constant = np.full_like(TARGET, 0.3)
    found = evaluate_ratings(TARGET, constant)
    assert found["ccc_mean"] == pytest.approx(0) and math.isnan(found["pearson_valence"])
    # Its RMSE is lowest at the mean, where it is the standard deviation.
    best = evaluate_ratings(TARGET, np.broadcast_to(TARGET.mean(0), TARGET.shape))
    assert best["rmse_valence"] == pytest.approx(TARGET[:, 0].std()) and best["rmse_valence"] < found["rmse_valence"]
    same = evaluate_ratings(constant, constant)
    assert same["rmse_mean"] == 0 and math.isnan(same["ccc_mean"])


def test_concordance_is_at_most_the_correlation_and_punishes_offset_and_scale() -> None:
    found = evaluate_ratings(TARGET, 0.5 * TARGET + 0.2)
    assert found["pearson_mean"] == pytest.approx(1) and 0 < found["ccc_mean"] < 1


def test_intervals_hold_the_value_and_whole_groups_are_drawn() -> None:
    near = TARGET + 0.3 * PREDICTED
    for interval in bootstrap_ratings(TARGET, near).values():
        assert interval.low < interval.value < interval.high
    # Ten copies of each image are no more images: drawn as groups, they give the interval of the images themselves.
    copies, groups = (np.repeat(each, 10, axis=0) for each in (TARGET, np.arange(40)))
    alone = bootstrap_ratings(TARGET, near)["ccc_mean"]
    grouped = bootstrap_ratings(copies, np.repeat(near, 10, axis=0), groups)["ccc_mean"]
    loose = bootstrap_ratings(copies, np.repeat(near, 10, axis=0))["ccc_mean"]
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    assert loose.high - loose.low < 0.5 * (alone.high - alone.low)


def test_the_interval_of_rmse_agrees_with_that_of_its_square() -> None:
    # The root grows with what is under it, so its percentiles are the roots of the percentiles; up to other draws.
    from fisa.metrics import bootstrap_mean

    square = bootstrap_mean((TARGET[:, 0] - PREDICTED[:, 0]) ** 2, resamples=20_000)
    root = bootstrap_ratings(TARGET, PREDICTED, resamples=20_000)["rmse_valence"]
    assert (root.low, root.high) == pytest.approx((square.low**0.5, square.high**0.5), rel=0.02)


def test_differences_are_paired() -> None:
    better, worse = TARGET + 0.2 * PREDICTED, TARGET + 0.25 * PREDICTED
    gap = bootstrap_ratings(TARGET, better, against=worse)["rmse_mean"]
    # On every draw the second error is 5/4 of the first, so the difference is sure though both vary.
    assert gap.high < 0
    assert gap.value == pytest.approx(-0.25 * evaluate_ratings(TARGET, better)["rmse_mean"])
    same = bootstrap_ratings(TARGET, better, against=better)["ccc_mean"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_one_group_has_no_interval() -> None:
    found = bootstrap_ratings(TARGET, PREDICTED, groups=["a"] * 40)["rmse_valence"]
    assert math.isfinite(found.value) and math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize(
    ("target", "predicted", "said"),
    [
        (TARGET[:, 0], PREDICTED, "target has shape"),
        (TARGET, PREDICTED[:5], "both must be of the same"),
        (TARGET * np.nan, PREDICTED, "finite"),
        (TARGET[:0], PREDICTED[:0], "N > 0"),
    ],
)
def test_bad_input_is_refused(target: np.ndarray, predicted: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        evaluate_ratings(target, predicted)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="groups has shape"):
        bootstrap_ratings(TARGET, PREDICTED, groups=[1, 2])
