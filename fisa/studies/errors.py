"""The error of every sample of a study, by which its systems are compared."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fisa.config import RunConfig
from fisa.datasets import Dataset, groups_of
from fisa.datasets.sequences import SequenceSet
from fisa.evaluation import EvaluationError, per_sample
from fisa.language import Phrase, mark
from fisa.studies.comparison import RATED, open_same
from fisa.studies.results import StudyResults
from fisa.tasks import TASKS, open_data

TITLES = {"kl_truth": "KL(p‖q)", "kl": "KL", "squared_error": mark("squared error")}
"""An error of each sample by which systems are compared -> its title."""


def compared_by(results: StudyResults) -> str:
    """Return which error of ``TITLES`` the systems of a study with a finished cell are compared by."""
    if results.metrics.get("task") == RATED:
        return "squared_error"
    return "kl" if results.metrics.get("score") is None else "kl_truth"


def measure(results: StudyResults, notes: list[str]) -> pd.DataFrame | None:
    """Take the errors of every stored prediction that has none yet, or note why that cannot be.

    Returns:
        A row a sample of each finished cell, in the order of its predictions: ``where``; ``error``; a column for every
        other measure that a claim is about; and ``group``, the name of what is not independent (None where each sample
        stands alone).
    """
    opened: dict[int, Dataset | None] = {}
    claimed = sorted({str(claim["measure"]) for claim in results.claims if claim["measure"] is not None})
    predictions = dict(tuple(results.predictions.groupby("where", sort=False)))
    stored = {} if results.errors is None else dict(tuple(results.errors.groupby("where", sort=False)))
    frames = []
    for cell in _finished(results).to_dict("records"):
        where, fold = str(cell["where"]), int(cell["fold"])
        frame = stored.get(where)
        if frame is None or not set(claimed) <= set(frame):
            said = notes if frame is None else []
            if fold not in opened:
                opened[fold] = open_cell(results, cell, said)
            new = _measured(results, opened[fold], predictions[where], claimed, said)
            frame = frame if new is None else new  # stored ones lack what some claim is about
        if frame is None:
            return None
        frames.append(frame)
    return pd.concat(frames, ignore_index=True, join="inner") if frames else None


def _measured(
    results: StudyResults, dataset: Dataset | None, predicted: pd.DataFrame, claimed: Sequence[str], notes: list[str]
) -> pd.DataFrame | None:
    """Return the rows of a cell, or None where its data cannot be had."""
    if dataset is None:
        return None
    own = predicted.drop(columns="where").reset_index(drop=True)
    try:
        measured = per_sample(own, dataset, TASKS[results.metrics.get("task", "distribution")])
    except EvaluationError as error:
        notes.append(Phrase(mark("Without paired differences: {error}."), error=str(error)))
        return None
    groups = _groups(dataset)
    names = [None] * len(measured) if groups is None else list(map(str, groups))
    frame = measured[[key for key in claimed if key in measured]].astype(np.float64)
    frame.insert(0, "where", str(predicted["where"].iloc[0]))
    frame.insert(1, "error", measured[compared_by(results)].to_numpy(np.float64))
    return frame.assign(group=pd.Series(names, dtype=object))


@dataclass(frozen=True)
class Errors:
    """The same, arranged for tests between systems.

    Attributes:
        tables: System -> [seeds, samples], of the seeds all of whose folds are finished.
        groups: Group of each sample, or None where each stands alone.
        folds: System -> (seed, fold) -> mean error of a cell.
    """

    tables: Mapping[str, np.ndarray]
    groups: np.ndarray | None
    folds: Mapping[str, Mapping[tuple[int, int], float]]

    @classmethod
    def of(cls, results: StudyResults, measured: pd.DataFrame, column: str = "error") -> Errors:
        """Arrange one column of what :func:`measure` returned."""
        parts = dict(tuple(measured.groupby("where", sort=False)))
        rows: dict[str, dict[tuple[int, int], np.ndarray]] = {}
        groups: dict[int, np.ndarray] = {}
        for cell in _finished(results).to_dict("records"):
            part, fold = parts[cell["where"]], int(cell["fold"])
            rows.setdefault(str(cell["system"]), {})[int(cell["seed"]), fold] = part[column].to_numpy(np.float64)
            groups.setdefault(fold, part["group"].to_numpy())
        tables = {system: _whole_seeds(found, len(groups)) for system, found in rows.items()}
        named = np.concatenate([groups[fold] for fold in sorted(groups)])
        return cls(
            {system: table for system, table in tables.items() if table.size},
            None if pd.isna(named).any() else named,
            {system: {place: float(each.mean()) for place, each in found.items()} for system, found in rows.items()},
        )


def first_test_split(results: StudyResults, notes: list[str]) -> Dataset | None:
    """Open what the first finished cell was tested on, or note why it cannot be had."""
    for cell in _finished(results).head(1).to_dict("records"):
        return open_cell(results, cell, notes)
    return None


def _finished(results: StudyResults) -> pd.DataFrame:
    return results.cells[results.cells["state"] == "finished"]


def open_cell(results: StudyResults, cell: Mapping[Hashable, Any], notes: list[str]) -> Dataset | None:
    """Open what a finished cell was tested on, or note why it cannot be had."""
    metrics = {**results.metrics, "data_version": str(cell["data_version"])}
    config = config_of(results, cell)
    return open_same(metrics, lambda _name, _split: open_data(config, ("test",))["test"], notes)


def config_of(results: StudyResults, cell: Mapping[Hashable, Any]) -> RunConfig:
    """Return the configuration of its system, on the fold of a finished cell."""
    config, fold = results.configs[str(cell["system"])], int(cell["fold"])
    if fold and config.data.fold is not None:
        config = config.model_copy(
            update={"data": config.data.model_copy(update={"fold": (fold, config.data.fold[1])})}
        )
    return config


def _groups(dataset: Dataset) -> np.ndarray | None:
    """Return which samples are not independent: images of one group, steps of one sequence."""
    return dataset.manifest["id"].to_numpy() if isinstance(dataset, SequenceSet) else groups_of(dataset)


def _whole_seeds(found: Mapping[tuple[int, int], np.ndarray], folds: int) -> np.ndarray:
    """Return the errors of the seeds all of whose folds are there, folds one after another, [seeds, samples]."""
    seeds = sorted({seed for seed, _ in found})
    whole = [[found[place] for place in sorted(found) if place[0] == seed] for seed in seeds]
    return np.array([np.concatenate(parts) for parts in whole if len(parts) == folds])
