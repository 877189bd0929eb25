"""What a run makes of each image of a data set, as vectors: computed once, kept in the cache folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from fisa.config import FeaturesBackboneConfig, SentimentMetricConfig
from fisa.datasets import Dataset
from fisa.datasets.vectors import model_inputs
from fisa.evaluation import Progress
from fisa.explain.kept import kept, kept_file
from fisa.language import mark
from fisa.models import ModelOutput, System
from fisa.models.inputs import as_tensor
from fisa.runs import Run

BATCH = 64
VERSION = "1"
"""Changes whenever the same run and images would give other vectors."""

Read = Callable[[ModelOutput], torch.Tensor | None]


def _fc(output: ModelOutput) -> torch.Tensor | None:
    if "pooled" in output.extras:  # sentiment metric learning, whose features may be another embedding
        return output.extras["pooled"]
    return output.features if output.features.dim() == 2 else None


EMBEDDINGS: Mapping[str, tuple[str, Read]] = MappingProxyType(
    {
        "fc": (mark("FC, the features before the classifier"), _fc),
        "class_features": (
            mark("Class features, side by side"),
            lambda output: output.features.flatten(1) if output.features.dim() == 3 else None,
        ),
        "sentiment_vector": (mark("Sentiment vector"), lambda output: output.extras.get("sentiment_vector")),
    }
)
"""Name -> (title, how it is read from what a model returns, None where the system has none)."""

BACKBONE = "backbone"
TITLES: Mapping[str, str] = MappingProxyType(
    {**{name: title for name, (title, _) in EMBEDDINGS.items()}, BACKBONE: mark("Backbone, averaged over places")}
)
"""Of every kind of vectors that a map may be made of."""


def embeddings_of(
    run: Run, dataset: Dataset, progress: Progress | None = None, model: System | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return what a run has of ``EMBEDDINGS`` for every image of a data set: float32 [N, D] each.

    Args:
        run: Its features are taken.
        dataset: Images, or vectors, that it takes.
        progress: Called with (images done, images in all), unless they are kept from an earlier call.
        model: In place of the run's own, such as an untrained one, in evaluation mode; of it nothing is kept.
    """
    if model is not None:
        return _embed(run, dataset, progress, model)
    return _kept(_file("embeddings", run, dataset), lambda: _embed(run, dataset, progress))


def are_kept(run: Run, dataset: Dataset) -> bool:
    """Tell whether the embeddings of a run and a data set lie in the cache folder."""
    return _file("embeddings", run, dataset).is_file()


def offered_vectors(run: Run) -> tuple[str, ...]:
    """Return the names of the vectors that a run has of an image, its own first; it takes a run of the model on noise.

    These are what it has of ``EMBEDDINGS``, and ``backbone``, unless its features are just that.
    """
    inputs, model = _noise(run), run.config.model
    found, backbone = _read_batch(run, inputs), _read_backbone(run, inputs)
    if isinstance(model, SentimentMetricConfig):
        own = "sentiment_vector" if model.embedding == "sentiment_vector" else "fc"
    else:
        own = next(iter(found))
    same = any(rows.shape == backbone.shape and np.allclose(rows, backbone, atol=1e-5) for rows in found.values())
    return (own, *(name for name in found if name != own), *(() if same else (BACKBONE,)))


def vectors_of(run: Run, dataset: Dataset, name: str, progress: Progress | None = None) -> NDArray[np.float32]:
    """Return one kind of vectors for every image of a data set, float32 [N, D]: computed once, then kept.

    Args:
        run: See :func:`embeddings_of`, as for the others.
        dataset: See there.
        name: One of :func:`offered_vectors`.
        progress: See there.
    """
    if name != BACKBONE:
        return embeddings_of(run, dataset, progress)[name]

    def compute() -> dict[str, np.ndarray]:
        batches = _batches(run, dataset, progress)
        return {BACKBONE: np.concatenate([_read_backbone(run, batch) for batch in batches])}

    return kept(_file(BACKBONE, run, dataset), compute)[BACKBONE]


def vectors_of_images(run: Run, squares: np.ndarray, name: str) -> NDArray[np.float32]:
    """Return one kind of vectors for images as the model sees them, uint8 RGB [n, S, S, 3]: float32 [n, D]."""
    inputs = as_tensor(squares)
    return _read_backbone(run, inputs) if name == BACKBONE else _read_batch(run, inputs)[name]


def vectors_are_kept(run: Run, dataset: Dataset, name: str) -> bool:
    """Tell whether one kind of vectors lies in the cache folder."""
    return _file(BACKBONE if name == BACKBONE else "embeddings", run, dataset).is_file()


def _embed(run: Run, dataset: Dataset, progress: Progress | None, model: System | None = None) -> dict[str, np.ndarray]:
    rows: dict[str, list[np.ndarray]] = {}
    for batch in _batches(run, dataset, progress):
        for name, found in _read_batch(run, batch, model).items():
            rows.setdefault(name, []).append(found)
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _batches(run: Run, dataset: Dataset, progress: Progress | None) -> Iterator[torch.Tensor]:
    inputs = model_inputs(dataset, run.config.data.image_size, progress)
    for start in range(0, len(inputs), BATCH):
        yield as_tensor(inputs[start : start + BATCH])
        if progress is not None:
            progress(min(start + BATCH, len(inputs)), len(inputs))


def _read_batch(run: Run, inputs: torch.Tensor, model: System | None = None) -> dict[str, NDArray[np.float32]]:
    # Only sentiment metric learning has an embedding among what it explains; the others are spared their matrices.
    explain = run.config.model.name == "sentiment_metric"
    with torch.no_grad():
        output: ModelOutput = (model or run.model)(inputs, explain=explain)
    found = {name: read(output) for name, (_, read) in EMBEDDINGS.items()}
    return {name: rows.numpy() for name, rows in found.items() if rows is not None}


def _read_backbone(run: Run, inputs: torch.Tensor) -> NDArray[np.float32]:
    backbone = run.model.backbone
    with torch.no_grad():
        return np.asarray(backbone(inputs).mean((2, 3)).numpy())


def _noise(run: Run) -> torch.Tensor:
    size = run.config.data.image_size
    backbone = run.config.model.backbone
    shape = (1, backbone.dimensions) if isinstance(backbone, FeaturesBackboneConfig) else (1, 3, size, size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _file(kind: str, run: Run, dataset: Dataset) -> Path:
    return kept_file(kind, VERSION, run, dataset)


def _kept(file: Path, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    found = kept(file, compute)
    return {name: found[name] for name in EMBEDDINGS if name in found}
