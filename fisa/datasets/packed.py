"""A data set's images as one array of squares, drawn or decoded once and kept in the cache folder."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path

import numpy as np
import platformdirs
from filelock import FileLock, Timeout

from fisa.datasets.base import Dataset, InFiles
from fisa.decoding import Decoded, Workers, available_processors, decode_squares
from fisa.drafts import draft_in, put_in_place, remove_leftovers
from fisa.images import SQUARES, ImageRefused, to_square

# Changes whenever the same data set would be packed into other pixels; for files fisa.images.SQUARES does, too.
VERSION = "1"

CHUNK = 32  # images a worker hands back at once
POOL_FROM = 256  # images; fewer are made before a worker process would have started
MOST_WORKERS = 16  # the disk has enough to do
LOOK = 0.5  # seconds between two looks at what another call makes

Progress = Callable[[int, int], None]


def cache_folder() -> Path:
    """Return the folder of all caches: ``$FISA_CACHE``, or the platform's own for ``fisa-studio``."""
    return Path(os.environ.get("FISA_CACHE") or platformdirs.user_cache_dir("fisa-studio"))


def packed_images(
    dataset: Dataset, size: int, progress: Progress | None = None, workers: int | None = None
) -> np.ndarray:
    """Return every image of ``dataset`` as a square, in order.

    The first call draws or decodes the images and keeps them on disk, all or none; later calls map that file and open
    no image. A call at the same time, from another thread or program, waits for the first. Where the cache folder
    cannot be written, or the disk is full, the array is built in memory instead.

    Args:
        dataset: Any data set; its ``version`` says when the file is out of date.
        size: Side length in pixels. Files are decoded by ``fisa.images.decode_square``; drawn images of another size
            are stretched by ``to_square``.
        progress: Called with (images done, images in all) while images are made, here or where they are waited for.
        workers: Processes that make images; 1 makes them in this one and starts no other. So do small data sets. None
            takes one for each processor, up to ``MOST_WORKERS``.

    Returns:
        uint8 [N, size, size, 3], read-only where it is mapped.

    Raises:
        ImageRefused: An image cannot be decoded.
        DecodingError: A worker that decodes ended and none can be started in its place.
        ValueError: ``size`` or ``workers`` is below 1.
    """
    workers = min(available_processors(), MOST_WORKERS) if workers is None else workers
    for what, value in (("size", size), ("workers", workers)):
        if value < 1:
            raise ValueError(f"{what} must be at least 1, not {value}")
    workers = workers if len(dataset) >= POOL_FROM else 1
    shape = (len(dataset), size, size, 3)
    started = _started(dataset, size, workers)
    with started or nullcontext():
        path = _path(dataset, size)
        packed = _mapped(path, shape)
        if packed is not None:
            return packed
        # An OSError of the data set itself comes again, and is raised, when the array is built in memory.
        with suppress(OSError), _turn(path, shape, progress) as draft:
            packed = _mapped(path, shape)  # made by another meanwhile
            if packed is None:
                with closing(_chunks(dataset, size, progress, workers, started)) as made:
                    _write(draft, path, shape, made)
                packed = _mapped(path, shape)
    if packed is not None:
        return packed
    with closing(_chunks(dataset, size, progress, workers)) as made:
        chunks = list(made)
    return np.concatenate(chunks) if chunks else np.empty(shape, dtype=np.uint8)


def packed_if_kept(dataset: Dataset, size: int) -> np.ndarray | None:
    """Return what :func:`packed_images` would where an earlier call kept it on disk, else None: nothing is made."""
    return _mapped(_path(dataset, size), (len(dataset), size, size, 3))


def _started(dataset: Dataset, size: int, workers: int) -> Workers | None:
    """Return decoders where surely nothing is packed yet: they load their modules while every file's digest is read."""
    if workers == 1 or not isinstance(dataset, InFiles):
        return None
    packed = (cache_folder() / "packed").glob(f"{dataset.name}-{dataset.split}-{size}-*.npy")
    return None if any(packed) else Workers(workers)


def _path(dataset: Dataset, size: int) -> Path:
    pixels = f"{VERSION} {SQUARES}" if isinstance(dataset, InFiles) else VERSION
    key = hashlib.sha256(repr((pixels, dataset.name, dataset.split, dataset.version, size)).encode()).hexdigest()
    return cache_folder() / "packed" / f"{dataset.name}-{dataset.split}-{size}-{key[:16]}.npy"


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the finished file as a memory map, or None where there is none that fits."""
    try:
        packed = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # absent or unreadable, cut short, empty
        return None
    return packed if packed.shape == shape and packed.dtype == np.uint8 else None


@contextmanager
def _turn(path: Path, shape: tuple[int, ...], progress: Progress | None) -> Iterator[Path]:
    """Wait until nobody else makes this file, and yield the name of a draft.

    It is the same for all, so that who waits can tell how far the other is.

    Raises:
        OSError: The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    if sys.modules["__mp_main__"].__name__ == "__mp_main__":
        # A worker. Of a script without a main guard it runs the script, and the one whose turn it is waits for it.
        yield draft_in(path.parent)
        return
    draft = path.with_name(f".{hashlib.md5(path.name.encode(), usedforsecurity=False).hexdigest()}.unfinished")
    lock = FileLock(f"{path}.lock", fallback_to_soft=False)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOOK)
        except Timeout:
            if progress:
                with suppress(FileNotFoundError):  # not begun, or just done
                    progress(min(draft.stat().st_size // int(np.prod(shape[1:])), shape[0]), shape[0])
        except NotImplementedError:  # a file system without locks: each makes its own
            yield draft_in(path.parent)
            return
    try:
        yield draft
    finally:
        with suppress(OSError):  # Windows keeps what is open
            os.unlink(lock.lock_file)
        lock.release()


def _write(unfinished: Path, path: Path, shape: tuple[int, ...], chunks: Iterator[np.ndarray]) -> None:
    """Write the chunks one after another to a draft, then move the finished file into place at once."""
    try:
        with unfinished.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in chunks:
                file.write(chunk.tobytes())
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave a whole file of black squares
        put_in_place(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _chunks(
    dataset: Dataset, size: int, progress: Progress | None, workers: int, started: Workers | None = None
) -> Generator[np.ndarray, None, None]:
    """Yield the images in order, CHUNK at a time."""
    count = len(dataset)
    if isinstance(dataset, InFiles):
        made = _decoded(dataset, size, started or (workers if workers > 1 else 0))
    else:
        made = _drawn(dataset, size, workers)
    done = 0
    with closing(made):
        for chunk in made:
            done += len(chunk)
            if progress:
                progress(done, count)
            yield chunk


def _decoded(dataset: InFiles, size: int, workers: int | Workers) -> Generator[np.ndarray, None, None]:
    with closing(decode_squares(dataset.files(), size, workers)) as squares:
        whole = map(_or_raise, squares)
        while chunk := list(islice(whole, CHUNK)):
            yield np.stack(chunk)


def _or_raise(decoded: Decoded) -> np.ndarray:
    if isinstance(decoded, ImageRefused):
        raise decoded
    return decoded


def _drawn(dataset: Dataset, size: int, workers: int) -> Generator[np.ndarray, None, None]:
    spans = [range(start, min(start + CHUNK, len(dataset))) for start in range(0, len(dataset), CHUNK)]
    done = 0
    if workers > 1:
        # A pool that cannot start (a script without a main guard, a process killed for its memory) is no reason to
        # fail: the images that it still owes are made here.
        with suppress(BrokenProcessPool):
            for chunk in _pooled(dataset, size, spans, workers):
                done += 1
                yield chunk
    yield from (_squares(dataset, size, span) for span in spans[done:])


def _pooled(dataset: Dataset, size: int, spans: list[range], workers: int) -> Iterator[np.ndarray]:
    # spawn, not fork: the caller may hold threads of torch or Streamlit, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_adopt, initargs=(dataset, size))
    try:
        yield from pool.map(_squares_of_adopted, spans)
    finally:
        pool.shutdown(cancel_futures=True)


_adopted: list[tuple[Dataset, int]] = []  # in a worker process: the data set it serves


def _adopt(dataset: Dataset, size: int) -> None:
    _adopted[:] = [(dataset, size)]


def _squares_of_adopted(span: range) -> np.ndarray:
    dataset, size = _adopted[0]
    return _squares(dataset, size, span)


def _squares(dataset: Dataset, size: int, span: range) -> np.ndarray:
    return np.stack([_square(dataset[index].image, size) for index in span])


def _square(image: np.ndarray, size: int) -> np.ndarray:
    return image if image.shape == (size, size, 3) else to_square(image, size)
