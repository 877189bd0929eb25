"""A long list of images to one table, shard by shard: each is kept when it is done, so that a kill loses little.

A shard is a fixed number of entries of the list, and the unit of work: it can be predicted anywhere, in any order.
Beside a table ``FILE`` that is being made lies the folder ``FILE.partial`` with ``manifest.json``, which says what
the rows depend on, and a Parquet file for each finished shard, which says of which entries it was made. Every file
in it appears whole or not at all. When all shards are there they become the table, and the folder goes. A lock beside
it, ``FILE.partial.lock``, keeps a second process away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fisa import __version__
from fisa.exceptions import FisaError
from fisa.files import Entry, find_files
from fisa.prediction import Progress, count_files, cut, predict_batches, twice
from fisa.runs import Run
from fisa.tables import WRITERS, alone, check_target, read_parquet, repeating, replacing, to_arrow, unwritable

SHARD = 2048
"""Entries of a shard: what a kill can lose. Batches do not reach across shards."""

FORMAT = 1
MANIFEST = "manifest.json"
_DIGEST = b"fisa.entries"  # key in the metadata of a shard's schema
_OURS = re.compile(r"manifest\.json|\d+\.parquet|[0-9a-f]{32}\.unfinished")


class ShardError(FisaError, ValueError):
    """Unfinished work that cannot be gone on with; the message is one clear sentence."""


@dataclass(frozen=True)
class Shard:
    """Part of a list of images.

    Attributes:
        number: Its place among the shards, from 0.
        entries: At most ``SHARD``; see ``fisa.files.find_files``.
    """

    number: int
    entries: tuple[Entry, ...]

    @cached_property
    def digest(self) -> str:
        """Content digest of the list, paths and refusals but not of the images, 16 hex digits."""
        whole = hashlib.sha256()
        for path, refusal in self.entries:
            whole.update(os.fsencode(f"{path}\0{refusal or ''}\0"))
        return whole.hexdigest()[:16]


def cut_shards(entries: Iterable[Entry]) -> Iterator[Shard]:
    """Cut a list into shards of ``SHARD`` entries, the last shorter; an empty list is one empty shard."""
    number = -1
    for number, part in enumerate(cut(entries, SHARD)):
        yield Shard(number, part)
    if number < 0:
        yield Shard(0, ())


def predict_table(
    run: Run,
    paths: Iterable[Path],
    target: Path,
    *,
    batch_size: int = 32,
    workers: int | None = 0,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    writing: Progress | None = None,
    watch: Callable[[pd.DataFrame], None] | None = None,
) -> None:
    """Predict image files into a table with the rows of ``fisa.prediction.predict_files``; its suffix says the format.

    The table appears whole or not at all. Killed at any moment and called again with ``resume``, it gives the file
    of an uninterrupted call (on the same machine, with as many threads).

    Args:
        run: The run whose model predicts.
        paths: Files, folders or patterns; see ``fisa.files.find_files``.
        target: The file to make: .csv, .json or .parquet.
        batch_size: Images that are predicted at once; at most ``SHARD`` are.
        workers: Processes that decode; see ``fisa.decoding.decode_squares``.
        resume: Go on with the shards that an interrupted call left, if it left any.
        force: Replace an existing table; and without ``resume``, drop what an interrupted call left.
        progress: Called with (files found, 0) while they are counted, then (files done, files in all) after each
            batch.
        writing: Called with (rows written, rows in all) as the finished shards become the table.
        watch: Called with the rows in order as they come, those of earlier calls too.

    Raises:
        TableError: See ``fisa.tables.check_target``; or another process makes this table; or the disk refuses.
        ShardError: An interrupted call left shards and neither ``resume`` nor ``force`` is given; or they were made
            with another run, list or setting.
        RunError: The run's weights do not fit its configuration.
        DecodingError: A worker process ended and none can be started in its place.
    """
    check_target(target, force)
    paths = list(paths)
    with alone(target), Partial(target, run, batch_size, resume, force) as partial:
        total = count_files(paths, progress) if progress is not None else 0
        done = count = 0
        with closing(_filled(partial, run, cut_shards(find_files(paths)), batch_size, workers)) as frames:
            for number, frame in frames:
                count = number + 1
                done += len(frame)
                if watch is not None:
                    watch(frame)
                if progress is not None:
                    progress(done, max(done, total))  # files may have come since they were counted
        check_target(target, force)  # again: another call may have made it meanwhile
        partial.publish(count, done, writing)


def _filled(
    partial: Partial, run: Run, shards: Iterable[Shard], batch_size: int, workers: int | None
) -> Generator[tuple[int, pd.DataFrame], None, None]:
    """Predict and keep the shards that are missing; yield (shard number, rows) of all in order."""
    # Asked once, so that both streams agree. A finished shard's entries are let go: there may be millions.
    waiting, queued = twice((shard.number, None if partial.has(shard) else shard) for shard in shards)
    batches = (batch for _, shard in queued if shard is not None for batch in _batches(shard, batch_size))
    with closing(predict_batches(run, batches, workers)) as frames:
        for number, shard in waiting:
            if shard is None:
                yield number, partial.read(number)
                continue
            rows = []
            for frame in islice(frames, len(_batches(shard, batch_size))):
                yield number, frame
                rows.append(frame)
            partial.keep(shard, pd.concat(rows, ignore_index=True))


def _batches(shard: Shard, size: int) -> list[tuple[Entry, ...]]:
    return list(cut(shard.entries, size)) or [()]


def partial_folder(target: Path) -> Path:
    """Return where the finished shards of a table lie until it is whole."""
    return target.with_name(f"{target.name}.partial")


class Partial:
    """The folder of finished shards beside a table that is being made; left empty by an error, it goes.

    Args:
        target: The table.
        run: The run whose model predicts.
        batch_size: Images that are predicted at once; the last bits of the rows depend on it.
        resume: Keep the shards that are there.
        force: Without ``resume``, drop them.

    Raises:
        ShardError: See ``predict_table``.
    """

    def __init__(self, target: Path, run: Run, batch_size: int, resume: bool, force: bool) -> None:
        self.folder = partial_folder(target)
        self._target = target
        terms = terms_of(run, batch_size)
        manifest = self.folder / MANIFEST
        try:
            refuse_strangers(self.folder, _OURS)
            if self._numbers() and not (resume or force):
                raise ShardError(
                    f"{self.folder}: holds the work of an interrupted call; "
                    "add --resume to go on with it, or --force to start anew"
                )
            if resume and manifest.exists():
                self._check(manifest, terms)
                return
            if self.folder.exists():  # without a manifest it was only being made, or being removed
                shutil.rmtree(self.folder)
            self.folder.mkdir()
        except OSError as error:
            raise unwritable(self.folder, error) from None
        with replacing(manifest) as draft:
            draft.write_text(json.dumps(terms, indent=2) + "\n", encoding="utf-8")

    def _check(self, manifest: Path, terms: Mapping[str, object]) -> None:
        try:
            known = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError:
            known = None
        if not isinstance(known, dict):
            raise ShardError(f"{manifest}: is damaged; start anew with --force instead of --resume")
        check_terms(self.folder, known, terms)

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._numbers():
            shutil.rmtree(self.folder, ignore_errors=True)

    def has(self, shard: Shard) -> bool:
        """Tell whether a shard is finished.

        Raises:
            ShardError: It was made of other entries.
        """
        try:
            metadata = pq.read_schema(self._file(shard.number)).metadata or {}
        except (OSError, pa.ArrowException):  # absent; or damaged, as where the power failed: it is made again
            return False
        if metadata.get(_DIGEST, b"").decode() != shard.digest:
            raise another_list(self.folder)
        return True

    def keep(self, shard: Shard, rows: pd.DataFrame) -> None:
        """Write the rows of a finished shard, whole or not at all."""
        table = to_arrow(rows)
        table = table.replace_schema_metadata({**table.schema.metadata, _DIGEST: shard.digest})
        with replacing(self._file(shard.number)) as draft:
            pq.write_table(table, draft, use_dictionary=repeating(table.schema))

    def read(self, number: int) -> pd.DataFrame:
        """Return the rows of a finished shard.

        Raises:
            ShardError: The file cannot be read.
        """
        file = self._file(number)
        try:
            return read_parquet(file)
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())[:160]
            raise ShardError(f"{file}: cannot be read ({reason}); delete it and go on with --resume") from None

    def publish(self, count: int, rows: int, progress: Progress | None = None) -> None:
        """Make the table of ``count`` shards with ``rows`` rows, a row group in memory at a time; remove the folder.

        Raises:
            ShardError: There are more: the list has become shorter.
        """
        if self._numbers() != set(range(count)):
            raise another_list(self.folder)
        with replacing(self._target, self.folder) as draft:
            WRITERS[self._target.suffix.lower()](self._frames(count, rows, progress), draft)
        shutil.rmtree(self.folder)

    def _frames(self, count: int, rows: int, progress: Progress | None) -> Iterator[pd.DataFrame]:
        done = 0
        for number in range(count):
            frame = self.read(number)
            yield frame
            done += len(frame)
            if progress is not None:
                progress(done, rows)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:05}.parquet"

    def _numbers(self) -> set[int]:
        return {int(file.stem) for file in self.folder.glob("*.parquet")} if self.folder.is_dir() else set()


def terms_of(run: Run, batch_size: int) -> dict[str, str | int]:
    """Return what the rows of a list depend on besides the list."""
    return {"format": FORMAT, "fisa": __version__, "run": run.digest, "batch_size": batch_size, "shard": SHARD}


def check_terms(folder: Path, known: Mapping[str, object], terms: Mapping[str, object]) -> None:
    """Raise ShardError where work was begun on other terms."""
    for name, value in terms.items():
        if known.get(name) != value:
            what = name.replace("_", " ")
            raise ShardError(
                f"{folder}: was begun with {what} {known.get(name)}, not {value}; "
                "give the same, or start anew with --force instead of --resume"
            )


def another_list(folder: Path) -> ShardError:
    """Return the refusal of a list that is not the one that work was begun with."""
    return ShardError(
        f"{folder}: was begun with another list of images; "
        "give the same paths, or start anew with --force instead of --resume"
    )


def refuse_strangers(folder: Path, ours: re.Pattern[str]) -> None:
    """Raise ShardError for what is in the place of a folder and not made here, before any of it is removed."""
    if folder.exists():
        for file in folder.iterdir():
            if not ours.fullmatch(file.name):
                raise ShardError(f"{folder}: is in the way, with {file.name} in it; move it elsewhere")
