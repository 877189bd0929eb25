"""A training that dies at a chosen moment; run in a process of its own by tests/test_resume.py."""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from tiny import TINY, TINY_CNN

from fisa.config import RunConfig
from fisa.training import train

CONFIG = RunConfig.model_validate(
    {"name": "killed", "model": TINY_CNN, **TINY, "training": {"epochs": 3, "batch_size": 32, "seed": 5, "lr": 0.01}}
)
STEPS = 15
"""160 images in batches of 32, three epochs."""
CHANGES = ("mkdir", "fsync", "replace", "unlink", "rmdir")
"""What changes a folder or makes a change durable, and so may be the last that a process did."""


def resume_and_die(path: Path, kind: str = "never", number: int = 0) -> None:
    """Go on with the training in ``path``; die by SIGKILL in the ``number``-th ``step`` or ``change``, if ever."""
    torch.set_num_threads(1)
    if kind == "change":
        _die_at_change(number)
    steps = 0

    def progress(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if kind == "step" and steps == number:
            _die()

    train(CONFIG, path, progress, resume=True)


def _die_at_change(number: int) -> None:
    calls = 0

    def dying(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                if change is fsync and stat.S_ISREG(os.fstat(arguments[0]).st_mode):
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)  # as if killed inside the write
                _die()
            return change(*arguments, **options)

        return call

    fsync = os.fsync
    for name in CHANGES:
        setattr(os, name, dying(getattr(os, name)))


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")
