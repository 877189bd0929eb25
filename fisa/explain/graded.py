"""What grading a run's explanations found: one row a grade and subject, with its interval; JSON and tables of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from fisa.exceptions import FisaError
from fisa.records import Interval
from fisa.runs import Run

FORMAT = 1
Kind = Literal["method", "baseline", "ceiling"]
CHECKS = ("shuffled_weights", "shuffled_labels")
"""Sanity checks; a method fails one where it agrees better with the model than on an untrained network."""


class GradeError(FisaError, ValueError):
    """A run that cannot be graded, or a file that holds no grades; the message is one clear sentence."""


@dataclass(frozen=True)
class GradeRow:
    """One grade of one subject.

    Attributes:
        grade: Such as ``faithfulness`` or ``deletion.blur``.
        subject: A method of ``fisa.explain.attribution.METHODS``, another explanation, a baseline or a ceiling.
        kind: ``method``; ``baseline``: what is had without understanding; ``ceiling``: the best that can be.
        value: The grade; ``low``, ``high``: its 95 % bootstrap interval over scenes, None where there is none.
        n: Units; ``scenes``: of so many scenes.
    """

    grade: str
    subject: str
    kind: Kind
    value: float
    low: float | None
    high: float | None
    n: int
    scenes: int

    @classmethod
    def of(cls, grade: str, subject: str, kind: Kind, interval: Interval, n: int, scenes: int) -> GradeRow:
        """Make a row of an interval; bounds that are no number become None."""
        low, high = (None if bound != bound else bound for bound in (interval.low, interval.high))
        return cls(grade, subject, kind, interval.value, low, high, n, scenes)


@dataclass(frozen=True)
class Grades:
    """All grades of a run on one split.

    Attributes:
        run: Name of the run.
        digest: Of its configuration and weights.
        code: Digest of the code that graded, ``fisa.explain.grade_parts.grading_code``.
        data: Name of the data; ``version`` and ``split`` of it.
        settings: How many scenes each grade took, and which methods.
        rows: The grades.
        notes: Sentences: what was left out and why, which methods fail a sanity check.
    """

    run: str
    digest: str
    code: str
    data: str
    version: str
    split: str
    settings: Mapping[str, Any]
    rows: tuple[GradeRow, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return one row a grade and subject: the fields of :class:`GradeRow`."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_document(self) -> dict[str, Any]:
        """Return what the JSON document holds."""
        return {"format": FORMAT, **asdict(self)}

    def to_json(self) -> str:
        """Return the JSON document."""
        return json.dumps(self.to_document(), indent=2, allow_nan=False) + "\n"


def read_grades(path: Path) -> Grades:
    """Read grades.

    Raises:
        GradeError: The file cannot be read, or holds no grades of this version.
    """
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise GradeError(f"{path}: holds no grades of this version ({error}); grade the run again") from None


def stored_grades(run: Run) -> dict[str, Grades]:
    """Return the grades that a run carries, by split.

    Those of other weights or another configuration, or in the form of another version of this program, do not count.

    Raises:
        RunError: The file was changed since it was stored.
    """
    found = {}
    for split, document in (run.grades or {}).get("splits", {}).items():
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            grades = _parsed(document)
            if grades.digest == run.digest:
                found[split] = grades
    return found


def failed_checks(rows: Sequence[GradeRow]) -> dict[str, dict[str, tuple[GradeRow, GradeRow]]]:
    """Return the sanity checks that methods fail: by method and check of ``CHECKS``, its row and that of ``untrained``.

    A check is failed above the interval of what the method reaches on an untrained network.
    """
    found = {(row.grade, row.subject): row for row in rows}
    failed: dict[str, dict[str, tuple[GradeRow, GradeRow]]] = {}
    for grade, method in found:
        check = grade.removeprefix("sanity.")
        blank = found.get(("sanity.untrained", method))
        if check not in CHECKS or blank is None or blank.high is None:
            continue
        row = found[grade, method]
        if row.value > blank.high:
            failed.setdefault(method, {})[check] = (row, blank)
    return failed


def failures_of(run: Run) -> dict[str, tuple[str, ...]]:
    """Return by method the checks of ``CHECKS`` that it fails on any split whose grades the run carries."""
    failed: dict[str, dict[str, None]] = {}
    for grades in stored_grades(run).values():
        for method, checks in failed_checks(grades.rows).items():
            failed.setdefault(method, {}).update(dict.fromkeys(checks))
    return {method: tuple(checks) for method, checks in failed.items()}


def _parsed(document: dict[str, Any]) -> Grades:
    document = dict(document)
    if document.pop("format") != FORMAT:
        raise ValueError("another format")
    rows = tuple(GradeRow(**row) for row in document.pop("rows"))
    numbers = [number for row in rows for number in (row.value, row.low, row.high, row.n, row.scenes)]
    if not all(number is None or isinstance(number, int | float) for number in numbers):
        raise ValueError("a grade that is no number")
    return Grades(**{**document, "rows": rows, "notes": tuple(document["notes"])})
