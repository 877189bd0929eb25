"""Emotion6: ``images/<emotion>/<n>.jpg`` and shares of seven labels in the tab-separated ``ground_truth.txt``."""

from __future__ import annotations

import re

import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import labels_of
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import header_of, numbers, read_table
from fisa.datasets.rows import SUM_TOLERANCE, Rows
from fisa.emotions import EKMAN6, EKMAN7, EmotionSpace

TRUTH = "ground_truth.txt"
RANGE = (1.0, 9.0)
"""Of valence and arousal, the self-assessment manikin's."""


def read_emotion6(listing: Listing, problems: Problems) -> Rows:
    """Read seven labels; where the list has no column for neutral, six."""
    return Rows(*_read(listing, problems), "shares", ("images", ""), {"valence": RANGE, "arousal": RANGE})


def read_emotion6_without_neutral(listing: Listing, problems: Problems) -> Rows:
    """Read six labels: neutral is left out, and the rest of each row is scaled to sum to 1 again.

    Images that are neutral and nothing else are left out and counted.
    """
    space, table = _read(listing, problems)
    ranges = {"valence": RANGE, "arousal": RANGE}
    if space == EKMAN6:
        return Rows(space, table, "shares", ("images", ""), ranges)
    shares = table[list(EKMAN7.labels)].apply(numbers)
    rest = shares[list(EKMAN6.labels)].sum(axis=1)
    right = (abs(rest + shares["neutral"] - 1) <= SUM_TOLERANCE) & (shares >= 0).all(
        axis=1
    )  # what is wrong is left to be told
    table[list(EKMAN6.labels)] = shares[list(EKMAN6.labels)].div(rest.where(right & (rest > 0), 1), axis=0)
    neutral = right & (rest == 0)
    return Rows(
        EKMAN6,
        table[~neutral],
        "shares",
        ("images", ""),
        ranges,
        left_out={"neutral and nothing else": int(neutral.sum())} if neutral.any() else {},
        unlabelled=tuple(table.loc[neutral, "image"]),
    )


def _read(listing: Listing, problems: Problems) -> tuple[EmotionSpace, pd.DataFrame]:
    name = listing.require(TRUTH)
    table = read_table(listing.root, name, problems, delimiter="\t", quote="")
    # Headers read [image_filename], [valence], [prob. (anger)] in the published file.
    table = table.set_axis([_plain(column) for column in header_of(table)], axis=1)
    labels = labels_of(header_of(table), EKMAN7)
    space = EKMAN7 if "neutral" in labels else EKMAN6
    missing = [each for each in (*space.labels, "valence", "arousal") if each not in labels and each not in table]
    if missing:
        raise DataError(f"{listing.root / name}: no column for {', '.join(missing)}; fetch the file again")
    names = {header_of(table)[0]: "image"} | {column: label for label, column in labels.items()}
    renamed = table.rename(columns=names)
    return space, renamed.assign(file=name, row=renamed.index)


def _plain(header: str) -> str:
    inner = re.fullmatch(r"\[?\s*(?:prob\w*\.?\s*\(?)?\s*(.*?)\s*\)?\s*\]?", header.strip(), re.IGNORECASE)
    return (inner[1] if inner else header).strip().casefold()
