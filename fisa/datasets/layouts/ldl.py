"""Flickr_LDL and Twitter_LDL: ``images/``, votes in ``ground_truth.txt``, perhaps splits in ``*_ldl_config.mat``."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import labels_of
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import read_lines, read_mat
from fisa.datasets.rows import Rows
from fisa.emotions import MIKELS8
from fisa.images import IMAGE_SUFFIXES

TRUTH = "ground_truth.txt"
FOLDERS = ("images", "")
_WIDTH = 1 + len(MIKELS8)


def read_ldl(listing: Listing, problems: Problems) -> Rows:
    """Read the votes, from the text file or without it from the MATLAB file, which also names the published split.

    Raises:
        DataError: Neither is there, or what is there cannot be read.
    """
    config = next((name for name in listing.files if name.casefold().endswith("_ldl_config.mat")), None)
    if listing.find(TRUTH) is None and config is not None:
        return Rows(MIKELS8, _from_config(listing, config), "votes", FOLDERS)
    truth = listing.require(TRUTH)
    table = _from_text(listing, truth, problems)
    if config is not None:
        table = _with_splits(table, _from_config(listing, config), listing, config, problems)
    return Rows(MIKELS8, table, "votes", FOLDERS)


def _from_text(listing: Listing, name: str, problems: Problems) -> pd.DataFrame:
    lines = pd.Series(read_lines(listing.root, name), dtype="str").str.strip()
    lines.index = lines.index + 1
    header = lines[1].split()
    columns = labels_of(header[1:], MIKELS8)
    if len(header) != _WIDTH or len(columns) != len(MIKELS8):
        expected = "images-name Amusement Awe Contentment Excitement Anger Disgust Fear Sadness"
        raise DataError(f"{listing.root / name}: the first line is no header; expected {expected}, in any order")
    # From the right: names may hold spaces.
    cells = lines.iloc[1:].str.rsplit(n=len(MIKELS8), expand=True).reindex(columns=range(_WIDTH))
    whole = cells[_WIDTH - 1].notna() & cells[0].str.lower().str.endswith(tuple(IMAGE_SUFFIXES)).fillna(False)
    found = lines.iloc[1:][~whole].map(lambda line: len(line.split()))
    problems.add_rows(
        [f"{count} {'column' if count == 1 else 'columns'}, expected {_WIDTH}" for count in found],
        "give the image's name, with its suffix, and eight votes",
        file=name,
        rows=found.index,
        images=[""] * len(found),
    )
    table = cells[whole].set_axis(["image", *header[1:]], axis=1)
    table = table.rename(columns={column: label for label, column in columns.items()})
    return table.assign(file=name, row=table.index)


def _from_config(listing: Listing, name: str) -> pd.DataFrame:
    """Return names, votes and splits of the MATLAB file; indices count from 1, as there."""
    where, variables = listing.root / name, read_mat(listing.root, name)
    missing = [key for key in ("imgname", "train_ind", "test_ind", "vote") if key not in variables]
    if missing:
        raise DataError(f"{where}: the variable {missing[0]} is missing; fetch the file again")
    images = [str(image).strip() for image in variables["imgname"]]
    votes = np.asarray(variables["vote"], dtype=float)
    if votes.shape == (len(MIKELS8), len(images)) and len(images) != len(MIKELS8):
        votes = votes.T
    if votes.shape != (len(images), len(MIKELS8)):
        raise DataError(f"{where}: vote is {list(votes.shape)}, expected {[len(images), len(MIKELS8)]}")
    split = np.full(len(images), "", dtype=object)
    for key, value in (("train_ind", "train"), ("test_ind", "test")):
        chosen = _rows(variables[key], len(images), f"{where}: {key}")
        if (split[chosen] != "").any():
            raise DataError(f"{where}: an image is in train_ind and in test_ind; fetch the file again")
        split[chosen] = value
    place = {"file": name, "row": np.arange(1, len(images) + 1), "image": images, "split": split}
    return pd.DataFrame({**place, **dict(zip(_ORDER, votes.T, strict=True))})


_ORDER = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")
"""Columns of ``vote``, as in the header of the text file."""


def _rows(value: Any, count: int, where: str) -> np.ndarray:
    array = np.asarray(value)
    if min(array.shape or (2,)) > 1 or array.size > count:
        raise DataError(f"{where} is {list(array.shape)}, expected one split as a vector")
    flat = array.ravel()
    if flat.size == count and set(np.unique(flat)) <= {0, 1}:
        return np.flatnonzero(flat)
    places = flat.astype(np.int64) - 1
    if (places != flat - 1).any() or (places < 0).any() or (places >= count).any():
        raise DataError(f"{where} holds something else than numbers from 1 to {count}")
    return places


def _with_splits(
    table: pd.DataFrame, config: pd.DataFrame, listing: Listing, name: str, problems: Problems
) -> pd.DataFrame:
    """Take the split of each image from the MATLAB file, and compare the votes."""
    key = table["image"].map(lambda image: PurePosixPath(image).name)
    other = config.assign(key=config["image"].map(lambda image: PurePosixPath(image).name)).drop_duplicates("key")
    other = other.set_index("key").reindex(key).set_axis(table.index)
    known = other["image"].notna()
    votes = table.loc[known, list(MIKELS8.labels)].apply(pd.to_numeric, errors="coerce")
    same = (votes.to_numpy() == other.loc[known, list(MIKELS8.labels)].to_numpy(float)).all(1)
    differ = ~same & votes.notna().all(axis=1)
    for what, mend, rows in (
        ("its votes differ from those in the MATLAB file", "keep the list that is right", differ[differ].index),
        ("the MATLAB file does not list it", "add it there, or remove that file", known[~known].index),
    ):
        chosen = table.loc[rows]
        problems.add_rows([what] * len(rows), mend, file=f"{name}, {TRUTH}", rows=chosen["row"], images=chosen["image"])
    keep = known & ~differ.reindex(table.index, fill_value=False)
    return pd.DataFrame(table.assign(split=other["split"])[keep])
