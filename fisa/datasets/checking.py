"""A check in a process of its own: started, watched, stopped and read again by whoever asks, also after a restart.

``python -m fisa.datasets.checking NAME ROOT`` is that process. What it says lies in the cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from fisa.datasets.base import DataError
from fisa.datasets.check import Report, check_dataset
from fisa.datasets.packed import cache_folder
from fisa.datasets.whole import stamp
from fisa.decoding import DecodingError

State = Literal["none", "running", "interrupted", "failed", "done"]

INTERVAL = 0.2
"""Seconds between two words of the process about its progress."""

_HELD = 10.0  # seconds that the process waits for a lock which a reader holds for a moment

_started: dict[Path, subprocess.Popen[bytes]] = {}  # by folder; those of this process, which may not hold the lock yet


@dataclass(frozen=True)
class Check:
    """What is known of the check of a data set.

    Attributes:
        state: ``none`` where there was none, ``interrupted`` where one ended before its time.
        done: Images done; of one that runs or was interrupted.
        total: Images in all, 0 where that is not known yet.
        report: What the last finished one found, or None.
        finished: When that was, in seconds since 1970.
        current: Whether lists and folders are as they were then.
        error: Why the last one failed; a sentence.
    """

    state: State
    done: int = 0
    total: int = 0
    report: Report | None = None
    finished: float = 0.0
    current: bool = False
    error: str = ""


class _Stopped(Exception):
    """Someone asked the process to stop."""


def start_check(name: str, root: Path) -> None:
    """Begin a check, unless one is running; an interrupted one goes on where it stopped.

    Args:
        name: Key in ``fisa.datasets.DATASETS``.
        root: Folder or file that holds the data set.

    Raises:
        DataError: The process cannot be started, or the cache folder not be written.
    """
    folder = _folder(name, root)
    if _runs(folder):
        return
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "fisa.datasets.checking", name, str(root)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in ("stop", "error.txt"):
            (folder / old).unlink(missing_ok=True)
        _write(folder / "progress.json", {"done": 0, "total": 0})
        with (folder / "log.txt").open("wb") as log:
            # A session of its own, so that Ctrl-C in the studio's terminal ends the studio alone.
            _started[folder] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "PYTHONPATH": paths},
            )  # fmt: skip
    except OSError as error:
        raise DataError(f"{root}: the check cannot be started ({error.strerror}); make {folder} writable") from None


def stop_check(name: str, root: Path) -> None:
    """Ask a check to stop; it does within a moment, and what it found of images is kept."""
    with suppress(OSError):
        (_folder(name, root) / "stop").touch()


def look_at_check(name: str, root: Path) -> Check:
    """Return what is known of the check of a data set; cheap enough to ask every second."""
    folder = _folder(name, root)
    running = _runs(folder)
    progress, kept = _read(folder / "progress.json"), _read(folder / "report.json")
    done, total = (int(progress.get(name, 0)) for name in ("done", "total"))
    past: dict[str, Any] = {}
    with suppress(KeyError, TypeError, ValueError):  # of another version: as if there were none
        same = kept["stamp"] == _stamp(root)
        past = {"report": Report.of_document(kept["report"]), "finished": float(kept["finished"]), "current": same}
    if running:
        return Check("running", done, total, **past)
    error = folder / "error.txt"
    if error.exists():
        return Check("failed", error=error.read_text(encoding="utf-8", errors="replace"), **past)
    if progress:
        return Check("interrupted", done, total, **past)
    return Check("done", **past) if past else Check("none")


def _folder(name: str, root: Path) -> Path:
    key = hashlib.sha256(f"{name}\0{os.path.realpath(root)}".encode(errors="surrogateescape")).hexdigest()[:24]
    return cache_folder() / "checks" / key


def _stamp(root: Path) -> str:
    return hashlib.sha256(repr(stamp(root)).encode(errors="surrogateescape")).hexdigest()[:24]


def _runs(folder: Path) -> bool:
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


def _write(file: Path, document: object) -> None:
    """Put a file in place at once, so that no reader finds half of it."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    os.replace(unfinished, file)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


class _Teller:
    """Writes progress down now and then, and stops the check where someone asked for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told < INTERVAL and done < total:
            return
        self._told = time.monotonic()
        _write(self._folder / "progress.json", {"done": done, "total": total})
        if (self._folder / "stop").exists():
            raise _Stopped


def main(name: str, root: Path) -> None:
    """Check a data set, and leave the report, or why there is none, in the cache folder."""
    folder = _folder(name, root)
    try:
        with FileLock(folder / "lock", timeout=_HELD, fallback_to_soft=False):
            _check(name, root, folder)
    except Timeout:  # another one is at it
        return


def _check(name: str, root: Path, folder: Path) -> None:
    before = _stamp(root)
    try:
        report = check_dataset(name, root, _Teller(folder))
    except _Stopped:
        return
    except (DataError, DecodingError, OSError) as error:
        (folder / "error.txt").write_text(str(error), encoding="utf-8", errors="replace")
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        (folder / "error.txt").write_text(f"{root}: the check ended early ({what})", encoding="utf-8", errors="replace")
        raise
    else:
        _write(folder / "report.json", {"report": report.document(), "stamp": before, "finished": time.time()})
        (folder / "progress.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
