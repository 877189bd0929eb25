"""What the parts of grading find, as rows: the same names and baselines wherever explanations come from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fisa.explain.faithfulness import mean_spearman
from fisa.explain.graded import GradeRow, Kind
from fisa.records import Interval

TRUTHS = {"faithfulness": "own", "validity": "planted"}
"""Grade -> column of ``fisa.explain.faithfulness.units`` that it compares with."""


def localisation_rows(found: Mapping[str, Any], subject: str = "attention") -> Iterator[GradeRow]:
    """Yield hit and lift with baselines and ceilings, as ``fisa.explain.localisation`` found them."""
    size = found["n"], found["scenes"]
    bounds = {"hit": (found["low"], found["high"]), **found["intervals"]}

    def row(grade: str, name: str, kind: Kind, value: float, bound: str) -> GradeRow:
        return GradeRow.of(grade, name, kind, Interval(value, *bounds.get(bound, (math.nan, math.nan))), *size)

    yield row("localisation", subject, "method", found["hit"], "hit")
    for name, value in found["baselines"].items():
        yield row("localisation", name, "baseline", value, name)
    yield row("localisation", "own motifs", "ceiling", 1.0, "")
    yield row("localisation.lift", subject, "method", found["lift"], "lift")
    yield row("localisation.lift", "own motifs", "ceiling", found["ceiling"]["lift"], "")


def recovery_rows(found: Mapping[str, Any], subjects: Mapping[str, str]) -> Iterator[GradeRow]:
    """Yield measures of interaction recovery and their ceiling.

    Args:
        found: As ``fisa.explain.recovery.grade_effects`` returns it.
        subjects: ``contributions`` and ``logits``, either or both, and what to call them.
    """
    size = found["n"], found["scenes"]
    for key in ("r", "slope", "r_all", "sign", "auroc"):
        for part, subject in subjects.items():
            values = found if part == "contributions" else found[part]
            interval = Interval(values[key], *values["intervals"][key])
            yield GradeRow.of(f"recovery.{key}", subject, "method", interval, *size)
        yield GradeRow(f"recovery.{key}", "true logits", "ceiling", found["ceiling"][key], None, None, *size)


def agreement_rows(
    table: pd.DataFrame,
    estimate: np.ndarray,
    subject: str,
    kind: Kind = "method",
    grades: tuple[str, ...] = tuple(TRUTHS),
) -> Iterator[GradeRow]:
    """Yield faithfulness and validity of what is laid on motifs.

    Args:
        table: Of ``fisa.explain.faithfulness.units``.
        estimate: [rows], what is laid on each source for each target.
        subject: Whose.
        kind: Of the rows.
        grades: Which of ``TRUTHS``.
    """
    for grade in grades:
        interval = mean_spearman(table, estimate, table[TRUTHS[grade]].to_numpy())
        yield GradeRow.of(grade, subject, kind, interval, len(table), int(table["scene"].nunique()))
