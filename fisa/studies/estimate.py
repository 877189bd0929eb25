"""How long an epoch of a configuration takes here, from a few of its steps."""

from __future__ import annotations

import math
import time

import numpy as np
import torch

from fisa.config import RunConfig
from fisa.evaluation import Progress, predict_packed
from fisa.training import launch, prepare
from fisa.training.batches import batches
from fisa.training.loop import Loop

STEPS = 3
"""Steps that are timed, after one that is not; the median counts."""

IMAGES = 128
"""Validation images whose prediction is timed."""


def epoch_seconds(config: RunConfig, progress: Progress | None = None) -> float:
    """Time steps and predictions with one thread, as a study trains; nothing is written and no test split opened.

    Raises:
        ConfigError: As :func:`fisa.training.prepare`; so do the other exceptions.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = config.data.model_copy(update={"test": "validation"})
        prepared = prepare(config.model_copy(update={"data": data}), progress)
        loop = Loop(launch(config), prepared)
        drawn = batches(prepared.train, config.training, np.random.default_rng(0), slice)
        times = []
        for step, batch in zip(range(STEPS + 1), drawn, strict=False):
            started = time.perf_counter()
            loop.step(step, batch)
            times.append(time.perf_counter() - started)
        images = prepared.validation.images[:IMAGES]
        started = time.perf_counter()
        predict_packed(prepared.model.eval(), images)
        prediction = (time.perf_counter() - started) / len(images)
    finally:
        torch.set_num_threads(threads)
    steps = math.ceil(len(prepared.train.images) / config.training.batch_size)
    return steps * float(np.median(times[1:] or times)) + len(prepared.validation.images) * prediction
