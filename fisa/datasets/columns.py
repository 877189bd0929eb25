"""What the headers of a list mean: which label a column or a class name is, and which label space all of them are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from fisa.datasets.base import DataError
from fisa.emotions import SPACES, EmotionSpace

IMAGE = ("image", "path", "file", "filename", "file_name", "image_path", "image_name", "images-name", "name", "img")
LABEL = ("label", "emotion", "class")
SPLIT = ("split", "set", "subset")

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of a split that are understood, letters without case -> ours."""

_OTHER_NAMES = {
    "content": ("contentment",),
    "sad": ("sadness",),
    "angry": ("anger",),
    "happy": ("joy", "happiness"),
    "happiness": ("joy",),
    "joy": ("happiness",),
    "neutral": ("neither",),
}

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_SCALE = re.compile(rf"(valence|arousal)\s*[(\[]\s*{_NUMBER}\s*(?:to|,|:|\.\.|–)\s*{_NUMBER}\s*[)\]]", re.IGNORECASE)


def label_of(name: str, space: EmotionSpace) -> str | None:
    """Return the label of ``space`` that a column or class name stands for, or None."""
    plain = name.strip().strip("'\"").strip().casefold()
    return next((each for each in (plain, *_OTHER_NAMES.get(plain, ())) if each in space.labels), None)


def labels_of(names: Sequence[str], space: EmotionSpace) -> dict[str, str]:
    """Return label -> the first of ``names`` that stands for it."""
    found: dict[str, str] = {}
    for name in names:
        label = label_of(name, space)
        if label is not None:
            found.setdefault(label, name)
    return found


def find_column(header: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the column that one of ``known`` names, earlier ones first, letters compared without case."""
    plain = {name.casefold(): name for name in reversed(header)}
    return next((plain[name] for name in known if name in plain), None)


def find_scales(header: Sequence[str]) -> dict[str, tuple[str, tuple[float, float]]]:
    """Return valence and arousal -> (column, range), as headers such as ``valence (1 to 9)`` say it.

    A header without a range stands for the common one, -1 to 1.
    """
    found: dict[str, tuple[str, tuple[float, float]]] = {}
    for name in header:
        if match := _SCALE.fullmatch(name.strip()):
            found[match[1].lower()] = (name, (float(match[2]), float(match[3])))
        elif name.strip().casefold() in ("valence", "arousal"):
            found.setdefault(name.strip().casefold(), (name, (-1.0, 1.0)))
    return found


def complete_space(header: Sequence[str]) -> EmotionSpace | None:
    """Return the label space whose every label is a column; the largest, where several are, or None."""
    complete = [space for space in SPACES.values() if len(labels_of(header, space)) == len(space)]
    return max(complete, key=len, default=None)


def incomplete(header: Sequence[str], where: str) -> DataError:
    """Return what to raise where no space is complete: the columns that the nearest one lacks."""
    nearest = max(SPACES.values(), key=lambda space: len(labels_of(header, space)) / len(space))
    found = labels_of(header, nearest)
    if len(found) < 2:
        known = ", ".join(SPACES)
        return DataError(
            f"{where}: no columns of emotions, and none named {', '.join(LABEL)}; "
            f"name a column for each label of one of {known}"
        )
    missing = [label for label in nearest.labels if label not in found]
    return DataError(f"{where}: no column for {', '.join(missing)} of {nearest.name}; add what is missing")


def space_of_classes(names: Sequence[str], where: str, mend: str) -> EmotionSpace:
    """Return the label space to which class names belong.

    That is the one with exactly these labels; else the smallest that has them all, if every other that has them all
    contains it; else the one that has most of them.

    Raises:
        DataError: There is none, or it cannot be told which.
    """
    hits = {space.name: set(labels_of(names, space)) for space in SPACES.values()}
    exact = [name for name, found in hits.items() if len(found) == len(SPACES[name]) == len(set(names))]
    if exact:
        return SPACES[exact[0]]
    most = max(len(found) for found in hits.values())
    nearest = sorted((name for name, found in hits.items() if len(found) == most), key=lambda name: len(SPACES[name]))
    smallest = SPACES[nearest[0]]
    if not most:
        shown = ", ".join(repr(name) for name in names[:5])
        raise DataError(f"{where}: {shown} {'is' if len(names) == 1 else 'are'} in no label space; {mend}")
    if not all(len(labels_of(smallest.labels, SPACES[name])) == len(smallest) for name in nearest):
        raise DataError(f"{where}: these labels may be of {' or '.join(nearest)}; {mend}")
    return smallest


def split_of(column: pd.Series) -> pd.Series:
    """Return train, validation or test for each name of a split; empty where it is none."""
    return column.astype("str").str.strip().str.casefold().map(SPLITS).fillna("").astype("str")
