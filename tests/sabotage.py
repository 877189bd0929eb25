"""The command line with something broken in one of its processes; run as a script by tests/test_processes.py.

Fabric starts the other processes by the same command, so every process comes here and breaks what is its own.
``SABOTAGE`` names one of the functions below, ``SABOTAGED`` the process.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import fisa.commands.train
import fisa.training.loop
from fisa.__main__ import app
from fisa.config import RunConfig
from fisa.training import Prepared
from fisa.training.batches import Batch

STEP = 6
"""Of 160 images in batches of 53, four an epoch, it is in the second epoch."""


def poison() -> None:
    """Give the last sample a target that is no number; the last of a batch is in the last process's share."""
    prepare = fisa.training.prepare

    def poisoned(config: RunConfig, *arguments: Any) -> Prepared:
        prepared = prepare(config, *arguments)
        target = prepared.train.target.copy()
        target[-1, 2] = float("nan")
        return replace(prepared, train=replace(prepared.train, target=target))

    fisa.training.prepare = poisoned


def exhaust() -> None:
    """Run out of memory in a step, where the others wait for this one's gradient."""

    def give_up() -> None:
        raise MemoryError("no memory for the step")

    _in_step(give_up)


def kill() -> None:
    """Die without a word in a step."""
    _in_step(lambda: os.kill(os.getpid(), signal.SIGKILL))


def fill() -> None:
    """Refuse every write from the second checkpoint's on."""
    fsync, calls = os.fsync, 0

    def refuse(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 4:  # a flush of the file and one of its folder, for the checkpoint and for the history
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(file)

    os.fsync = refuse


def _in_step(action: Callable[[], None]) -> None:
    batches, steps = fisa.training.loop.batches, 0

    def counted(*arguments: Any) -> Iterator[Batch]:
        nonlocal steps
        for batch in batches(*arguments):
            steps += 1
            if steps == STEP:
                action()
            yield batch

    fisa.training.loop.batches = counted


if __name__ == "__main__":
    fisa.commands.train.complete = lambda run, progress: None  # grading takes longer than the training
    if os.environ.get("SABOTAGED") in ("all", os.environ.get("LOCAL_RANK", "0")):
        getattr(sys.modules[__name__], os.environ["SABOTAGE"])()
    app()
