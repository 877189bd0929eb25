"""Frames to one table in a file, each written as it comes and the file whole or not at all: CSV, JSON, Parquet."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from fisa.drafts import put_in_place
from fisa.exceptions import FisaError

ROW_GROUP = 16_384
"""Rows of a row group, or a frame's more; the last has what is left. The writer gathers them in memory, and of each
group keeps some 13 kB until the end (measured, twelve columns): 0.8 bytes a row."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a text begins with that a spreadsheet would run."""


class TableError(FisaError, ValueError):
    """A table that cannot be written; the message is one clear sentence."""


def write_csv(frames: Iterable[pd.DataFrame], stream: TextIO) -> None:
    """Write frames of equal columns as one CSV table, each as it comes; floats are written exactly."""
    for number, frame in enumerate(frames):
        frame.to_csv(stream, index=False, header=number == 0, lineterminator="\n")


def inert(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts no spreadsheet takes for a formula: before those that begin like one comes a quote.

    Programs that open CSV run what begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break, as OWASP warns.
    """
    shown = table.copy()
    for place, kind in enumerate(shown.dtypes):  # by place: two columns may have one name
        if not pd.api.types.is_numeric_dtype(kind):
            cells = shown.iloc[:, place]
            quoted = [f"'{c}" if isinstance(c, str) and c.startswith(FORMULA_STARTS) else c for c in cells]
            shown.isetitem(place, pd.Series(quoted, dtype=object).to_numpy())
    return shown


def inert_csv(table: pd.DataFrame) -> str:
    """Return a table, without its index, as CSV in which no spreadsheet finds a formula; see :func:`inert`."""
    return inert(table).to_csv(index=False, lineterminator="\n")


def write_json(frames: Iterable[pd.DataFrame], stream: TextIO) -> None:
    """Write frames as one JSON array with an object for each row; what is missing is null."""
    stream.write("[")
    separator = "\n"
    for frame in frames:
        rows = frame.to_json(orient="records", lines=True, double_precision=15, force_ascii=False)
        # Not splitlines: a file name may hold one of the other line separators of Unicode.
        for row in rows.removesuffix("\n").split("\n") if len(frame) else ():
            stream.write(separator + row)
            separator = ",\n"
    stream.write("\n]\n")


def write_parquet(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write frames of equal columns and types as one Parquet table, in row groups of ``ROW_GROUP`` rows."""
    rest = iter(frames)
    for first in islice(rest, 1):
        schema = to_arrow(first).schema
        with pq.ParquetWriter(path, schema, use_dictionary=repeating(schema)) as writer:
            gathered: list[pa.Table] = []
            for frame in chain((first,), rest):
                gathered.append(to_arrow(frame, schema))
                if sum(map(len, gathered)) >= ROW_GROUP:
                    writer.write_table(pa.concat_tables(gathered))
                    gathered.clear()
            if gathered:
                writer.write_table(pa.concat_tables(gathered))


def to_arrow(frame: pd.DataFrame, schema: pa.Schema | None = None) -> pa.Table:
    """Return a frame without its index as an Arrow table."""
    # One thread: the columns are short, and every thread that allocates keeps memory of its own.
    return pa.Table.from_pandas(frame, schema, preserve_index=False, nthreads=1)


def repeating(schema: pa.Schema) -> list[str]:
    """Return the columns that Parquet should write with a dictionary: all but the numbers.

    These hardly repeat, and for all columns of a row group at once a dictionary takes more memory than the rows.
    """
    return [field.name for field in schema if not pa.types.is_floating(field.type)]


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a short Parquet file.

    Raises:
        OSError: The file cannot be read.
        pyarrow.ArrowException: It is damaged.
    """
    # Not pq.read_table, which starts the machinery of data sets and its threads: 10 MB for two thousand rows.
    with pq.ParquetFile(path) as file:
        frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
    return frame


def _as_text(write: Callable[[Iterable[pd.DataFrame], TextIO], None]) -> Callable[[Iterable[pd.DataFrame], Path], None]:
    def write_file(frames: Iterable[pd.DataFrame], path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write(frames, stream)

    return write_file


# suffix -> writer(frames, path)
WRITERS: Mapping[str, Callable[[Iterable[pd.DataFrame], Path], None]] = {
    ".csv": _as_text(write_csv),
    ".json": _as_text(write_json),
    ".parquet": write_parquet,
}


def check_target(path: Path, force: bool = False) -> None:
    """Refuse a file that could not or should not become a table, before any work is done.

    Raises:
        TableError: Unknown suffix, an existing file without ``force``, or no folder to write to.
    """
    if path.suffix.lower() not in WRITERS:
        raise TableError(f"{path}: unknown kind of table; name it {', '.join('*' + each for each in WRITERS)}")
    if path.is_dir():
        raise TableError(f"{path}: is a folder; name a file in it")
    if path.exists() and not force:
        raise TableError(f"{path}: already exists; name another file, or add --force to replace it")
    if not path.parent.is_dir():
        raise TableError(f"{path}: the folder {path.parent} does not exist; make it first")


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Let one process at a time make a table.

    Raises:
        TableError: Another one does, or the disk refuses the lock beside the table.
    """
    # Never a lock that only the presence of a file stands for: that would outlive a process that was killed.
    lock = FileLock(f"{target}.partial.lock", fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise TableError(f"{target}: another process makes it; wait for it to end, or name another --out") from None
    except OSError as error:
        raise unwritable(target, error) from None
    try:
        yield
    finally:
        # Removed while held: who opened it before sees that it is gone. A kill leaves it, and the next call takes it.
        with suppress(OSError):  # not on Windows
            os.unlink(lock.lock_file)
        lock.release()


@contextmanager
def replacing(file: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a draft in ``folder``, by default the file's own, that becomes ``file`` if all goes well.

    Raises:
        TableError: The disk refuses.
    """
    draft = (folder or file.parent) / f"{uuid.uuid4().hex}.unfinished"
    try:
        yield draft
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        put_in_place(draft, file)
    except OSError as error:
        raise unwritable(file, error) from None
    finally:
        draft.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> TableError:
    """Return the refusal of a disk in one sentence."""
    return TableError(f"{path}: cannot be written ({error.strerror or error})")
