"""The working state of a training, inside its run folder until the run is finished.

``training/checkpoint`` is replaced whole after every epoch, ``training/history.csv`` follows it for whoever watches,
and ``training/lock`` is held by the process that trains. The system frees a lock when its process dies, so a training
that was killed leaves nothing stale.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout
from torch import Tensor

from fisa.drafts import is_draft
from fisa.runs.files import (
    RunError,
    digest_of,
    dump_json,
    dump_tensors,
    parse_json,
    parse_tensors,
    read_bytes,
    reason_of,
    write_whole,
)
from fisa.runs.folder import NewRun, dump_history, refuse_existing, write_files
from fisa.runs.format import DIGESTS, TRAINING

MAGIC = b"fisa-checkpoint 1 "
"""How a checkpoint begins; the SHA-256 of all after the line follows, so that nothing unchecked is parsed."""

GLANCE = 0.5
"""Seconds that a training waits for its lock, which someone who looks whether it is held holds for a moment."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped.

    Attributes:
        tensors: By name.
        document: Everything else; survives JSON.
    """

    tensors: Mapping[str, Tensor]
    document: Mapping[str, Any]


class Workspace:
    """A run folder in which this process, and no other, trains; made by :func:`working`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path / TRAINING
        self._checkpoint = self.folder / "checkpoint"

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self._checkpoint.is_file()

    def load(self) -> Checkpoint:
        """Read the checkpoint.

        Raises:
            RunError: It is damaged, or of another format.
        """
        return parse_checkpoint(read_bytes(self._checkpoint), self._checkpoint)

    def save(self, checkpoint: Checkpoint, history: pd.DataFrame) -> None:
        """Replace the checkpoint, then the live history.

        Raises:
            RunError: The disk refuses; the previous checkpoint is whole.
        """
        write_whole(self._checkpoint, dump_checkpoint(checkpoint))
        write_whole(self.folder / "history.csv", dump_history(history))

    def finish(self, new: NewRun) -> None:
        """Write the files of the run; with the last of them it is finished.

        Raises:
            RunError: The disk refuses; the checkpoint is whole.
        """
        write_files(self.path, new)


def dump_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Write a checkpoint as its file holds it."""
    document = dump_json(checkpoint.document).encode()
    body = f"{len(document)}\n".encode() + document + dump_tensors(checkpoint.tensors)
    return MAGIC + digest_of(body).encode() + b"\n" + body


def parse_checkpoint(content: bytes, file: Path) -> Checkpoint:
    """Check and parse what :func:`dump_checkpoint` wrote; ``file`` is for error messages.

    Raises:
        RunError: It is damaged, or of another format.
    """
    again = f"remove {file.parent} to begin again"
    head, _, body = content.partition(b"\n")
    if not head.startswith(MAGIC):
        raise RunError(f"{file}: no checkpoint that this version reads; {again}")
    if digest_of(body).encode() != head[len(MAGIC) :]:
        raise RunError(f"{file}: damaged, its digest is not that of its content; {again}")
    size, _, rest = body.partition(b"\n")
    document, tensors = rest[: int(size)], rest[int(size) :]
    return Checkpoint(parse_tensors(tensors, file), parse_json(document, file))


@contextmanager
def working(path: Path, resume: bool = False) -> Iterator[Workspace]:
    """Hold the run folder ``path`` for a training; on leaving, keep what a resumed training needs and nothing else.

    Args:
        path: The run folder to be.
        resume: Go on where there is a checkpoint; where there is nothing yet, begin.

    Raises:
        RunError: ``path`` is a finished run, or something else, or another process trains in it; or it holds a
            checkpoint and ``resume`` is false; or the disk refuses.
    """
    workspace = Workspace(path)
    _refuse(path, resume)
    # Never a lock that only the presence of a file stands for: that would outlive a process that was killed.
    lock = FileLock(workspace.folder / "lock", timeout=GLANCE, fallback_to_soft=False)
    try:
        workspace.folder.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except Timeout:
        raise RunError(f"{path}: another process is training in it; wait for it, or choose another --out") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({reason_of(error)})") from None
    with held:
        _refuse(path, resume)  # again: the process that held the lock may have finished
        if workspace.begun and not resume:
            raise RunError(
                f"{path}: holds a training that is not finished; go on with --resume, or choose another --out"
            )
        _sweep(path, workspace.folder)
        try:
            yield workspace
        finally:
            if not workspace.begun or (path / DIGESTS).is_file():
                _clear(workspace)


def _refuse(path: Path, resume: bool) -> None:
    if resume and (path / DIGESTS).is_file():
        raise RunError(f"{path}: already finished; there is nothing to resume")
    if (path / TRAINING).is_dir() and not (path / DIGESTS).is_file():
        return
    if not (resume and path.is_dir() and not any(path.iterdir())):
        refuse_existing(path)


def _sweep(*folders: Path) -> None:
    """Remove the drafts of a process that was killed while it wrote; nobody else writes here, as the lock is held."""
    for folder in folders:
        for draft in filter(is_draft, folder.iterdir()):
            with suppress(OSError):
                draft.unlink()


def _clear(workspace: Workspace) -> None:
    shutil.rmtree(workspace.folder, ignore_errors=True)
    with suppress(OSError):  # not empty: a finished run
        workspace.path.rmdir()
