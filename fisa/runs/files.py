"""Files that are written whole or not at all, and read only after their digest was checked."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
from torch import Tensor

from fisa.drafts import draft_in, put_in_place
from fisa.exceptions import FisaError

REASON_LENGTH = 160


class RunError(FisaError, ValueError):
    """A run folder that cannot be read or written; the message is one clear sentence."""


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def reason_of(error: Exception) -> str:
    """Return an error's message on one short line."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return " ".join((strerror or str(error) or type(error).__name__).split())[:REASON_LENGTH]


def write_whole(file: Path, content: bytes) -> None:
    """Replace ``file`` by ``content``: whoever looks, even after a power cut, finds the old file or the new one.

    Raises:
        RunError: The disk refuses; the old file, if any, is untouched.
    """
    draft = draft_in(file.parent)
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        put_in_place(draft, file)
        _sync_folder(file.parent)
    except OSError as error:
        raise RunError(f"{file}: cannot be written ({reason_of(error)}); what was there before is untouched") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def read_bytes(file: Path) -> bytes:
    """Return the content of ``file``, unchecked.

    Raises:
        RunError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({reason_of(error)})") from None


def dump_json(document: Mapping[str, Any]) -> str:
    """Write a JSON object as text that :func:`parse_json` reads; numbers are finite."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def parse_json(content: bytes, file: Path) -> dict[str, Any]:
    """Read a JSON object in UTF-8 with unique keys and finite numbers.

    Args:
        content: What was read from ``file``.
        file: For error messages.

    Raises:
        RunError: It is anything else.
    """
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite
        )
    except RecursionError:
        raise RunError(f"{file}: cannot be read as JSON (nested too deeply)") from None
    except ValueError as error:
        raise RunError(f"{file}: cannot be read as JSON ({reason_of(error)})") from None
    if not isinstance(document, dict):
        raise RunError(f"{file}: expected a JSON object")
    return document


def parse_table(
    content: bytes, file: Path, texts: Sequence[str], numbers: Sequence[str], optional: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table whose columns are known; the suffix of ``file`` says whether it is CSV or Parquet.

    Args:
        content: What was read from ``file``.
        file: For error messages.
        texts: Columns of texts.
        numbers: Columns of finite numbers.
        optional: Columns of texts of which some, or the whole column, may be missing.

    Raises:
        RunError: Not such a table.
    """
    try:
        if file.suffix == ".csv":
            table = parse_csv(content, (*texts, *optional))
        else:
            table = pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # pandas and pyarrow raise many kinds for a broken file
        raise RunError(f"{file}: cannot be read as a table ({reason_of(error)})") from None
    missing = [name for name in (*texts, *numbers) if name not in table]
    if missing:
        raise RunError(f"{file}: the column {missing[0]!r} is missing")
    if table.columns.has_duplicates:
        raise RunError(f"{file}: a column stands twice")
    for name in texts:
        missing_is = "" if file.suffix == ".csv" else None
        if not all(isinstance(value, str) and value != missing_is for value in table[name]):
            raise RunError(f"{file}: the column {name!r} holds something else than text")
    for name in numbers:
        if len(table) and (table[name].dtype.kind not in "iuf" or not np.isfinite(table[name].to_numpy(float)).all()):
            raise RunError(f"{file}: the column {name!r} holds something else than finite numbers")
    return table


def parse_csv(content: bytes, texts: Sequence[str]) -> pd.DataFrame:
    """Read CSV whose columns ``texts``, as far as they are there, hold texts whatever these look like.

    Else a digest such as 012e34 would become a number, and a system called null be missing. What is missing among them
    is an empty text; among the others, not a number.
    """
    names = pd.read_csv(io.BytesIO(content), nrows=0).columns
    missing = {name: ["", "nan", "NaN"] for name in names if name not in texts}
    kinds = dict.fromkeys(texts, str)
    return pd.read_csv(io.BytesIO(content), dtype=kinds, na_values=missing, keep_default_na=False)


def parse_tensors(content: bytes, file: Path) -> dict[str, Tensor]:
    """Read safetensors.

    Raises:
        RunError: Something else, or cut short.
    """
    try:
        return safetensors.torch.load(content)
    except Exception as error:  # a broken header raises more kinds than SafetensorError
        raise RunError(f"{file}: cannot be read as safetensors ({reason_of(error)})") from None


def dump_tensors(state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Write tensors on any device and in any layout as safetensors."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    return safetensors.torch.save(tensors, metadata=dict(metadata) if metadata else None)


def _sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable, where the system lets a folder be opened and flushed."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return document


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value
