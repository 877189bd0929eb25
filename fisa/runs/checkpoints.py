"""The working state of a training, inside its run folder until the run is finished.

``training/checkpoint`` is replaced whole after every epoch, ``training/history.csv`` follows it for whoever watches,
and ``training/lock`` is held by the process that trains. The system frees a lock when its process dies, so a training
that was killed leaves nothing stale.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
from torch import Tensor

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
        content = read_bytes(self._checkpoint)
        again = f"remove {self.folder} to begin again"
        head, _, body = content.partition(b"\n")
        if not head.startswith(MAGIC):
            raise RunError(f"{self._checkpoint}: no checkpoint that this version reads; {again}")
        if digest_of(body).encode() != head[len(MAGIC) :]:
            raise RunError(f"{self._checkpoint}: damaged, its digest is not that of its content; {again}")
        size, _, rest = body.partition(b"\n")
        document, tensors = rest[: int(size)], rest[int(size) :]
        return Checkpoint(parse_tensors(tensors, self._checkpoint), parse_json(document, self._checkpoint))

    def save(self, checkpoint: Checkpoint, history: pd.DataFrame) -> None:
        """Replace the checkpoint, then the live history.

        Raises:
            RunError: The disk refuses; the previous checkpoint is whole.
        """
        document = dump_json(checkpoint.document).encode()
        body = f"{len(document)}\n".encode() + document + dump_tensors(checkpoint.tensors)
        write_whole(self._checkpoint, MAGIC + digest_of(body).encode() + b"\n" + body)
        write_whole(self.folder / "history.csv", dump_history(history))

    def finish(self, new: NewRun) -> None:
        """Write the files of the run; with the last of them it is finished.

        Raises:
            RunError: The disk refuses; the checkpoint is whole.
        """
        write_files(self.path, new)


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
    try:
        workspace.folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(workspace.folder / "lock")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({reason_of(error)})") from None
    if lock is None:
        raise RunError(f"{path}: another process is training in it; wait for it, or choose another --out")
    with lock:
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


def _lock(file: Path) -> IO[bytes] | None:
    """Return the open lock file, locked, or None where another process holds it; closing it frees it."""
    while True:
        stream = file.open("ab")
        if not _try_lock(stream):
            stream.close()
            return None
        # Whoever held the lock may have removed the file before letting go; then we hold a lock on nothing.
        with suppress(OSError):
            if os.path.samestat(os.fstat(stream.fileno()), file.stat()):
                return stream
        stream.close()
        file.parent.mkdir(parents=True, exist_ok=True)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _sweep(*folders: Path) -> None:
    """Remove the drafts of a process that was killed while it wrote."""
    for folder in folders:
        for draft in folder.glob(".*"):
            with suppress(OSError):
                draft.unlink()


def _clear(workspace: Workspace) -> None:
    shutil.rmtree(workspace.folder, ignore_errors=True)
    with suppress(OSError):  # not empty: a finished run
        workspace.path.rmdir()
