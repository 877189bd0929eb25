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

TRUST_NEIGHBOURS = 10
TRUSTED = 2000
"""Neighbours that are compared for the trustworthiness, and points of the sample where there are more."""

PLACING_PERPLEXITY = 5.0
"""Of a new point on a map that stands; openTSNE's default for it."""

_SAME = 6  # decimals beyond which points, scaled to a largest coordinate of 1, count as one


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
        ProjectionError: Values that are not finite, points that are all the same, or fewer different ones than the
            perplexity needs.
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
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        whole = int(finite.sum())
        raise ProjectionError(
            f"{_counted(count - whole, count, 'points')} not finite, the first is number {int(np.argmin(finite)) + 1}; "
            f"the {whole} others would allow a perplexity of at most {largest_perplexity(whole)}"
        )
    if not math.isfinite(settings.perplexity) or settings.perplexity < 1:
        raise ProjectionError(
            f"a perplexity must be a number of at least 1, not {settings.perplexity:g}; "
            f"{largest_perplexity(count)} would work"
        )
    different = _different(vectors, settings.metric)
    if different == 1 < count:
        raise ProjectionError(
            f"all {count} points are the same by {settings.metric} distance, so there is nothing to lay out; "
            "at least 4 different ones would allow a perplexity of 1"
        )
    largest = largest_perplexity(different)
    if settings.perplexity > largest:
        which = f"{count} points" if different == count else f"{count} points, of which {different} differ,"
        more = "" if largest else "; at least 4 are needed"
        raise ProjectionError(f"{which} allow a perplexity of at most {largest}, not {settings.perplexity:g}{more}")


def _different(vectors: NDArray[np.floating], metric: Metric) -> int:
    """Return how many points differ as the metric sees them: by direction alone for the cosine."""
    rows = normalize(vectors) if metric == "cosine" else vectors / (np.abs(vectors).max() or 1.0)
    return len(np.unique(rows.round(_SAME), axis=0))


def _counted(some: int | np.integer, count: int, what: str) -> str:
    return f"{some} of {count} {what} {'is' if some == 1 else 'are'}"
