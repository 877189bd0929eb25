"""What must hold before a training begins: model, data and task fit, and every target can be learned."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning_fabric import seed_everything

from fisa.config import ConfigError, FeaturesBackboneConfig, RunConfig
from fisa.datasets import Dataset
from fisa.datasets.sequences import SequenceInputs, SequenceSet, inputs_of
from fisa.datasets.vectors import FeatureSet
from fisa.emotions import EmotionSpace
from fisa.evaluation import Progress, target_of
from fisa.models import System, build_model, check_rater
from fisa.models.multimodal_sequence import what_lacks
from fisa.objectives import Objective, build_objective
from fisa.tasks import TASKS, check_data, open_data, space_of
from fisa.training.batches import Split, dominant_emotions
from fisa.training.pointing import Pointing

STEPS_TRIED = 2
"""Of the sequence that tries a model."""


@dataclass(frozen=True)
class Prepared:
    """A model, an objective and data that fit together.

    Attributes:
        train, validation: Images and targets as the loop takes them.
        splits: The data sets ``train``, ``validation`` and ``test``.
    """

    config: RunConfig
    model: System
    objective: Objective
    train: Split
    validation: Split
    splits: Mapping[str, Dataset]


def prepare(config: RunConfig, progress: Progress | None = None) -> Prepared:
    """Open the data and build the model; try one batch.

    Raises:
        DataError: The data set is unknown, cannot be opened, or has a sample whose target cannot be learned.
        BackboneError: The backbone cannot be built.
        ConfigError: The system cannot do the task, the image is too small for the backbone, the backbone is not for
            such data, the system or a loss needs a wheel that the labels do not have, the data cannot give as many
            images of each emotion as ``training.per_emotion`` asks for, a batch of one image cannot be trained on, or
            labels cannot be shuffled.
    """
    size, rates = config.data.image_size, config.objective.ratings > 0
    if rates:
        check_rater(config.model)  # before the data: whoever is told to choose others first would only come back
    data = open_data(config, progress=progress)
    for split in data.values():
        check_data(config, split)
    space = space_of(config, data["train"])
    _check_emotions(config, data["train"], space)
    seed_everything(config.training.seed, verbose=False)
    model = build_model(config.model, space, ratings=rates)
    target = target_of(data["train"], space)
    if len(space):
        model.fit_labels(target)
    objective = build_objective(config.objective, target.sum(0), space)
    trial = _trial(config, data["train"])
    shape = (1, len(space)) if isinstance(trial, torch.Tensor) else (1, STEPS_TRIED, len(space))
    try:
        if config.objective.pointing:
            Pointing.check(model.eval()(trial, explain=False))
        objective(model.eval()(trial), torch.full(shape, 1 / max(len(space), 1)), torch.zeros(1, 2))
    except RuntimeError as error:
        raise ConfigError(
            f"{config.name}: the model cannot take {size} px images ({str(error).splitlines()[0]})"
        ) from None
    _check_single_images(config, model, trial, len(data["train"]))
    train, validation = (_split(data[split], space, size, rates, progress) for split in ("train", "validation"))
    if config.training.shuffle_labels:
        draw = np.random.default_rng(config.training.seed)
        train, validation = (_shuffled(config, split, draw) for split in (train, validation))
    return Prepared(config, model, objective, train, validation, data)


def _split(data: Dataset, space: EmotionSpace, size: int, rates: bool, progress: Progress | None) -> Split:
    inputs, target = inputs_of(data, size, progress), target_of(data, space)
    if isinstance(data, SequenceSet):
        return Split(inputs, data.padded(target), np.array(data.ids))
    ratings = TASKS["valence_arousal"].target(data) if rates else None
    return Split(inputs, target, data.manifest["id"].to_numpy(), ratings)


def _shuffled(config: RunConfig, split: Split, draw: np.random.Generator) -> Split:
    """Give each image the labels of another, or by chance its own: what is learned then is no knowledge of images.

    Raises:
        ConfigError: They are sequences of different lengths, so that one has not the steps that the other's labels are
            of.
    """
    if isinstance(split.images, SequenceInputs) and not split.images.exists.all():
        raise ConfigError(
            f"{config.name}: training.shuffle_labels gives a sequence the labels of another, step by step, and here "
            "they have different lengths; set it to false"
        )
    order = draw.permutation(len(split.images))
    ratings = None if split.ratings is None else split.ratings[order]
    return replace(split, target=split.target[order], ratings=ratings)


def _trial(config: RunConfig, data: Dataset) -> torch.Tensor | dict[str, torch.Tensor]:
    """Return an input of the shape that the data have.

    Raises:
        ConfigError: The data are vectors and the backbone is one for images, or for others; or the reverse; or the
            data lack what a system of sequences is to read.
    """
    backbone = config.model.backbone
    if isinstance(data, SequenceSet):
        for lack in what_lacks(config.model, data):
            raise ConfigError(f"{config.name}: {data.name} has {lack.found} of {lack.wanted}; set {lack.mend}")
        return _trial_steps(config.data.image_size, data)
    if not isinstance(data, FeatureSet):
        if isinstance(backbone, FeaturesBackboneConfig):
            raise ConfigError(f"{config.name}: the backbone features takes vectors, and {data.name} has images")
        return torch.zeros(1, 3, config.data.image_size, config.data.image_size)
    count = data.features.shape[1]
    if not isinstance(backbone, FeaturesBackboneConfig) or backbone.dimensions != count:
        raise ConfigError(
            f"{config.name}: {data.name} has vectors of {count} numbers; "
            f"set model.backbone to name: features, dimensions: {count}"
        )
    return torch.zeros(1, count)


def _trial_steps(size: int, data: SequenceSet) -> dict[str, torch.Tensor]:
    """Return a sequence of zeros in which nothing is missing."""
    there = torch.ones(1, STEPS_TRIED, dtype=torch.bool)
    inputs = {"time": torch.arange(STEPS_TRIED).float().unsqueeze(0), "frames?": there}
    inputs["frames"] = torch.zeros(STEPS_TRIED, 3, size, size)
    for name, part in data.vectors.items():
        inputs |= {name: torch.zeros(STEPS_TRIED, part.values.shape[1]), f"{name}?": there}
    for name in data.series:
        inputs |= {f"series/{name}": torch.zeros(1, STEPS_TRIED, 2), f"series/{name}?": there}
    return inputs


def _check_single_images(config: RunConfig, model: System, trial: object, images: int) -> None:
    """Raise ConfigError where a batch has one image and the system cannot be trained on one.

    So it is with batch normalisation over a map of one position: a single number has no variance.
    """
    size = config.training.batch_size
    rest = 0 if config.training.per_emotion else images % size  # of balanced batches none is smaller
    if not isinstance(trial, torch.Tensor) or 1 not in (size, images, rest):
        return
    tried = copy.deepcopy(model).train()
    if config.training.freeze_backbone:
        tried.backbone.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            tried(trial, explain=False)
    except ValueError:
        raise ConfigError(
            f"{config.name}: {images} images in batches of {size} leave one with a single image, and at "
            f"{config.data.image_size} px its map has one position, from which batch normalisation learns no variance; "
            "change training.batch_size, or raise data.image_size"
        ) from None


def _check_emotions(config: RunConfig, train: Dataset, space: EmotionSpace) -> None:
    """Raise ConfigError unless every batch can have ``per_emotion`` images of each emotion."""
    needed, size = config.training.per_emotion, config.training.batch_size
    if not needed:
        return
    if not len(space):
        raise ConfigError(f"{config.name}: training.per_emotion is {needed}, and no emotions are learned; set it to 0")
    if needed * len(train.space) > size:
        raise ConfigError(
            f"{config.name}: {needed} images of each of {len(train.space)} emotions do not fit into "
            f"training.batch_size {size}; raise it, or lower training.per_emotion"
        )
    counts = np.bincount(dominant_emotions(target_of(train)), minlength=len(train.space))
    if counts.min() < needed:
        rare = train.space.labels[int(counts.argmin())]
        raise ConfigError(
            f"{config.name}: {train.name} {train.split} has {counts.min()} images that are mostly {rare}, fewer than "
            f"training.per_emotion {needed}; lower it"
        )
