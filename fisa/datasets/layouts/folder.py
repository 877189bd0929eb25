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
    find_column,
    find_scales,
    label_of,
    labels_of,
    space_of_classes,
    space_of_columns,
)
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import header_of, numbers, read_table
from fisa.datasets.rows import Rows, class_rows, tell_votes
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
    image = find_column(header, IMAGE)
    if image is None:
        raise DataError(f"{where}: no column of images; name it image")
    columns: dict[str, object] = {"file": name, "row": table.index, "image": _texts(table[image])}
    if (split := find_column(header, SPLIT)) is not None:
        columns["split"] = _texts(table[split])
    for optional in ("id", "group"):
        if (column := find_column(header, (optional,))) is not None:
            columns[optional] = _texts(table[column])
    scales = find_scales(header)
    for scale, (column, (low, high)) in scales.items():
        if not low < high:
            raise DataError(f"{where}: the header {column!r} states no range; write it as {scale} (1 to 9)")
        columns[scale] = table[column].to_numpy()
    ranges = {scale: limits for scale, (_, limits) in scales.items()}
    label = find_column([column for column in header if column != image], LABEL)
    space = space or _stated_space(table, where)
    if space is not None and len(labels_of(header, space)) < len(space) and label is None:
        labels = ", ".join(space.labels)
        raise DataError(f"{where}: {space.name} needs a column for each of {labels}, or one named label")
    by_columns = space is not None and len(labels_of(header, space)) == len(space)
    if label is not None and not by_columns:
        columns["label"] = _texts(table[label])
        mend = "name their space in a column space"
        space = space or space_of_classes(list(pd.unique(table[label].astype("str"))), where, mend)
        return Rows(space, pd.DataFrame(columns), "label", ("", IMAGES), ranges)
    if space is None and scales and not any(labels_of(header, each) for each in SPACES.values()):
        return Rows(RATINGS, pd.DataFrame(columns), "none", ("", IMAGES), ranges)
    space = space or space_of_columns(header, where)
    emotions = {each: table[column].to_numpy() for each, column in labels_of(header, space).items()}
    kind = tell_votes(np.column_stack([numbers(pd.Series(values)) for values in emotions.values()]))
    return Rows(space, pd.DataFrame({**columns, **emotions}), kind, ("", IMAGES), ranges)


def _texts(column: pd.Series) -> np.ndarray:
    return np.asarray(column.astype("str").fillna(""))


def _stated_space(table: pd.DataFrame, where: str) -> EmotionSpace | None:
    column = find_column(header_of(table), ("space",))
    if column is None:
        return None
    names = pd.unique(table[column].astype("str").str.strip())
    if len(names) != 1 or names[0] not in SPACES:
        known = ", ".join(SPACES)
        raise DataError(f"{where}: the column space holds {str(names[0])[:40]!r}; name one of {known} in all rows")
    return SPACES[names[0]]


def read_classes(
    listing: Listing, problems: Problems, space: EmotionSpace | None = None, others: tuple[str, ...] = ()
) -> Rows:
    """Read images in ``<class>/``, or ``<split>/<class>/``, perhaps below ``images/``; deeper folders belong to those.

    Args:
        listing: Files and folders; an empty folder is a class without images.
        problems: Gets the folders that are no class, and the images in none.
        space: Label space, where it is known; else the class names tell it.
        others: Sub-folders that hold something else.
    """
    images = pd.Series(listing.images, dtype="str")
    parts = images.str.removeprefix(f"{IMAGES}/").str.split("/", n=2, expand=True).reindex(columns=range(3))
    folders = pd.Series(listing.folders, dtype="str").str.removeprefix(f"{IMAGES}/")
    first = [name for name in dict.fromkeys(folders.str.partition("/")[0]) if name not in (IMAGES, *others)]
    by_split = bool(first) and all(name.casefold() in SPLITS for name in first)
    deep = 1 if by_split else 0
    named = folders.str.split("/", expand=True).reindex(columns=range(deep + 1))[deep].dropna()
    classes = [name for name in dict.fromkeys(named) if name not in (IMAGES, *others)]
    if not classes:
        raise DataError(f"{listing.root}: neither a list ({', '.join(LISTS)}) nor sub-folders of classes; add one")
    mend = "make an empty folder for each other label of theirs"
    space = space or space_of_classes(classes, str(listing.root), mend)
    known = {name: label_of(name, space) for name in classes}
    inside = parts[deep + 1].notna()
    chosen = inside & parts[deep].map(lambda name: known.get(name) is not None)
    for name in classes:
        if known[name] is None:
            mend = f"rename or remove the folder; labels are {', '.join(space.labels)}"
            problems.add(f"folder of an unknown label with {int((parts[deep] == name).sum())} images", mend, image=name)
    stray = images[~inside]
    problems.add_rows(["lies in no folder of a class"] * len(stray), "move it", rows=[None] * len(stray), images=stray)
    columns = {"split": parts.loc[chosen, 0].to_numpy()} if by_split else {}
    return class_rows(listing.images[chosen], parts.loc[chosen, deep].map(known), space, **columns)


read_mikels_folder = partial(read_folder, space=MIKELS8)
