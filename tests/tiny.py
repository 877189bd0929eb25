"""Configurations small enough to train in a test, and a run that is not trained at all."""

from pathlib import Path

import pandas as pd
import torch

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.runs import NewRun, Run, save_run

TINY = {
    "data": {"name": "planted-tiny", "image_size": 64},
    "training": {"epochs": 2, "batch_size": 32},
}
TINY_FISA = {"name": "fisa", "dim": 16, "heads": 4, "attention_width": 16, "backbone": {"name": "plain", "width": 24}}
TINY_CNN = {"name": "cnn", "backbone": {"name": "plain", "width": 24}}


def save_untrained(path: Path, seed: int = 0) -> Run:
    """Save a run for 32-pixel squares with weights drawn by chance: for what happens to its numbers."""
    torch.manual_seed(seed)
    config = RunConfig.model_validate(
        {"name": "cnn", "data": {"image_size": 32}, "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8}}}
    )
    model = build_model(config.model, 8)
    empty = pd.DataFrame({"epoch": [1]})
    return save_run(path, NewRun(config, MIKELS8, model.state_dict(), empty, {}, empty, {"receptive_field": 43}))
