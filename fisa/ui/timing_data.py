"""A shelf of runs with many images, made for the bench ``app``: what it shows was drawn by chance."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.runs import save_run
from fisa.tasks import open_data
from fisa.training.outcome import measured

SIDE = 64
"""Of the files and of what the models see, pixels."""
DISTINCT = 64
"""Files that differ; more are further names of these, so that thousands take no room."""
VOTES = 20
_PLAIN = {"name": "plain", "width": 24}
_MODELS = {
    "fisa": {"name": "fisa", "dim": 16, "heads": 4, "attention_width": 16, "backbone": _PLAIN},
    "cnn": {"name": "cnn", "backbone": _PLAIN},
}


def crowded_shelf(folder: Path, images: int) -> Path:
    """Make two untrained runs, ``fisa`` with a map and ``cnn``, on a test split of so many voted photographs.

    Args:
        folder: Exists, and is empty.
        images: Of the test split; few more are for training and validation.

    Returns:
        The folder of the runs.
    """
    root = folder / "photographs"
    _draw(root, images)
    for name, model in _MODELS.items():
        data = {"name": "folder", "root": str(root), "image_size": SIDE}
        config = RunConfig.model_validate({"name": name, "model": model, "data": data})
        splits = open_data(config)
        torch.manual_seed(0)
        untrained = build_model(config.model, MIKELS8, pretrained=False)
        history = pd.DataFrame({"epoch": [1], "train_loss": [2.0], "validation_kl": [1.0], "seconds": [1.0]})
        run = save_run(folder / "runs" / name, measured(config, untrained, splits, history, {"seconds": 1.0}))
        if name == "fisa":
            points = np.random.default_rng(0).normal(size=(images, 2)).astype(np.float32)
            run.add_map(pd.DataFrame({"id": splits["test"].manifest["id"], "x": points[:, 0], "y": points[:, 1]}))
    return folder / "runs"


def _draw(root: Path, images: int) -> None:
    """Write a data set of layout ``folder``: JPEG files of coloured noise, and votes drawn by chance."""
    random = np.random.default_rng(0)
    root.mkdir()
    splits = ["test"] * images + ["train"] * DISTINCT + ["validation"] * DISTINCT
    names = [f"{number:05d}.jpg" for number in range(len(splits))]
    for number, name in enumerate(names):
        if number < DISTINCT:
            rough = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(rough).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(root / name, quality=90)
        else:
            os.link(root / names[number % DISTINCT], root / name)
    votes = random.multinomial(VOTES, random.dirichlet(np.ones(len(MIKELS8)), len(splits)))
    table = pd.DataFrame(votes, columns=list(MIKELS8.labels))
    table.insert(0, "image", names)
    table.assign(split=splits).to_csv(root / "manifest.csv", index=False)
