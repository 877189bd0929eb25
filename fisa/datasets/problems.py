"""What is wrong with data on disk, gathered instead of raised one at a time: where, what, and the mend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError

COLUMNS = ("kind", "file", "row", "image", "problem", "mend")
WRONG, NOTE = "wrong", "note"

NAMED = 3
"""How many problems a message names."""


class BadData(DataError):
    """Data with something wrong in it.

    Attributes:
        problems: One row a problem; see :attr:`Problems.table`.
    """

    def __init__(self, message: str, problems: pd.DataFrame) -> None:
        super().__init__(message)
        self.problems = problems


class Problems:
    """Gathers problems while data is read."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def add(
        self,
        problem: str,
        mend: str,
        *,
        file: str = "",
        row: int | None = None,
        image: str = "",
        kind: str = WRONG,
    ) -> None:
        """Note one problem; see :attr:`table` for what the arguments are."""
        self.add_rows([problem], mend, file=file, rows=[row], images=[image], kind=kind)

    def add_rows(
        self,
        problems: Sequence[str] | np.ndarray,
        mend: str | np.ndarray,
        *,
        file: str | Iterable[str] = "",
        rows: Iterable[int | None],
        images: Iterable[str],
        kind: str = WRONG,
    ) -> None:
        """Note a problem for each of many rows; a mend and a file may be shared."""
        if len(problems):
            part = {
                "kind": kind,
                "file": file if isinstance(file, str) else list(file),
                "row": pd.array(list(rows), dtype="Int64"),
                "image": list(images),
                "problem": list(problems),
                "mend": mend,
            }
            self._parts.append(pd.DataFrame(part, columns=list(COLUMNS)))

    @property
    def table(self) -> pd.DataFrame:
        """One row a problem.

        Columns: ``kind`` (``wrong``, or ``note`` for what is worth knowing and no fault), ``file`` (list in which it
        stands, relative to the root, or empty), ``row`` (Int64; its row there, the header being row 1, or missing),
        ``image`` (name as the list or the disk has it, or empty), ``problem`` and ``mend`` (a clause each).
        """
        empty = pd.DataFrame({name: pd.Series(dtype="Int64" if name == "row" else "str") for name in COLUMNS})
        return pd.concat([empty, *self._parts], ignore_index=True) if self._parts else empty

    @property
    def wrong(self) -> int:
        """How many problems are faults."""
        return int(sum((part["kind"] == WRONG).sum() for part in self._parts))

    def refuse_if_wrong(self, root: Path) -> None:
        """Raise BadData, whose message gives the first few faults and their number, if there is any."""
        if self.wrong:
            table = self.table
            faults = table[table["kind"] == WRONG]
            first = "; ".join(describe(fault) for _, fault in faults.head(NAMED).iterrows())
            more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
            count = f"{len(faults)} {'problem' if len(faults) == 1 else 'problems'}"
            raise BadData(f"{root}: {count}, which data.skip_bad would leave out: {first}{more}", table)


class Complaints:
    """The first problem of each row of a list, while many are looked for.

    Args:
        count: Rows.
    """

    def __init__(self, count: int) -> None:
        self._problems = np.full(count, "", dtype=object)
        self._mends = np.full(count, "", dtype=object)

    @property
    def wrong(self) -> np.ndarray:
        """Which rows have a problem, bool [count]."""
        return np.asarray(self._problems != "")

    def say(self, where: np.ndarray, problem: str | Sequence[str], mend: str) -> None:
        """Note a problem of the rows of which none is known yet.

        Args:
            where: Which rows, bool [count].
            problem: What is wrong with them, or [count] texts of which those of these rows count.
            mend: What to do.
        """
        new = np.flatnonzero(where & (self._problems == ""))
        each = problem if isinstance(problem, str) else np.asarray(problem, dtype=object)[new]
        self._problems[new], self._mends[new] = each, mend

    def report(self, table: pd.DataFrame, problems: Problems) -> None:
        """Hand all to ``problems``; ``table`` says by its columns ``file``, ``row`` and ``image`` where rows stand."""
        part = table[self.wrong]
        problems.add_rows(
            self._problems[self.wrong],
            self._mends[self.wrong],
            file=part["file"],
            rows=part["row"],
            images=part["image"].map(str),
        )


def describe(problem: pd.Series) -> str:
    """Return one row of :attr:`Problems.table` as a clause: where, what, and the mend."""
    row = "" if pd.isna(problem["row"]) else f" row {problem['row']}"
    image = f"({shown(problem['image'])})" if problem["image"] and problem["file"] else shown(problem["image"])
    where = " ".join(part for part in (f"{shown(problem['file'])}{row}", image) if part)
    return (
        f"{where}: {problem['problem']} ({problem['mend']})" if where else f"{problem['problem']} ({problem['mend']})"
    )


def shown(name: str) -> str:
    """Return a file's name as it may stand in a line: quoted as Python does where it holds what cannot be seen."""
    return name if name.isprintable() else repr(name)


def ordinals(chosen: np.ndarray) -> list[int]:
    """Return the places where a boolean array is true."""
    return [int(place) for place in np.flatnonzero(chosen)]
