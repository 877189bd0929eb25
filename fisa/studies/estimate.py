"""How long an epoch of a configuration takes in a study, from a few of its steps."""

from __future__ import annotations

import torch

from fisa.config import RunConfig
from fisa.evaluation import Progress
from fisa.training.estimate import estimate


def epoch_seconds(config: RunConfig, progress: Progress | None = None) -> float:
    """Time steps and predictions with one thread, as a study trains; see :func:`fisa.training.estimate.estimate`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return estimate(config, progress).epoch_seconds
    finally:
        torch.set_num_threads(threads)
