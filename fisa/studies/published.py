"""Results of published systems on real data, as their authors report them: published.csv, the one place.

They never stand beside planted data, and only beside measures of the same convention.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from fisa.metrics import METRICS

TITLES = {"flickr-ldl": "Flickr_LDL", "twitter-ldl": "Twitter_LDL", "emotion6": "Emotion6"}
_PUBLISHED = Path(__file__).with_name("published.csv")


@cache
def published() -> pd.DataFrame:
    """Return a row for each published system and data set: ``system``, ``data``, ``source``, and measures."""
    return pd.read_csv(_PUBLISHED)


def published_measures(data: str) -> dict[str, dict[str, float]]:
    """Return what published systems reach on a data set of ``fisa.datasets.DATASETS``, system -> measure -> value."""
    table = published()
    rows = table[table["data"] == data].set_index("system")[[key for key in table if key in METRICS]]
    return {str(system): {str(key): float(value) for key, value in row.items()} for system, row in rows.iterrows()}


def published_table() -> pd.DataFrame:
    """Return the published results for people: one row a system and data set, the index is the system."""
    table = published().set_index("system")
    arrows = {True: "↑", False: "↓"}
    titles = {key: f"{each.title} {arrows[each.higher_is_better]}" for key, each in METRICS.items()}
    shown = table.drop(columns="source").assign(data=table["data"].map(TITLES)).rename(columns=titles)
    shown.index.name = None
    return shown
