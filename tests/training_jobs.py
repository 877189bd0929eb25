"""A training of seconds, and its work done in the process of a test."""

from pathlib import Path

from tiny import TINY, TINY_CNN

from fisa.config import RunConfig
from fisa.jobs import process

EPOCHS = 3
CONFIG = RunConfig.model_validate(
    {"name": "job", "model": TINY_CNN, **TINY, "training": {"epochs": EPOCHS, "batch_size": 32}}
)
STEPS = 5 * EPOCHS
"""160 images in batches of 32."""


def do_here(path: Path) -> int:
    """Do in this process what the one of a training does."""
    return process.main("train", path / "job")
