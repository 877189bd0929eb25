"""What a constant reaches: the mean distribution of the training images, said of every image.

On planted data it is the lowest rung of the oracles; real data have no other ground to stand on.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from fisa.evaluation import summarise
from fisa.studies.comparison import values_of
from fisa.studies.errors import config_of, open_cell
from fisa.studies.results import StudyResults
from fisa.tasks import TASKS, open_data


def constant_measures(results: StudyResults) -> Sequence[Mapping[str, float]]:
    """Return what the constant reaches on the test split of each fold, the first one first, or once without folds.

    Returns:
        What is stored with the study; else what the data say; empty where they cannot be opened as they were, on
        planted data, and for other tasks than distributions.
    """
    task = results.metrics.get("task", "distribution")
    if results.constant or task != "distribution" or results.metrics.get("score") is not None:
        return results.constant
    cells = results.cells[results.cells["state"] == "finished"].drop_duplicates("fold").sort_values("fold")
    found = [_measured(results, cell) for cell in cells.to_dict("records")]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else []


def constant_row(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means over folds of each measure, and their standard deviations under ``<measure>_std``."""
    row: dict[str, float] = {}
    for key in measures[0]:
        values = np.array([each[key] for each in measures])
        row |= {key: float(values.mean()), f"{key}_std": float(values.std(ddof=1)) if len(values) > 1 else np.nan}
    return row


def _measured(results: StudyResults, cell: Mapping[Hashable, Any]) -> dict[str, float] | None:
    """Return the measures of the constant on what a cell was tested on, or None where the data cannot be had."""
    test = open_cell(results, cell, [])
    if test is None:
        return None
    train = open_data(config_of(results, cell), ("train",))["train"]
    if len(train) != cell["n_train"]:
        return None
    constant = TASKS["distribution"].constant(train)
    return values_of(summarise(test, np.broadcast_to(constant, (len(test), len(constant)))))
