"""OASIS: ``images/<Theme>.jpg``, and valence and arousal in ``OASIS.csv``; no emotions."""

from __future__ import annotations

import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import numbers, read_table
from fisa.datasets.rows import Rows
from fisa.emotions import RATINGS

TRUTH = "OASIS.csv"
RANGE = (1.0, 7.0)
KEPT = {
    "Valence_mean": "valence",
    "Arousal_mean": "arousal",
    "Valence_SD": "valence_sd",
    "Arousal_SD": "arousal_sd",
    "Valence_N": "valence_raters",
    "Arousal_N": "arousal_raters",
    "Category": "category",
}


def read_oasis(listing: Listing, problems: Problems) -> Rows:
    """Read the ratings. ``group`` is the theme's stem: "Dog 1" and "Dog 2" are alike, and stay in one split.

    The standard deviations keep the original scale, 1 to 7.
    """
    name = listing.require(TRUTH)
    table = read_table(listing.root, name, problems, delimiter=",")
    missing = [column for column in ("Theme", "Valence_mean", "Arousal_mean") if column not in table]
    if missing:
        raise DataError(f"{listing.root / name}: no column {', '.join(missing)}; fetch the file again")
    kept = {column: ours for column, ours in KEPT.items() if column in table}
    rows = table[list(kept)].rename(columns=kept)
    theme = table["Theme"].str.split().str.join(" ")  # stray spaces stand around and within themes
    rows["id"] = table.iloc[:, 0].str.strip()
    rows["image"] = theme + ".jpg"
    rows["group"] = theme.str.replace(r"\s*\d+$", "", regex=True)
    for column in ("valence_sd", "arousal_sd", "valence_raters", "arousal_raters"):
        if column in rows:
            rows[column] = numbers(rows[column])
    extra = tuple(ours for ours in kept.values() if ours not in ("valence", "arousal"))
    table = pd.DataFrame(rows).assign(file=name, row=table.index)
    return Rows(RATINGS, table, "none", ("images", ""), {"valence": RANGE, "arousal": RANGE}, extra)
