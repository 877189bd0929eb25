"""Aesthetics: how many raters gave an image each step of an ordered score; no emotions, no wheel."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import IMAGE, SPLIT, find_column
from fisa.datasets.layouts.folder import IMAGES, choose_list
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Problems
from fisa.datasets.reading import header_of, numbers, read_table
from fisa.datasets.rows import Rows, tell_votes
from fisa.emotions import SCORE_LEVELS, score_space

AVA = "AVA.txt"
AVA_HEADER = ("row", "image", *map(str, range(1, 11)), "tag 1", "tag 2", "challenge")

_STEP = re.compile(r"(?:scores?|ratings?|counts?|votes?)?[ _-]?(\d{1,2})", re.IGNORECASE)


def read_aesthetics(listing: Listing, problems: Problems) -> Rows:
    """Read ``AVA.txt``, or a list with an image column and a column a step: ``1``, ``score_1`` or the like.

    A name without a suffix is of a ``.jpg`` file. Steps may hold votes or shares.

    Raises:
        DataError: No list, or no columns for steps 1 to at least 3 and at most 10 without a gap.
    """
    if (name := listing.find(AVA)) is not None:
        table = read_table(listing.root, name, problems, delimiter=" ", quote="", header=AVA_HEADER)
    elif (name := choose_list(listing)) is not None:
        table = read_table(listing.root, name, problems)
    else:
        raise DataError(f"{listing.root}: neither {AVA} nor a list in CSV or Parquet is there; add one")
    header = header_of(table)
    image = find_column(header, IMAGE)
    steps = steps_of(header)
    if image is None or not steps:
        raise DataError(
            f"{listing.root / name}: expected a column image and one for each step of the score, 1 to at least "
            f"{SCORE_LEVELS[0]} and at most {SCORE_LEVELS[-1]}; rename the columns"
        )
    space = score_space(len(steps))
    images = table[image].astype("str").fillna("").str.strip()
    images = images.where(images.str.contains(r"\.\w+$"), images + ".jpg")
    columns: dict[str, object] = {"file": name, "row": table.index, "image": images.to_numpy()}
    if (split := find_column(header, SPLIT)) is not None:
        columns["split"] = table[split].to_numpy()
    columns |= {label: table[steps[label]].to_numpy() for label in space.labels}
    values = np.column_stack([numbers(table[steps[label]]) for label in space.labels])
    return Rows(space, pd.DataFrame(columns), tell_votes(values), (IMAGES, ""))


def steps_of(header: Sequence[str]) -> dict[str, str]:
    """Return step -> column of an ordered score; empty where the columns are no steps 1, 2, ... without a gap."""
    steps = {match[1].lstrip("0"): column for column in header if (match := _STEP.fullmatch(column.strip()))}
    whole = len(steps) in SCORE_LEVELS and set(steps) == {str(step + 1) for step in range(len(steps))}
    return steps if whole else {}
