"""Tags and notes of a person on the images of a split, in one JSON file for each version of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from fisa.slices.store import SliceError, home, read_json, settled_name, slug, write_json

LONGEST_TAG, LONGEST_NOTE = 40, 2_000
_PATIENCE = 10
"""Seconds that one waits for another to write."""


@dataclass(frozen=True)
class Mark:
    """What somebody remarked on an image.

    Attributes:
        tags: Sorted, each once, on one line.
        note: Any text.
    """

    tags: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, tags: Iterable[str], note: str) -> Mark:
        """Return a mark with its tags in their settled form.

        Raises:
            SliceError: A tag of more than 40 characters or none, or a note of more than 2,000.
        """
        settled = sorted({settled_name(tag) for tag in tags})
        for tag in settled:
            if len(tag) > LONGEST_TAG:
                raise SliceError(f"A tag has at most {LONGEST_TAG} characters, not {len(tag)}")
        if len(note) > LONGEST_NOTE:
            raise SliceError(f"A note has at most {LONGEST_NOTE:,} characters, not {len(note):,}")
        return cls(tuple(settled), note)


@dataclass(frozen=True)
class Notebook:
    """The marks on one split of one version of a data set.

    Attributes:
        data: Name of the data set.
        split: Of the data set.
        version: Of the data set.
    """

    data: str
    split: str
    version: str

    @property
    def file(self) -> Path:
        """Where the marks are kept."""
        return home() / "marks" / f"{slug(self.data)}-{slug(self.split)}-{slug(self.version)}.json"

    def read(self) -> dict[str, Mark]:
        """Return the mark of every image that has one, by id.

        Raises:
            SliceError: The file cannot be read.
        """
        if not self.file.exists():
            return {}
        marks = read_json(self.file).get("marks")
        try:
            assert isinstance(marks, dict)
            return {name: Mark.of(map(_text, each["tags"]), _text(each["note"])) for name, each in marks.items()}
        except (AssertionError, KeyError, TypeError, SliceError):
            raise SliceError(f"{self.file}: holds no marks; delete it, or put back a copy") from None

    def set(self, name: str, mark: Mark) -> None:
        """Give an image its mark in place of the one it had; an empty one takes it away.

        Raises:
            SliceError: The file cannot be read or written.
        """
        self._change([name], lambda before: mark)

    def tag(self, names: Iterable[str], tag: str) -> None:
        """Add a tag to images.

        Raises:
            SliceError: No proper tag, or the file cannot be read or written.
        """
        added = Mark.of([tag], "").tags
        self._change(names, lambda before: Mark.of({*before.tags, *added}, before.note))

    def _change(self, names: Iterable[str], change: Callable[[Mark], Mark]) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.file}.lock", timeout=_PATIENCE, fallback_to_soft=False):
                marks = self.read()
                marks |= {name: change(marks.get(name, Mark())) for name in names}
                kept = {name: {"tags": each.tags, "note": each.note} for name, each in marks.items() if each != Mark()}
                about = {"data": self.data, "split": self.split, "version": self.version}
                write_json(self.file, {**about, "marks": kept})
        except Timeout:
            raise SliceError(f"{self.file}: another process writes it; try again") from None
        except OSError as error:
            raise SliceError(f"{self.file}: cannot be written ({error.strerror or error})") from None


def marks_table(marks: Mapping[str, Mark]) -> pd.DataFrame:
    """Return marks as a table: id, tags joined by semicolons, note; by id."""
    rows = [(name, "; ".join(mark.tags), mark.note) for name, mark in sorted(marks.items())]
    return pd.DataFrame(rows, columns=["id", "tags", "note"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
