"""Measures of one or two systems over the same samples, with their intervals."""

from __future__ import annotations

import pandas as pd

from fisa.metrics import METRICS, bootstrap_mean, paired_bootstrap
from fisa.records import Interval


def measured(table: pd.DataFrame) -> list[str]:
    """Return which columns of :func:`fisa.evaluation.per_sample` are measures of distributions, the truth's first."""
    return [name for name in ("kl_truth", *METRICS) if name in table]


def title_of(measure: str) -> str:
    """Return a measure as tables name it, with the arrow of what is better."""
    if measure not in METRICS:
        return "KL(p‖q) ↓"
    return f"{METRICS[measure].title} {'↑' if METRICS[measure].higher_is_better else '↓'}"


def means(table: pd.DataFrame) -> dict[str, Interval]:
    """Return the mean of every measure over samples, with its 95 % bootstrap interval."""
    return {name: bootstrap_mean(table[name].to_numpy(float)) for name in measured(table)}


def paired_differences(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Interval]:
    """Return the mean of first less second of every measure in both tables, with its paired interval.

    Args:
        first: Of :func:`fisa.evaluation.per_sample`.
        second: Of the same samples in the same order.
    """
    names = [name for name in measured(first) if name in second]
    return {name: paired_bootstrap(first[name].to_numpy(float), second[name].to_numpy(float)) for name in names}
