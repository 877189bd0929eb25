"""Runs trained each in a process of its own, with one thread, so that a crash or a kill fails that run alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from fisa.studies.plan import Cell

CONTEXT = multiprocessing.get_context("spawn")  # fork would copy threads of torch, which do not survive it
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class News:
    """What a run came to.

    Attributes:
        cell: The run.
        what: ``begun``; ``epoch``, one more is done; ``finished``; ``diverged``; or ``failed`` for any other reason.
        text: Why it failed, in one sentence.
        epoch: Number of the epoch, from 1.
        seconds: That the epoch took.
        validation: Error after the epoch, that of the run's task (KL in nats of a distribution).
    """

    cell: Cell
    what: Literal["begun", "epoch", "finished", "diverged", "failed"]
    text: str = ""
    epoch: int = 0
    seconds: float = 0.0
    validation: float = 0.0


def train_apart(cells: Sequence[Cell], folder: Path, processes: int) -> Iterator[News]:
    """Train runs in ``processes`` processes at a time, in order; a training that was interrupted goes on.

    Whoever stops to listen ends the processes; each has the checkpoint of its last epoch.

    Args:
        cells: What to train; none of it finished.
        folder: That of the study.
        processes: At least 1.
    """
    waiting, working = list(reversed(cells)), dict[Connection, _Worker]()
    try:
        while waiting or working:
            while waiting and len(working) < processes:
                worker = _Worker(waiting.pop(), folder)
                working[worker.ear] = worker
                yield News(worker.cell, "begun")
            for ear in wait(list(working)):
                news = working[ear].hear()  # type: ignore[index]
                if news.what != "epoch":
                    del working[ear]  # type: ignore[arg-type]
                yield news
    finally:
        for worker in working.values():
            worker.end()


class _Worker:
    """A process that trains one run, and what it says."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        self.cell = cell
        self.ear, mouth = CONTEXT.Pipe(duplex=False)
        arguments = (mouth, cell.config.model_dump(mode="json"), folder / cell.where)
        self._process = CONTEXT.Process(target=_work, args=arguments, name=cell.where)
        with mouth, _environment(dict.fromkeys(ONE_THREAD, "1")):
            self._process.start()

    def hear(self) -> News:
        """Wait for the next thing that it says; where it ended without a last word, say so for it."""
        try:
            told: dict[str, Any] = self.ear.recv()
        except (EOFError, OSError):
            self.end(kill=False)
            code = self._process.exitcode or 0
            how = f"killed by signal {-code}, perhaps for its memory" if code < 0 else f"exit status {code}"
            return News(self.cell, "failed", f"its process ended without a word ({how}); the same command tries again")
        if told["what"] != "epoch":
            self.end(kill=False)
        return News(self.cell, **told)

    def end(self, kill: bool = True) -> None:
        """Wait for the end of the process, which begins now if ``kill``."""
        if kill:
            self._process.terminate()
        self._process.join()
        self.ear.close()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that a process inherits; libraries read them as they are loaded."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# What follows runs in the processes.


def _work(mouth: Connection, document: dict[str, Any], path: Path) -> None:
    """Train a run and say how it goes on; the last word is how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; whoever started this process ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from fisa.studies.attempt import attempt

    def tell(epoch: int, seconds: float, validation: float) -> None:
        mouth.send({"what": "epoch", "epoch": epoch, "seconds": seconds, "validation": validation})

    with closing(mouth), suppress(BrokenPipeError):
        what, text = attempt(document, path, tell)
        mouth.send({"what": what, "text": text})


def _end_with_parent() -> None:
    """End this process when the one that started it does, killed perhaps, so that the next call can go on with it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
