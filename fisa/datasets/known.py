"""What is known of the image files of a data set: fingerprints, kept in the cache folder until a file changes."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fisa.datasets.packed import cache_folder
from fisa.datasets.problems import ordinals
from fisa.decoding import process_files
from fisa.fingerprints import Fingerprint, content_digest, fingerprint
from fisa.images import ImageRefused

# Changes whenever a fingerprint of the same file would.
VERSION = "1"

KEEP_EVERY = 128  # files; what a kill loses
READERS = 8  # threads that read files for their digest
TAKEN = 64  # files that such a thread takes at once

Progress = Callable[[int, int], None]


class _Stamp(NamedTuple):
    """Size in bytes and time of the last change in ns: while both stay, the content is taken to stay."""

    size: int
    changed: int


class KnownFiles:
    """Fingerprints of the files under one root.

    Each is made once and kept until the file's size or time of change is another, so that interrupted work goes on
    where it stopped and finished work costs a look at each file. Where the cache folder cannot be written, nothing is
    kept.

    Args:
        root: The folder that names are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        key = hashlib.sha256(f"{VERSION}\0{root}".encode(errors="surrogateescape")).hexdigest()[:24]
        self._file = cache_folder() / "fingerprints" / f"{key}.sqlite"

    def digests(self, names: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return the content digest of each file, str [N]; "" where a file cannot be read. No image is decoded.

        Args:
            names: Relative to the root.
            progress: Called with (files done, files in all), known ones counted at once.
        """
        return np.array([known.digest or "" for known in self._all(names, False, self._read, progress)], dtype=object)

    def fingerprints(
        self, names: Sequence[str], progress: Progress | None = None, workers: int | None = None, fresh: bool = False
    ) -> list[Fingerprint]:
        """Return the fingerprint of each file; files that are not known yet are decoded.

        Args:
            names: Relative to the root.
            progress: Called with (files done, files in all), known ones counted at once.
            workers: Processes that decode; see ``fisa.decoding.process_files``.
            fresh: Decode all anew.

        Raises:
            DecodingError: A worker ended and none can be started in its place.
        """

        def decode(files: Iterable[str]) -> Iterator[Fingerprint]:
            for done in process_files(fingerprint, map(Path, files), workers):
                if isinstance(done, ImageRefused):  # of a file that ended its worker, which may not do so again
                    yield Fingerprint(None, None, str(done).partition(": ")[2])
                else:
                    yield done

        return self._all(names, True, decode, progress, fresh)

    def alike(self, names: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Return the digest of each file that another may equal, str [N], and "" for those of a size of their own.

        Args:
            names: Relative to the root.
            progress: Called with (files done, files in all), of those whose size another has.
        """
        sizes = np.array([stamp.size if stamp else -1 for stamp in map(self._stamp, names)])
        _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
        shared = ordinals(counts[place] > 1)
        digests = np.full(len(names), "", dtype=object)
        if len(shared):
            digests[shared] = self.digests([names[row] for row in shared], progress)
        return digests

    def _read(self, files: Iterable[str]) -> Iterator[Fingerprint]:
        with ThreadPoolExecutor(READERS) as readers:
            for digests in readers.map(_digest_all, _batched(files, TAKEN)):
                yield from (Fingerprint(digest, None, None) for digest in digests)

    def _all(
        self,
        names: Sequence[str],
        decoded: bool,
        make: Callable[[Iterable[str]], Iterator[Fingerprint]],
        progress: Progress | None,
        fresh: bool = False,
    ) -> list[Fingerprint]:
        stamps = [self._stamp(name) for name in names]
        known = {} if fresh else self._load(decoded)
        found = [None if stamp is None else known.get((name, stamp)) for name, stamp in zip(names, stamps, strict=True)]
        todo = [row for row, print_ in enumerate(found) if print_ is None]
        if not todo:
            return [print_ for print_ in found if print_ is not None]
        if progress:
            progress(len(names) - len(todo), len(names))
        kept: list[int] = []
        try:
            for done, (row, new) in enumerate(
                zip(todo, make(os.path.join(self._root, names[row]) for row in todo), strict=True), 1
            ):
                found[row] = new
                kept.append(row)
                if len(kept) == KEEP_EVERY:
                    self._keep(names, stamps, found, kept, decoded)
                    kept = []
                if progress:
                    progress(len(names) - len(todo) + done, len(names))
        finally:
            self._keep(names, stamps, found, kept, decoded)
        return [print_ for print_ in found if print_ is not None]

    def _stamp(self, name: str) -> _Stamp | None:
        try:
            status = os.stat(os.path.join(self._root, name))
        except OSError:
            return None
        return _Stamp(status.st_size, status.st_mtime_ns)

    def _load(self, decoded: bool) -> dict[tuple[str, _Stamp], Fingerprint]:
        if not self._file.exists():
            return {}
        query = "SELECT name, size, changed, digest, look, refused FROM file WHERE decoded >= ?"
        try:
            with closing(sqlite3.connect(self._file)) as base:
                rows = base.execute(query, (int(decoded),)).fetchall()
        except sqlite3.Error:  # damaged: made again
            with suppress(OSError):
                self._file.unlink()
            return {}
        return {
            (name, _Stamp(size, changed)): Fingerprint(digest, None if look is None else int(look, 16), refused)
            for name, size, changed, digest, look, refused in rows
        }

    def _keep(
        self,
        names: Sequence[str],
        stamps: Sequence[_Stamp | None],
        found: Sequence[Fingerprint | None],
        rows: Sequence[int],
        decoded: bool,
    ) -> None:
        table = []
        for row in rows:
            print_, stamp = found[row], stamps[row]
            # Without a digest the content is not what was judged: a file that may not be read, a want of memory.
            if print_ is None or stamp is None or print_.digest is None:
                continue
            look = None if print_.look is None else f"{print_.look:016x}"
            table.append((names[row], *stamp, print_.digest, look, print_.refused, int(decoded)))
        if not table:
            return
        with suppress(OSError, sqlite3.Error):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file)) as base, base:
                base.execute("PRAGMA synchronous = OFF")  # what a power cut damages is made again
                base.execute(
                    "CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, size INTEGER, changed INTEGER, "
                    "digest TEXT, look TEXT, refused TEXT, decoded INTEGER)"
                )
                base.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", table)


def _digest_all(files: Sequence[str]) -> list[str | None]:
    return [content_digest(file) for file in files]


def _batched(files: Iterable[str], size: int) -> Iterator[list[str]]:
    files = iter(files)
    while part := list(islice(files, size)):
        yield part
