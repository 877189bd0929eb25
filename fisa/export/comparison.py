"""Runs side by side as tables and figures for print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.figures import paper
from fisa.studies.reference import Comparison

UNIT = "Errors: KL of the truth, where it is known, or else the votes, to the prediction, in nats."
"""What :func:`errors_table` is of."""


def errors_table(samples: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row a test image: id, its true emotion and, of each run, error and predicted emotion.

    Args:
        samples: Name of a run -> a row an image with ``id``, ``dominant``, ``error`` and ``predicted``.

    Returns:
        The table, and bool of the same shape: whether an error is the smallest on its image.
    """
    known = next(iter(samples.values()))
    columns: dict[str, Any] = {"id": known["id"], "true": known["dominant"]}
    for name, table in samples.items():
        columns |= {f"error of {name}": table["error"], f"predicted by {name}": table["predicted"]}
    rows = pd.DataFrame(columns).set_index("id")
    errors = rows[[f"error of {name}" for name in samples]]
    least = errors.eq(errors.min(axis=1), axis=0)
    return rows, least.reindex(columns=rows.columns, fill_value=False)


def measures_figure(texts: pd.DataFrame, best: pd.DataFrame, found: Comparison, width: paper.Width) -> Figure:
    """Print measures of runs.

    Args:
        texts: A row a measure, a column a run or a difference.
        best: Which cells are bold, bool of the same shape.
        found: What they are of.
        width: Of the figure.
    """
    rows = [[str(name), *map(str, cells)] for name, cells in zip(texts.index, texts.to_numpy(), strict=True)]
    bold = [[False, *row] for row in best.to_numpy(bool).tolist()]
    foot = f"Means over {found.samples:,} test images; " + ("± over training seeds." if found.pooled else "paired.")
    return paper.table(["measure", *map(str, texts.columns)], rows, bold, foot, width)


def differences_figure(found: Comparison, width: paper.Width) -> Figure:
    """Print by how much each run differs from the first one in the first measure, with intervals."""
    first, *names = found.systems
    gaps = [found.differences[name][found.measures[0]] for name in names]
    value, low, high = (np.array([getattr(each, part) for each in gaps]) for part in ("value", "low", "high"))
    return paper.forest([f"{name} − {first}" for name in names], value, low, high, "difference of KL in nats", width)
