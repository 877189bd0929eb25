"""What a run makes of each image of a data set, as vectors: computed once, kept in the cache folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fisa.datasets import Dataset
from fisa.datasets.vectors import model_inputs
from fisa.evaluation import Progress
from fisa.explain.kept import kept, kept_file
from fisa.explain.projection import ProjectionSettings, project
from fisa.models import ModelOutput
from fisa.models.inputs import as_tensor
from fisa.runs import Run

BATCH = 64
VERSION = "1"
"""Changes whenever the same run and images would give other vectors or another plane."""

Read = Callable[[ModelOutput], torch.Tensor | None]


def _fc(output: ModelOutput) -> torch.Tensor | None:
    if "pooled" in output.extras:  # sentiment metric learning, whose features may be another embedding
        return output.extras["pooled"]
    return output.features if output.features.dim() == 2 else None


EMBEDDINGS: Mapping[str, tuple[str, Read]] = MappingProxyType(
    {
        "fc": ("FC, the features before the classifier", _fc),
        "class_features": (
            "Class features, side by side",
            lambda output: output.features.flatten(1) if output.features.dim() == 3 else None,
        ),
        "sentiment_vector": ("Sentiment vector", lambda output: output.extras.get("sentiment_vector")),
    }
)
"""Name -> (title, how it is read from what a model returns, None where the system has none)."""


def embeddings_of(run: Run, dataset: Dataset, progress: Progress | None = None) -> dict[str, NDArray[np.float32]]:
    """Return what a run has of ``EMBEDDINGS`` for every image of a data set: float32 [N, D] each.

    Args:
        run: Its features are taken.
        dataset: Images, or vectors, that it takes.
        progress: Called with (images done, images in all), unless they are kept from an earlier call.
    """
    return _kept(_file("embeddings", run, dataset), lambda: _embed(run, dataset, progress))


def planes_of(run: Run, dataset: Dataset, progress: Progress | None = None) -> dict[str, pd.DataFrame]:
    """Return the t-SNE of each embedding of a data set: id, x, y, as ``fisa.explain.projection.map_of``.

    Args:
        run: See :func:`embeddings_of`.
        dataset: See :func:`embeddings_of`.
        progress: Called with (steps done, steps in all) of the projections, unless they are kept.

    Raises:
        ProjectionError: Fewer than four images.
    """
    vectors = embeddings_of(run, dataset)
    settings = ProjectionSettings(perplexity=min(ProjectionSettings().perplexity, (len(dataset) - 1) // 3))

    def report(place: int) -> Progress | None:
        if progress is None:
            return None
        return lambda done, total: progress(place * total + done, len(vectors) * total)

    def compute() -> dict[str, np.ndarray]:
        numbered = enumerate(vectors.items())
        return {name: project(rows, settings, report(place)).astype(np.float32) for place, (name, rows) in numbered}

    planes = _kept(_file("planes", run, dataset), compute)
    ids = dataset.manifest["id"].to_numpy()
    return {name: pd.DataFrame({"id": ids, "x": plane[:, 0], "y": plane[:, 1]}) for name, plane in planes.items()}


def are_kept(kind: str, run: Run, dataset: Dataset) -> bool:
    """Tell whether ``embeddings`` or ``planes`` of a run and a data set lie in the cache folder."""
    return _file(kind, run, dataset).is_file()


def _embed(run: Run, dataset: Dataset, progress: Progress | None) -> dict[str, np.ndarray]:
    inputs = model_inputs(dataset, run.config.data.image_size, progress)
    # Only sentiment metric learning has an embedding among what it explains; the others are spared their matrices.
    explain = run.config.model.name == "sentiment_metric"
    rows: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(inputs), BATCH):
        with torch.no_grad():
            output: ModelOutput = run.model(as_tensor(inputs[start : start + BATCH]), explain=explain)
        for name, (_, read) in EMBEDDINGS.items():
            if (found := read(output)) is not None:
                rows.setdefault(name, []).append(found.numpy())
        if progress is not None:
            progress(min(start + BATCH, len(inputs)), len(inputs))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _file(kind: str, run: Run, dataset: Dataset) -> Path:
    return kept_file(kind, VERSION, run, dataset)


def _kept(file: Path, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    found = kept(file, compute)
    return {name: found[name] for name in EMBEDDINGS if name in found}
