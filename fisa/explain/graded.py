"""What grading a run's explanations found: one row a grade and subject, with its interval; JSON and tables of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from fisa.records import Interval

FORMAT = 1


class GradeError(ValueError):
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
    kind: Literal["method", "baseline", "ceiling"]
    value: float
    low: float | None
    high: float | None
    n: int
    scenes: int

    @classmethod
    def of(cls, grade: str, subject: str, kind: Any, interval: Interval, n: int, scenes: int) -> GradeRow:
        """Make a row of an interval; bounds that are no number become None."""
        low, high = (None if bound != bound else bound for bound in (interval.low, interval.high))
        return cls(grade, subject, kind, interval.value, low, high, n, scenes)


@dataclass(frozen=True)
class Grades:
    """All grades of a run on one split.

    Attributes:
        run: Name of the run.
        digest: Of its configuration and weights.
        data: Name of the data; ``version`` and ``split`` of it.
        settings: How many scenes each grade took, and which methods.
        rows: The grades.
        notes: Sentences: what was left out and why, which methods fail a sanity check.
    """

    run: str
    digest: str
    data: str
    version: str
    split: str
    settings: Mapping[str, Any]
    rows: tuple[GradeRow, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return one row a grade and subject: the fields of :class:`GradeRow`."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_json(self) -> str:
        """Return the JSON document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, allow_nan=False) + "\n"


def read_grades(path: Path) -> Grades:
    """Read grades.

    Raises:
        GradeError: The file cannot be read, or holds no grades of this version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            raise ValueError("another format")
        rows = tuple(GradeRow(**row) for row in document.pop("rows"))
        return Grades(**{**document, "rows": rows, "notes": tuple(document["notes"])})
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise GradeError(f"{path}: holds no grades of this version ({error}); grade the run again") from None
