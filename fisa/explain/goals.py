"""What the explanations of the shipped ``fisa`` are meant to reach on planted ``iid`` scenes: the limits in one table.

Other runs and systems are held to the same limits; on other splits there are none, what is lost there is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SPLIT = "iid"


@dataclass(frozen=True)
class Goal:
    """A limit of one grade.

    Attributes:
        limit: In the unit of the grade.
        at_least: Whether the grade must reach it; else it must not pass it.
    """

    limit: float
    at_least: bool = True

    def kept(self, value: float) -> bool:
        """Tell whether ``value`` keeps the limit, which is itself allowed."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


GOALS: Mapping[tuple[str, str], Goal] = MappingProxyType(
    {
        ("localisation", "attention"): Goal(0.95),
        ("recovery.slope", "contributions"): Goal(0.85),
        ("recovery.r", "contributions"): Goal(0.98),
        ("recovery.r_all", "contributions"): Goal(0.95),
        ("recovery.sign", "contributions"): Goal(1.0),  # no wrong sign
        ("path.direct", "interaction"): Goal(0.9),
        ("path.leak", "interaction"): Goal(0.03, at_least=False),
        ("path.relay", "interaction"): Goal(0.1, at_least=False),
        ("path.absent", "interaction"): Goal(0.05, at_least=False),
    }
)
"""(grade, subject) -> limit."""


def goal_of(grade: str, subject: str, split: str = SPLIT) -> Goal | None:
    """Return the limit of a grade of a subject on a split, or None where there is none."""
    return GOALS.get((grade, subject)) if split == SPLIT else None
