"""Image files to squares, in order, a bounded number ahead, in worker processes that a file may end.

Imports no torch: a worker would load it for nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from pathlib import Path

from fisa.images import ImageRefused, Pixels, decode, to_square

CHUNK = 8  # files a worker takes at once
POOL_FROM = 64  # files; fewer are decoded before a worker process would have started

Decoded = Pixels | ImageRefused


class DecodingError(RuntimeError):
    """Worker processes that cannot be had; the message is one clear sentence."""


def default_workers() -> int:
    """Return the number of processors that this process may use, less the one that the model needs; at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(processors - 1, 8)


def decode_squares(
    paths: Iterable[Path], size: int, workers: int | None = 0, ahead: int = 2 * POOL_FROM
) -> Generator[Decoded, None, None]:
    """Decode image files and stretch each to a square, in order; see ``fisa.images.decode`` and ``to_square``.

    A file whose decoding ends its worker process, such as one that the system kills for its memory, is refused by
    name, and the rest goes on. Close the iterator to end the workers; they also end with this process, however
    it ends.

    Args:
        paths: The files; taken only as they are needed.
        size: Side of a square in pixels.
        workers: Processes that decode; 0 decodes in this one. None chooses: ``default_workers()``, but 0 for fewer
            than ``POOL_FROM`` files. A script that asks for workers needs the usual ``if __name__ == "__main__":``;
            where no worker can start, this process decodes.
        ahead: Files that workers may be ahead of what was taken, about. It bounds the memory.

    Yields:
        For each path uint8 RGB [size, size, 3], or the refusal.

    Raises:
        DecodingError: A worker ended and none can be started in its place.
    """
    paths = iter(paths)
    if workers is None:
        first = list(islice(paths, POOL_FROM))
        workers = default_workers() if len(first) == POOL_FROM else 0
        paths = chain(first, paths)
    if workers and (pool := _start(workers)) is not None:
        yield from _pooled(paths, size, workers, ahead, pool)
    else:
        yield from (_square(path, size) for path in paths)


def _square(path: Path, size: int) -> Decoded:
    try:
        # Shrunk at once: photographs at full size would fill gigabytes.
        return to_square(decode(path), size)
    except ImageRefused as error:
        return error


def _pooled(paths: Iterator[Path], size: int, workers: int, ahead: int, pool: ProcessPoolExecutor) -> Iterator[Decoded]:
    pending: deque[tuple[list[Path], Future[list[Decoded]]]] = deque()
    limit = workers + -(-ahead // CHUNK)
    try:
        while True:
            while len(pending) < limit and (chunk := list(islice(paths, CHUNK))):
                try:
                    future = _submit(pool, chunk, size)
                except BrokenProcessPool:
                    pool = _restart(pool, workers)
                    future = _submit(pool, chunk, size)
                pending.append((chunk, future))
            if not pending:
                return
            chunk, future = pending.popleft()
            try:
                squares = future.result()
            except BrokenProcessPool:  # one of the chunks under way ended its worker; which, only a trial can tell
                squares = _one_by_one(chunk, size)
            yield from squares
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(paths: list[Path], size: int) -> list[Decoded]:
    """Decode each file alone in a worker, so that the one that ends it is known."""
    squares: list[Decoded] = []
    pool = _restart(None, 1)
    try:
        for path in paths:
            try:
                squares += _submit(pool, [path], size).result()
            except BrokenProcessPool:
                why = "ended the process that decoded it, perhaps for want of memory"
                squares.append(ImageRefused(f"{path}: {why}; scale it down"))
                pool = _restart(pool, 1)
    finally:
        pool.shutdown(cancel_futures=True)
    return squares


def _start(workers: int) -> ProcessPoolExecutor | None:
    """Start a pool of which one worker is known to work, or None where none does (a script without a main guard)."""
    # spawn, not fork: the caller may hold threads of torch or Streamlit, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_settle)
    try:
        _submit(pool, [], 1).result()
    except BaseException as error:
        pool.shutdown(cancel_futures=True)
        if not isinstance(error, BrokenProcessPool):
            raise
        return None
    return pool


def _submit(pool: ProcessPoolExecutor, paths: list[Path], size: int) -> Future[list[Decoded]]:
    # This may start a worker, which inherits what is blocked: Ctrl-C cannot interrupt its imports.
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_squares, paths, size)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_squares, paths, size)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _restart(broken: ProcessPoolExecutor | None, workers: int) -> ProcessPoolExecutor:
    if broken is not None:
        broken.shutdown()
    pool = _start(workers)
    if pool is None:
        raise DecodingError("decoding: a worker process ended and none can be started; decode with 0 workers")
    return pool


def _settle() -> None:
    """Prepare a worker: Ctrl-C is the parent's affair, and a worker ends with its parent, even a killed one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _squares(paths: list[Path], size: int) -> list[Decoded]:
    return [_square(path, size) for path in paths]
