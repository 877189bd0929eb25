"""Projection of vectors to the plane by openTSNE, how far it can be trusted, and the place of new vectors on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from openTSNE import TSNE, TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN
from sklearn.manifold import trustworthiness
from sklearn.preprocessing import normalize

from fisa.exceptions import FisaError

Metric = Literal["cosine", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
Progress = Callable[[int, int], None]

STEPS, EVERY = 750, 50
"""Steps of gradient descent, of which a third exaggerate, and how many pass between two reports."""

UNITS_A_CELL = 3
"""Of the map, a side of the cells in which openTSNE interpolates how 10,000 points or more push each other; with its
default of 1 a map takes twice the time, and is to be trusted no further (bench ``map``)."""

TRUST_NEIGHBOURS = 10
TRUSTED = 2000
"""Neighbours that are compared for the trustworthiness, and points of the sample where there are more."""

PLACING_PERPLEXITY = 5.0
"""Of a new point on a map that stands; openTSNE's default for it."""

_SAME = 6  # decimals beyond which points, scaled to a largest coordinate of 1, count as one
_NEEDED = "at least 4 different ones would allow a perplexity of 1"


class ProjectionError(FisaError, ValueError):
    """Vectors that cannot be projected; the message is one clear sentence, with what would work."""


@dataclass(frozen=True)
class ProjectionSettings:
    """Parameters of t-SNE (van der Maaten & Hinton 2008), shown beside every map."""

    perplexity: float = 30.0
    metric: Metric = "cosine"
    seed: int = 0


@dataclass(frozen=True)
class Trust:
    """How far the neighbours on a map are neighbours before it (Venna & Kaski 2001).

    Attributes:
        value: 1 where all are, about .5 where places were drawn by chance.
        neighbours: How many of each point are compared.
        points: Of the sample that was compared; all where there were no more than ``TRUSTED``.
    """

    value: float
    neighbours: int
    points: int


def largest_perplexity(count: int) -> int:
    """Return the largest perplexity that so many different points allow: a third of the others."""
    return max((count - 1) // 3, 0)


def project(
    vectors: NDArray[np.floating], settings: ProjectionSettings, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Project vectors [N, D] to [N, 2] with t-SNE, initialised by PCA.

    Args:
        vectors: One row an image.
        settings: Of t-SNE.
        progress: Called with (steps done, steps in all) after every ``EVERY``.

    Raises:
        ProjectionError: No points, values that are not finite, points that are all the same, or fewer different ones
            than the perplexity needs.
    """
    _refuse(vectors, settings)
    done = 0

    def report(_iteration: int, _error: float, _embedding: np.ndarray) -> None:
        nonlocal done
        done += EVERY
        if progress is not None:
            progress(done, STEPS)

    tsne = TSNE(
        perplexity=settings.perplexity,
        metric=settings.metric,
        initialization="pca",
        random_state=settings.seed,
        n_jobs=1,  # the same picture on every machine
        early_exaggeration_iter=STEPS // 3,
        n_iter=STEPS - STEPS // 3,
        ints_in_interval=UNITS_A_CELL,
        callbacks=report,
        callbacks_every_iters=EVERY,
    )
    return np.asarray(tsne.fit(vectors.astype(np.float32)))


def trust_of(vectors: NDArray[np.floating], points: NDArray[np.floating], settings: ProjectionSettings) -> Trust:
    """Return scikit-learn's trustworthiness of a map, of a sample drawn by the seed where there are many points.

    Args:
        vectors: [N, D], N at least 4.
        points: [N, 2], where they were put.
        settings: Metric between vectors, and the seed.
    """
    rows = np.arange(len(vectors))
    if len(rows) > TRUSTED:
        rows = np.sort(np.random.default_rng(settings.seed).choice(rows, TRUSTED, replace=False))
    neighbours = min(TRUST_NEIGHBOURS, math.ceil(len(rows) / 2) - 1)
    value = trustworthiness(vectors[rows], points[rows], n_neighbors=neighbours, metric=settings.metric)
    return Trust(float(value), neighbours, len(rows))


def place(
    new: NDArray[np.floating],
    vectors: NDArray[np.floating],
    points: NDArray[np.floating],
    settings: ProjectionSettings,
) -> NDArray[np.float64]:
    """Place new vectors on a map that stands, by openTSNE's transform: each by itself, and nothing else moves.

    The map need not have been kept as an object: who is near whom follows from the vectors anew.

    Args:
        new: [M, D].
        vectors: [N, D], of the map.
        points: [N, 2], where they lie on it.
        settings: Metric and seed of the map.

    Returns:
        [M, 2].

    Raises:
        ProjectionError: New vectors of another length, or that are not finite.
    """
    if new.shape[1] != vectors.shape[1]:
        raise ProjectionError(f"new vectors have {new.shape[1]} numbers each, those of the map {vectors.shape[1]}")
    finite = np.isfinite(new).all(axis=1)
    if not finite.all():
        raise ProjectionError(f"{_counted((~finite).sum(), len(new), 'new points')} not finite; leave such ones out")
    perplexity = min(PLACING_PERPLEXITY, (len(vectors) - 1) / 3)
    affinities = PerplexityBasedNN(
        vectors.astype(np.float32), perplexity, metric=settings.metric, n_jobs=1, random_state=settings.seed
    )
    # Barnes-Hut takes each new point by itself; the interpolation of larger maps would see the others, too.
    standing = TSNEEmbedding(points, affinities, negative_gradient_method="bh", random_state=settings.seed)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2  # to which the transform moves the origin
    return np.asarray(standing.transform(new.astype(np.float32), perplexity=perplexity) + middle, np.float64)


def _refuse(vectors: NDArray[np.floating], settings: ProjectionSettings) -> None:
    count = len(vectors)
    if not count:
        raise ProjectionError(f"there are no points to lay out; {_NEEDED}")
    finite = np.isfinite(vectors).all(axis=1)
    different = _different(vectors[finite], settings.metric)
    largest = largest_perplexity(different)
    if not finite.all():
        first = int(np.argmin(finite)) + 1
        raise ProjectionError(
            f"{_counted((~finite).sum(), count, 'points')} not finite, the first is number {first}; "
            f"{_left(int(finite.sum()), different, settings.metric)}"
        )
    which = _differing(f"{count} points" if count > 1 else "1 point", count, different, settings.metric)
    if not largest:
        raise ProjectionError(f"{which} cannot be laid out; {_NEEDED}")
    if not math.isfinite(settings.perplexity) or settings.perplexity < 1:
        raise ProjectionError(
            f"a perplexity must be a number of at least 1, not {settings.perplexity:g}; {largest} would work"
        )
    if settings.perplexity > largest:
        raise ProjectionError(f"{which} allow a perplexity of at most {largest}, not {settings.perplexity:g}")


def _left(count: int, different: int, metric: Metric) -> str:
    """Say what the points that are finite would allow."""
    if not count:
        return _NEEDED
    others = _differing(f"the {count} others" if count > 1 else "the other one", count, different, metric)
    largest = largest_perplexity(different)
    if not largest:
        return f"{others} cannot be laid out either; {_NEEDED}"
    return f"{others} would allow a perplexity of at most {largest}"


def _differing(points: str, count: int, different: int, metric: Metric) -> str:
    """Say of ``points`` how many of them differ, unless all do."""
    if different == count:
        return points
    same = f"all the same by {metric} distance" if different == 1 else f"of which {different} differ"
    return f"{points}, {same},"


def _different(vectors: NDArray[np.floating], metric: Metric) -> int:
    """Return how many points differ as the metric sees them: by direction alone for the cosine."""
    if not vectors.size:
        return min(len(vectors), 1)
    rows = normalize(vectors) if metric == "cosine" else vectors / (np.abs(vectors).max() or 1.0)
    return len(np.unique(rows.round(_SAME), axis=0))


def _counted(some: int | np.integer, count: int, what: str) -> str:
    return f"{some} of {count} {what} {'is' if some == 1 else 'are'}"
