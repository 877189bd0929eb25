"""Rows of a comparison table of runs that predict valence and arousal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets import Dataset
from fisa.emotions import DIMENSIONS
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
        rows = {name: _values(stored["measures"]) for name, (stored, _) in systems.items()}
        constant = _values(metrics["constant_measures"])
    else:
        target = dataset.manifest[list(DIMENSIONS)].to_numpy(float)
        groups = groups_of(dataset)
        predictions = {name: frame[list(DIMENSIONS)].to_numpy(float) for name, (_, frame) in systems.items()}
        rows = {name: with_intervals(target, predicted, groups) for name, predicted in predictions.items()}
        constant = with_intervals(target, np.broadcast_to(metrics["constant"], target.shape), groups)
        best = max(rows, key=lambda name: _rank(rows[name]))
        for name, predicted in predictions.items():
            if name != best:
                gap = bootstrap_ratings(target, predicted, groups, predictions[best])[PRIMARY]
                rows[name] |= _flat("ccc_gap", gap)
    ranked = sorted(rows, key=lambda name: _rank(rows[name]))
    return [MetricRow("constant", "baseline", constant), *(MetricRow(name, "run", rows[name]) for name in ranked)]


def rated_notes(metrics: Mapping[str, Any], dataset: Dataset | None) -> list[str]:
    """Return what stands below the table: the constant, the original scale, what intervals are over."""
    constant = ", ".join(f"{name} {value:.3f}" for name, value in zip(DIMENSIONS, metrics["constant"], strict=True))
    notes = [f"constant: the mean of the training ratings, {constant}."]
    for name, (low, high) in metrics["ranges"].items():
        factor = (high - low) / 2
        notes.append(f"On the original scale of {name}, {low:g} to {high:g}, the RMSE is {factor:g} times as large.")
    if dataset is not None:
        groups = groups_of(dataset)
        unit = f"{len(dataset)} images" if groups is None else f"{len(np.unique(groups))} groups of images"
        notes.append(f"In brackets: 95 % bootstrap intervals over {unit}; they say nothing of other training seeds.")
    return notes


def groups_of(dataset: Dataset) -> np.ndarray | None:
    """Return the group of each image, [N], where images are grouped."""
    return dataset.manifest["group"].to_numpy() if "group" in dataset.manifest else None


def with_intervals(target: np.ndarray, predicted: np.ndarray, groups: np.ndarray | None) -> dict[str, float]:
    """Return every measure, and its bounds under the same key with ``_low`` and ``_high``."""
    values: dict[str, float] = {}
    for key, interval in bootstrap_ratings(target, predicted, groups).items():
        values |= _flat(key, interval)
    return values


def _flat(key: str, interval: Interval) -> dict[str, float]:
    return {key: interval.value, f"{key}_low": interval.low, f"{key}_high": interval.high}


def _values(measures: Mapping[str, float | None]) -> dict[str, float]:
    return {key: np.nan if value is None else float(value) for key, value in measures.items()}


def _rank(values: Mapping[str, float]) -> float:
    return values[PRIMARY] if np.isfinite(values[PRIMARY]) else -np.inf
