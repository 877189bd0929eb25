"""The command line in one of several processes, in which something may break; for tests/test_processes.py."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

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


def run(rank: int, size: int, port: int, arguments: tuple[str, ...], log: Path, sabotage: str | None) -> None:
    """Be process ``rank`` of ``size``, in the surroundings that torchrun makes; all that is said goes to ``log``.

    Args:
        rank: From 0.
        size: Number of processes, all on this machine.
        port: A free one.
        arguments: Of the command line.
        log: New file.
        sabotage: Name of a function above, or None.
    """
    places = {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    os.environ |= {name: str(value) for name, value in {**places, **shared}.items()}
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    torch.set_num_threads(1)
    _break(sabotage)
    app(arguments)


def _break(sabotage: str | None) -> None:
    fisa.commands.train.complete = lambda run, progress: None  # grading takes longer than the training
    if sabotage is not None:
        globals()[sabotage]()


if __name__ == "__main__":  # Fabric starts the other processes by the same command, so all come here
    _break("exhaust" if os.environ.get("LOCAL_RANK") == "1" else None)
    app()
