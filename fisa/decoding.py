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
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Self, TypeVar

from fisa.exceptions import FisaError
from fisa.images import ImageRefused, Pixels, decode_square

CHUNK = 8  # files a worker takes at once
POOL_FROM = 64  # files; fewer are decoded before a worker process would have started

Decoded = Pixels | ImageRefused

T = TypeVar("T")


class DecodingError(FisaError, RuntimeError):
    """Worker processes that cannot be had; the message is one clear sentence."""


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def default_workers() -> int:
    """Return how many processes decode beside a model: a processor each but for the one that it needs; at most 8."""
    return min(available_processors() - 1, 8)


class Workers:
    """Processes that begin to start at once and are waited for when they are first needed; close them in the end.

    Args:
        count: How many, at least 1.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.pool = ProcessPoolExecutor(count, mp_context=_context(), initializer=_settle)
        # The pool starts a process only where all others have work: nothing to do for each, and all start now.
        self._first, *_ = [_submit(self.pool, _square, []) for _ in range(count)]

    def work(self) -> bool:
        """Wait for the first; False where none can start (a script without a main guard)."""
        try:
            self._first.result()
        except BaseException as error:
            self.close()
            if not isinstance(error, BrokenProcessPool):
                raise
            return False
        return True

    def close(self) -> None:
        """End them, at the latest when each has done what it is doing."""
        self.pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def decode_squares(
    paths: Iterable[Path], size: int, workers: int | Workers | None = 0, ahead: int = 2 * POOL_FROM
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
    task: Callable[[Path], T], paths: Iterable[Path], workers: int | Workers | None = 0, ahead: int = 2 * POOL_FROM
) -> Generator[T | ImageRefused, None, None]:
    """Apply a task to image files, in order.

    A file whose task ends its worker process, such as one that the system kills for its memory, is refused by
    name, and the rest goes on. Close the iterator to end the workers; they also end with this process, however
    it ends.

    Args:
        task: What to do with a file; a function of a module that workers can import, or a partial of one.
        paths: The files; taken only as they are needed.
        workers: Processes that decode, as a number or started already; they end with the iterator. 0 decodes in this
            process. None chooses: ``default_workers()``, but 0 for fewer than ``POOL_FROM`` files. A script that asks
            for workers needs the usual ``if __name__ == "__main__":``; where none can start, this process decodes.
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
    if isinstance(workers, int):
        workers = Workers(workers) if workers else None
    if workers is not None and workers.work():
        yield from _pooled(task, paths, workers, ahead)
    else:
        yield from map(task, paths)


def _square(path: Path, size: int) -> Decoded:
    try:
        return decode_square(path, size)  # at full size, those ahead would fill gigabytes
    except ImageRefused as error:
        return error


def _pooled(
    task: Callable[[Path], T], paths: Iterator[Path], workers: Workers, ahead: int
) -> Iterator[T | ImageRefused]:
    pending: deque[tuple[list[Path], Future[list[T]]]] = deque()
    limit = workers.count + -(-ahead // CHUNK)
    try:
        while True:
            while len(pending) < limit and (chunk := list(islice(paths, CHUNK))):
                try:
                    future = _submit(workers.pool, task, chunk)
                except BrokenProcessPool:
                    workers = _restart(workers, workers.count)
                    future = _submit(workers.pool, task, chunk)
                pending.append((chunk, future))
            if not pending:
                return
            chunk, future = pending.popleft()
            try:
                yield from future.result()
            except BrokenProcessPool:  # one of the chunks under way ended its worker; which, only a trial can tell
                yield from _one_by_one(task, chunk)
    finally:
        workers.close()


def _one_by_one(task: Callable[[Path], T], paths: list[Path]) -> list[T | ImageRefused]:
    """Give each file alone to a worker, so that the one that ends it is known."""
    results: list[T | ImageRefused] = []
    worker = _restart(None, 1)
    try:
        for path in paths:
            try:
                results += _submit(worker.pool, task, [path]).result()
            except BrokenProcessPool:
                why = "ended the process that decoded it, perhaps for want of memory"
                results.append(ImageRefused(f"{path}: {why}; scale it down"))
                worker = _restart(worker, 1)
    finally:
        worker.close()
    return results


def _submit(pool: ProcessPoolExecutor, task: Callable[..., T], paths: list[Path]) -> Future[list[T]]:
    # This may start a worker, which inherits what is blocked: Ctrl-C cannot interrupt its imports.
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_all, task, paths)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_all, task, paths)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _restart(broken: Workers | None, count: int) -> Workers:
    if broken is not None:
        broken.close()
    workers = Workers(count)
    if not workers.work():
        raise DecodingError("decoding: a worker process ended and none can be started; decode with 0 workers")
    return workers


def _context() -> BaseContext:
    """Return how processes start: not as forks of this one, whose threads (torch, Streamlit) would not survive that.

    Where the system has it, a server that has loaded this module forks them, so that none has to load it again.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


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
