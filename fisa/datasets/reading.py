"""Lists of images as files: delimited text, Parquet, JSON and MATLAB, read in bounded memory and never run as code."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from fisa.datasets.base import DataError
from fisa.datasets.problems import Problems, shown

MAX_BYTES = 2**29
"""Larger lists are refused before they are read."""

MAX_UNPACKED = 2**32
"""Bytes that a compressed list or file of vectors may become in memory; a few kilobytes can say that they are more."""

MAX_ROWS = 2_000_000
"""Lists with more rows are refused; the largest set known to us has 420,000."""

MAX_COLUMNS = 1000

_NUMBER = 8  # bytes of a number of MATLAB, at most
_LONGEST = 2**16  # characters of a cell of texts

_MARK = b"\xef\xbb\xbf"  # with which some programs begin UTF-8

_SPLIT = f"split the list, or name a set of at most {MAX_ROWS:,} images"


def read_table(
    root: Path,
    name: str,
    problems: Problems,
    delimiter: str = "",
    quote: str = '"',
    header: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Read a list with a header: Parquet where the suffix says so, else delimited text in UTF-8.

    Args:
        root: Root of the data set.
        name: The file, relative to ``root``; known to lie in it.
        problems: Gets the rows with a wrong number of cells; they are left out.
        delimiter: Between cells; by default a tab for ``.tsv``, else whichever of ``, ; tab`` the header has most of.
        quote: Around cells that hold a delimiter or a line break.
        header: Names of the columns of a text file, where its first row may be no header.

    Returns:
        Columns as the header names them, less space and quotes around; of text files all are text. The index is each
        row's number in the file as a spreadsheet counts it (of Parquet the header counts as row 1, too); rows without
        a filled cell, blank lines among them, are left out.

    Raises:
        DataError: Unreadable, too long, without rows, or with a column that stands twice.
    """
    if name.lower().endswith(".parquet"):
        return _read_parquet(root, name)
    content = read_content(root, name)
    head = re.split(rb"[\r\n]", content[:65536].removeprefix(_MARK).lstrip(b"\r\n"), maxsplit=1)[0]
    by_suffix = "\t" if name.lower().endswith(".tsv") else ""
    delimiter = delimiter or by_suffix or max(",;\t", key=lambda each: head.count(each.encode()))
    rows = _read_cells(root, name, content, delimiter, quote, problems)
    first = [str(cell).strip().strip("'\"").strip() for cell in rows.iloc[0]] if len(rows) else []
    if header and len(header) == len(first) and header[0] != first[0]:
        return rows.set_axis(list(header), axis=1)
    if len(rows) < 2:
        raise DataError(f"{root / name}: holds no rows; check the file")
    _refuse_twice(root / name, first)
    return rows.iloc[1:].set_axis(first, axis=1)


def _read_cells(root: Path, name: str, content: bytes, delimiter: str, quote: str, problems: Problems) -> pd.DataFrame:
    """Return all cells as text, by number of row; rows of another width go to ``problems``."""
    table = content.removeprefix(_MARK).lstrip(b"\r\n")
    before = len(re.findall(rb"\r\n|\r|\n", content[: len(content) - len(table)]))
    if quote and content.count(quote.encode()) % 2:
        raise DataError(f"{root / name}: a quotation mark ({quote}) is opened and not closed; close or remove it")
    odd: list[tuple[int, int, int]] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        odd.append((before + row.number, row.actual_columns, row.expected_columns))
        return "skip" if len(odd) <= MAX_ROWS else "error"

    try:
        batches = pa.csv.open_csv(
            io.BytesIO(table),
            # One thread, for only then are rows numbered.
            read_options=pa.csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quote or False,
                newlines_in_values=bool(quote),
                ignore_empty_lines=False,  # they count, too
                invalid_row_handler=refuse,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types={f"f{column}": pa.string() for column in range(MAX_COLUMNS)}, strings_can_be_null=False
            ),
        )
        parts, count = [], 0
        for batch in batches:
            parts.append(batch)
            count += batch.num_rows
            if count + len(odd) > MAX_ROWS + 1:
                raise DataError(f"{root / name}: more than {MAX_ROWS:,} rows; {_SPLIT}")
    except pa.ArrowInvalid as error:
        raise DataError(f"{root / name}: {_reason(error)}") from None
    if len(batches.schema) > MAX_COLUMNS:
        raise DataError(f"{root / name}: {len(batches.schema)} columns, limit {MAX_COLUMNS}; remove those not needed")
    frame: pd.DataFrame = pa.Table.from_batches(parts, batches.schema).to_pandas()
    numbers = np.setdiff1d(np.arange(count + len(odd)) + before + 1, [number for number, _, _ in odd])
    problems.add_rows(
        [f"{actual} {'cell' if actual == 1 else 'cells'}, expected {expected}" for _, actual, expected in odd],
        "give every row as many cells as the header; put quotes around a name that holds a delimiter",
        file=name,
        rows=[number for number, _, _ in odd],
        images=[""] * len(odd),
    )
    filled = pd.Series((frame != "").to_numpy().any(axis=1), index=numbers)
    return frame.set_index(numbers).loc[filled]


def _reason(error: pa.ArrowInvalid) -> str:
    text = " ".join(str(error).split())
    if "UTF8" in text:
        return "is not text in UTF-8; save it as UTF-8"
    if "Empty CSV" in text:
        return "holds no rows; check the file"
    return f"cannot be read as a table ({text[:160]}); mend it"


def _read_parquet(root: Path, name: str) -> pd.DataFrame:
    try:
        _refuse_large(root / name)
        with pq.ParquetFile(root / name) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise DataError(f"{root / name}: {file.metadata.num_rows:,} rows; {_SPLIT}")
            if len(file.schema_arrow) > MAX_COLUMNS:
                raise DataError(f"{root / name}: {len(file.schema_arrow)} columns, limit {MAX_COLUMNS}")
            groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
            refuse_unpacked(root / name, sum(group.total_byte_size for group in groups))
            columns = [str(column).strip() for column in file.schema_arrow.names]
            _refuse_twice(root / name, columns)
            frame: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{root / name}: cannot be read as Parquet ({' '.join(str(error).split())[:160]})") from None
    if not len(frame):
        raise DataError(f"{root / name}: holds no rows; check the file")
    return frame.set_axis(columns, axis=1).set_axis(np.arange(2, len(frame) + 2))


def _refuse_twice(file: Path, columns: list[str]) -> None:
    twice = next((name for name in columns if columns.count(name) > 1 and name), None)
    if twice is not None:
        raise DataError(f"{file}: the column {twice!r} stands twice; remove one")


def read_lines(root: Path, name: str) -> list[str]:
    """Read a text file in UTF-8 as lines, whichever of the three line ends it has; blank lines at its end are dropped.

    Raises:
        DataError: Unreadable, not UTF-8, or too long.
    """
    try:
        text = read_content(root, name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{root / name}: is not text in UTF-8; save it as UTF-8") from None
    lines = re.split(r"\r\n|\r|\n", text.rstrip())  # not splitlines, which also splits at what a name may hold
    if len(lines) > MAX_ROWS:
        raise DataError(f"{root / name}: more than {MAX_ROWS:,} rows; {_SPLIT}")
    return lines


def read_json(root: Path, name: str) -> Any:
    """Read a JSON document; DataError where it is none."""
    try:
        return json.loads(read_content(root, name))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{root / name}: cannot be read as JSON ({' '.join(str(error).split())[:160]})") from None


def read_mat(root: Path, name: str) -> dict[str, Any]:
    """Read the variables of a MATLAB file, classic or HDF5 (version 7.3).

    Returns:
        Name -> array as MATLAB shows it; a cell array of texts as a list.

    Raises:
        DataError: Unreadable or too long.
    """
    import scipy.io  # here, as h5py below, because few data sets need it

    content = read_content(root, name)
    try:
        if content[:128].startswith(b"MATLAB 7.3") or content[512:516] == b"\x89HDF" or content.startswith(b"\x89HDF"):
            return _read_hdf5(root / name, content)
        sizes = [math.prod(shape) for _, shape, _ in scipy.io.whosmat(io.BytesIO(content))]
        refuse_unpacked(root / name, _NUMBER * sum(sizes))
        variables = scipy.io.loadmat(io.BytesIO(content), chars_as_strings=True)
    except DataError:
        raise
    except Exception as error:  # a broken file raises nearly anything
        raise DataError(f"{root / name}: cannot be read as MATLAB ({' '.join(str(error).split())[:160]})") from None
    return {key: _plain(value) for key, value in variables.items() if not key.startswith("__")}


def _plain(value: np.ndarray) -> Any:
    if value.dtype == object:
        return [str(np.asarray(cell).ravel()[0]) if np.size(cell) else "" for cell in value.ravel(order="F")]
    return [text.rstrip() for text in value.tolist()] if value.dtype.kind == "U" else value


def _read_hdf5(where: Path, content: bytes) -> dict[str, Any]:
    import h5py

    def array(item: h5py.Dataset) -> Any:
        refuse_unpacked(where, item.nbytes)
        values = np.asarray(item[()])
        if item.dtype == h5py.ref_dtype:
            return [text(file[reference]) for reference in values.ravel()]
        # MATLAB is column-major: HDF5 holds the transpose.
        return values.T

    def text(cell: h5py.Dataset) -> str:
        if elsewhere(cell) or cell.size > _LONGEST:
            raise ValueError("a cell of it lies in another file, or is too long for a text")
        return "".join(map(chr, np.asarray(cell[()]).ravel()))

    def elsewhere(item: h5py.Dataset) -> bool:
        return bool(item.external) or item.is_virtual

    with h5py.File(io.BytesIO(content), "r") as file:
        # Links to other files, and arrays that are stored there, are passed over: these may lie anywhere.
        own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        items = {name: file[name] for name in own if isinstance(file[name], h5py.Dataset)}
        return {name: array(item) for name, item in items.items() if not elsewhere(item)}


def read_content(root: Path, name: str) -> bytes:
    """Return what a file holds; DataError where it cannot be read or has more than ``MAX_BYTES``."""
    file = root / name
    try:
        _refuse_large(file)
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{shown(str(file))}: cannot be read ({error.strerror or error})") from None


def _refuse_large(file: Path) -> None:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{shown(str(file))}: {size:,} bytes, limit {MAX_BYTES:,}; {_SPLIT}")


def refuse_unpacked(file: Path, size: int) -> None:
    """Raise DataError where a file says that it takes more than ``MAX_UNPACKED`` bytes once it is unpacked."""
    if size > MAX_UNPACKED:
        raise DataError(f"{shown(str(file))}: {size:,} bytes once it is unpacked, limit {MAX_UNPACKED:,}; {_SPLIT}")


def numbers(column: pd.Series) -> np.ndarray:
    """Return a column as float64 [N], NaN where it holds no number; space around numbers is ignored."""
    if column.dtype.kind in "iufb":
        return column.to_numpy(np.float64)
    text = pc.utf8_trim_whitespace(pa.array(column.astype("str"), type=pa.string(), from_pandas=True))
    try:
        return np.asarray(text.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        return np.asarray(pd.to_numeric(pd.Series(text.to_pandas()), errors="coerce"), dtype=np.float64)


def header_of(table: pd.DataFrame) -> list[str]:
    """Return the names of a table's columns."""
    return [str(name) for name in table.columns]
