"""The files under the root of a data set, found without following anything that leads out of it.

Only what stands in the listing is ever opened, so that no list of images, whatever it names, leads elsewhere.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.problems import NOTE, Problems, ordinals, shown
from fisa.images import IMAGE_SUFFIXES

TO_A_FOLDER = "is a link to a folder, which is not followed"


@dataclass(frozen=True)
class Listing:
    """What lies under a root; names are relative to it, with ``/`` between folders.

    Attributes:
        root: The folder, with links in its own path resolved.
        files: Names of all regular files, sorted; hidden ones (``.name``) and those in hidden folders are left out.
        folders: Names of all folders, sorted, likewise.
        refused: Name of a link that is not followed, or of a folder that cannot be read -> why.
    """

    root: Path
    files: pd.Index
    folders: tuple[str, ...]
    refused: dict[str, str]

    @cached_property
    def images(self) -> pd.Index:
        """Names of the files whose suffix is that of an image."""
        return self.files[self.files.str.lower().str.endswith(tuple(IMAGE_SUFFIXES))]

    def find(self, *names: str) -> str | None:
        """Return the first of ``names`` that is a file here, letters compared without case, or None."""
        for name in names:
            if name in self.files:
                return name
        return next((self._by_case[name.casefold()] for name in names if name.casefold() in self._by_case), None)

    def require(self, *names: str) -> str:
        """Return :meth:`find`, or raise DataError with what was looked for."""
        found = self.find(*names)
        if found is None:
            why = next((f"; {name} {self.refused[name]}" for name in names if name in self.refused), "")
            raise DataError(f"{self.root}: {' or '.join(names)} is missing; check the path{why}")
        return found

    def resolve(self, names: pd.Series, folders: tuple[str, ...] = ("",)) -> tuple[np.ndarray, list[str]]:
        """Find the files that a list names.

        Args:
            names: As the list has them.
            folders: Where they may lie, the first that has one taken; ``""`` is the root.

        Returns:
            ``places`` [N] in ``files`` with -1 where there is none, and what is wrong with those (else "").
        """
        plain = names.astype("str").str.removeprefix("./").reset_index(drop=True)
        places = np.full(len(plain), -1)
        for folder in folders:
            todo = np.flatnonzero(places < 0)
            below = plain.iloc[todo]
            places[todo] = self.files.get_indexer(pd.Index(f"{folder}/" + below if folder else below))
        why, texts = [""] * len(plain), plain.to_list()
        for row in ordinals(places < 0):
            places[row], why[row] = self._resolve_odd(texts[row], folders)
        return places, why

    def _resolve_odd(self, name: str, folders: tuple[str, ...]) -> tuple[int, str]:
        """Find one file by the same name in another spelling, or say what is wrong."""
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or name[1:3] in (":\\", ":/") or ".." in parts:
            return -1, "the name leads out of the data folder, or may"
        spellings = [f"{folder}/{spelt}".lstrip("/") for folder in folders for spelt in (name, "/".join(parts))]
        for spelling in spellings:
            matches = self._by_form.get(unicodedata.normalize("NFC", spelling), [])
            if len(matches) == 1:
                return matches[0], ""
            if matches:
                return -1, "two files have this name, in two Unicode normal forms, and neither is spelt as the list is"
        for spelling in spellings:
            while spelling:
                if spelling in self.refused:
                    return -1, f"{shown(spelling)} {self.refused[spelling]}"
                spelling = spelling.rpartition("/")[0]
        other = next((self._by_case[each.casefold()] for each in spellings if each.casefold() in self._by_case), None)
        return -1, f"no such image, but there is {shown(other)}" if other else "no such image"

    @cached_property
    def _by_form(self) -> dict[str, list[int]]:
        forms: dict[str, list[int]] = {}
        for place, file in enumerate(self.files.to_list()):
            forms.setdefault(unicodedata.normalize("NFC", file), []).append(place)
        return forms

    @cached_property
    def _by_case(self) -> dict[str, str]:
        return {file.casefold(): file for file in self.files.to_list()}


def list_folder(root: Path, problems: Problems) -> Listing:
    """List everything under ``root``.

    Links to folders are not followed, whether they loop, leave the root or neither; links to files are where they stay
    inside the root. No file is opened. Names that are not UTF-8 are a problem.

    Raises:
        DataError: ``root`` is no folder, or cannot be read.
    """
    try:
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; check the path")
    except OSError as error:  # a name too long, or folders above it that may not be read
        raise DataError(f"{root}: cannot be read ({error.strerror}); check the path") from None
    root = Path(os.path.realpath(root))
    files: list[str] = []
    folders: list[str] = []
    refused: dict[str, str] = {}
    todo = [""]
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if not folder:
                raise DataError(f"{root}: cannot be read ({error.strerror}); ask for read permission") from None
            refused[folder] = f"cannot be read ({error.strerror})"
            problems.add(f"folder cannot be read ({error.strerror})", "ask for read permission", image=folder)
            continue
        prefix = f"{folder}/" if folder else ""
        for entry in found:
            name = prefix + entry.name
            if not _is_utf8(entry.name):
                problems.add("the name is not UTF-8", "rename it in UTF-8", image=repr(name))
            elif entry.is_symlink():
                why = _judge_link(entry, root)
                if why:
                    refused[name] = why
                else:
                    files.append(name)
            elif entry.is_dir():
                folders.append(name)
                todo.append(name)
            elif entry.is_file():
                files.append(name)
    for name, why in refused.items():
        if why.startswith("is a link") and (why == TO_A_FOLDER or Path(name).suffix.lower() in IMAGE_SUFFIXES):
            problems.add(why, "put the files themselves there", image=name)
    return Listing(root, pd.Index(sorted(files), dtype="str"), tuple(sorted(folders)), refused)


def _judge_link(entry: os.DirEntry[str], root: Path) -> str:
    """Return why a link is not followed; empty where it leads to a file inside the root."""
    try:
        if entry.is_dir():
            return TO_A_FOLDER
        if not entry.is_file():
            return "is a link that leads nowhere"
    except OSError:
        return "is a link that leads to itself"
    target = os.path.realpath(entry.path)
    return "" if Path(target).is_relative_to(root) else "is a link that leads out of the data folder"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def same_name_in_two_forms(listing: Listing, problems: Problems) -> None:
    """Note the images whose names differ only in their Unicode normal form: lists cannot tell them apart for long."""
    counts = Counter(unicodedata.normalize("NFC", file) for file in listing.images.to_list() if not file.isascii())
    for name, count in counts.items():
        if count > 1:
            what = f"{count} files have this name, in several Unicode normal forms"
            problems.add(what, "rename all but one", image=name, kind=NOTE)
