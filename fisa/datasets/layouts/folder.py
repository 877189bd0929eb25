"""Any folder: images with a CSV or Parquet list, or in sub-folders by class."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import (
    IMAGE,
    LABEL,
    SPLIT,
    SPLITS,
    complete_space,
    find_column,
    find_scales,
    incomplete,
    label_of,
    labels_of,
    space_of_classes,
)
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import header_of, numbers, read_table
from fisa.datasets.rows import Kind, Rows, class_rows, tell_votes
from fisa.emotions import MIKELS8, RATINGS, SPACES, EmotionSpace

LISTS = (".csv", ".tsv", ".parquet")
PREFERRED = tuple(f"manifest{suffix}" for suffix in LISTS)
IMAGES = "images"
"""A sub-folder that may stand between the root and what a list or a class names."""


def read_folder(listing: Listing, problems: Problems, space: EmotionSpace | None = None) -> Rows:
    """Read a folder by its list, or without one by the names of its sub-folders.

    Args:
        listing: Its files.
        problems: Gets what is wrong.
        space: Label space, where it is known; else the columns or class names tell it.

    Raises:
        DataError: Several lists, none that can be read, or labels of no known space.
    """
    name = choose_list(listing)
    return read_classes(listing, problems, space) if name is None else read_list(listing, name, problems, space)


def choose_list(listing: Listing) -> str | None:
    """Return the list at the root: the only one, or that called ``manifest``; None where there is none.

    Raises:
        DataError: There are several.
    """
    top = listing.files[~listing.files.str.contains("/", regex=False)]
    lists = [name for name in top if name.lower().endswith(LISTS)]
    chosen = [name for name in lists if name.casefold() in PREFERRED] or lists
    if len(chosen) > 1:
        raise DataError(f"{listing.root}: several lists ({', '.join(chosen[:5])}); call the one meant {PREFERRED[0]}")
    return chosen[0] if chosen else None


def read_list(listing: Listing, name: str, problems: Problems, space: EmotionSpace | None = None) -> Rows:
    """Read a list with an image column and votes, shares or one label; docs/datasets.md has its columns."""
    where = str(listing.root / name)
    table = read_table(listing.root, name, problems)
    header = header_of(table)
    known = {"image": IMAGE, "split": SPLIT, "id": ("id",), "group": ("group",)}
    named = {ours: find_column(header, theirs) for ours, theirs in known.items()}
    if named["image"] is None:
        raise DataError(f"{where}: no column of images; name it image")
    columns: dict[str, object] = {"file": name, "row": table.index}
    columns |= {ours: texts(table[column]) for ours, column in named.items() if column is not None}
    scales = find_scales(header)
    for scale, (column, (low, high)) in scales.items():
        if not low < high:
            raise DataError(f"{where}: the header {column!r} states no range; write it as {scale} (1 to 9)")
        columns[scale] = table[column].to_numpy()
    rest = table.drop(columns=named["image"])
    kind, space, emotions = read_emotions(rest, where, space or stated_space(table, where), rated=bool(scales))
    ranges = {scale: limits for scale, (_, limits) in scales.items()}
    return Rows(space, pd.DataFrame({**columns, **emotions}), kind, ("", IMAGES), ranges)


def read_emotions(
    table: pd.DataFrame, where: str, space: EmotionSpace | None, rated: bool
) -> tuple[Kind, EmotionSpace, dict[str, np.ndarray]]:
    """Return what a list says of emotions: a column for each label counts before one with a label.

    Args:
        table: The list, less the columns that say something else.
        where: The file, for messages.
        space: Its label space, where that is known.
        rated: Whether it rates valence or arousal, and so need not name an emotion.

    Returns:
        What the columns hold, their space, and the columns as ``Rows.table`` has them.

    Raises:
        DataError: No emotions, or those of no known space.
    """
    header = header_of(table)
    complete = complete_space(header) if space is None else space
    found = {} if complete is None else labels_of(header, complete)
    if complete is not None and len(found) == len(complete):
        emotions = {label: table[column].to_numpy() for label, column in found.items()}
        return tell_votes(np.column_stack([numbers(table[column]) for column in found.values()])), complete, emotions
    if (label := find_column(header, LABEL)) is not None:
        names = texts(table[label])
        mend = "name their space in a column space"
        return "label", space or space_of_classes(list(pd.unique(pd.Series(names))), where, mend), {"label": names}
    if space is not None:
        labels = ", ".join(space.labels)
        raise DataError(f"{where}: {space.name} needs a column for each of {labels}, or one named label")
    if rated and not any(labels_of(header, each) for each in SPACES.values()):
        return "none", RATINGS, {}
    raise incomplete(header, where)


def texts(column: pd.Series) -> np.ndarray:
    """Return a column as texts, empty where a cell is."""
    return np.asarray(column.astype("str").fillna(""))


def stated_space(table: pd.DataFrame, where: str) -> EmotionSpace | None:
    """Return the label space that a column ``space`` names, or None; DataError where it is not one in all rows."""
    column = find_column(header_of(table), ("space",))
    if column is None:
        return None
    names = pd.unique(table[column].astype("str").str.strip())
    if len(names) != 1 or names[0] not in SPACES:
        known = ", ".join(SPACES)
        raise DataError(f"{where}: the column space holds {str(names[0])[:40]!r}; name one of {known} in all rows")
    return SPACES[names[0]]


def read_classes(listing: Listing, problems: Problems, space: EmotionSpace | None = None) -> Rows:
    """Read images in ``<class>/``, or ``<split>/<class>/``, perhaps below ``images/``; deeper folders belong to those.

    Args:
        listing: Files and folders; an empty folder is a class without images.
        problems: Gets the folders that are no class, and the images in none.
        space: Label space, where it is known; else the class names tell it.

    Raises:
        DataError: No classes, no images, or classes of no known space.
    """
    folders = [name.removeprefix(f"{IMAGES}/") for name in listing.folders if name != IMAGES]
    top = {name.split("/")[0] for name in folders}
    depth = 1 if top and all(name.casefold() in SPLITS for name in top) else 0  # of the classes
    classes = list(dict.fromkeys(name.split("/")[depth] for name in folders if name.count("/") >= depth))
    if not classes or not len(listing.images):
        lacks = "neither a list (.csv, .tsv, .parquet) nor sub-folders of classes" if not classes else "no image"
        raise DataError(f"{listing.root}: there is {lacks}; check the path")
    space = space or space_of_classes(
        classes, str(listing.root), "make an empty folder for each other label, which tells them apart"
    )
    label = {name: label_of(name, space) for name in classes}
    images = pd.Series(listing.images.to_numpy(), dtype="str")
    parts = images.str.removeprefix(f"{IMAGES}/").str.split("/", n=depth + 1, expand=True)
    parts = parts.reindex(columns=range(depth + 2))
    inside = parts[depth + 1].notna()
    unknown = parts.loc[inside, depth][~parts.loc[inside, depth].map(label).notna()]
    mend = f"rename or remove it; labels are {', '.join(space.labels)}"
    for name, count in unknown.value_counts().items():
        images_in = f"{count} {'image' if count == 1 else 'images'}"
        problems.add(f"folder of an unknown label, with {images_in}", mend, image=str(name))
    stray = images[~inside]
    problems.add_rows(
        ["lies in no folder of a class"] * len(stray), "move it into one", rows=[None] * len(stray), images=stray
    )
    labels = parts[depth].where(inside).map(label)
    chosen = labels.notna()
    columns = {"split": parts.loc[chosen, 0].to_numpy()} if depth else {}
    return class_rows(listing.images[chosen], labels[chosen], space, **columns)


read_mikels_folder = partial(read_folder, space=MIKELS8)
