"""How long a training takes here, from a few of its steps, and how much memory."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fisa.config import RunConfig
from fisa.evaluation import Progress, predict_packed
from fisa.tasks import TASKS
from fisa.training.batches import Batch, Split, batches
from fisa.training.loop import Loop
from fisa.training.placement import launch
from fisa.training.preparation import prepare

WARM, STEPS = 2, 8
"""Steps that are not timed, for torch prepares itself in them, and those that are."""

ENOUGH = 10.0
"""Seconds of timed steps after which no further one is made."""

IMAGES = 128
"""Validation images whose prediction is timed."""


@dataclass(frozen=True)
class Estimate:
    """What a training takes on this machine, as busy as it was.

    Attributes:
        epochs: At most, for patience may end it before.
        steps: Of an epoch.
        fastest, step, slowest: Seconds of a step: the fastest, the median and the slowest of those timed.
        validation: Seconds to predict all validation images once.
        parameters: Numbers that the model learns.
        memory: Most bytes of memory that were taken, of the GPU where one is used; None where the system does not tell.
        device: Where the steps were taken, such as ``cpu``.
    """

    epochs: int
    steps: int
    fastest: float
    step: float
    slowest: float
    validation: float
    parameters: int
    memory: int | None
    device: str

    @property
    def epoch_seconds(self) -> float:
        """Seconds of an epoch with its validation."""
        return self.steps * self.step + self.validation

    @property
    def seconds(self) -> tuple[float, float, float]:
        """Seconds of all epochs if every step were like the fastest, the median and the slowest one."""
        each = (self.steps * step + self.validation for step in (self.fastest, self.step, self.slowest))
        low, likely, high = (self.epochs * seconds for seconds in each)
        return low, likely, high


def estimate(config: RunConfig, progress: Progress | None = None) -> Estimate:
    """Take a few steps of a training and time them; no run is written and no test split opened.

    Images are packed for it as for the training, which then finds them.

    Args:
        config: Of the training.
        progress: Called while images are made.

    Raises:
        ConfigError: As :func:`fisa.training.prepare`; so do the other exceptions.
        TrainingError: A loss is not finite.
    """
    data = config.data.model_copy(update={"test": "validation"})
    prepared = prepare(config.model_copy(update={"data": data}), progress)
    team = launch(config)
    loop = Loop(team, prepared)
    times: list[float] = []
    for step, batch in enumerate(_batches(config, prepared.train)):
        if step == WARM + STEPS or sum(times[WARM:]) > ENOUGH:
            break
        started = time.perf_counter()
        loop.step(step, batch)
        times.append(time.perf_counter() - started)
    timed = times[WARM:] or times[-1:]
    images = prepared.validation.images[:IMAGES]
    started = time.perf_counter()
    predict_packed(prepared.model.eval(), images, task=TASKS[config.task])
    prediction = (time.perf_counter() - started) / len(images)
    return Estimate(
        epochs=config.training.epochs,
        steps=math.ceil(len(prepared.train.images) / config.training.batch_size),
        fastest=min(timed),
        step=float(np.median(timed)),
        slowest=max(timed),
        validation=len(prepared.validation.images) * prediction,
        parameters=sum(parameter.numel() for parameter in prepared.model.parameters()),
        memory=_peak_memory(team.fabric.device),
        device=team.fabric.device.type,
    )


def _batches(config: RunConfig, train: Split) -> Iterator[Batch]:
    """Yield batches of epoch after epoch, for a tiny data set has fewer than it takes."""
    order = np.random.default_rng(config.training.seed)
    while True:
        yield from batches(train, config.training, order)


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
