"""Run x data set -> predictions -> measures, of whatever task the run has.

On planted data the true distribution p is known. There the primary measure is KL(p||q) and the score
1 - KL(p||q) / KL(p||constant); every other measure is taken on the votes, as on real data, and stands
beside the value that p itself attains on the same votes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from fisa.classification import Classification, classify, one_hot
from fisa.datasets import Dataset, Photographs, groups_of
from fisa.datasets.mapped import MappedDataset, in_space
from fisa.datasets.planted.oracles import fit_ladder
from fisa.datasets.sequences import SequenceInputs, SequenceSet, inputs_of
from fisa.datasets.vectors import FeatureSet
from fisa.distances import kl
from fisa.emotions import DIMENSIONS, EmotionSpace
from fisa.exceptions import FisaError
from fisa.label_maps import LabelMap, LabelMapError, Meeting, meet
from fisa.metrics import METRICS, evaluate
from fisa.models import ModelOutput
from fisa.models.inputs import as_input
from fisa.models.multimodal_sequence import what_lacks
from fisa.runs import Run
from fisa.steps import summarise_steps
from fisa.tasks import TASKS, Task, open_data, ranges_of

Progress = Callable[[int, int], None]

DISTRIBUTION = TASKS["distribution"]


class EvaluationError(FisaError, ValueError):
    """A run and a data set that do not fit; the message is one clear sentence."""


def predict_packed(
    model: nn.Module, inputs: np.ndarray | SequenceInputs, batch_size: int = 128, task: Task = DISTRIBUTION
) -> np.ndarray:
    """Predict packed images, vectors or sequences with a model in evaluation mode.

    Args:
        model: Returns a ModelOutput.
        inputs: See ``fisa.models.inputs.as_input``.
        batch_size: Rows at a time.
        task: Says what is predicted.

    Returns:
        float64 [N, C], rows sum to 1; or what else the task predicts, a row an image or a step.
    """
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(inputs), batch_size):
        part = inputs[start : start + batch_size]
        with torch.no_grad():
            output: ModelOutput = model(_moved(as_input(part), device), explain=False)
        found = task.output(output).double().cpu().numpy()
        rows.append(found[part.exists] if isinstance(part, SequenceInputs) else found)
    return np.asarray(task.settle(np.concatenate(rows)))


def _moved(batch: torch.Tensor | dict[str, torch.Tensor], device: torch.device) -> Any:
    return batch.to(device) if isinstance(batch, torch.Tensor) else {k: part.to(device) for k, part in batch.items()}


def target_of(dataset: Dataset, space: EmotionSpace | None = None) -> np.ndarray:
    """Return the description degrees of a data set, [N, C], for all of its emotions or those of ``space``."""
    emotions = dataset.space if space is None else space  # one without labels is false
    return dataset.manifest[list(emotions.labels)].to_numpy(float)


def truth_of(dataset: Dataset) -> np.ndarray | None:
    """Return the true distributions of planted data, [N, C], or None for real data."""
    columns = [f"truth_{label}" for label in dataset.space.labels]
    if columns[0] not in dataset.manifest:
        return None
    return dataset.manifest[columns].to_numpy(float)


def summarise(
    dataset: Dataset, predicted: np.ndarray, task: Task = DISTRIBUTION, constant: np.ndarray | None = None
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds: task, data, data_version, split, space, n, measures, and more for each task.

    Of distributions: score, kl_truth, truth_measures and, where the data have one label an image, single_labels, the
    fields of ``fisa.classification.Classification``. Of ratings: their original ``ranges``. Of ratings and, where no
    truth is known and ``constant`` is given, of distributions: the ``constant`` predictor and what it reaches,
    ``constant_measures``. A measure that is undefined is None. Of sequences see :func:`fisa.steps.summarise_steps`;
    ``n`` counts sequences.

    Args:
        dataset: Gives the votes and, on planted data, the truth; or the ratings.
        predicted: As :func:`predict_packed` returns them, in the order of the manifest.
        task: What was predicted.
        constant: What ``Task.constant`` returned for the training split; on planted data the ladder has it.
    """
    head = {
        "task": task.name,
        "data": dataset.name,
        "data_version": dataset.version,
        "split": dataset.split,
        "space": dataset.space.name,
        "n": len(dataset),
    }
    if isinstance(dataset, SequenceSet):
        return {**head, **summarise_steps(dataset, predicted)}
    if task.name != DISTRIBUTION.name:
        assert constant is not None
        target = task.target(dataset)
        everywhere = np.broadcast_to(constant, target.shape)
        return {
            **head,
            "ranges": ranges_of(dataset),
            "measures": _defined(task.measure(target, predicted)),
            "constant": constant.tolist(),
            "constant_measures": _defined(task.measure(target, everywhere)),
        }
    target, truth = target_of(dataset), truth_of(dataset)
    known: dict[str, Any] = {}
    if truth is None and constant is not None:
        everywhere = np.broadcast_to(constant, target.shape)
        known = {"constant": constant.tolist(), "constant_measures": evaluate(target, everywhere)}
    return {
        **head,
        **known,
        "score": None if truth is None else _score(dataset, truth, predicted),
        "kl_truth": None if truth is None else float(kl(truth, predicted).mean()),
        "measures": evaluate(target, predicted),
        "truth_measures": None if truth is None else evaluate(target, truth),
        "single_labels": as_json(classify(target, predicted, dataset.space, groups_of(dataset)))
        if one_hot(target)
        else None,
    }


def _defined(measures: dict[str, float]) -> dict[str, float | None]:
    return {name: float(value) if np.isfinite(value) else None for name, value in measures.items()}


def as_json(classification: Classification) -> dict[str, Any]:
    """Return the fields of a classification as JSON holds them; unknown bounds are None."""
    found = asdict(classification)
    accuracy = {name: None if np.isnan(value) else value for name, value in found.pop("accuracy").items()}
    rest = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in found.items()}
    return {"accuracy": accuracy, **rest}


def oracles_of(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return what each rung of the oracle ladder predicts, [N, C], weakest first; empty for real data."""
    if truth_of(dataset) is None:
        return {}
    if isinstance(dataset, MappedDataset):
        rungs = oracles_of(dataset.base)
        return {rung: dataset.label_map.apply(rows)[dataset.kept] for rung, rows in rungs.items()}
    return fit_ladder(dataset.name).predict(dataset.manifest)


def _score(dataset: Dataset, truth: np.ndarray, predicted: np.ndarray) -> float:
    if isinstance(dataset, MappedDataset):
        return float(1 - kl(truth, predicted).mean() / kl(truth, oracles_of(dataset)["constant"]).mean())
    return fit_ladder(dataset.name).score(truth, predicted)


def per_sample(predictions: pd.DataFrame, dataset: Dataset, task: Task = DISTRIBUTION) -> pd.DataFrame:
    """Return one row an image, or a step: id, every measure on the votes and, on planted data, kl_truth.

    Of ratings: id, their absolute errors ``valence_error`` and ``arousal_error``, and ``squared_error``, the mean.

    Args:
        predictions: id and one column per label or rating, as a run stores them.
        dataset: The same images in the same order.
        task: What was predicted.

    Raises:
        EvaluationError: The predictions are of other images.
    """
    if list(predictions["id"]) != list(dataset.manifest["id"]):
        raise EvaluationError(
            f"the stored predictions are not of {dataset.name} {dataset.split}; evaluate the run again"
        )
    predicted = predictions[list(task.columns(dataset.space))].to_numpy(float)
    if task.name == "valence_arousal":
        difference = predicted - task.target(dataset)
        errors = {f"{name}_error": abs(column) for name, column in zip(DIMENSIONS, difference.T, strict=True)}
        squared = (difference**2).mean(1)
        return pd.DataFrame({"id": predictions["id"].to_numpy(), **errors, "squared_error": squared})
    target, truth = target_of(dataset), truth_of(dataset)
    columns = {name: metric.function(target, predicted) for name, metric in METRICS.items()}
    if truth is not None:
        columns["kl_truth"] = kl(truth, predicted)
    return pd.DataFrame({"id": predictions["id"].to_numpy(), **columns})


def evaluate_run(run: Run, dataset: Dataset, progress: Progress | None = None) -> tuple[dict[str, Any], pd.DataFrame]:
    """Predict a whole data set with a run, which may have been trained on other data and other labels.

    Where the label spaces differ, predictions and targets are brought into one space (``fisa.label_maps.meet``).

    Returns:
        The summary, and the predictions: id and one column per rating, or per label of the space of comparison. The
        summary is that of :func:`summarise` with ``trained_on``, name of the data set of the training; ``seen``, how
        many of the images were in its training or validation split, by path; and ``mapped``: None where the labels are
        the same, else ``predictions`` and ``targets`` (each ``from``, ``to``, ``reason``, and ``never``, labels that
        nothing leads to), ``images_left_out`` and ``share_left_out``, the mean share of the predictions.

    Raises:
        EvaluationError: No map joins the label spaces, a prediction says nothing in the common space, no image is
            left; the data are not rated as the run predicts; or one is of images and the other of vectors.
    """
    if isinstance(dataset, SequenceSet) != (run.task.name == "sequence"):
        takes, holds = ("sequences", "images") if run.task.name == "sequence" else ("images", "sequences")
        raise EvaluationError(f"{run.name} predicts {takes}, but {dataset.name} holds {holds}")
    meeting = None
    if run.task.name == "valence_arousal":
        if not set(DIMENSIONS) <= set(dataset.manifest) or dataset.manifest[list(DIMENSIONS)].isna().any(axis=None):
            raise EvaluationError(f"{run.name} predicts {run.task.title}, which not every image of {dataset.name} has")
    elif dataset.space != run.space:
        meeting = _meeting(run, dataset)
    if isinstance(dataset, FeatureSet) != run.takes_vectors:
        takes, holds = ("vectors", "images") if run.takes_vectors else ("images", "vectors")
        raise EvaluationError(f"{run.name} predicts from {takes}, but {dataset.name} holds {holds}")
    if isinstance(dataset, SequenceSet) and (lacks := what_lacks(run.config.model, dataset)):
        raise EvaluationError(f"{run.name} reads {lacks[0].wanted}, but {dataset.name} has {lacks[0].found}")
    predicted = predict_packed(run.model, inputs_of(dataset, run.config.data.image_size, progress), task=run.task)
    # Of distributions the mean of the run's own training images is no ground for other data, in other labels maybe.
    known = "constant" in run.metrics and run.task.name != DISTRIBUTION.name
    constant = np.array(run.metrics["constant"]) if known else None
    about: dict[str, Any] = {"trained_on": run.config.data.name, "seen": _seen(run, dataset), "mapped": None}
    if meeting is not None:
        shown = in_space(dataset, meeting.space)
        kept: np.ndarray = shown.kept if isinstance(shown, MappedDataset) else np.ones(len(dataset), dtype=bool)
        about["mapped"] = _told(meeting, predicted, kept)
        dataset, predicted = shown, _map_all(meeting.predicted, predicted[kept], shown)
    summary = {**summarise(dataset, predicted, run.task, constant), **about}
    return summary, prediction_frame(dataset, predicted, run.task)


def _meeting(run: Run, dataset: Dataset) -> Meeting:
    if isinstance(dataset, SequenceSet):
        raise EvaluationError(
            f"{run.name} predicts {run.space.name}, but {dataset.name} is labelled in {dataset.space.name}"
        )
    try:
        return meet(run.space, dataset.space)
    except LabelMapError as error:
        raise EvaluationError(f"{run.name} and {dataset.name} do not fit: {error}") from None


def _seen(run: Run, dataset: Dataset) -> int:
    """Count the images that the run was trained or chosen on; 0 for drawn data, whose splits have other scenes."""
    root = run.config.data.root
    if run.splits is None or root is None or not isinstance(dataset, Photographs):
        return 0
    if os.path.realpath(os.path.expanduser(root)) != os.path.realpath(dataset.root):
        return 0
    used = run.splits.loc[run.splits["split"] != "test", "id"]
    return int(dataset.manifest["id"].isin(set(used)).sum())


def _told(meeting: Meeting, predicted: np.ndarray, kept: np.ndarray) -> dict[str, Any]:
    """Say which maps were used and what they left out."""

    def told(label_map: LabelMap) -> dict[str, Any]:
        reached = label_map.matrix.sum(1) > 0
        never = [label for label, leads in zip(label_map.target.labels, reached, strict=True) if not leads]
        names = {"from": label_map.source.name, "to": label_map.target.name}
        return {**names, "reason": label_map.reason, "never": never}

    shares = predicted[kept] @ meeting.predicted.matrix.sum(0)
    return {
        "predictions": told(meeting.predicted),
        "targets": told(meeting.target),
        "images_left_out": int((~kept).sum()),
        "share_left_out": float(1 - shares.mean()) if len(shares) else 0.0,
    }


def _map_all(label_map: LabelMap, predicted: np.ndarray, dataset: Dataset) -> np.ndarray:
    if not len(dataset):
        raise EvaluationError(f"{dataset.name} {dataset.split} has no image that says anything in {dataset.space.name}")
    mapped = label_map.apply(predicted)
    silent = ~np.isfinite(mapped).all(1)
    if silent.any():
        name = dataset.manifest["id"].iloc[int(silent.argmax())]
        raise EvaluationError(
            f"the prediction for {name!r} of {dataset.name} lies wholly on labels that the map "
            f"from {label_map.source.name} to {label_map.target.name} leaves out"
        )
    return mapped


def open_test_split(run: Run) -> Dataset:
    """Open the test split of the data that a run was trained on."""
    return open_data(run.config, ("test",))["test"]


def prediction_frame(dataset: Dataset, predicted: np.ndarray, task: Task = DISTRIBUTION) -> pd.DataFrame:
    """Return the stored form of predictions: id and one float32 column for each that the task predicts.

    Of sequences a row is a step: id of the sequence, ``step``, the labels, ``vector_<label>`` and ``fine``, the number
    of the fine label.
    """
    frame = pd.DataFrame(predicted.astype(np.float32), columns=list(task.stored(dataset.space)))
    frame.insert(0, "id", dataset.manifest["id"].to_numpy())
    if isinstance(dataset, SequenceSet):
        frame.insert(1, "step", dataset.manifest["step"].to_numpy())
    return frame
