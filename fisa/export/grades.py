"""What the method behind a map is worth on the run that it explains: its stored grades, for pages and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fisa.explain.goals import SPLIT
from fisa.explain.graded import GradeRow, failures_of, stored_grades
from fisa.runs import Run

SHOWN = ("faithfulness", "validity", "localisation")
"""Grades that stand beside a map; docs/methods.md, section 15.2, has what they ask."""


@dataclass(frozen=True)
class MethodGrades:
    """What is stored of one method.

    Attributes:
        data: Name of the data that it was graded on, and ``split`` of it; both empty where it was not graded.
        rows: Its grades of ``SHOWN``.
        fails: Sanity checks that it fails on any graded split, of ``fisa.explain.graded.CHECKS``.
    """

    data: str = ""
    split: str = ""
    rows: tuple[GradeRow, ...] = ()
    fails: tuple[str, ...] = ()

    def facts(self) -> dict[str, str]:
        """Return them in words, name -> words; that it was not graded where there are none."""
        if not self.rows:
            return {"grades": "not graded"}
        told = {row.grade: f"{row.value:.2f}{_bounds(row)}, of {row.scenes} scenes" for row in self.rows}
        failed = ", ".join(check.replace("_", " ") for check in self.fails)
        told |= {"sanity check": f"fails by {failed}; do not rely on the map"} if failed else {}
        return {"graded on": f"{self.data}, split {self.split}, with default options", **told}

    def to_document(self) -> dict[str, Any] | None:
        """Return them for JSON; None where the method was not graded."""
        if not self.rows:
            return None
        numbers = ("value", "low", "high", "n", "scenes")
        rows = {row.grade: {name: getattr(row, name) for name in numbers} for row in self.rows}
        return {"data": self.data, "split": self.split, **rows, "fails": list(self.fails)}


def grades_of(run: Run, method: str) -> MethodGrades:
    """Return what a run carries of a method, of the split ``iid`` where that was graded, else of another.

    Raises:
        RunError: The file of grades was changed since it was stored.
    """
    found: dict[str, MethodGrades] = {}
    for split, grades in stored_grades(run).items():
        rows = tuple(row for row in grades.rows if (row.subject, row.kind) == (method, "method") and row.grade in SHOWN)
        if rows:
            found[split] = MethodGrades(grades.data, split, rows)
    if not found:
        return MethodGrades()
    one = found.get(SPLIT) or next(iter(found.values()))
    return MethodGrades(one.data, one.split, one.rows, failures_of(run).get(method, ()))


def _bounds(row: GradeRow) -> str:
    return "" if row.low is None else f", 95 % interval {row.low:.2f} to {row.high:.2f}"
