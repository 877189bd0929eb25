"""AffectNet: faces with an expression code, valence and arousal, listed in ``training.csv`` and ``validation.csv``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import numbers, read_table
from fisa.datasets.rows import Rows
from fisa.emotions import AFFECTNET8

LISTS = {"training.csv": "train", "validation.csv": "test"}
"""The published validation images are those that papers test on, so that ours are taken from training."""

HEADER = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
WITHOUT_EMOTION = {8: "none of the expressions", 9: "uncertain", 10: "no face"}
MISSING = -2.0
"""Stands for a rating that was not given."""

BOX = HEADER[1:5]


def read_affectnet(listing: Listing, problems: Problems) -> Rows:
    """Read both lists; ``expression`` 0 to 7 are labels, 8 to 10 are no emotion and are left out and counted.

    The face's box is kept in pixels, and nothing is cropped.
    """
    table = pd.concat([_read(listing, name, problems) for name in LISTS], ignore_index=True)
    codes = numbers(table["expression"])
    table["label"] = [_label(code, text) for code, text in zip(codes, table["expression"], strict=True)]
    for scale in ("valence", "arousal"):
        values = numbers(table[scale])
        table[scale] = table[scale].where(values != MISSING, "")
    for side in BOX:
        table[side] = numbers(table[side])
    faceless = np.isin(codes, list(WITHOUT_EMOTION))
    left_out = {reason: int((codes == code).sum()) for code, reason in WITHOUT_EMOTION.items() if (codes == code).any()}
    top = [folder for folder in listing.folders if "/" not in folder]
    folders = tuple(dict.fromkeys(("", "Manually_Annotated_Images", "images", *top)))
    ranges = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}
    unlabelled = tuple(table.loc[faceless, "image"])
    return Rows(AFFECTNET8, table[~faceless], "label", folders, ranges, BOX, left_out, unlabelled)


def _read(listing: Listing, name: str, problems: Problems) -> pd.DataFrame:
    found = listing.require(name, f"Manually_Annotated_file_lists/{name}")
    table = read_table(listing.root, found, problems, delimiter=",", header=HEADER)
    missing = [column for column in HEADER if column not in table and column != "facial_landmarks"]
    if missing:
        raise DataError(f"{listing.root / found}: no column {', '.join(missing)}; fetch the file again")
    table = table.rename(columns={HEADER[0]: "image"}).drop(columns="facial_landmarks", errors="ignore")
    return table.assign(file=found, row=table.index, split=LISTS[name])


def _label(code: float, text: object) -> str:
    return AFFECTNET8.labels[int(code)] if code in range(len(AFFECTNET8)) else str(text)
