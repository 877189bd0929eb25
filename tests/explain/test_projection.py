"""Projection: neighbours are kept, the seed decides, impossible requests are refused with what would work."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from fisa.explain import projection
from fisa.explain.projection import (
    ProjectionError,
    ProjectionSettings,
    Trust,
    largest_perplexity,
    place,
    project,
    trust_of,
)

CLUSTERS = np.repeat(np.eye(10) * 5, 20, axis=0) + np.random.default_rng(0).normal(size=(200, 10)) * 0.3
TEN = ProjectionSettings(perplexity=10)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return project(CLUSTERS, TEN)


def test_neighbours_are_kept(points: np.ndarray) -> None:
    assert points.shape == (200, 2)
    assert trustworthiness(CLUSTERS, points, metric="cosine") > 0.9


def test_the_same_seed_gives_the_same_map() -> None:
    settings = ProjectionSettings(perplexity=10, seed=3)
    np.testing.assert_array_equal(project(CLUSTERS, settings), project(CLUSTERS, settings))


def test_too_few_points_name_the_perplexity_that_would_work() -> None:
    with pytest.raises(ProjectionError, match="50 points allow a perplexity of at most 16, not 30"):
        project(CLUSTERS[:50], ProjectionSettings(perplexity=30))
    project(CLUSTERS[:50], ProjectionSettings(perplexity=16))
    with pytest.raises(ProjectionError, match="3 points allow a perplexity of at most 0, not 1; at least 4 are needed"):
        project(CLUSTERS[:3], ProjectionSettings(perplexity=1))
    # (4 - 1) / 3 = 1: three neighbours are the fewest that openTSNE takes for a perplexity of 1.
    assert [largest_perplexity(count) for count in (0, 1, 3, 4, 50)] == [0, 0, 0, 1, 16]


def test_a_perplexity_below_one_is_refused() -> None:
    for wanted in (0.0, -3.0, float("nan"), float("inf")):
        with pytest.raises(ProjectionError, match="66 would work"):
            project(CLUSTERS, ProjectionSettings(perplexity=wanted))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_what_the_others_allow(broken: float) -> None:
    vectors = CLUSTERS.copy()
    vectors[3, 4] = vectors[7, 0] = broken
    # 198 are left: 197 // 3 = 65.
    with pytest.raises(ProjectionError, match="2 of 200 points are not finite, the first is number 4; the 198 others"):
        project(vectors, ProjectionSettings())
    with pytest.raises(ProjectionError, match="a perplexity of at most 65"):
        project(vectors, ProjectionSettings())


def test_identical_points_are_refused() -> None:
    with pytest.raises(ProjectionError, match="all 200 points are the same by cosine distance"):
        project(np.ones((200, 5)), ProjectionSettings())
    # One direction in many lengths is one point to the cosine, and many to the Euclidean distance.
    ray = np.arange(1, 41)[:, None] * np.array([[1.0, 2.0]])
    with pytest.raises(ProjectionError, match="all 40 points are the same by cosine"):
        project(ray, ProjectionSettings(perplexity=5))
    project(ray, ProjectionSettings(perplexity=5, metric="euclidean"))


def test_points_that_repeat_count_once() -> None:
    vectors = np.repeat(CLUSTERS[:31], 4, axis=0)
    with pytest.raises(ProjectionError, match="124 points, of which 31 differ, allow a perplexity of at most 10"):
        project(vectors, ProjectionSettings(perplexity=30))


def test_trust_is_scikit_learns(points: np.ndarray) -> None:
    expected = trustworthiness(CLUSTERS, points, n_neighbors=10, metric="cosine")
    assert trust_of(CLUSTERS, points, TEN) == Trust(expected, 10, 200)
    # Of 7 points at most ceil(7 / 2) - 1 = 3 neighbours can be compared.
    assert trust_of(CLUSTERS[::30], points[::30], TEN).neighbours == 3


def test_trust_of_many_points_is_that_of_a_sample_that_the_seed_draws(
    points: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "TRUSTED", 60)
    rows = np.sort(np.random.default_rng(0).choice(200, 60, replace=False))
    expected = trustworthiness(CLUSTERS[rows], points[rows], n_neighbors=10, metric="cosine")
    assert trust_of(CLUSTERS, points, TEN) == Trust(expected, 10, 60)
    assert trust_of(CLUSTERS, points, ProjectionSettings(10, seed=1)).value != expected


def test_a_copy_of_a_point_is_placed_beside_it_and_each_by_itself(points: np.ndarray) -> None:
    rows = [0, 25, 110]
    shifted = points + np.array([7.0, -3.0])  # a map need not lie around the origin
    found = place(CLUSTERS[rows], CLUSTERS, shifted, TEN)
    away = np.linalg.norm(found - shifted[rows], axis=1)
    # Nearer than 19 of 20 of all pairs, that is at most as far as its own cluster reaches.
    spread = np.linalg.norm(shifted[:, None] - shifted[None], axis=-1)
    assert (away < np.quantile(spread[np.triu_indices(200, 1)], 0.05)).all()
    for row, one in zip(rows, found, strict=True):
        nearest = np.linalg.norm(shifted - one, axis=1).argsort()[:5]
        assert (nearest // 20 == row // 20).all()  # of the same cluster
        np.testing.assert_allclose(place(CLUSTERS[[row]], CLUSTERS, shifted, TEN)[0], one)


def test_what_cannot_be_placed_is_refused(points: np.ndarray) -> None:
    with pytest.raises(ProjectionError, match="new vectors have 3 numbers each, those of the map 10"):
        place(np.zeros((1, 3)), CLUSTERS, points, TEN)
    with pytest.raises(ProjectionError, match="1 of 2 new points is not finite"):
        place(np.array([[np.nan] * 10, [1.0] * 10]), CLUSTERS, points, TEN)
