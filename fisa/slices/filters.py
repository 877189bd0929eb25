"""Conditions on the images of a table, as a short text that people read and links carry.

``predicted=fear,awe;entropy=1.2-2.08;error>0.5``: every condition must hold. ``=`` names one of several values, or a
range with both ends included; ``>`` and ``<`` leave their end out. What would be read as grammar is percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fisa.exceptions import FisaError
from fisa.language import mark, tr

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})-({_NUMBER})")
_TERM = re.compile(r"([a-z][a-z0-9_]*)([=<>])(.+)", re.DOTALL)
_SAID = {
    "dominant": mark("true emotion"), "predicted": mark("predicted"), "entropy": mark("entropy"),
    "error": mark("error"), "brightness": mark("brightness"), "saturation": mark("saturation"), "tag": mark("tag"),
    "disagreement": mark("disagreement"), "fixed": mark("fixed"), "broke": mark("broke"),
}  # fmt: skip
"""How people call a column."""
_EMOTIONS = ("dominant", "predicted")
"""Columns whose values are labels of emotions."""
_GRAMMAR = re.compile(r"[%;,=<>]")


class FilterError(FisaError, ValueError):
    """A condition that cannot be read or held against a table; the message is one clear sentence."""


@dataclass(frozen=True)
class Among:
    """The column is one of some texts; of a column of collections, such as tags, one of them is in it.

    Attributes:
        column: Of the table.
        values: One at least; none is empty.
    """

    column: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        values = ",".join(_escaped(value) for value in self.values)
        if _RANGE.fullmatch(values):  # a value that is no range, but looks like one
            values = values.replace("-", "%2D")
        return f"{self.column}={values}"

    def words(self) -> str:
        """Say it in words, in the person's language."""
        values = map(tr, self.values) if self.column in _EMOTIONS else self.values
        return tr("{column} {values}", column=_said(self.column), values=tr(" or ").join(values))

    def passes(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows pass, [N]; the column must be there."""
        cells, wanted = table[self.column], set(self.values)
        if len(cells) and not isinstance(cells.iloc[0], str):
            return np.array([not wanted.isdisjoint(each) for each in cells], dtype=bool)
        return np.asarray(cells.isin(wanted), dtype=bool)


@dataclass(frozen=True)
class Within:
    """The column is a number in a range; an end that is None is open.

    Attributes:
        column: Of the table.
        low: Smallest value; without ``high`` itself left out.
        high: Largest value; without ``low`` itself left out.

    Raises:
        FilterError: No end, one that is not finite, or the first larger than the second.
    """

    column: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        ends = [end for end in (self.low, self.high) if end is not None]
        if not ends or not np.isfinite(ends).all() or ends != sorted(ends):
            raise FilterError(f"{self.column} lies in no range: {self.low} to {self.high}")

    def __str__(self) -> str:
        if self.high is None:
            return f"{self.column}>{_number(self.low)}"
        return f"{self.column}<{_number(self.high)}" if self.low is None else f"{self.column}={self._range()}"

    def words(self) -> str:
        """Say it in words, in the person's language."""
        column = _said(self.column)
        if self.low is None:
            return tr("{column} below {high:.4g}", column=column, high=self.high)
        if self.high is None:
            return tr("{column} above {low:.4g}", column=column, low=self.low)
        return tr("{column} {low:.4g} to {high:.4g}", column=column, low=self.low, high=self.high)

    def passes(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows pass, [N]; the column must be there."""
        values = table[self.column].to_numpy(float)
        if self.low is None or self.high is None:
            return np.asarray(values > self.low if self.high is None else values < self.high)
        return np.asarray((values >= self.low) & (values <= self.high))

    def _range(self) -> str:
        return f"{_number(self.low)}-{_number(self.high)}"


Condition = Among | Within


def parse_condition(text: str) -> Condition:
    """Read one condition.

    Raises:
        FilterError: It is none.
    """
    found = _TERM.fullmatch(text.strip())
    if found is None:
        raise FilterError(f"“{text}” is no condition; write it like predicted=fear, entropy=1.2-2 or error>0.5")
    column, sign, rest = found.groups()
    if sign != "=":
        if not re.fullmatch(_NUMBER, rest):
            raise FilterError(f"“{text}” compares with {rest}, which is no number")
        return Within(column, low=float(rest)) if sign == ">" else Within(column, high=float(rest))
    if both := _RANGE.fullmatch(rest):
        return Within(column, float(both[1]), float(both[2]))
    values = tuple(dict.fromkeys(unquote(value) for value in rest.split(",") if value))
    if not values:
        raise FilterError(f"“{text}” names no value")
    return Among(column, values)


def parse(text: str) -> tuple[Condition, ...]:
    """Read conditions; an empty text has none.

    Raises:
        FilterError: One of them cannot be read.
    """
    return tuple(parse_condition(term) for term in text.split(";") if term.strip())


def write(conditions: Sequence[Condition]) -> str:
    """Return the text of conditions, which :func:`parse` reads back as they are."""
    return ";".join(str(condition) for condition in conditions)


def passing(table: pd.DataFrame, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Return which rows of a table pass every condition, [N].

    Raises:
        FilterError: A condition is on a column that the table lacks, or on numbers where it has texts or the reverse.
    """
    keep = np.ones(len(table), dtype=bool)
    for condition in conditions:
        check(table, condition)
        keep &= condition.passes(table)
    return keep


def check(table: pd.DataFrame, condition: Condition) -> None:
    """Raise FilterError where a condition cannot be held against a table."""
    if condition.column not in table:
        raise FilterError(f"These images have no {condition.column}")
    numeric = pd.api.types.is_numeric_dtype(table[condition.column])
    if numeric != isinstance(condition, Within):
        kind = "a number: write a range" if numeric else "no number: name its values"
        raise FilterError(f"{condition.column} is {kind}")


def fits(table: pd.DataFrame, condition: Condition) -> bool:
    """Return whether a condition can be held against a table."""
    try:
        check(table, condition)
    except FilterError:
        return False
    return True


def loosened(table: pd.DataFrame, conditions: Sequence[Condition]) -> list[tuple[Condition, int]]:
    """Return each condition with the number of rows that pass all the others, most first."""
    counts = []
    for place, condition in enumerate(conditions):
        others = [*conditions[:place], *conditions[place + 1 :]]
        counts.append((condition, int(passing(table, others).sum())))
    return sorted(counts, key=lambda each: -each[1])


def ranked(table: pd.DataFrame, column: str, falling: bool = True) -> NDArray[np.int64]:
    """Return the rows of a table in the order of a column; ties stand as in the table, missing values last."""
    values = table[column].to_numpy(float)
    return np.argsort(-values if falling else values, kind="stable")


def _said(column: str) -> str:
    return tr(_SAID.get(column, column))


def _escaped(value: str) -> str:
    # Whole where spaces at an end would be taken for those around a condition.
    return _GRAMMAR.sub(lambda match: quote(match[0]), value) if value == value.strip() else quote(value, safe="")


def _number(value: float | None) -> str:
    return repr(float(value or 0.0)).removesuffix(".0")
