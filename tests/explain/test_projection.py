"""Projection: neighbours are kept, the seed decides, impossible requests are refused with what would work."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from fisa.explain.projection import ProjectionError, ProjectionSettings, project

CLUSTERS = np.repeat(np.eye(10) * 5, 20, axis=0) + np.random.default_rng(0).normal(size=(200, 10)) * 0.3


def test_neighbours_are_kept() -> None:
    points = project(CLUSTERS, ProjectionSettings(perplexity=10))
    assert points.shape == (200, 2)
    assert trustworthiness(CLUSTERS, points, metric="cosine") > 0.9


def test_the_same_seed_gives_the_same_map() -> None:
    settings = ProjectionSettings(perplexity=10, seed=3)
    np.testing.assert_array_equal(project(CLUSTERS, settings), project(CLUSTERS, settings))


def test_too_few_points_name_the_perplexity_that_would_work() -> None:
    with pytest.raises(ProjectionError, match="50 points allow a perplexity of at most 16"):
        project(CLUSTERS[:50], ProjectionSettings(perplexity=30))
    project(CLUSTERS[:50], ProjectionSettings(perplexity=16))


def test_values_that_are_not_finite_are_refused() -> None:
    broken = CLUSTERS.copy()
    broken[3, 4] = np.nan
    with pytest.raises(ProjectionError, match="not finite"):
        project(broken, ProjectionSettings())
