"""A check in a process of its own: started, watched, stopped and read again by whoever asks, also after a restart.

``python -m fisa.datasets.checking NAME ROOT`` is that process. What it says lies in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fisa.background import Progress, do_work, look_at_work, read_document, start_work, stop_work, write_document
from fisa.datasets.base import DataError
from fisa.datasets.check import Report, check_dataset
from fisa.datasets.packed import cache_folder
from fisa.datasets.whole import stamp
from fisa.decoding import DecodingError

State = Literal["none", "running", "interrupted", "failed", "done"]


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


def start_check(name: str, root: Path) -> None:
    """Begin a check, unless one is running; an interrupted one goes on where it stopped.

    Args:
        name: Key in ``fisa.datasets.DATASETS``.
        root: Folder or file that holds the data set.

    Raises:
        DataError: The process cannot be started, or the cache folder not be written.
    """
    folder = _folder(name, root)
    try:
        start_work(folder, "fisa.datasets.checking", [name, str(root)])
    except OSError as error:
        raise DataError(f"{root}: the check cannot be started ({error.strerror}); make {folder} writable") from None


def stop_check(name: str, root: Path) -> None:
    """Ask a check to stop; it does within a moment, and what it found of images is kept."""
    stop_work(_folder(name, root))


def look_at_check(name: str, root: Path) -> Check:
    """Return what is known of the check of a data set; cheap enough to ask every second."""
    folder = _folder(name, root)
    work, kept = look_at_work(folder), read_document(folder / "report.json")
    past: dict[str, Any] = {}
    with suppress(KeyError, TypeError, ValueError):  # of another version: as if there were none
        same = kept["stamp"] == _stamp(root)
        past = {"report": Report.of_document(kept["report"]), "finished": float(kept["finished"]), "current": same}
    state: State = "done" if work.state == "none" and past else work.state
    return Check(state, work.done, work.total, error=work.error, **past)


def _folder(name: str, root: Path) -> Path:
    key = hashlib.sha256(f"{name}\0{os.path.realpath(root)}".encode(errors="surrogateescape")).hexdigest()[:24]
    return cache_folder() / "checks" / key


def _stamp(root: Path) -> str:
    return hashlib.sha256(repr(stamp(root)).encode(errors="surrogateescape")).hexdigest()[:24]


def main(name: str, root: Path) -> None:
    """Check a data set, and leave the report, or why there is none, in the cache folder."""
    folder = _folder(name, root)

    def check(progress: Progress) -> None:
        before = _stamp(root)
        report = check_dataset(name, root, progress)
        document = {"report": report.document(), "stamp": before, "finished": time.time()}
        write_document(folder / "report.json", document)

    do_work(folder, check, f"{root}: the check", (DataError, DecodingError, OSError))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
