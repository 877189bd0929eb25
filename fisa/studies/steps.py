"""Rows of a comparison table of runs that predict the steps of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fisa.datasets import Dataset
from fisa.datasets.sequences import SequenceSet
from fisa.distances import kl
from fisa.evaluation import EvaluationError
from fisa.language import Phrase, mark
from fisa.metrics import paired_bootstrap
from fisa.records import MetricRow
from fisa.sequence_measures import TOLERANCE
from fisa.steps import known_of, step_oracles
from fisa.studies.rated import Stored

PRIMARY = "step_kl"
"""By what runs stand in a table, from worst to best."""


def step_rows(systems: Mapping[str, Stored], dataset: Dataset | None) -> list[MetricRow]:
    """Return the oracles' rows of planted sequences and one for each run, worst first.

    Args:
        systems: Name -> what the run stored; all of one split.
        dataset: That split, for oracles and gaps; None where it cannot be opened.
    """
    values = {name: _values(stored) for name, (stored, _) in systems.items()}
    ranked = sorted(values, key=lambda name: -values[name][PRIMARY])
    if not isinstance(dataset, SequenceSet):
        return [MetricRow(name, "run", values[name]) for name in ranked]
    for name, (_, frame) in systems.items():
        if list(frame["id"]) != list(dataset.manifest["id"]):
            raise EvaluationError(f"{name}: the stored predictions are not of {dataset.name} {dataset.split}")
    known = known_of(dataset)
    errors = {
        name: kl(known, frame[list(dataset.space.labels)].to_numpy(float)) for name, (_, frame) in systems.items()
    }
    for name in ranked[:-1]:
        gap = paired_bootstrap(errors[name], errors[ranked[-1]], groups=dataset.manifest["id"].to_numpy())
        values[name] |= {"step_gap": gap.value, "step_gap_low": gap.low, "step_gap_high": gap.high}
    return [*step_oracles(dataset), *(MetricRow(name, "run", values[name]) for name in ranked)]


def step_notes(metrics: Mapping[str, Any]) -> list[str]:
    """Return what stands below the table: what oracles know, what a row counts, and what intervals are over."""
    oracles = mark(
        "Oracles know nothing (constant), the true distribution of the step before (previous), all that bears on it in "
        "the step's frame (frame), the series that acts as well (weather), or p itself (truth)."
    )
    return [
        *([Phrase(oracles)] if metrics.get("score") is not None else []),
        Phrase(mark("{n} sequences of {steps} steps together; every step counts alike."),
               n=metrics["n"], steps=metrics["steps"]),
        Phrase(mark("A change counts as found within {tolerance} step. Gaps resample whole sequences, and say nothing "
                    "of other training seeds."), tolerance=TOLERANCE),
    ]  # fmt: skip


def _values(stored: Mapping[str, Any]) -> dict[str, float]:
    planted = {} if stored.get("score") is None else {"score": stored["score"]}
    return {**planted, **stored["measures"]}
