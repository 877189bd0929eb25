"""The map: openTSNE beside scikit-learn's t-SNE on the same vectors, in time and in what can be trusted of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from fisa.bench.subjects import Settings
from fisa.explain.projection import STEPS, ProjectionSettings, largest_perplexity, project, trust_of
from fisa.rounds import Cost, cost, interleave

Progress = Callable[[int, int], None]

POINTS = 50
"""Vectors for each of ``Settings.images``: 10,000 by default."""
ROUNDS = 3
EMOTIONS, WIDTH = 8, 64
"""Of the vectors, which are class features side by side as the shipped runs have them."""


def bench_map(settings: Settings, progress: Progress | None = None) -> Iterator[Cost]:
    """A map by openTSNE beside scikit-learn's with the same perplexity, steps and start; then their trustworthiness."""
    vectors = class_features(POINTS * settings.images)
    perplexity = min(ProjectionSettings().perplexity, largest_perplexity(len(vectors)))
    rounds = min(settings.rounds, ROUNDS)
    made: dict[str, list[NDArray[np.floating]]] = {"ours": [], "theirs": []}

    def ours() -> None:
        made["ours"].append(project(vectors, ProjectionSettings(perplexity, seed=len(made["ours"]))))

    def theirs() -> None:
        seed = len(made["theirs"])
        tsne = TSNE(perplexity=perplexity, metric="cosine", init="pca", max_iter=STEPS, random_state=seed, n_jobs=1)
        made["theirs"].append(tsne.fit_transform(vectors))

    with threadpool_limits(settings.threads):
        seconds = interleave({"ours": ours, "theirs": theirs}, rounds, progress)
    what = f"t-SNE of {len(vectors):,} vectors [{EMOTIONS * WIDTH}], {STEPS} steps: openTSNE"
    yield cost(
        "map.project", f"{what}, over scikit-learn's (at most half its time)", seconds["ours"], seconds["theirs"], 0.5
    )
    lost = {name: np.array([_lost(vectors, each) for each in maps[-rounds:]]) for name, maps in made.items()}
    what = "what its maps lack of a trustworthiness of 1, other seeds each round, over what scikit-learn's lack"
    yield cost("map.trust", what, lost["ours"], lost["theirs"], 1.0, "")


def class_features(count: int) -> NDArray[np.float32]:
    """Return vectors like those of planted scenes: one to four of eight emotions, each in a direction of its own.

    An emotion that is there lies along its direction by its strength, one that is absent near the origin, both with
    noise.
    """
    random = np.random.default_rng(0)
    directions = random.standard_normal((EMOTIONS, WIDTH))
    present = random.random((count, EMOTIONS)).argsort(1) < random.integers(1, 5, (count, 1))
    strengths = present * random.uniform(0.3, 1, (count, EMOTIONS))
    features = strengths[:, :, None] * directions + 0.2 * random.standard_normal((count, EMOTIONS, WIDTH))
    return features.reshape(count, -1).astype(np.float32)


def _lost(vectors: NDArray[np.floating], points: NDArray[np.floating]) -> float:
    return 1 - trust_of(vectors, points, ProjectionSettings()).value
