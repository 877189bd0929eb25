"""Files and folders that appear whole or not at all: made under a hidden name of their own, then put in their place.

The name is drawn anew each time. A number of a process would not do: two threads share it, and so may two machines that
share a disk. What a kill leaves behind is removed once nobody has touched it for a day.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEFTOVER_AGE = 24 * 3600.0
"""Seconds after which a draft that nobody has written to counts as left by a process that was killed."""

_OURS = re.compile(r"\.?[0-9a-f]{32}\.unfinished")
_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if os.name == "nt" else ()


def draft_in(folder: Path) -> Path:
    """Return a name in ``folder`` that nobody else has, for a file or folder that is still being made."""
    return folder / f".{uuid.uuid4().hex}.unfinished"


def put_in_place(draft: Path, file: Path) -> None:
    """Put a draft in the place of a file at once: whoever looks finds the old file or the new one.

    Windows refuses that while somebody reads the old one, which takes a moment; it is waited for.

    Raises:
        OSError: The disk refuses.
    """
    for wait in _WAITS:
        try:
            os.replace(draft, file)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    os.replace(draft, file)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` once the block is done, and goes if it fails.

    Args:
        path: Of a folder that is not there, or is empty; folders above it are made.

    Raises:
        OSError: The disk refuses, or something else is at ``path`` by then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    draft = draft_in(path.parent)
    draft.mkdir()
    try:
        yield draft
        os.rename(draft, path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def is_draft(path: Path) -> bool:
    """Tell by its name whether something is a draft of this module."""
    return _OURS.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove the drafts in ``folder`` that nobody has written to for ``LEFTOVER_AGE``; others may still be made."""
    with suppress(OSError):
        for draft in filter(is_draft, list(folder.iterdir())):
            with suppress(OSError):
                if time.time() - _last_written(draft) <= LEFTOVER_AGE:
                    continue
                if draft.is_dir() and not draft.is_symlink():
                    shutil.rmtree(draft)
                else:
                    draft.unlink()


def _last_written(draft: Path) -> float:
    return max(each.lstat().st_mtime for each in (draft, *draft.rglob("*")))
