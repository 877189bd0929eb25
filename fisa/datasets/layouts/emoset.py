"""EmoSet: ``train.json``, ``val.json`` and ``test.json`` with rows [emotion, image, annotation]."""

from __future__ import annotations

import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import MAX_ROWS, read_json
from fisa.datasets.rows import Rows
from fisa.emotions import MIKELS8

LISTS = ("train.json", "val.json", "test.json")


def read_emoset(listing: Listing, problems: Problems) -> Rows:
    """Read the three lists; rows may have an ID in second place. Annotations are not read.

    Raises:
        DataError: A list is missing, is no JSON or no list, or is too long.
    """
    return Rows(MIKELS8, pd.concat([_read(listing, name, problems) for name in LISTS], ignore_index=True), "label")


def _read(listing: Listing, name: str, problems: Problems) -> pd.DataFrame:
    name = listing.require(name)
    rows = read_json(listing.root, name)
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        raise DataError(f"{listing.root / name}: expected a list of at most {MAX_ROWS:,} rows; fetch the file again")
    good = [type(row) is list and len(row) in (3, 4) and type(row[-2]) is type(row[0]) is str for row in rows]
    odd = [number for number, right in enumerate(good, 1) if not right]
    problems.add_rows(
        ["is no row [emotion, image, annotation] or [emotion, id, image, annotation]"] * len(odd),
        "correct or remove it",
        file=name,
        rows=odd,
        images=[""] * len(odd),
    )
    # From the end: with or without an ID in second place, the image is the last but one.
    numbered = enumerate(zip(rows, good, strict=True), 1)
    cells = [(number, row[-2], row[0]) for number, (row, right) in numbered if right]
    table = pd.DataFrame(cells, columns=["row", "image", "label"])
    return table.assign(file=name, split=name.partition(".")[0])
