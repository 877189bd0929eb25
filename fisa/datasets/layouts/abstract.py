"""Abstract paintings: a flat folder and vote counts in ``ABSTRACT_groundTruth.csv``, all names in single quotes."""

from __future__ import annotations

from fisa.datasets.base import DataError
from fisa.datasets.columns import labels_of
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import header_of, read_table
from fisa.datasets.rows import Rows
from fisa.emotions import MIKELS8

TRUTH = "ABSTRACT_groundTruth.csv"


def read_abstract(listing: Listing, problems: Problems) -> Rows:
    """Read the votes; images may lie beside the list, at the root or in any of its folders."""
    found = next((name for name in listing.files if name.rpartition("/")[2].casefold() == TRUTH.casefold()), None)
    name = found or listing.require(TRUTH)
    table = read_table(listing.root, name, problems, delimiter=",", quote="'")
    header = header_of(table)
    labels = labels_of(header[1:], MIKELS8)
    missing = [label for label in MIKELS8.labels if label not in labels]
    if missing:
        raise DataError(f"{listing.root / name}: no column for {', '.join(missing)}; fetch the file again")
    columns = {header[0]: "image"} | {column: label for label, column in labels.items()}
    table = table.rename(columns=columns).assign(file=name, row=table.index)
    table["image"] = table["image"].str.strip()
    beside = name.rpartition("/")[0]
    top = tuple(folder for folder in listing.folders if "/" not in folder)
    return Rows(MIKELS8, table, "votes", tuple(dict.fromkeys((beside, "", *top))))
