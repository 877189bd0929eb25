"""Configurations small enough to train in a test, and a run that is not trained at all."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.models import ModelOutput, build_model
from fisa.objectives import build_objective, kl
from fisa.runs import NewRun, Run, save_run

TINY = {
    "data": {"name": "planted-tiny", "image_size": 64},
    "training": {"epochs": 2, "batch_size": 32},
}
TINY_FISA = {"name": "fisa", "dim": 16, "heads": 4, "attention_width": 16, "backbone": {"name": "plain", "width": 24}}
RATED = {"task": "valence_arousal", "objective": {"kl": 0, "ratings": 1}}
TINY_CNN = {"name": "cnn", "backbone": {"name": "plain", "width": 24}}


def save_untrained(path: Path, seed: int = 0) -> Run:
    """Save a run for 32-pixel squares with weights drawn by chance: for what happens to its numbers."""
    torch.manual_seed(seed)
    config = RunConfig.model_validate(
        {"name": "cnn", "data": {"image_size": 32}, "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8}}}
    )
    model = build_model(config.model, MIKELS8)
    empty = pd.DataFrame({"epoch": [1]})
    return save_run(path, NewRun(config, MIKELS8, model.state_dict(), empty, {}, empty, {"receptive_field": 43}))


def overfit(
    model: dict[str, Any], steps: int, objective: dict[str, Any] | None = None, lr: float = 1e-2
) -> ModelOutput:
    """Train a system on eight drawn images of 24 px, and return what it says of them in evaluation mode.

    The target of image i is mostly emotion i; :func:`memorised` says how well it is known.
    """
    torch.manual_seed(7)
    config = RunConfig.model_validate(
        {"name": "x", "model": model, "objective": objective or {}, "training": {"per_emotion": 2}}
    )
    system, loss = build_model(config.model, MIKELS8), build_objective(config.objective, [1] * 8, MIKELS8)
    system.fit_labels(TARGET.numpy())
    images = torch.randn(8, 3, 24, 24)
    optimizer = torch.optim.Adam(system.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(system.train()(images), TARGET)["total"].backward()
        optimizer.step()
    with torch.no_grad():
        output: ModelOutput = system.eval()(images)
    return output


def memorised(output: ModelOutput) -> float:
    """Return the mean KL in nats of what :func:`overfit` returned; the uniform prediction has about .9."""
    return float(kl(TARGET, output.distribution).mean())


TARGET = torch.full((8, 8), 0.04) + 0.68 * torch.eye(8)
