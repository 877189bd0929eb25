"""The oracle ladder: each rung against what its knowledge must be worth, the fit against scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fisa import distances
from fisa.datasets.base import DataError
from fisa.datasets.planted import oracles
from fisa.datasets.planted.dataset import PlantedDataset
from fisa.datasets.planted.labels import AFFINITY, softmax
from fisa.datasets.planted.oracles import (
    FEATURES,
    attainable_floor,
    fit_ladder,
    fit_softmax_regression,
    strengths_of,
    truth_of,
)

PRESET = "planted-small"


@pytest.fixture(scope="module")
def manifest():
    return PlantedDataset(PRESET, "iid").manifest


@pytest.fixture(scope="module")
def rungs(manifest):
    return fit_ladder(PRESET).predict(manifest)


@pytest.fixture(scope="module")
def divergence(manifest, rungs):
    return {rung: distances.kl(truth_of(manifest), predicted).mean() for rung, predicted in rungs.items()}


def test_it_is_fitted_once_and_anew_where_what_was_kept_is_damaged(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []
    fit = oracles.fit_softmax_regression
    monkeypatch.setattr(oracles, "PlantedDataset", lambda *_: PlantedDataset("planted-tiny", "train"))
    monkeypatch.setattr(oracles, "fit_softmax_regression", lambda *given: (fits.append(1), fit(*given))[1])
    fitted, kept = (oracles._fit.__wrapped__().weights for _ in range(2))
    assert len(fits) == len(FEATURES) == len(fitted) and list(kept) == list(fitted) == list(FEATURES)
    assert all(np.array_equal(kept[rung], fitted[rung]) for rung in FEATURES)
    (file,) = (own_cache / "oracles").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    again = oracles._fit.__wrapped__().weights
    assert len(fits) == 2 * len(FEATURES) and np.array_equal(again["pairwise"], fitted["pairwise"])


def test_every_rung_is_a_distribution(rungs) -> None:
    assert list(rungs) == ["constant", "palette", "additive", "pairwise", "truth"]
    for predicted in rungs.values():
        assert predicted.shape == (2000, 8)
        np.testing.assert_allclose(predicted.sum(axis=1), 1.0)


def test_constant_is_the_mean_of_training(rungs) -> None:
    # The q that minimises mean KL(p || q) without features is the mean of p.
    mean = truth_of(PlantedDataset("planted", "train").manifest).mean(axis=0)
    np.testing.assert_allclose(rungs["constant"], np.broadcast_to(mean, (2000, 8)), atol=1e-4)


def test_knowing_more_helps(divergence) -> None:
    climbing = [divergence[rung] for rung in ("constant", "palette", "additive", "pairwise", "truth")]
    assert climbing == sorted(climbing, reverse=True)


def test_palette_explains_a_modest_part(divergence) -> None:
    assert 0.02 < 1 - divergence["palette"] / divergence["constant"] < 0.15


def test_headroom_of_interaction(divergence) -> None:
    assert (divergence["additive"] - divergence["pairwise"]) / divergence["constant"] >= 0.05


def test_pairwise_contains_the_planted_model(divergence) -> None:
    assert divergence["pairwise"] < 1e-3 * divergence["constant"]


def test_pairwise_weights_are_the_planted_numbers() -> None:
    # Class i's weight of s_i s_j, less that of a class that takes no part, is A_ij: softmax ignores what all share.
    weights = fit_ladder(PRESET).weights["pairwise"]
    i, j = np.triu_indices(8, k=1)
    products = weights[2 + 3 * 8 : -1]
    for row, (a, b) in zip(products, zip(i, j, strict=True), strict=True):
        others = np.delete(row, [a, b]).mean()
        assert row[a] - others == pytest.approx(AFFINITY[a, b], abs=0.05)
        assert row[b] - others == pytest.approx(AFFINITY[b, a], abs=0.05)


def test_additive_is_not_held_back_by_its_form(manifest, divergence) -> None:
    # Steps and higher powers of the strengths, each still of one emotion alone, buy next to nothing.
    def richer(rows):
        s, palette = strengths_of(rows), rows[["brightness", "saturation"]].to_numpy()
        steps = [s > limit for limit in (0.8, 1.0, 1.2)]
        return np.hstack([FEATURES["additive"](rows), s**3, *steps, palette**2])

    train = PlantedDataset("planted", "train").manifest
    weights = fit_softmax_regression(richer(train), truth_of(train))
    predicted = softmax(np.hstack([richer(manifest), np.ones((len(manifest), 1))]) @ weights)
    gained = divergence["additive"] - distances.kl(truth_of(manifest), predicted).mean()
    assert gained < 0.1 * (divergence["additive"] - divergence["pairwise"])


def test_score_runs_from_constant_to_truth(manifest, rungs, divergence) -> None:
    ladder, truth = fit_ladder(PRESET), truth_of(manifest)
    assert ladder.score(truth, rungs["constant"]) == pytest.approx(0.0, abs=1e-9)
    assert ladder.score(truth, truth) == pytest.approx(1.0)
    expected = 1 - divergence["additive"] / divergence["constant"]
    assert ladder.score(truth, rungs["additive"]) == pytest.approx(expected)
    assert ladder.score(truth, np.roll(truth, 1, axis=1)) < 0


def test_fit_agrees_with_scikit_learn() -> None:
    # A soft label is C hard ones with its degrees as weights.
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4))
    soft = softmax(features @ rng.normal(size=(4, 3)) + rng.normal(size=(300, 3)))
    hard = LogisticRegression(C=np.inf, tol=1e-8, max_iter=5000)
    hard.fit(np.repeat(features, 3, axis=0), np.tile(np.arange(3), 300), sample_weight=soft.ravel())
    weights = fit_softmax_regression(features, soft)
    ours = softmax(np.hstack([features, np.ones((300, 1))]) @ weights)
    np.testing.assert_allclose(ours, hard.predict_proba(features), atol=1e-4)


def test_attainable_floor_shrinks_with_raters() -> None:
    # Mean KL(votes/n || p) is about (C - 1) / 2n for many raters (G-test: 2n KL ~ chi-squared with C - 1 degrees).
    even = np.full((400, 8), 1 / 8)
    assert attainable_floor(distances.kl, even, votes=1000) == pytest.approx(7 / 2000, rel=0.05)
    assert attainable_floor(distances.kl, even, votes=5) > attainable_floor(distances.kl, even, votes=50)


def test_attainable_floor_of_a_single_rater() -> None:
    # One vote on (1/2, 1/2): Chebyshev is always 1/2, KL always ln 2.
    even = np.full((10, 2), 0.5)
    assert attainable_floor(distances.chebyshev, even, votes=1) == pytest.approx(0.5)
    assert attainable_floor(distances.kl, even, votes=1) == pytest.approx(np.log(2))


def test_unknown_preset() -> None:
    with pytest.raises(
        DataError, match="unknown planted preset 'paper'; there are planted, planted-small, planted-tiny"
    ):
        fit_ladder("paper")
