"""Named slices of a test split, one JSON file each in a folder of the person's own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from fisa.exceptions import FisaError
from fisa.slices.filters import FilterError, parse
from fisa.tables import TableError, replacing

LONGEST_NAME = 100
LONGEST_LINK = 1_800
"""Characters of a slice in a link; with more of them, browsers and mail programs begin to cut."""
_MARK = "~"


class SliceError(FisaError, ValueError):
    """A slice, or a mark on an image, that cannot be kept or read; the message is one clear sentence."""


@dataclass(frozen=True)
class Slice:
    """Some images of one split of a data set, listed by id or told by conditions.

    Attributes:
        name: As the person calls it, in NFC, on one line.
        data: Name of the data set.
        split: Of the data set.
        version: Of the data set, when the slice was made.
        ids: Of its images; empty where it has a filter.
        filter: Conditions (``fisa.slices.filters``); empty where it has ids.

    Raises:
        SliceError: No name or one that is too long, both ids and a filter or neither, or a filter that cannot be read.
    """

    name: str
    data: str
    split: str
    version: str
    ids: tuple[str, ...] = ()
    filter: str = ""

    def __post_init__(self) -> None:
        if self.name != settled_name(self.name):
            raise SliceError(f"the name {self.name!r} of a slice has spaces at its ends, line breaks or loose accents")
        if bool(self.ids) == bool(self.filter):
            raise SliceError(f"the slice {self.name!r} holds {'two kinds of' if self.ids else 'no'} images")
        try:
            parse(self.filter)
        except FilterError as error:
            raise SliceError(f"the slice {self.name!r}: {error}") from None


def settled_name(text: str) -> str:
    """Return a name as slices have it: NFC, on one line, without spaces at its ends.

    Raises:
        SliceError: Nothing is left, or more than 100 characters.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise SliceError("A slice needs a name")
    if len(name) > LONGEST_NAME:
        raise SliceError(f"The name of a slice has at most {LONGEST_NAME} characters, not {len(name)}")
    return name


def home() -> Path:
    """Return the folder of what a person keeps: $FISA_STUDIO_HOME, else the platform's folder for data of users."""
    return Path(os.environ.get("FISA_STUDIO_HOME") or platformdirs.user_data_dir("fisa-studio"))


def save_slice(one: Slice) -> Path:
    """Store a slice in place of the one of its name, and return its file; a kill leaves the old one or the new one.

    Raises:
        SliceError: The disk refuses.
    """
    file = _file(one.name, one.data, one.split)
    write_json(file, asdict(one))
    return file


def read_slice(name: str, data: str, split: str) -> Slice | None:
    """Return the slice of a name, or None where there is none.

    Raises:
        SliceError: Its file cannot be read.
    """
    file = _file(name, data, split)
    return _read(file) if os.path.exists(file) else None


def list_slices(data: str, split: str) -> tuple[list[Slice], list[SliceError]]:
    """Return the slices of a split by name, and what is wrong with files that hold none, of whatever data."""
    slices, problems = [], []
    try:
        files = sorted(_folder().glob("*.json"))
    except OSError:
        files = []
    for file in files:
        try:
            one = _read(file)
        except SliceError as error:
            problems.append(error)
        else:
            if (one.data, one.split) == (data, split):
                slices.append(one)
    return sorted(slices, key=lambda one: (one.name.casefold(), one.name)), problems


def delete_slice(one: Slice) -> None:
    """Remove a slice; one that is gone already is no fault.

    Raises:
        SliceError: The disk refuses.
    """
    file = _file(one.name, one.data, one.split)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise SliceError(f"{file}: cannot be removed ({error.strerror}); check the folder's permissions") from None


def free_name(name: str, one: Slice) -> str:
    """Return ``name``, or the first of ``name 2``, ``name 3`` ... that no slice beside ``one`` has."""
    taken = {each.name for each in list_slices(one.data, one.split)[0]}
    found, number = settled_name(name), 2
    while found in taken:
        found, number = f"{settled_name(name)[: LONGEST_NAME - 8]} {number}", number + 1
    return found


def as_link(one: Slice) -> str:
    """Return how a link names a slice: by its name and, where they are not too many, the ids of its images.

    What all ids begin with is written once: ``worst~iid-0~0017~0204`` is iid-00017 and iid-00204.
    """
    prefix = os.path.commonprefix(one.ids)  # noqa: RUF071 - letters, not folders
    parts = [_escaped(part) for part in (one.name, prefix, *(name.removeprefix(prefix) for name in one.ids))]
    text = _MARK.join(parts)
    return text if one.ids and len(text) <= LONGEST_LINK else parts[0]


def from_link(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name, and the ids if there are any, of what :func:`as_link` wrote."""
    name, *rest = [part.replace("%7E", _MARK).replace("%25", "%") for part in text.split(_MARK)]
    return name, tuple(dict.fromkeys(rest[0] + each for each in rest[1:]))


def write_json(file: Path, document: dict[str, Any]) -> None:
    """Write a document whole or not at all; SliceError where the disk refuses."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as draft:
            draft.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    except TableError as error:
        raise SliceError(str(error)) from None
    except OSError as error:
        raise SliceError(f"{file}: cannot be written ({error.strerror or error})") from None


def read_json(file: Path) -> dict[str, Any]:
    """Read a document; SliceError where that fails or it is none."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise SliceError(f"{file}: cannot be read ({error.strerror or error}); check its permissions") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SliceError(f"{file}: is damaged; delete it, or put back a copy")
    return document


def slug(text: str) -> str:
    """Return what a file's name can show of a text: a few lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:40].strip("-") or "slice"


def _folder() -> Path:
    return home() / "slices"


def _file(name: str, data: str, split: str) -> Path:
    key = json.dumps([data, split, name]).encode("ascii")
    return _folder() / f"{slug(name)}-{hashlib.sha256(key).hexdigest()[:16]}.json"


def _read(file: Path) -> Slice:
    document = read_json(file)
    ids = document.get("ids")
    texts = [document.get(key) for key in ("name", "data", "split", "version", "filter")]
    if not isinstance(ids, list) or not _are_texts([*ids, *texts]):
        raise SliceError(f"{file}: is no slice; delete it, or put back a copy")
    name, data, split, version, conditions = (str(text) for text in texts)
    try:
        return Slice(name, data, split, version, tuple(ids), conditions)
    except SliceError as error:
        raise SliceError(f"{file}: {error}; delete it, or put back a copy") from None


def _are_texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace(_MARK, "%7E")
