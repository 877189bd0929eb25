"""Work in a process of its own: started, watched and stopped by whoever asks, also after the studio was restarted.

The folder at which a process works holds what is known of it: ``progress.json``, how far it is; ``outcome.json``, how
it ended; ``log.txt``, what else it said; ``lock``, held while it lives; ``stop``, which asks it to end.
Whether it lives is told by the lock, which it holds from its first moments and which the system frees when it ends,
however it ends. Its number is written down for people alone: the system gives it to another process after a while.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from filelock import FileLock, Timeout

from fisa.drafts import draft_in, put_in_place, remove_leftovers
from fisa.exceptions import FisaError

Progress = Callable[[int, int], None]
State = Literal["none", "running", "interrupted", "failed"]

INTERVAL = 0.2
"""Seconds between two words of a process about its progress."""

_HELD = 10.0  # seconds that a process waits for a lock which a reader holds for a moment

_GLANCE = 0.02  # seconds for which a lock that somebody else holds is tried again

_looking = threading.Lock()
_starting = threading.Lock()
_started: dict[Path, subprocess.Popen[bytes]] = {}  # by folder; those of this process, which may not hold the lock yet


@dataclass(frozen=True)
class Work:
    """What is known of work in a process of its own.

    Attributes:
        state: ``none`` where there is nothing to tell, which is also so once it is done; ``interrupted`` where it
            ended before its time.
        done: Units done; of work that runs or was interrupted.
        total: Units in all, 0 where that is not known yet.
        error: Why it failed; a sentence.
    """

    state: State
    done: int = 0
    total: int = 0
    error: str = ""


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

    def start(self, module: str, *arguments: str) -> None:
        """Start ``python -m MODULE ARGUMENTS...``, unless work runs here. What an earlier one said of its end goes.

        Raises:
            OSError: The process cannot be started, or the folder not be written.
        """
        with _starting:  # two sessions of the studio may ask at a time
            if self.runs:
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in ("stop", "outcome.json"):
                (self.folder / old).unlink(missing_ok=True)
            self.write("progress.json", {"done": 0, "total": 0})
            with self.log.open("ab") as log:
                _started[self.folder.absolute()] = _process(module, arguments, log)

    def do(self, work: Callable[[], Mapping[str, Any] | None], say: Callable[[Exception], str]) -> int:
        """Do the work that :meth:`start` has begun, in the process that it started, and write down how it ended.

        Args:
            work: What to do; what it returns is written down, too. A :class:`Teller` in it ends it on request.
            say: Says what went wrong, for the person. Errors that are not of this package are traced in the log.

        Returns:
            The exit status: 0, or 1 where it failed or another process is at it.
        """
        try:
            with self.held():
                remove_leftovers(self.folder)
                outcome = _outcome(work, say)
                self.write("outcome.json", {**outcome, "ended": time.time()})
        except Timeout:
            return 1
        return int(outcome["state"] == "failed")

    def stop(self) -> None:
        """Ask the process to stop; it does when it next tells its progress."""
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

    def look(self) -> Work:
        """Return what is known of the work; cheap enough to ask every second."""
        # First of all: a process writes down how it ended before it lets go of its lock.
        running = self.runs
        told, outcome = self.read("progress.json"), self.read("outcome.json")
        done, total = whole(told.get("done")), whole(told.get("total"))
        if running:
            return Work("running", done, total)
        state = outcome.get("state")
        if state == "failed":
            return Work("failed", error=str(outcome.get("reason", "")))
        return Work("interrupted", done, total) if told and state != "finished" else Work("none")

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
        self.put(name, json.dumps(document))

    def put(self, name: str, text: str) -> None:
        """Put a text in place at once; OSError where the disk refuses, which leaves what was there."""
        draft = draft_in(self.folder)
        try:
            draft.write_text(text, encoding="utf-8")
            put_in_place(draft, self.folder / name)
        finally:
            draft.unlink(missing_ok=True)

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


def _process(module: str, arguments: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    package = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    # A session of its own, so that what ends the studio (Ctrl-C in its terminal) ends the studio alone; Windows calls
    # that a group, and knows the flag alone.
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        start_new_session=True, creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


def whole(value: object) -> int:
    """Return a whole number of a document, 0 where it is none."""
    return value if isinstance(value, int) else 0


def is_held(lock: Path) -> bool:
    """Tell whether a process holds a lock, for longer than the moment for which another one looks."""
    if not lock.exists():
        return False
    with _looking:  # the threads of this process in turn, for each that looks holds the lock
        try:
            with FileLock(lock, timeout=_GLANCE, poll_interval=_GLANCE / 10, fallback_to_soft=False):
                return False
        except Timeout:
            return True
        except OSError:  # a folder that may be read and not written
            return False


def sentence(error: Exception, what: str) -> str:
    """Return in one sentence what went wrong; the message itself of an error of this package.

    Args:
        error: Whatever ended the work.
        what: Begins the sentence about an error of anybody else: "PATH: the check".
    """
    text = " ".join(str(error).split())
    if isinstance(error, FisaError):
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"in {Path(last.filename).name}, line {last.lineno}"
    return f"{what} ended early, {place} ({type(error).__name__}: {text[:160]})"


def _outcome(work: Callable[[], Mapping[str, Any] | None], say: Callable[[Exception], str]) -> dict[str, Any]:
    try:
        return {"state": "finished", "reason": "", **(work() or {})}
    except Stopped:
        return {"state": "paused", "reason": ""}
    except Exception as error:  # whatever it is, whoever watches is told in a sentence
        if not isinstance(error, FisaError):
            traceback.print_exc()
        return {"state": "failed", "reason": say(error)}


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
