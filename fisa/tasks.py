"""What a run learns and is measured by: everything that differs between tasks, a row for each in ``TASKS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fisa.config import RunConfig, TaskName
from fisa.datasets import SPLITS, DataError, Dataset, Photographs, open_configured
from fisa.datasets.sequences import SequenceSet
from fisa.distances import kl
from fisa.emotions import DIMENSIONS, RATINGS, EmotionSpace
from fisa.language import mark
from fisa.metrics import evaluate
from fisa.models import ModelOutput
from fisa.ratings import evaluate_ratings

TOLERANCE = 1e-3
"""How far the description degrees of a sample may be from summing to 1."""

STORED_TOLERANCE = 1e-4
"""How far the sum of a stored distribution may be from 1; it is stored as float32."""


@dataclass(frozen=True)
class Task:
    """One task. Targets and predictions are float64 [N, columns].

    Attributes:
        name: Key in ``TASKS``.
        title: What is predicted, in words.
        columns: From the label space to the columns of the manifest that are the target, and of stored predictions.
        output: What of a model's output is the prediction, [B, columns].
        settle: Puts raw predictions where targets can be.
        wrong_target: Which rows of targets cannot be learned, bool [N].
        wrong_stored: Which rows of stored predictions cannot be the program's, bool [N].
        refusal: What is said of a wrong target, after the sample.
        stored_refusal: What is said of a wrong prediction; ``{space}`` stands for the label space.
        error: Short name of the validation number that chooses the epoch, the lowest; ``validation_<error>`` in the
            history.
        error_title: How people call it, with its unit.
        validate: (target, predicted) to that number.
        extra: From the label space to what is stored of a prediction after ``columns``.
        measure: (target, predicted) to the measures of tables.
    """

    name: TaskName
    title: str
    columns: Callable[[EmotionSpace], tuple[str, ...]]
    output: Callable[[ModelOutput], Tensor]
    settle: Callable[[np.ndarray], np.ndarray]
    wrong_target: Callable[[np.ndarray], np.ndarray]
    wrong_stored: Callable[[np.ndarray], np.ndarray]
    refusal: str
    stored_refusal: str
    error: str
    error_title: str
    validate: Callable[[np.ndarray, np.ndarray], float]
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float]]
    extra: Callable[[EmotionSpace], tuple[str, ...]] = lambda space: ()

    def stored(self, space: EmotionSpace) -> tuple[str, ...]:
        """Return the columns of stored predictions."""
        return (*self.columns(space), *self.extra(space))

    @property
    def history(self) -> tuple[str, ...]:
        """Columns of a run's history."""
        return ("epoch", "seconds", "train_loss", f"validation_{self.error}", "lr")

    def target(self, dataset: Dataset) -> np.ndarray:
        """Return what a data set says, [N, columns]; of sequences, a row a step."""
        return dataset.manifest[list(self.columns(dataset.space))].to_numpy(float)

    def constant(self, train: Dataset) -> np.ndarray:
        """Return what the constant predictor says of every image, [columns]: the mean of the training targets.

        No other constant has a lower training KL(target || q), or a lower squared error.
        """
        return np.asarray(self.target(train).mean(0))

    def check(self, dataset: Dataset) -> None:
        """Raise DataError, naming the sample, unless every target can be learned."""
        target = self.target(dataset)
        wrong = self.wrong_target(target)
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"{dataset.name} {dataset.split}: the {self.title} of sample {dataset.manifest['id'].iloc[row]!r} "
                f"{self.refusal} ({', '.join(f'{number:.4g}' for number in target[row])}); mend or remove it"
            )


def _no_distribution(rows: np.ndarray, tolerance: float) -> np.ndarray:
    right = np.isfinite(rows).all(1) & (rows >= 0).all(1) & (abs(rows.sum(1) - 1) <= tolerance)
    return np.asarray(~right)


def _no_ratings(rows: np.ndarray) -> np.ndarray:
    return np.asarray(~(abs(rows) <= 1).all(1))  # of nan, too


def _ratings(output: ModelOutput) -> Tensor:
    assert output.ratings is not None  # prepare and load_run give the model its head
    return output.ratings


def _steps(output: ModelOutput) -> Tensor:
    """Join what is predicted of a step: distribution, emotion vector, and the number of the fine label."""
    fine = output.extras["fine"].argmax(-1, keepdim=True).to(output.distribution.dtype)
    return torch.cat([output.distribution, output.extras["vector"], fine], dim=-1)


def _settled_steps(rows: np.ndarray) -> np.ndarray:
    distribution = rows[:, : rows.shape[1] // 2]
    return np.hstack([distribution / distribution.sum(1, keepdims=True), rows[:, rows.shape[1] // 2 :]])


def _squared_error(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(((target - predicted) ** 2).mean())


TASKS: Mapping[TaskName, Task] = MappingProxyType(
    {
        "distribution": Task(
            name="distribution",
            title=mark("description degrees"),
            columns=lambda space: space.labels,
            output=lambda output: output.distribution,
            settle=lambda rows: rows / rows.sum(1, keepdims=True),
            wrong_target=lambda rows: _no_distribution(rows, TOLERANCE),
            wrong_stored=lambda rows: _no_distribution(rows, STORED_TOLERANCE),
            refusal="are no distribution",
            stored_refusal="a row is no distribution over {space}",
            error="kl",
            error_title="KL in nats",
            validate=lambda target, predicted: float(kl(target, predicted).mean()),
            measure=evaluate,
        ),
        "valence_arousal": Task(
            name="valence_arousal",
            title=mark("valence and arousal"),
            columns=lambda space: DIMENSIONS,
            output=_ratings,
            settle=lambda rows: rows.clip(-1, 1),
            wrong_target=_no_ratings,
            wrong_stored=_no_ratings,
            refusal="are not in -1 to 1",
            stored_refusal="a rating is not in -1 to 1",
            error="mse",
            error_title="mean squared error",
            validate=_squared_error,
            measure=evaluate_ratings,
        ),
        "sequence": Task(
            name="sequence",
            title=mark("description degrees"),
            columns=lambda space: space.labels,
            output=_steps,
            settle=_settled_steps,
            wrong_target=lambda rows: _no_distribution(rows, TOLERANCE),
            wrong_stored=lambda rows: _no_distribution(rows[:, : rows.shape[1] // 2], STORED_TOLERANCE),
            refusal="are no distribution",
            stored_refusal="a row is no distribution over {space}",
            error="kl",
            error_title="KL of a step in nats",
            validate=lambda target, predicted: float(kl(target, predicted[:, : target.shape[1]]).mean()),
            measure=lambda target, predicted: evaluate(target, predicted[:, : target.shape[1]]),
            extra=lambda space: (*(f"vector_{label}" for label in space.labels), "fine"),
        ),
    }
)
"""Name -> what differs."""


def space_of(config: RunConfig, data: Dataset) -> EmotionSpace:
    """Return the emotions that a run learns of: those of its data, or none.

    Raises:
        DataError: It is to learn emotions, and the data have none.
    """
    if not config.objective.learns_emotions:
        return RATINGS
    if not len(data.space):
        raise DataError(
            f"{data.name} rates valence and arousal only: it has no distribution of emotions to learn; set task: "
            "valence_arousal, objective.ratings to 1 and every other weight, such as objective.kl, to 0"
        )
    return data.space


def open_data(
    config: RunConfig, splits: Sequence[str] = SPLITS, progress: Callable[[int, int], None] | None = None
) -> dict[str, Dataset]:
    """Open splits of the data of a run, every image of which has the ratings that it learns.

    Raises:
        DataError: See ``fisa.datasets.open_splits``.
    """
    return open_configured(config.data, splits, progress, DIMENSIONS if config.objective.ratings else ())


def check_data(config: RunConfig, dataset: Dataset) -> None:
    """Raise DataError, naming the sample, unless a run can learn every target of ``dataset``."""
    holds = isinstance(dataset, SequenceSet)
    if holds != (config.task == "sequence"):
        mend = "task: sequence and model.name: multimodal_sequence" if holds else "data.name: planted-sequences"
        raise DataError(f"{config.name}: {dataset.name} holds {'sequences' if holds else 'single images'}; set {mend}")
    if len(space_of(config, dataset)):
        TASKS["distribution"].check(dataset)
    if config.objective.ratings:
        TASKS["valence_arousal"].check(dataset)


def ranges_of(dataset: Dataset) -> dict[str, Any]:
    """Return the original range of valence and arousal, [low, high] each, where the data state it."""
    return {name: list(limits) for name, limits in dataset.ranges.items()} if isinstance(dataset, Photographs) else {}
