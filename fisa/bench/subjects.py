"""What a bench measures: FISA and the bare network it stands on, untrained, with images drawn by chance.

Bare is the same backbone, cut at the same stage, then pooling and a linear layer. How long a network takes does not
depend on its weights.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fisa.bench.report import BenchError
from fisa.config import CnnConfig, FisaConfig, ModelConfig, RunConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.objectives import build_objective
from fisa.runs import NewRun, Run, save_run
from fisa.training.batches import Batch, Split, batches
from fisa.training.loop import Loop
from fisa.training.placement import launch
from fisa.training.preparation import Prepared

SYSTEMS = ("fisa", "bare")
DISTINCT = 64
"""Generated files that differ; more are further names of these, so that thousands take no room."""
PHOTOGRAPH = (480, 640)
"""Height and width of generated files in pixels."""


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often.

    Attributes:
        backbone: ``plain``, that of the shipped runs, or ``NETWORK:STAGE`` of torchvision, such as ``resnet18:layer3``.
        image_size: Side in pixels of what the model sees.
        batch_size: Images at once.
        images: Files that are predicted in each round; ten times as many for the pipeline, and to be read as data.
        most: Files of the larger measurement of memory, and ten times its explanations.
        rounds: How often each call is timed.
        threads: Of torch.
        data: Data set whose files are read; None generates some.
        root: Where it lies.
    """

    backbone: str = "plain"
    image_size: int = 96
    batch_size: int = 32
    images: int = 200
    most: int = 20_000
    rounds: int = 15
    threads: int = 1
    data: str | None = None
    root: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the settings for a report; threads stand with the machine."""
        return asdict(self)

    def config(self, system: str) -> RunConfig:
        """Return the configuration of ``fisa`` (as configs/fisa.yaml, but for the backbone) or ``bare``."""
        model: ModelConfig
        if system == "fisa":
            model = FisaConfig.model_validate({"backbone": self._backbone(), "dim": 64, "heads": 8})
        else:
            model = CnnConfig.model_validate({"name": "cnn", "backbone": self._backbone()})
        sections = {
            "name": system,
            "data": {"image_size": self.image_size},
            "model": model,
            "objective": {"kl": 1.0, "evidence": 1.0 if system == "fisa" else 0.0},
            "training": {"batch_size": self.batch_size, "schedule": "constant"},
        }
        return RunConfig.model_validate(sections)

    def _backbone(self) -> dict[str, Any]:
        if self.backbone == "plain":
            return {"name": "plain", "width": 96, "depth": 1}
        network, separator, stage = self.backbone.partition(":")
        if not separator:
            raise BenchError(f"--backbone {self.backbone}: expected plain or NETWORK:STAGE, such as resnet18:layer3")
        return {"name": "torchvision", "network": network, "stage": stage}


def pictures(count: int, size: int) -> list[np.ndarray]:
    """Return uint8 RGB squares [size, size, 3] of noise."""
    return list(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


@contextmanager
def untrained_runs(settings: Settings) -> Iterator[dict[str, Run]]:
    """Yield a run of each system, as it would be after a training, in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="fisa-bench-") as folder:
        yield {system: _untrained(Path(folder) / system, settings.config(system)) for system in SYSTEMS}


def _untrained(path: Path, config: RunConfig) -> Run:
    torch.manual_seed(0)
    model = build_model(config.model, MIKELS8, pretrained=False)
    empty = pd.DataFrame({"epoch": [1]})
    told = {"receptive_field": model.backbone.receptive_field}
    return save_run(path, NewRun(config, MIKELS8, model.state_dict(), empty, {}, empty, told))


@contextmanager
def photographs(count: int) -> Iterator[Path]:
    """Yield a folder of so many JPEG files, which goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="fisa-bench-") as name:
        folder = Path(name)
        random = np.random.default_rng(0)
        for number in range(count):
            file = folder / f"{number}.jpg"
            if number < DISTINCT:
                # Fine noise would not have the size of a photograph.
                rough = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
                Image.fromarray(rough).resize(PHOTOGRAPH[::-1], Image.Resampling.BICUBIC).save(file, quality=90)
            else:
                os.link(folder / f"{number % DISTINCT}.jpg", file)
        yield folder


def training(settings: Settings, system: str) -> tuple[Loop, Batch]:
    """Return a training of random images, and its first batch."""
    config = settings.config(system)
    torch.manual_seed(0)
    target = np.random.default_rng(0).dirichlet(np.ones(len(MIKELS8)), settings.batch_size)
    split = Split(
        np.stack(pictures(settings.batch_size, settings.image_size)), target, np.arange(settings.batch_size).astype(str)
    )
    model = build_model(config.model, MIKELS8, pretrained=False)
    objective = build_objective(config.objective, target.sum(0), MIKELS8)
    loop = Loop(launch(config), Prepared(config, model, objective, split, split, {}))
    return loop, next(batches(split, config.training, np.random.default_rng(0)))
