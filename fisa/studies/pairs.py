"""Which measures a table of samples has, and how they are called."""

from __future__ import annotations

import pandas as pd

from fisa.language import Phrase
from fisa.metrics import METRICS


def measured(table: pd.DataFrame) -> list[str]:
    """Return which columns of :func:`fisa.evaluation.per_sample` are measures of distributions, the truth's first."""
    return [name for name in ("kl_truth", *METRICS) if name in table]


def title_of(measure: str) -> str:
    """Return a measure as tables name it, with the arrow of what is better."""
    if measure not in METRICS:
        return "KL(p‖q) ↓"
    metric = METRICS[measure]
    return Phrase("{title} {arrow}", title=Phrase(metric.title), arrow="↑" if metric.higher_is_better else "↓")
