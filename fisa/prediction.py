"""Image files to rows of predictions: streamed in batches, decoded ahead, refusals kept as rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.stats import entropy

from fisa.decoding import Decoded, decode_squares
from fisa.files import Entry, find_files
from fisa.images import ImageRefused
from fisa.runs import Run

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are; 0 where that is not known yet."""

Item = TypeVar("Item")


def predict_files(
    run: Run, paths: Iterable[Path], batch_size: int = 32, progress: Progress | None = None, workers: int | None = 0
) -> Generator[pd.DataFrame, None, None]:
    """Predict image files, batch by batch, so that memory stays flat.

    Args:
        run: The run whose model predicts.
        paths: Files, folders or patterns; see ``fisa.files.find_files``.
        batch_size: Images that are predicted at once.
        progress: Called with (files found, 0) now and then while they are counted, and with (files done, files in
            all) after each batch. Without it they are not counted.
        workers: Processes that decode; 0 decodes in this one, None chooses. See ``fisa.decoding.decode_squares``.

    Yields:
        One row a file, in order: ``path``; one float64 column for each label, in [0, 1], summing to 1; ``label``,
        the emotion of the largest degree; ``entropy`` in nats, in [0, ln C]; and ``refused``. Of a run whose task is
        valence_arousal: ``path``, ``valence`` and ``arousal`` in [-1, 1], and ``refused``. Where a file was refused,
        ``refused`` says why, the numbers are NaN and ``label`` is missing; elsewhere ``refused`` is missing.

    Raises:
        RunError: The run's weights do not fit its configuration.
        DecodingError: A worker process ended and none can be started in its place.
    """
    paths = list(paths)
    total = count_files(paths, progress) if progress is not None else 0
    done = 0
    with closing(predict_batches(run, cut(find_files(paths), batch_size), workers)) as frames:
        for frame in frames:
            yield frame
            done += len(frame)
            if progress is not None:
                progress(done, max(done, total))  # files may have come since they were counted


def count_files(paths: Iterable[Path], progress: Progress) -> int:
    """Return how many entries ``find_files`` finds; report (entries found, 0) after every thousand."""
    count = 0
    for count, _ in enumerate(find_files(paths), start=1):
        if count % 1000 == 0:
            progress(count, 0)
    return count


def cut(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Cut a stream into tuples of ``size``; the last may be shorter."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


def twice(items: Iterable[Item]) -> tuple[Iterator[Item], Iterator[Item]]:
    """Let two readers take the same stream, each at its pace; what both have taken is let go."""
    # Not itertools.tee, which lets go of 57 items at a time: of shards, that is a hundred thousand paths.
    source = iter(items)

    def reader(own: deque[Item], other: deque[Item]) -> Iterator[Item]:
        while True:
            if not own:
                taken = list(islice(source, 1))
                own.extend(taken)
                other.extend(taken)
                del taken
            if not own:
                return
            yield own.popleft()

    left: deque[Item] = deque()
    right: deque[Item] = deque()
    return reader(left, right), reader(right, left)


def predict_batches(
    run: Run, batches: Iterable[Sequence[Entry]], workers: int | None = 0
) -> Generator[pd.DataFrame, None, None]:
    """Predict batches of entries, each to a frame as ``predict_files`` yields; workers decode the batches to come."""
    waiting, queued = twice(batches)
    files = (path for batch in queued for path, refusal in batch if refusal is None)
    with closing(decode_squares(files, run.config.data.image_size, workers)) as squares:
        for batch in waiting:
            yield _rows(run, batch, [next(squares) if refusal is None else refusal for _, refusal in batch])


def _rows(run: Run, batch: Sequence[Entry], decoded: Sequence[Decoded]) -> pd.DataFrame:
    refused = [_text(str(each)) if isinstance(each, ImageRefused) else None for each in decoded]
    squares = [each for each in decoded if not isinstance(each, ImageRefused)]
    good = np.array([reason is None for reason in refused], dtype=bool)
    columns = run.task.columns(run.space)
    values = np.full((len(batch), len(columns)), np.nan)
    predicted = run.predict(squares, max(len(squares), 1))
    distributions = run.task.name == "distribution"
    values[good] = predicted.distribution if distributions else predicted.ratings
    frame = pd.DataFrame(values, columns=list(columns))
    frame.insert(0, "path", pd.Series([_text(str(path)) for path, _ in batch], dtype="str"))
    if distributions:
        labels = np.array([None] * len(batch), dtype=object)
        labels[good] = np.array(run.space.labels, dtype=object)[values[good].argmax(axis=1)]
        frame["label"] = pd.Series(labels, dtype="str")
        frame["entropy"] = entropy(values, axis=1)
    frame["refused"] = pd.Series(refused, dtype="str")
    return frame


def _text(name: str) -> str:
    """A file name may hold bytes that are not UTF-8, which no table format can store."""
    return name.encode("utf-8", "replace").decode("utf-8")
