"""The folder at which a process works by itself: what it was asked, how far it is, how it ended.

Whether it lives is told by a lock that it holds from its first moments and that the system frees when it ends, however
it ends. Its number is written down for people alone: the system gives it to another process after a while.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

INTERVAL = 0.5
"""Seconds between two words of a process about its progress."""

_HELD = 10.0  # seconds that a process waits for a lock which a reader holds for a moment

_started: dict[Path, subprocess.Popen[bytes]] = {}  # by folder; those of this process, which may not hold the lock yet


class JobError(RuntimeError):
    """Work that cannot be started, stopped or removed; the message is one clear sentence."""


class Stopped(Exception):
    """Someone asked this process to stop."""


class Desk:
    """The folder of one process; its own side and that of whoever watches.

    Args:
        folder: Made by :meth:`start`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"

    def start(self, kind: str) -> None:
        """Start the process: ``python -m fisa.jobs.process KIND FOLDER``. What an earlier one said of its end goes.

        Raises:
            JobError: It cannot be started, or the folder not be written.
        """
        package = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "fisa.jobs.process", kind, str(self.folder.absolute())]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in ("stop", "outcome.json", "progress.json"):
                (self.folder / old).unlink(missing_ok=True)
            with self.log.open("ab") as log:
                # A session of its own, so that what ends the studio (Ctrl-C in its terminal) ends the studio alone.
                _started[self.folder.absolute()] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    env={**os.environ, "PYTHONPATH": paths},
                )  # fmt: skip
        except OSError as error:
            raise JobError(f"{self.folder}: the process cannot be started ({error.strerror})") from None

    def stop(self) -> None:
        """Ask the process to stop; it does after its step."""
        with suppress(OSError):
            (self.folder / "stop").touch()

    @property
    def asked_to_stop(self) -> bool:
        """Whether someone did."""
        return (self.folder / "stop").exists()

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        own = _started.get(self.folder.absolute())
        return (own is not None and own.poll() is None) or is_held(self.folder / "lock")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; for the process itself, and for whoever must be sure that there is none.

        Raises:
            Timeout: Another process holds it.
        """
        with FileLock(self.folder / "lock", timeout=_HELD, fallback_to_soft=False):
            yield

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Put a JSON file in place at once, so that no reader finds half of it."""
        unfinished = self.folder / f".{name}.{os.getpid()}"
        unfinished.write_text(json.dumps(document, indent=1), encoding="utf-8")
        os.replace(unfinished, self.folder / name)

    def read(self, name: str) -> dict[str, Any]:
        """Return a JSON file; an empty one where it is absent or no object."""
        try:
            document = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def tail(self, lines: int) -> str:
        """Return the last lines of what the process wrote on its outputs."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def is_held(lock: Path) -> bool:
    """Tell whether a process holds a lock."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, blocking=False, fallback_to_soft=False):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may be read and not written
        return False


class Teller:
    """Writes progress down now and then, and stops the work where someone asked for it.

    Args:
        desk: Of this process.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told = 0.0
        self._document: dict[str, Any] = {"pid": os.getpid()}
        self._first = (0.0, 0)  # when the stage began to count, and from where
        self._total = -1

    def note(self, **values: Any) -> None:
        """Write something down at once, beside the progress."""
        self._document |= values
        self._tell()

    def stage(self, name: str) -> None:
        """Begin a stage of the work, which counts by itself.

        Raises:
            Stopped: Someone asked for it.
        """
        self._total = -1
        self.note(stage=name, done=0, total=0, seconds_left=None)

    def __call__(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` are done; another total, or a smaller number, counts anew.

        Raises:
            Stopped: Someone asked for it.
        """
        now = time.monotonic()
        if total != self._total or done < self._document.get("done", 0):
            self._first, self._total = (now, done), total
        began, first = self._first
        left = (total - done) * (now - began) / (done - first) if done > first else None
        self._document |= {"done": done, "total": total, "seconds_left": left}
        if now - self._told > INTERVAL:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._desk.write("progress.json", self._document)
        if self._desk.asked_to_stop:
            raise Stopped
