"""Files and folders to rows of predictions: streamed in batches, refusals kept as rows, tables written atomically."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import entropy

from fisa.images import ImageRefused, decode, find_images, to_square
from fisa.runs import Run

Progress = Callable[[int, int], None]


class PredictionError(ValueError):
    """A table that cannot be written; the message is one clear sentence."""


def find_files(paths: Iterable[Path]) -> list[tuple[Path, ImageRefused | None]]:
    """List the image files behind files, folders and patterns, in the order given; see ``fisa.images.find_images``.

    Returns:
        One pair a file, with None; and one pair for each path that leads nowhere, with its refusal. A file
        reached twice is listed once.
    """
    entries: list[tuple[Path, ImageRefused | None]] = []
    seen: set[str] = set()
    for path in paths:
        files, refusals = find_images([path])
        entries.extend((path, refusal) for refusal in refusals)
        for file in files:
            if (real := os.path.realpath(file)) not in seen:
                seen.add(real)
                entries.append((file, None))
    return entries


def predict_files(
    run: Run, paths: Iterable[Path], batch_size: int = 32, progress: Progress | None = None
) -> Iterator[pd.DataFrame]:
    """Predict the emotion distribution of image files, batch by batch, so that memory stays flat.

    Args:
        run: The run whose model predicts.
        paths: Files, folders or patterns.
        batch_size: Images that are decoded and predicted at once.
        progress: Called with (files done, files in all) after each batch.

    Yields:
        One row a file, in order: ``path``; one float64 column for each label, in [0, 1], summing to 1; ``label``,
        the emotion of the largest degree; ``entropy`` in nats, in [0, ln C]; and ``refused``. Where a file was
        refused, ``refused`` says why, the numbers are NaN and ``label`` is missing; elsewhere ``refused`` is missing.

    Raises:
        RunError: The run's weights do not fit its configuration.
    """
    entries = find_files(paths)
    done = 0
    while batch := entries[done : done + batch_size]:
        yield _predict_batch(run, batch)
        done += len(batch)
        if progress is not None:
            progress(done, len(entries))


def _predict_batch(run: Run, batch: Sequence[tuple[Path, ImageRefused | None]]) -> pd.DataFrame:
    squares: list[np.ndarray] = []
    refused: list[str | None] = []
    for path, refusal in batch:
        try:
            if refusal is not None:
                raise refusal
            # Shrunk at once: a batch of photographs at full size would fill gigabytes.
            squares.append(to_square(decode(path), run.config.data.image_size))
            refused.append(None)
        except ImageRefused as error:
            refused.append(_text(str(error)))
    good = np.array([text is None for text in refused])
    distribution = np.full((len(batch), len(run.space)), np.nan)
    distribution[good] = run.predict(squares).distribution
    labels = np.array([None] * len(batch), dtype=object)
    labels[good] = np.array(run.space.labels, dtype=object)[distribution[good].argmax(axis=1)]
    frame = pd.DataFrame(distribution, columns=list(run.space.labels))
    frame.insert(0, "path", pd.Series([_text(str(path)) for path, _ in batch], dtype="str"))
    frame["label"] = pd.Series(labels, dtype="str")
    frame["entropy"] = entropy(distribution, axis=1)
    frame["refused"] = pd.Series(refused, dtype="str")
    return frame


def _text(name: str) -> str:
    """A file name may hold bytes that are not UTF-8, which no table format can store."""
    return name.encode("utf-8", "replace").decode("utf-8")


def write_csv(frames: Iterable[pd.DataFrame], stream: TextIO) -> None:
    """Write frames of equal columns as one CSV table, each as it comes; floats are written exactly."""
    for number, frame in enumerate(frames):
        frame.to_csv(stream, index=False, header=number == 0, lineterminator="\n")


def write_json(frames: Iterable[pd.DataFrame], stream: TextIO) -> None:
    """Write frames as one JSON array with an object for each row; what is missing is null."""
    stream.write("[")
    separator = "\n"
    for frame in frames:
        rows = frame.to_json(orient="records", lines=True, double_precision=15, force_ascii=False)
        # Not splitlines: a file name may hold one of the other line separators of Unicode.
        for row in rows.removesuffix("\n").split("\n"):
            stream.write(separator + row)
            separator = ",\n"
    stream.write("\n]\n")


def write_parquet(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write frames of equal columns and types as one Parquet table, a row group each."""
    rest = iter(frames)
    for first in islice(rest, 1):
        schema = pa.Table.from_pandas(first, preserve_index=False).schema
        with pq.ParquetWriter(path, schema) as writer:
            writer.write_table(pa.Table.from_pandas(first, schema, preserve_index=False))
            for frame in rest:
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))


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
    """Refuse a file that ``write_table`` could not or should not write, before any work is done.

    Raises:
        PredictionError: Unknown suffix, an existing file without ``force``, or no folder to write to.
    """
    if path.suffix.lower() not in WRITERS:
        raise PredictionError(f"{path}: unknown kind of table; name it {', '.join('*' + each for each in WRITERS)}")
    if path.is_dir():
        raise PredictionError(f"{path}: is a folder; name a file in it")
    if path.exists() and not force:
        raise PredictionError(f"{path}: already exists; name another file, or add --force to replace it")
    if not path.parent.is_dir():
        raise PredictionError(f"{path}: the folder {path.parent} does not exist; make it first")


def write_table(frames: Iterable[pd.DataFrame], path: Path, force: bool = False) -> None:
    """Write frames as one table; its suffix says the format (.csv, .json, .parquet).

    The file appears whole or not at all: an interruption leaves what was there before.

    Raises:
        PredictionError: See :func:`check_target`; or the disk refuses.
    """
    check_target(path, force)
    try:
        with _replacing(path) as draft:
            WRITERS[path.suffix.lower()](frames, draft)
    except OSError as error:
        raise PredictionError(f"{path}: cannot be written ({error.strerror or error})") from None


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
