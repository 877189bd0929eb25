"""Run x data set -> predictions -> measures.

On planted data the true distribution p is known. There the primary measure is KL(p||q) and the score
1 - KL(p||q) / KL(p||constant); every other measure is taken on the votes, as on real data, and stands
beside the value that p itself attains on the same votes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from fisa.datasets import Dataset, open_dataset
from fisa.datasets.packed import packed_images
from fisa.datasets.planted.oracles import fit_ladder
from fisa.distances import kl
from fisa.images import normalise
from fisa.metrics import METRICS, evaluate
from fisa.models import ModelOutput
from fisa.runs import Run

Progress = Callable[[int, int], None]


class EvaluationError(ValueError):
    """A run and a data set that do not fit; the message is one clear sentence."""


def predict_packed(model: nn.Module, images: np.ndarray, batch_size: int = 128) -> np.ndarray:
    """Predict packed images with a model in evaluation mode.

    Args:
        model: Returns a ModelOutput.
        images: uint8 [N, S, S, 3].
        batch_size: Images at a time.

    Returns:
        float64 [N, C]; rows sum to 1.
    """
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(normalise(images[start : start + batch_size])).to(device)
        with torch.no_grad():
            output: ModelOutput = model(batch.to(memory_format=torch.channels_last), explain=False)
        rows.append(output.distribution.double().cpu().numpy())
    distribution = np.concatenate(rows)
    return np.asarray(distribution / distribution.sum(1, keepdims=True))


def target_of(dataset: Dataset) -> np.ndarray:
    """Return the description degrees of a data set, [N, C]."""
    return dataset.manifest[list(dataset.space.labels)].to_numpy(float)


def truth_of(dataset: Dataset) -> np.ndarray | None:
    """Return the true distributions of planted data, [N, C], or None for real data."""
    columns = [f"truth_{label}" for label in dataset.space.labels]
    if columns[0] not in dataset.manifest:
        return None
    return dataset.manifest[columns].to_numpy(float)


def summarise(dataset: Dataset, predicted: np.ndarray) -> dict[str, Any]:
    """Return what ``metrics.json`` holds: data, split, n, score, kl_truth, measures, truth_measures.

    Args:
        dataset: Gives the votes and, on planted data, the truth.
        predicted: [N, C] in the order of the manifest.
    """
    target, truth = target_of(dataset), truth_of(dataset)
    return {
        "data": dataset.name,
        "data_version": dataset.version,
        "split": dataset.split,
        "n": len(dataset),
        "score": None if truth is None else fit_ladder(dataset.name).score(truth, predicted),
        "kl_truth": None if truth is None else float(kl(truth, predicted).mean()),
        "measures": evaluate(target, predicted),
        "truth_measures": None if truth is None else evaluate(target, truth),
    }


def per_sample(predictions: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return one row an image: id, every measure on the votes and, on planted data, kl_truth.

    Args:
        predictions: id and one column per label, as a run stores them.
        dataset: The same images in the same order.

    Raises:
        EvaluationError: The predictions are of other images.
    """
    if list(predictions["id"]) != list(dataset.manifest["id"]):
        raise EvaluationError(
            f"the stored predictions are not of {dataset.name} {dataset.split}; evaluate the run again"
        )
    predicted = predictions[list(dataset.space.labels)].to_numpy(float)
    target, truth = target_of(dataset), truth_of(dataset)
    columns = {name: metric.function(target, predicted) for name, metric in METRICS.items()}
    if truth is not None:
        columns["kl_truth"] = kl(truth, predicted)
    return pd.DataFrame({"id": predictions["id"].to_numpy(), **columns})


def evaluate_run(run: Run, dataset: Dataset, progress: Progress | None = None) -> tuple[dict[str, Any], pd.DataFrame]:
    """Predict a whole data set with a run.

    Returns:
        The summary (see :func:`summarise`) and the predictions (id and one column per label).

    Raises:
        EvaluationError: The label spaces differ.
    """
    if dataset.space.labels != run.space.labels:
        raise EvaluationError(
            f"{run.name} predicts {run.space.name}, but {dataset.name} is labelled in {dataset.space.name}"
        )
    images = packed_images(dataset, run.config.data.image_size, progress=progress)
    predicted = predict_packed(run.model, images)
    return summarise(dataset, predicted), prediction_frame(dataset, predicted)


def open_test_split(run: Run) -> Dataset:
    """Open the test split of the data that a run was trained on."""
    data = run.config.data
    return open_dataset(data.name, data.root, split="test", image_size=data.image_size)


def prediction_frame(dataset: Dataset, predicted: np.ndarray) -> pd.DataFrame:
    """Return the stored form of predictions: id and one float32 column per label."""
    frame = pd.DataFrame(predicted.astype(np.float32), columns=list(dataset.space.labels))
    frame.insert(0, "id", dataset.manifest["id"].to_numpy())
    return frame
