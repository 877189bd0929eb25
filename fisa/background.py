"""Work in a process of its own: started, watched and stopped by whoever asks, also after the studio was restarted.

A folder of its own holds what is known of it: ``progress.json`` until it is done, ``error.txt`` where it failed,
``log.txt`` with what else it said; ``lock`` is held while it lives, and ``stop`` asks it to end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

Progress = Callable[[int, int], None]
State = Literal["none", "running", "interrupted", "failed"]

INTERVAL = 0.2
"""Seconds between two words of the process about its progress."""

_HELD = 10.0  # seconds that the process waits for a lock which a reader holds for a moment

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


class _Stopped(Exception):
    """Someone asked the process to stop."""


def start_work(folder: Path, module: str, arguments: Sequence[str]) -> None:
    """Begin ``python -m MODULE ARGUMENTS...``, unless work runs in ``folder``.

    Raises:
        OSError: The process cannot be started, or the folder not be written.
    """
    if is_running(folder):
        return
    package = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("stop", "error.txt"):
        (folder / old).unlink(missing_ok=True)
    write_document(folder / "progress.json", {"done": 0, "total": 0})
    with (folder / "log.txt").open("wb") as log:
        # A session of its own, so that Ctrl-C in the studio's terminal ends the studio alone.
        _started[folder] = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip


def stop_work(folder: Path) -> None:
    """Ask work to stop; it does when it next tells its progress."""
    with suppress(OSError):
        (folder / "stop").touch()


def look_at_work(folder: Path) -> Work:
    """Return what is known of the work of a folder; cheap enough to ask every second."""
    running = is_running(folder)
    progress = read_document(folder / "progress.json")
    done, total = (int(progress.get(name, 0)) for name in ("done", "total"))
    if running:
        return Work("running", done, total)
    error = folder / "error.txt"
    if error.exists():
        return Work("failed", error=error.read_text(encoding="utf-8", errors="replace"))
    return Work("interrupted", done, total) if progress else Work("none")


def is_running(folder: Path) -> bool:
    """Tell whether a process works for ``folder``, whoever started it."""
    own = _started.get(folder)
    if own is not None and own.poll() is None:
        return True
    if not (folder / "lock").exists():
        return False
    try:
        with FileLock(folder / "lock", blocking=False, fallback_to_soft=False):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may be read and not written
        return False


def do_work(folder: Path, work: Callable[[Progress], None], what: str, refusals: tuple[type[Exception], ...]) -> None:
    """Do the work that :func:`start_work` has begun, in the process that it started.

    Args:
        folder: As there.
        work: Given where to report (units done, units in all), which ends it where someone asked for that.
        what: Begins the sentence about an error that is none of ``refusals``: "PATH: the check".
        refusals: Errors whose message is a sentence for the person.
    """
    try:
        with FileLock(folder / "lock", timeout=_HELD, fallback_to_soft=False):
            _do(folder, work, what, refusals)
    except Timeout:  # another one is at it
        return


def _do(folder: Path, work: Callable[[Progress], None], what: str, refusals: tuple[type[Exception], ...]) -> None:
    error_file = folder / "error.txt"
    try:
        work(_Teller(folder))
    except _Stopped:
        return
    except refusals as error:
        error_file.write_text(str(error), encoding="utf-8", errors="replace")
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        error_file.write_text(f"{what} ended early ({words})", encoding="utf-8", errors="replace")
        raise
    else:
        (folder / "progress.json").unlink(missing_ok=True)


def write_document(file: Path, document: object) -> None:
    """Put a JSON document in place at once, so that no reader finds half of it."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    os.replace(unfinished, file)


def read_document(file: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none that can be read."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


class _Teller:
    """Writes progress down now and then, and stops the work where someone asked for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told < INTERVAL and done < total:
            return
        self._told = time.monotonic()
        write_document(self._folder / "progress.json", {"done": done, "total": total})
        if (self._folder / "stop").exists():
            raise _Stopped
