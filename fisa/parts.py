"""A long list of images to a folder of Parquet parts, a shard each, which readers take as one table.

``_manifest.jsonl`` in it says on its first line what the rows depend on, and then on a line for each finished part of
which entries it was made and what its file must hold. A part counts once it is listed; it is listed once its file is
in place. So every row is there once, however often a shard was predicted. Readers pass over names with an underscore.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fisa.shards import Shard, ShardError, another_list, check_terms, refuse_strangers
from fisa.tables import repeating, to_arrow, unwritable

MANIFEST = "_manifest.jsonl"
_OURS = re.compile(r"_manifest\.jsonl|part-\d{6,}\.parquet|_[0-9a-f]{32}\.unfinished")


@dataclass(frozen=True)
class Part:
    """A finished shard.

    Attributes:
        number: Of the shard.
        entries: Its digest; see ``fisa.shards.Shard``.
        rows: Rows of the file.
        digest: SHA-256 of the file.
    """

    number: int
    entries: str
    rows: int
    digest: str


def write_draft(folder: Path, shard: Shard, rows: pd.DataFrame) -> tuple[Part, str]:
    """Write the rows of a shard under a name of its own; return the part that it may become, and that name.

    Raises:
        TableError: The disk refuses.
    """
    sink = pa.BufferOutputStream()
    table = to_arrow(rows)
    pq.write_table(table, sink, use_dictionary=repeating(table.schema))
    content = sink.getvalue().to_pybytes()
    draft = folder / f"_{uuid.uuid4().hex}.unfinished"
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise unwritable(draft, error) from None
    return Part(shard.number, shard.digest, len(rows), hashlib.sha256(content).hexdigest()), draft.name


class Parts:
    """The folder of parts; for one process at a time, see ``fisa.tables.alone``.

    Args:
        folder: Made if it does not exist.
        terms: What the rows depend on besides the list.
        resume: Keep the parts that are there.
        force: Without ``resume``, drop them.

    Raises:
        ShardError: There are parts and neither ``resume`` nor ``force`` is given; or they were made on other terms;
            or something else is in the place of the folder.
        TableError: The disk refuses.
    """

    def __init__(self, folder: Path, terms: Mapping[str, object], resume: bool, force: bool) -> None:
        self.folder = folder
        self._manifest = folder / MANIFEST
        self._parts: dict[int, Part] = {}
        try:
            if folder.exists() and not folder.is_dir():
                raise ShardError(f"{folder}: is a file; name a folder for the parts of the table")
            refuse_strangers(folder, _OURS)
            if self._manifest.exists() and not (resume or force):
                raise ShardError(
                    f"{folder}: already holds a table or part of one; add --resume to go on with it, "
                    "or --force to start anew"
                )
            if resume and self._manifest.exists():
                self._read(terms)
            else:
                self._begin(terms)
        except OSError as error:
            raise unwritable(folder, error) from None

    def _begin(self, terms: Mapping[str, object]) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._append(terms)

    def _read(self, terms: Mapping[str, object]) -> None:
        lines = self._manifest.read_bytes().split(b"\n")
        whole = sum(len(line) + 1 for line in lines[:-1])  # the last line is empty, or was cut short by a kill
        if not whole:
            self._begin(terms)
            return
        try:
            known, *parts = [json.loads(line) for line in lines[:-1]]
            self._parts = {part["number"]: Part(**part) for part in parts}
        except (ValueError, TypeError, KeyError):
            raise ShardError(f"{self._manifest}: is damaged; start anew with --force instead of --resume") from None
        check_terms(self.folder, known if isinstance(known, dict) else {}, terms)
        os.truncate(self._manifest, whole)
        self.sweep()

    def finished(self, shard: Shard) -> Part | None:
        """Return the part of a shard, or None where there is none or its file is not what was listed.

        Raises:
            ShardError: It was made of other entries.
        """
        part = self._parts.get(shard.number)
        if part is None:
            return None
        if part.entries != shard.digest:
            raise another_list(self.folder)
        try:
            content = self.file(shard.number).read_bytes()
        except OSError:
            return None
        return part if hashlib.sha256(content).hexdigest() == part.digest else None

    def add(self, part: Part, draft: str) -> None:
        """Put a draft in its place and list it.

        Raises:
            TableError: The disk refuses.
        """
        file = self.file(part.number)
        try:
            os.replace(self.folder / draft, file)
            self._append(asdict(part))
        except OSError as error:
            raise unwritable(file, error) from None
        self._parts[part.number] = part

    def close(self, count: int) -> None:
        """Check that there are ``count`` parts and no more, and remove what was left unfinished.

        Raises:
            ShardError: There are more: the list has become shorter.
        """
        if set(self._parts) != set(range(count)):
            raise another_list(self.folder)
        self.sweep()

    def sweep(self) -> None:
        """Remove drafts that became no part."""
        for draft in self.folder.glob("_*.unfinished"):
            draft.unlink(missing_ok=True)

    def file(self, number: int) -> Path:
        """Return where the part of a shard lies."""
        return self.folder / f"part-{number:06}.parquet"

    def reasons(self, number: int) -> list[str]:
        """Return why images of a part were refused."""
        with pq.ParquetFile(self.file(number)) as file:
            column: list[Any] = file.read(["refused"], use_threads=False)["refused"].to_pylist()
        return [reason for reason in column if reason is not None]

    def _append(self, line: Mapping[str, object]) -> None:
        with self._manifest.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
