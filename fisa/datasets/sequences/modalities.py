"""What stands beside the steps of sequences on disk: vectors of texts and speech, and external series."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import find_column
from fisa.datasets.layouts.folder import LISTS, texts
from fisa.datasets.listing import Listing
from fisa.datasets.problems import Complaints, Problems
from fisa.datasets.reading import header_of, numbers, read_table
from fisa.datasets.sequences.base import Events, StepVectors
from fisa.datasets.vectors import read_npz

MODALITIES = ("text", "speech")
VECTORS = "vectors.npz"
SERIES = "series"
"""Folder of the external series, a file each."""

HISTORY = 32
"""Events before the first step that are kept: what a model may want to know of the time before."""

SEQUENCE = ("sequence", "sequence_id", "video", "clip", "session")
TIME = ("time", "timestamp", "time_stamp", "t")
VALUE = ("value", "y")


def times_of(column: pd.Series) -> np.ndarray:
    """Return times as float64 [N], NaN where there is none: numbers as they are, ISO 8601 dates in seconds.

    One kind holds for the whole column: numbers, where any cell is one.
    """
    values = numbers(column)
    if np.isfinite(values).any():
        return np.where(np.isfinite(values), values, np.nan)
    dates = pd.to_datetime(column.astype("str"), errors="coerce", utc=True, format="ISO8601")
    seconds = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(1, "s")
    return np.asarray(seconds, dtype=np.float64)


def read_vectors_of_steps(
    listing: Listing, name: str, table: pd.DataFrame, complaints: Complaints, problems: Problems
) -> dict[str, StepVectors]:
    """Return the vectors that the list or ``vectors.npz`` holds, in the order of the list.

    Args:
        listing: Files of the data set.
        name: The list.
        table: Its rows.
        complaints: Gets the rows with a vector of which a part is missing.
        problems: Gets a file that does not fit.
    """
    found: dict[str, StepVectors] = {}
    arrays = _arrays(listing, problems)
    for modality in MODALITIES:
        try:
            values = arrays.get(modality, _columns(table, modality))
        except (TypeError, ValueError):
            what = f"the column {modality} holds no vectors of one length"
            problems.add(what, "give each row as many numbers", file=name)
            continue
        if values is None:
            continue
        if values.ndim != 2 or values.dtype.kind not in "fiub" or len(values) != len(table) or not values.shape[1]:
            what = f"{modality} is {values.dtype} {list(values.shape)}, expected numbers [{len(table)}, D]"
            problems.add(what, f"give a row for each row of {name}", file=VECTORS)
            continue
        finite = np.isfinite(values)
        partly = finite.any(1) & ~finite.all(1)
        complaints.say(partly, f"a part of its {modality} vector is missing", "fill it in, or leave it all empty")
        present = finite.all(1)
        found[modality] = StepVectors(np.where(present[:, None], values, 0).astype(np.float32), present)
    return found


def _arrays(listing: Listing, problems: Problems) -> Mapping[str, np.ndarray]:
    file = listing.find(VECTORS)
    if file is None:
        return {}
    try:
        return {name: np.asarray(array) for name, array in read_npz(listing.root / file).items()}
    except DataError as error:
        problems.add(str(error).removeprefix(f"{listing.root / file}: "), "mend or remove it", file=file)
        return {}


def _columns(table: pd.DataFrame, modality: str) -> np.ndarray | None:
    """Return columns ``text_0``, ``text_1``, ... or the lists of a column ``text`` as [N, D]."""
    numbered = {int(match[1]): name for name in header_of(table) if (match := re.fullmatch(rf"{modality}_(\d+)", name))}
    if numbered:
        return np.column_stack([numbers(table[numbered[place]]) for place in sorted(numbered)])
    if modality not in table or table[modality].map(lambda cell: isinstance(cell, str)).any():
        return None  # the words themselves are no vectors
    rows = [None if cell is None else np.asarray(cell, dtype=np.float64) for cell in table[modality]]
    width = next((len(row) for row in rows if row is not None and row.ndim), 0)
    return np.stack([np.full(width, np.nan) if row is None or not row.ndim else row for row in rows])


def read_series(
    listing: Listing, sequences: Sequence[str], spans: np.ndarray, unit: float, problems: Problems
) -> dict[str, tuple[Events, ...]]:
    """Return each external series beside each sequence, by the name of its file.

    Kept are the last ``HISTORY`` events before a sequence's first step, and all until its last.

    Args:
        listing: Files of the data set.
        sequences: Their ids, N.
        spans: Times of the first and the last step of each, [N, 2].
        unit: Length of a step.
        problems: Gets what is wrong with a row.
    """
    files = [file for file in listing.files if PurePosixPath(file).parent == PurePosixPath(SERIES)]
    found: dict[str, tuple[Events, ...]] = {}
    for file in files:
        if file.lower().endswith(LISTS):
            name = PurePosixPath(file).stem
            if name in found:
                problems.add(f"another file is the series {name}, too", "rename or remove one", file=file)
                continue
            try:
                found[name] = _one_series(listing, file, sequences, spans, unit, problems)
            except DataError as error:
                text = str(error).removeprefix(f"{listing.root / file}: ")
                problem, _, mend = text.partition("; ")
                problems.add(problem, mend or "mend or remove it", file=file)
    return found


def _one_series(
    listing: Listing, file: str, sequences: Sequence[str], spans: np.ndarray, unit: float, problems: Problems
) -> tuple[Events, ...]:
    table = read_table(listing.root, file, problems)
    header = header_of(table)
    names = {ours: find_column(header, theirs) for ours, theirs in (("time", TIME), ("value", VALUE))}
    if None in names.values():
        raise DataError(f"{listing.root / file}: has no columns time and value; name them so")
    times, values = times_of(table[names["time"]]), numbers(table[names["value"]])
    owner = find_column(header, SEQUENCE)
    owners = np.full(len(table), "", dtype=object) if owner is None else texts(table[owner])
    complaints = Complaints(len(table))
    complaints.say(~np.isfinite(times), "its time is neither a number nor an ISO 8601 date", "correct it")
    complaints.say(~np.isfinite(values), "its value is no number", "correct it, or remove the row")
    if owner is not None:
        strange = ~np.isin(owners, np.asarray(sequences, dtype=object))
        complaints.say(strange, "names a sequence that the list does not have", "correct the name, or remove the row")
    complaints.report(pd.DataFrame({"file": file, "row": table.index, "image": ""}), problems)
    right = np.flatnonzero(~complaints.wrong)
    order = right[np.argsort(times[right], kind="stable")]
    mine = {name: order[owners[order] == name] if owner is not None else order for name in sequences}
    return tuple(
        _events(times[mine[name]], values[mine[name]], span, unit) for name, span in zip(sequences, spans, strict=True)
    )


def _events(times: np.ndarray, values: np.ndarray, span: np.ndarray, unit: float) -> Events:
    first, end = np.searchsorted(times, span, side="right")
    kept = slice(max(0, int(first) - HISTORY), int(end))
    return Events((times[kept] - span[0]) / unit, values[kept])
