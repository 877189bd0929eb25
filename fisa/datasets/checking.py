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
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fisa.background import Desk, Teller, sentence
from fisa.datasets.base import DataError
from fisa.datasets.check import Report, check_dataset
from fisa.datasets.packed import cache_folder
from fisa.datasets.whole import stamp

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
    desk = _desk(name, root)
    try:
        desk.start("fisa.datasets.checking", name, str(root))
    except OSError as error:
        words = f"{root}: the check cannot be started ({error.strerror}); make {desk.folder} writable"
        raise DataError(words) from None


def stop_check(name: str, root: Path) -> None:
    """Ask a check to stop; it does within a moment, and what it found of images is kept."""
    _desk(name, root).stop()


def look_at_check(name: str, root: Path) -> Check:
    """Return what is known of the check of a data set; cheap enough to ask every second."""
    desk = _desk(name, root)
    work, kept = desk.look(), desk.read("report.json")
    past: dict[str, Any] = {}
    with suppress(KeyError, TypeError, ValueError):  # of another version: as if there were none
        same = kept["stamp"] == _stamp(root)
        past = {"report": Report.of_document(kept["report"]), "finished": float(kept["finished"]), "current": same}
    state: State = "done" if work.state == "none" and past else work.state
    return Check(state, work.done, work.total, error=work.error, **past)


def _desk(name: str, root: Path) -> Desk:
    key = hashlib.sha256(f"{name}\0{os.path.realpath(root)}".encode(errors="surrogateescape")).hexdigest()[:24]
    return Desk(cache_folder() / "checks" / key)


def _stamp(root: Path) -> str:
    return hashlib.sha256(repr(stamp(root)).encode(errors="surrogateescape")).hexdigest()[:24]


def main(name: str, root: Path) -> None:
    """Check a data set, and leave the report, or why there is none, in the cache folder."""
    desk = _desk(name, root)

    def check() -> None:
        before = _stamp(root)
        report = check_dataset(name, root, Teller(desk))
        desk.write("report.json", {"report": report.document(), "stamp": before, "finished": time.time()})

    desk.do(check, partial(sentence, what=f"{root}: the check"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
