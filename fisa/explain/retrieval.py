"""Retrieval: are the images that a run places next to each other of the same emotion?

Each image of the test split is a query; the gallery is the other images of that split, or the training split. A gallery
image is relevant where it shares a dominant emotion with the query, ties included, or its polarity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import normalize

from fisa.classification import dominant
from fisa.datasets import Dataset
from fisa.emotions import EmotionSpace
from fisa.evaluation import Progress, target_of, truth_of
from fisa.exceptions import FisaError
from fisa.explain.embeddings import embeddings_of
from fisa.metrics import bootstrap_mean
from fisa.models import System
from fisa.records import Interval
from fisa.runs import Run
from fisa.tasks import open_data

Criterion = Literal["emotion", "polarity"]
Distance = Literal["euclidean", "cosine"]
Gallery = Literal["test", "train"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)

CHUNK = 256
"""Queries compared with the gallery at a time."""

COLLAPSED = 0.999
"""Mean cosine of two images from which on an embedding is said to have collapsed, perhaps."""


class RetrievalError(FisaError, ValueError):
    """A run whose images cannot be retrieved; the message is one clear sentence."""


@dataclass(frozen=True)
class Score:
    """How well one embedding retrieves by one criterion.

    Attributes:
        by: The criterion.
        queries: Images with a relevant one in the gallery; the others are left out.
        mean_average_precision: With its bootstrap interval over queries; in [0, 1].
        mean_average_precision_chance: Its expected value for a gallery in random order.
        precision: Mean share of relevant images among the first k, with its interval.
        precision_chance: Expected for a random order.
    """

    by: Criterion
    queries: int
    mean_average_precision: Interval
    mean_average_precision_chance: float
    precision: Interval
    precision_chance: float


@dataclass(frozen=True, eq=False)
class Retrieval:
    """The nearest neighbours of every query by one embedding; Q queries, K neighbours.

    Attributes:
        embedding: Key in ``fisa.explain.embeddings.EMBEDDINGS``.
        dimensions: Its length.
        likeness: Mean cosine of two images of the gallery, 0 to 1: with 1 all of its vectors point the same way.
        ids: Of the queries, str [Q].
        gallery_ids: Of the gallery, str [G].
        neighbours: Places in the gallery, nearest first, int [Q, K].
        distances: Of those, float [Q, K].
        hits: By criterion, which neighbours are relevant, bool [Q, K].
        precisions: By criterion, the average precision of each query, [Q]; NaN where nothing is relevant.
        scores: By criterion.
    """

    embedding: str
    dimensions: int
    likeness: float
    ids: NDArray[np.str_]
    gallery_ids: NDArray[np.str_]
    neighbours: NDArray[np.int64]
    distances: NDArray[np.float64]
    hits: Mapping[Criterion, NDArray[np.bool_]]
    precisions: Mapping[Criterion, NDArray[np.float64]]
    scores: Mapping[Criterion, Score]

    @property
    def collapsed(self) -> bool:
        """Whether the images lie so near to one direction that the embedding may have collapsed to one point."""
        return self.likeness > COLLAPSED


def retrieve(
    run: Run,
    k: int = 10,
    gallery: Gallery = "test",
    distance: Distance = "euclidean",
    progress: Progress | None = None,
    model: System | None = None,
) -> dict[str, Retrieval]:
    """Retrieve the nearest neighbours of every test image of a run's data, by each embedding that the run has.

    Args:
        run: Its features are compared.
        k: Neighbours of a query; fewer where the gallery is smaller.
        gallery: ``test``: all other test images; ``train``: the training split.
        distance: Between embeddings; both rank unit vectors alike.
        progress: Called with (images done, images in all) of each phase.
        model: In place of the run's own, such as an untrained one.

    Raises:
        RetrievalError: The data have no emotions, or too few images.
        DataError: The data cannot be opened.
    """
    if run.task.name == "sequence":
        raise RetrievalError(f"{run.name} predicts sequences, not single images: it has no image to retrieve")
    splits = open_data(run.config, ("test",) if gallery == "test" else ("test", "train"), progress)
    queries, shelf = splits["test"], splits[gallery]
    if not len(queries.space):
        raise RetrievalError(f"{run.name}: {queries.name} has no emotions by which its images could be retrieved")
    own = embeddings_of(run, queries, progress, model)
    theirs = own if gallery == "test" else embeddings_of(run, shelf, progress, model)
    return {
        name: search(name, own[name], theirs[name], queries, shelf, k, distance, gallery == "test", progress)
        for name in own
    }


def search(
    embedding: str,
    queries: NDArray[np.floating],
    gallery: NDArray[np.floating],
    query_data: Dataset,
    gallery_data: Dataset,
    k: int,
    distance: Distance,
    itself: bool,
    progress: Progress | None = None,
) -> Retrieval:
    """Rank a gallery for every query and score the rankings.

    Args:
        embedding: Name, for the result.
        queries: [Q, D].
        gallery: [G, D].
        query_data: Whose images the queries are, in order.
        gallery_data: The same for the gallery.
        k: See :func:`retrieve`.
        distance: See :func:`retrieve`.
        itself: Whether the gallery is the queries, each of which is then left out of its own.
        progress: See :func:`retrieve`.

    Raises:
        RetrievalError: A gallery without an image, or embeddings that are not finite.
    """
    size = len(gallery) - itself
    if size < 1:
        raise RetrievalError(f"{gallery_data.name} {gallery_data.split} has too few images to retrieve any")
    if not (np.isfinite(queries).all() and np.isfinite(gallery).all()):
        raise RetrievalError(f"the {embedding} of an image is not finite; train the run again")
    marks = {by: (marks_of(query_data, by), marks_of(gallery_data, by)) for by in criteria(query_data.space)}
    neighbours, distances = [], []
    hits: dict[Criterion, list[np.ndarray]] = {by: [] for by in marks}
    precisions: dict[Criterion, list[np.ndarray]] = {by: [] for by in marks}
    counts: dict[Criterion, list[np.ndarray]] = {by: [] for by in marks}
    for start in range(0, len(queries), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(queries)))
        apart = np.asarray(pairwise_distances(queries[rows].astype(float), gallery.astype(float), metric=distance))
        if itself:
            apart[np.arange(len(rows)), rows] = np.inf
        order = np.argsort(apart, axis=1, kind="stable")[:, :size]
        ranked = np.take_along_axis(apart, order, axis=1)
        neighbours.append(order[:, :k])
        distances.append(ranked[:, :k])
        for by, (asked, offered) in marks.items():
            relevant = np.take_along_axis(asked[rows].astype(float) @ offered.T > 0, order, axis=1)
            hits[by].append(relevant[:, :k])
            precisions[by].append(average_precision(ranked, relevant))
            counts[by].append(relevant.sum(axis=1))
        if progress is not None:
            progress(int(rows[-1]) + 1, len(queries))
    joined = {by: np.concatenate(parts) for by, parts in hits.items()}
    averages = {by: np.concatenate(parts) for by, parts in precisions.items()}
    return Retrieval(
        embedding=embedding,
        dimensions=queries.shape[1],
        likeness=float(np.square(normalize(gallery.astype(float)).mean(axis=0)).sum()),
        ids=query_data.manifest["id"].to_numpy(str),
        gallery_ids=gallery_data.manifest["id"].to_numpy(str),
        neighbours=np.concatenate(neighbours),
        distances=np.concatenate(distances),
        hits=joined,
        precisions=averages,
        scores={by: _score(by, joined[by], averages[by], np.concatenate(counts[by]), size) for by in marks},
    )


def criteria(space: EmotionSpace) -> tuple[Criterion, ...]:
    """Return by what images of a label space can be retrieved: polarity only where labels differ in it."""
    return CRITERIA if len(set(space.polarity)) > 1 else ("emotion",)


def marks_of(dataset: Dataset, by: Criterion) -> NDArray[np.bool_]:
    """Return what each image is retrieved as: bool [N, C], its dominant labels, or [N, 3], their polarities.

    On planted data the dominant labels are those of the truth, else of the votes.
    """
    truth = truth_of(dataset)
    labels = dominant(target_of(dataset) if truth is None else truth)
    if by == "emotion":
        return labels
    signs = np.array([[sign == side for side in (1, 0, -1)] for sign in dataset.space.polarity])
    return np.asarray(labels.astype(int) @ signs > 0)


def average_precision(distances: NDArray[np.floating], relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the average precision of each ranking; images at one distance count as one step, as in scikit-learn.

    Args:
        distances: [Q, G], ascending in each row.
        relevant: bool [Q, G], in the same order.

    Returns:
        [Q]; NaN where nothing is relevant.
    """
    places = np.arange(1, distances.shape[1] + 1)
    # The last place at each distance: where the next one is farther, carried back over those before it.
    last = np.where(np.diff(distances, axis=1, append=np.inf) > 0, places, places[-1])
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    found = np.take_along_axis(relevant.cumsum(axis=1), last - 1, axis=1)
    total = relevant.sum(axis=1)
    summed = (found / last * relevant).sum(axis=1)
    return np.asarray(np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0))


def expected_average_precision(relevant: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """Return the mean average precision of a random order: of ``size`` images, ``relevant`` [Q] at least 1 of them.

    Place i is relevant with chance R / G, and of the i - 1 before it are then (i - 1)(R - 1) / (G - 1) on average.
    """
    harmonic = float((1 / np.arange(1, size + 1)).sum())
    rest = (np.asarray(relevant, dtype=float) - 1) / max(size - 1, 1)
    return np.asarray((harmonic + rest * (size - harmonic)) / size)


def _score(
    by: Criterion, hits: NDArray[np.bool_], precisions: NDArray[np.float64], counts: NDArray[np.integer], size: int
) -> Score:
    asked = counts > 0
    if not asked.any():
        raise RetrievalError(f"no image has another of its {by} to be retrieved")
    return Score(
        by=by,
        queries=int(asked.sum()),
        mean_average_precision=bootstrap_mean(precisions[asked]),
        mean_average_precision_chance=float(expected_average_precision(counts[asked], size).mean()),
        precision=bootstrap_mean(hits[asked].mean(axis=1)),
        precision_chance=float(counts[asked].mean() / size),
    )
