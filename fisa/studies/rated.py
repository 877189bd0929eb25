"""Rows of a comparison table of runs that predict valence and arousal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets import Dataset, groups_of
from fisa.emotions import DIMENSIONS
from fisa.language import Phrase, mark
from fisa.ratings import bootstrap_ratings
from fisa.records import Interval, MetricRow

PRIMARY = "ccc_mean"
"""By what runs stand in a table, from worst to best."""

Stored = tuple[Mapping[str, Any], pd.DataFrame]
"""A run's metrics and predictions."""


def rated_rows(systems: Mapping[str, Stored], dataset: Dataset | None) -> list[MetricRow]:
    """Return the constant's row and one for each run, worst first.

    Args:
        systems: Name -> what the run stored; all of one split.
        dataset: That split, for intervals and gaps; None where it cannot be opened.
    """
    metrics, _ = next(iter(systems.values()))
    if dataset is None:
        rows = [MetricRow(name, "run", _values(stored["measures"])) for name, (stored, _) in systems.items()]
        constant = MetricRow("constant", "baseline", _values(metrics["constant_measures"]))
        return [constant, *sorted(rows, key=_rank)]
    target = dataset.manifest[list(DIMENSIONS)].to_numpy(float)
    predictions = {name: frame[list(DIMENSIONS)].to_numpy(float) for name, (_, frame) in systems.items()}
    return measured_rows(target, np.broadcast_to(metrics["constant"], target.shape), predictions, groups_of(dataset))


def measured_rows(
    target: np.ndarray, constant: np.ndarray, predictions: Mapping[str, np.ndarray], groups: np.ndarray | None
) -> list[MetricRow]:
    """Return rows with intervals: the constant's, then those of predictions from worst to best, with their gap to it.

    Args:
        target: [N, 2].
        constant: [N, 2], what the constant predictor says.
        predictions: Name -> [N, 2].
        groups: Group of each image, [N], or None.
    """
    rows = [
        MetricRow(name, "run", with_intervals(target, predicted, groups)) for name, predicted in predictions.items()
    ]
    rows.sort(key=_rank)
    for row in rows[:-1]:
        gap = bootstrap_ratings(target, predictions[row.system], groups, predictions[rows[-1].system])[PRIMARY]
        row.values.update(with_bounds("ccc_gap", gap))
    return [MetricRow("constant", "baseline", with_intervals(target, constant, groups)), *rows]


def rated_notes(metrics: Mapping[str, Any], dataset: Dataset | None) -> list[str]:
    """Return what stands below the table: the constant, the original scale, what intervals are over."""
    valence, arousal = metrics["constant"]
    text = mark("constant: the mean of the training ratings, valence {valence:.3f}, arousal {arousal:.3f}.")
    notes: list[str] = [Phrase(text, valence=valence, arousal=arousal)]
    text = mark("On the original scale of {name}, {low:g} to {high:g}, the RMSE is {factor:g} times as large.")
    for name, (low, high) in metrics["ranges"].items():
        notes.append(Phrase(text, name=Phrase(name), low=low, high=high, factor=(high - low) / 2))
    if dataset is not None:
        groups = groups_of(dataset)
        images = Phrase(mark("{n} images"), n=len(dataset))
        unit = images if groups is None else Phrase(mark("{n} groups of images"), n=len(np.unique(groups)))
        text = mark("In brackets: 95 % bootstrap intervals over {unit}; they say nothing of other training seeds.")
        notes.append(Phrase(text, unit=unit))
    return notes


def with_intervals(target: np.ndarray, predicted: np.ndarray, groups: np.ndarray | None) -> dict[str, float]:
    """Return every measure, and its bounds under the same key with ``_low`` and ``_high``."""
    values: dict[str, float] = {}
    for key, interval in bootstrap_ratings(target, predicted, groups).items():
        values |= with_bounds(key, interval)
    return values


def with_bounds(key: str, interval: Interval) -> dict[str, float]:
    """Return a value under its key, and its bounds under the same with ``_low`` and ``_high``."""
    return {key: interval.value, f"{key}_low": interval.low, f"{key}_high": interval.high}


def _values(measures: Mapping[str, float | None]) -> dict[str, float]:
    return {key: np.nan if value is None else float(value) for key, value in measures.items()}


def _rank(row: MetricRow) -> float:
    return row.values[PRIMARY] if np.isfinite(row.values[PRIMARY]) else -np.inf
