"""Training: ``prepare`` checks that model, data and task fit before anything is written; one readable loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric, seed_everything
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from fisa.config import ConfigError, RunConfig, TrainingConfig
from fisa.datasets import Dataset, open_dataset
from fisa.datasets.packed import packed_images
from fisa.distances import kl
from fisa.evaluation import Progress, predict_packed, prediction_frame, summarise, target_of
from fisa.images import normalise
from fisa.models import System, build_model
from fisa.objectives import Objective, build_objective
from fisa.runs import NewRun, Run, refuse_existing, save_run


class TrainingError(RuntimeError):
    """Training that cannot go on; the message is one clear sentence."""


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; one row of ``history.csv``."""

    epoch: int
    seconds: float
    train_loss: float
    validation_kl: float
    lr: float


EpochListener = Callable[[Epoch], None]


@dataclass(frozen=True)
class Split:
    """Packed images uint8 [N, S, S, 3] with targets [N, C]."""

    images: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """A model, an objective and data that fit together."""

    config: RunConfig
    model: System
    objective: Objective
    train: Split
    validation: Split
    test: Dataset


def prepare(config: RunConfig, progress: Progress | None = None) -> Prepared:
    """Open the data and build the model; try one batch.

    Raises:
        DataError: The data set is unknown or cannot be opened.
        BackboneError: The backbone cannot be built.
        ConfigError: The image is too small for the backbone.
    """
    size = config.data.image_size
    data = {
        split: open_dataset(config.data.name, config.data.root, split, size)
        for split in ("train", "validation", "test")
    }
    space = data["train"].space
    seed_everything(config.training.seed, verbose=False)
    model = build_model(config.model, len(space))
    objective = build_objective(config.objective, target_of(data["train"]).sum(0), space)
    try:
        objective(model.eval()(torch.zeros(1, 3, size, size)), torch.full((1, len(space)), 1 / len(space)))
    except RuntimeError as error:
        raise ConfigError(
            f"{config.name}: the model cannot take {size} px images ({str(error).splitlines()[0]})"
        ) from None
    train, validation = (
        Split(packed_images(data[split], size, progress=progress), target_of(data[split]))
        for split in ("train", "validation")
    )
    return Prepared(config, model, objective, train, validation, data["test"])


def train(
    config: RunConfig, path: Path, progress: Progress | None = None, on_epoch: EpochListener | None = None
) -> Run:
    """Train, choose the best epoch on validation, evaluate once on test, write the run folder.

    Args:
        config: What to train.
        path: The run folder to be; must not exist.
        progress: Called with (steps done, steps in all), data preparation counted by itself.
        on_epoch: Called after each epoch.

    Raises:
        RunError: ``path`` exists or cannot be written.
        TrainingError: The loss is not finite.
    """
    refuse_existing(path)
    started = time.monotonic()
    prepared = prepare(config, progress)
    fabric = Fabric(accelerator="auto", devices=1)
    best, history = _fit(fabric, prepared, progress, on_epoch)
    prepared.model.load_state_dict(best)
    test = prepared.test
    images = packed_images(test, config.data.image_size, progress=progress)
    predicted = predict_packed(prepared.model.eval(), images)
    provenance = {
        "seed": config.training.seed,
        "data": {"name": test.name, "version": test.version},
        "parameters": sum(parameter.numel() for parameter in prepared.model.parameters()),
        "receptive_field": prepared.model.backbone.receptive_field,
        "seconds": round(time.monotonic() - started, 1),
        "best_epoch": min(history, key=lambda epoch: epoch.validation_kl).epoch,
        "device": str(fabric.device),
        "vote_order": prepared.objective.order.tolist(),
    }
    return save_run(
        path,
        NewRun(
            config=config,
            space=test.space,
            state=best,
            history=pd.DataFrame(history),
            metrics=summarise(test, predicted),
            predictions=prediction_frame(test, predicted),
            provenance=provenance,
        ),
    )


def _fit(
    fabric: Fabric, prepared: Prepared, progress: Progress | None, on_epoch: EpochListener | None
) -> tuple[dict[str, Tensor], list[Epoch]]:
    """Return the state with the lowest validation KL, and the history."""
    settings = prepared.config.training
    steps = math.ceil(len(prepared.train.images) / settings.batch_size)
    model = prepared.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(model, settings)
    scheduler = build_schedule(optimizer, settings, steps * settings.epochs)
    model, optimizer = fabric.setup(model, optimizer)
    objective = prepared.objective.to(fabric.device)
    order = np.random.default_rng(settings.seed)
    best: dict[str, Tensor] = {}
    history: list[Epoch] = []
    for epoch in range(settings.epochs):
        started, losses = time.monotonic(), []
        model.train()
        for step, (images, target) in enumerate(_batches(prepared.train, settings, order)):
            output = model(fabric.to_device(images))
            loss = objective(output, fabric.to_device(target))["total"]
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"{prepared.config.name}: the loss became {loss.item()} in epoch {epoch + 1}; lower lr"
                )
            optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            fabric.clip_gradients(model, optimizer, max_norm=settings.gradient_clip)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if progress is not None:
                progress(epoch * steps + step + 1, settings.epochs * steps)
        predicted = predict_packed(model.eval(), prepared.validation.images)
        error = float(kl(prepared.validation.target, predicted).mean())
        seconds = time.monotonic() - started
        history.append(Epoch(epoch + 1, seconds, float(np.mean(losses)), error, float(scheduler.get_last_lr()[0])))
        if on_epoch is not None:
            on_epoch(history[-1])
        best_epoch = min(history, key=lambda past: past.validation_kl)
        if best_epoch is history[-1]:
            best = copy.deepcopy(model.module.state_dict())
        elif settings.patience is not None and len(history) - best_epoch.epoch >= settings.patience:
            break
    return best, history


def build_optimizer(model: nn.Module, settings: TrainingConfig) -> torch.optim.Optimizer:
    """Build the optimiser; weight decay falls on parameters of two or more dimensions.

    Norms and the biases of layers are free; the bias of the class projection and the null values are not.
    """
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    free = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=0.9)
    if settings.optimizer == "adamax":
        return torch.optim.Adamax(groups, lr=settings.lr)
    return torch.optim.AdamW(groups, lr=settings.lr)


def build_schedule(optimizer: torch.optim.Optimizer, settings: TrainingConfig, steps: int) -> LRScheduler:
    """Build the learning-rate schedule over ``steps`` optimiser steps."""
    if settings.schedule == "onecycle":
        return OneCycleLR(optimizer, max_lr=settings.lr, total_steps=steps + 1, pct_start=0.3, div_factor=10)
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=steps)
    return LambdaLR(optimizer, lambda step: 1.0)


def _batches(split: Split, settings: TrainingConfig, order: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled, augmented batches: images float32 [B, 3, S, S] and targets float32 [B, C]."""
    indices = order.permutation(len(split.images))
    for start in range(0, len(indices), settings.batch_size):
        chosen = np.sort(indices[start : start + settings.batch_size])
        images = augment(split.images[chosen], order, settings.flip, settings.shift)
        batch = torch.from_numpy(normalise(images)).contiguous(memory_format=torch.channels_last)
        yield batch, torch.from_numpy(split.target[chosen]).float()


def augment(images: np.ndarray, order: np.random.Generator, flip: bool, shift: int) -> np.ndarray:
    """Mirror half of the images and move each by up to ``shift`` px, edges repeated; uint8 [B, S, S, 3]."""
    count, side = images.shape[:2]
    if flip:
        mirrored = np.asarray(order.random(count) < 0.5)
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    if shift:
        padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
        corners = order.integers(0, 2 * shift + 1, size=(count, 2))
        images = np.stack(
            [image[top : top + side, left : left + side] for image, (top, left) in zip(padded, corners, strict=True)]
        )
    return np.ascontiguousarray(images)
