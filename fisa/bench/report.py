"""What a bench found, as JSON, and what has changed since an earlier one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fisa.exceptions import FisaError
from fisa.rounds import Cost
from fisa.runs import surroundings

FORMAT = 1
"""Version of the JSON document."""

NEGLIGIBLE = 0.02
"""Relative change that counts as none: an interval covers the rounds of one process, not what differs between two."""

Verdict = Literal["better", "worse", "same", "new"]


class BenchError(FisaError, ValueError):
    """A bench that cannot be made or compared; the message is one clear sentence."""


@dataclass(frozen=True)
class Report:
    """The costs that a bench found, and under which conditions.

    Attributes:
        made: UTC, ISO 8601.
        settings: What was measured; only costs of equal settings can be compared.
        surroundings: Versions, processor, threads.
        costs: By name, in the order measured.
    """

    made: str
    settings: Mapping[str, Any]
    surroundings: Mapping[str, Any]
    costs: tuple[Cost, ...]

    @classmethod
    def of(cls, costs: tuple[Cost, ...], settings: Mapping[str, Any], threads: int) -> Report:
        """Report what was just measured with so many threads."""
        made = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(made, settings, {**surroundings(), "threads": threads}, costs)

    def to_json(self) -> str:
        """Return the JSON document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


@dataclass(frozen=True)
class Change:
    """A cost beside what it was; ``worse`` and ``better`` where the intervals do not overlap."""

    now: Cost
    before: Cost | None

    @property
    def verdict(self) -> Verdict:
        """What has become of it."""
        if self.before is None:
            return "new"
        if abs(self.now.value / self.before.value - 1) <= NEGLIGIBLE:
            return "same"
        if self.now.low > self.before.high:
            return "worse"
        return "better" if self.now.high < self.before.low else "same"


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        BenchError: The file cannot be read, or holds no report of this version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            raise ValueError("another format")
        costs = [Cost(**{**row, "quartiles": tuple(row["quartiles"])}) for row in document.pop("costs")]
        return Report(**document, costs=tuple(costs))
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BenchError(f"{path}: holds no report of this version of bench ({error}); make it again") from None


def compare(now: Report, before: Report, source: Path) -> list[Change]:
    """Set each cost beside the one of an earlier report, in the order of ``now``.

    Args:
        now: The new report.
        before: The earlier one.
        source: Where that was read, for the message.

    Raises:
        BenchError: They measured different things.
    """
    for key in sorted({*now.settings, *before.settings} - {"rounds"}):
        old, new = before.settings.get(key), now.settings.get(key)
        if old != new:
            raise BenchError(f"{source}: measured with {key} {old}, now it is {new}; repeat it with the same settings")
    earlier = {each.name: each for each in before.costs}
    return [Change(each, earlier.get(each.name)) for each in now.costs]
