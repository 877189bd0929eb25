"""Projection: neighbours are kept, the seed decides, impossible requests are refused with what would work."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.manifold import trustworthiness

from fisa.explain import projection
from fisa.explain.projection import (
    METRICS,
    Metric,
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
NEEDED = "at least 4 different ones would allow a perplexity of 1"


class Unmoved:
    """In place of t-SNE: takes what it is given for the map."""

    def __init__(self, **_: object) -> None:
        pass

    def fit(self, vectors: np.ndarray) -> np.ndarray:
        return vectors


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
    # (4 - 1) / 3 = 1: three neighbours are the fewest that openTSNE takes for a perplexity of 1.
    assert [largest_perplexity(count) for count in (0, 1, 3, 4, 50)] == [0, 0, 0, 1, 16]


@pytest.mark.parametrize("perplexity", [0.5, 1, 30])
def test_too_few_points_for_any_perplexity_say_how_many_are_needed(perplexity: float) -> None:
    for points, said in (
        (CLUSTERS[:0], "there are no points to lay out"),
        (np.array([]), "there are no points to lay out"),
        (CLUSTERS[:1], "1 point cannot be laid out"),
        (CLUSTERS[:3], "3 points cannot be laid out"),
        (CLUSTERS[[0, 1, 2, 0]], "4 points, of which 3 differ, cannot be laid out"),
        (np.empty((5, 0)), "5 points, all the same by cosine distance, cannot be laid out"),
    ):
        with pytest.raises(ProjectionError, match=f"^{said}; {NEEDED}$"):
            project(points, ProjectionSettings(perplexity=perplexity))


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


def test_of_the_points_that_are_finite_the_different_ones_count() -> None:
    broken = np.full((1, 10), np.nan)
    for finite, said in (
        (np.ones((99, 10)), f"the 99 others, all the same by cosine distance, cannot be laid out either; {NEEDED}"),
        (CLUSTERS[[0, 1, 0]], f"the 3 others, of which 2 differ, cannot be laid out either; {NEEDED}"),
        (CLUSTERS[:1], f"the other one cannot be laid out either; {NEEDED}"),
        (CLUSTERS[:0], NEEDED),
        # (31 - 1) / 3 = 10
        (
            np.repeat(CLUSTERS[:31], 2, axis=0),
            "the 62 others, of which 31 differ, would allow a perplexity of at most 10",
        ),
    ):
        with pytest.raises(ProjectionError, match=f"is not finite, the first is number {len(finite) + 1}; {said}$"):
            project(np.concatenate([finite, broken]), ProjectionSettings())


@given(
    vectors=arrays(
        np.float64, st.tuples(st.integers(0, 14), st.just(2)), elements=st.sampled_from([0, 1, 2, 3, np.nan])
    ),
    perplexity=st.sampled_from([0.5, 1, 2, 4, np.nan]),
    metric=st.sampled_from(METRICS),
)
def test_what_a_refusal_names_works(vectors: np.ndarray, perplexity: float, metric: Metric) -> None:
    """Follow each refusal until the vectors are laid out, or truly too few differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "TSNE", Unmoved)
        try:
            project(vectors, ProjectionSettings(perplexity, metric))
            return
        except ProjectionError as error:
            said = str(error)
        finite = vectors[np.isfinite(vectors).all(axis=1)]
        if found := re.search(r"at most (\d+)|(\d+) would work", said):
            named = int(found[1] or found[2])
            project(finite, ProjectionSettings(named, metric))
            with pytest.raises(ProjectionError):
                project(finite, ProjectionSettings(named + 1, metric))
        else:
            assert said.endswith(NEEDED)
            # A direction is the ratio of the two numbers, none where both are 0.
            exact = {
                (Fraction(int(y), int(x)) if x else y > 0, x > 0) if metric == "cosine" else (x, y) for x, y in finite
            }
            assert len(exact) < 4


def test_identical_points_are_refused() -> None:
    with pytest.raises(ProjectionError, match="200 points, all the same by cosine distance, cannot be laid out"):
        project(np.ones((200, 5)), ProjectionSettings())
    # One direction in many lengths is one point to the cosine, and many to the Euclidean distance.
    ray = np.arange(1, 41)[:, None] * np.array([[1.0, 2.0]])
    with pytest.raises(ProjectionError, match="40 points, all the same by cosine"):
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
