"""Image files to squares, or to whatever else, in order, a bounded number ahead, in workers that a file may end.

Imports no torch: a worker would load it for nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from fisa.images import ImageRefused, Pixels, decode_square

CHUNK = 8  # files a worker takes at once
POOL_FROM = 64  # files; fewer are decoded before a worker process would have started

Decoded = Pixels | ImageRefused

T = TypeVar("T")


class DecodingError(RuntimeError):
    """Worker processes that cannot be had; the message is one clear sentence."""


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def default_workers() -> int:
    """Return how many processes decode beside a model: a processor each but for the one that it needs; at most 8."""
    return min(available_processors() - 1, 8)


def decode_squares(
    paths: Iterable[Path], size: int, workers: int | None = 0, ahead: int = 2 * POOL_FROM
) -> Generator[Decoded, None, None]:
    """Decode image files to squares, in order; see ``fisa.images.decode_square``.

    Args:
        paths: The files; taken only as they are needed.
        size: Side of a square in pixels.
        workers: See :func:`process_files`.
        ahead: See :func:`process_files`.

    Yields:
        For each path uint8 RGB [size, size, 3], or the refusal.

    Raises:
        DecodingError: A worker ended and none can be started in its place.
    """
    yield from process_files(partial(_square, size=size), paths, workers, ahead)


def process_files(
    task: Callable[[Path], T], paths: Iterable[Path], workers: int | None = 0, ahead: int = 2 * POOL_FROM
) -> Generator[T | ImageRefused, None, None]:
    """Apply a task to image files, in order.

    A file whose task ends its worker process, such as one that the system kills for its memory, is refused by
    name, and the rest goes on. Close the iterator to end the workers; they also end with this process, however
    it ends.

    Args:
        task: What to do with a file; a function of a module that workers can import, or a partial of one.
        paths: The files; taken only as they are needed.
        workers: Processes that decode; 0 decodes in this one. None chooses: ``default_workers()``, but 0 for fewer
            than ``POOL_FROM`` files. A script that asks for workers needs the usual ``if __name__ == "__main__":``;
            where no worker can start, this process decodes.
        ahead: Files that workers may be ahead of what was taken, about. It bounds the memory.

    Yields:
        For each path what the task returns, or the refusal of a file that ended its worker.

    Raises:
        DecodingError: A worker ended and none can be started in its place.
    """
    paths = iter(paths)
    if workers is None:
        first = list(islice(paths, POOL_FROM))
        workers = default_workers() if len(first) == POOL_FROM else 0
        paths = chain(first, paths)
    if workers and (pool := _start(workers)) is not None:
        yield from _pooled(task, paths, workers, ahead, pool)
    else:
        yield from map(task, paths)


def _square(path: Path, size: int) -> Decoded:
    try:
        return decode_square(path, size)  # at full size, those ahead would fill gigabytes
    except ImageRefused as error:
        return error


def _pooled(
    task: Callable[[Path], T], paths: Iterator[Path], workers: int, ahead: int, pool: ProcessPoolExecutor
) -> Iterator[T | ImageRefused]:
    pending: deque[tuple[list[Path], Future[list[T]]]] = deque()
    limit = workers + -(-ahead // CHUNK)
    try:
        while True:
            while len(pending) < limit and (chunk := list(islice(paths, CHUNK))):
                try:
                    future = _submit(pool, task, chunk)
                except BrokenProcessPool:
                    pool = _restart(pool, workers)
                    future = _submit(pool, task, chunk)
                pending.append((chunk, future))
            if not pending:
                return
            chunk, future = pending.popleft()
            try:
                yield from future.result()
            except BrokenProcessPool:  # one of the chunks under way ended its worker; which, only a trial can tell
                yield from _one_by_one(task, chunk)
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(task: Callable[[Path], T], paths: list[Path]) -> list[T | ImageRefused]:
    """Give each file alone to a worker, so that the one that ends it is known."""
    results: list[T | ImageRefused] = []
    pool = _restart(None, 1)
    try:
        for path in paths:
            try:
                results += _submit(pool, task, [path]).result()
            except BrokenProcessPool:
                why = "ended the process that decoded it, perhaps for want of memory"
                results.append(ImageRefused(f"{path}: {why}; scale it down"))
                pool = _restart(pool, 1)
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def _start(workers: int) -> ProcessPoolExecutor | None:
    """Start a pool of which one worker is known to work, or None where none does (a script without a main guard)."""
    # spawn, not fork: the caller may hold threads of torch or Streamlit, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_settle)
    try:
        _submit_to_each(pool, workers)[0].result()
    except BaseException as error:
        pool.shutdown(cancel_futures=True)
        if not isinstance(error, BrokenProcessPool):
            raise
        return None
    return pool


def _submit_to_each(pool: ProcessPoolExecutor, workers: int) -> list[Future[list[Decoded]]]:
    """Give nothing to each worker, so that all start now: the pool starts one only where all others have work."""
    return [_submit(pool, _square, []) for _ in range(workers)]


def _submit(pool: ProcessPoolExecutor, task: Callable[..., T], paths: list[Path]) -> Future[list[T]]:
    # This may start a worker, which inherits what is blocked: Ctrl-C cannot interrupt its imports.
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_all, task, paths)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_all, task, paths)
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


def _all(task: Callable[[Path], T], paths: list[Path]) -> list[T]:
    return [task(path) for path in paths]
