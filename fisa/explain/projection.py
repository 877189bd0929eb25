"""Projection of a run's features to the plane, by openTSNE."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from openTSNE import TSNE

from fisa.datasets import Dataset
from fisa.datasets.vectors import model_inputs
from fisa.evaluation import Progress
from fisa.models.inputs import as_tensor
from fisa.runs import Run

STEPS, EVERY = 750, 50
"""Steps of gradient descent, of which a third exaggerate, and how many pass between two reports."""


class ProjectionError(ValueError):
    """Features that cannot be projected; the message is one clear sentence."""


@dataclass(frozen=True)
class ProjectionSettings:
    """Parameters of t-SNE (van der Maaten & Hinton 2008), shown beside every map."""

    perplexity: float = 30.0
    metric: str = "cosine"
    seed: int = 0


def project(features: np.ndarray, settings: ProjectionSettings, progress: Progress | None = None) -> np.ndarray:
    """Project features [N, D] to [N, 2] with t-SNE, initialised by PCA.

    Args:
        features: One row an image.
        settings: Of t-SNE.
        progress: Called with (steps done, steps in all) after every ``EVERY``.

    Raises:
        ProjectionError: Fewer points than three times the perplexity, or values that are not finite.
    """
    if not np.isfinite(features).all():
        raise ProjectionError("features that are not finite cannot be projected")
    if len(features) <= 3 * settings.perplexity:
        largest = (len(features) - 1) // 3
        raise ProjectionError(f"{len(features)} points allow a perplexity of at most {largest}")
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
    return np.asarray(tsne.fit(features.astype(np.float32)))


def features_of(run: Run, dataset: Dataset, progress: Progress | None = None) -> np.ndarray:
    """Return a run's features of a data set, class features side by side: float32 [N, D]."""
    inputs = model_inputs(dataset, run.config.data.image_size, progress)
    rows = []
    for start in range(0, len(inputs), 64):
        with torch.no_grad():
            rows.append(run.model(as_tensor(inputs[start : start + 64])).features.flatten(1).numpy())
    return np.concatenate(rows)


def map_of(run: Run, dataset: Dataset, settings: ProjectionSettings | None = None) -> pd.DataFrame:
    """Return the map of a data set: id, x, y, and the settings in ``attrs``."""
    settings = settings or ProjectionSettings()
    points = project(features_of(run, dataset), settings)
    frame = pd.DataFrame({"id": dataset.manifest["id"].to_numpy(), "x": points[:, 0], "y": points[:, 1]})
    frame = frame.astype({"x": "float32", "y": "float32"})
    frame.attrs.update(asdict(settings))
    return frame
