"""A data set as people browse it: every image with its split in one manifest, what is wrong beside it, and pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fisa.datasets import DATASETS, SEQUENCES, SPLITS, DataError, Layout, SequenceFolder, Vectors
from fisa.datasets.photographs import Collection
from fisa.datasets.planted import PlantedDataset, render
from fisa.datasets.problems import Problems
from fisa.datasets.selection import browsable
from fisa.datasets.vectors import VectorCollection
from fisa.emotions import EmotionSpace
from fisa.images import Pixels, decode_within

Progress = Callable[[int, int], None]

_NO_PROBLEMS = Problems().table


@dataclass(frozen=True, eq=False)
class Whole:
    """All of a data set.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        root: Folder or file that holds it; None of data that is drawn.
        space: Label space.
        manifest: One row an image; see ``Dataset.manifest`` and ``fisa.datasets.selection.browsable``. ``split`` is
            empty where ``unsplit`` says why.
        ranges: Original range of ``valence`` and ``arousal``.
        problems: What is wrong, without which the manifest is; see ``Problems.table``. No image was decoded for it.
        left_out: What the list holds and a manifest does not, by design -> how many rows.
        published: How many labelled images its authors published, or None.
        unsplit: Why there are no splits; empty where there are.
    """

    name: str
    root: Path | None
    space: EmotionSpace
    manifest: pd.DataFrame
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    problems: pd.DataFrame = field(default_factory=_NO_PROBLEMS.copy)
    left_out: Mapping[str, int] = field(default_factory=dict)
    published: int | None = None
    unsplit: str = ""

    @property
    def has_images(self) -> bool:
        """Whether there is anything to see; feature vectors are numbers only."""
        return not isinstance(DATASETS[self.name], Vectors)

    def file(self, row: int) -> Path | None:
        """Return the image file of a row, or None where there is none."""
        path = self.manifest["path"].iloc[row]
        return self.root / path if self.root is not None and isinstance(path, str) else None

    def picture(self, row: int, side: int) -> Pixels:
        """Return the image of a row, its longer side at most ``side`` pixels; drawn scenes are drawn at that size.

        Returns:
            uint8 RGB [height, width, 3].

        Raises:
            DataError: There are no images.
            ImageRefused: It cannot be decoded.
        """
        if (file := self.file(row)) is not None:
            return decode_within(file, side)
        if not self.has_images:
            raise DataError(f"{self.name} holds feature vectors: there is no image {row} to show")
        # Scenes are numbered within their split, and so are their IDs.
        split, _, number = self.manifest["id"].iloc[row].rpartition("-")
        return render(PlantedDataset(self.name, split).scene(int(number)), side).image


def read_whole(name: str, root: Path | None, progress: Progress | None = None) -> Whole:
    """Read a data set without opening an image; rows that are wrong are left out, and stand in ``problems``.

    Args:
        name: Key in ``fisa.datasets.DATASETS``.
        root: Folder or file that holds it; None of data that is drawn.
        progress: Called with (files done, files in all) while files of equal size are compared for the splits, or with
            (images done, images in all) while scenes are laid out.

    Raises:
        DataError: Unknown name, or nothing can be read at all.
    """
    source = DATASETS.get(name)
    if source is None:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(DATASETS)}")
    if name in SEQUENCES or isinstance(source, SequenceFolder):
        raise DataError(
            f"{name} holds sequences, which are not browsed as images; look at it with `python -m fisa data`"
        )
    if not isinstance(source, Layout | Vectors):
        return _read_drawn(name, progress)
    if root is None:
        raise DataError(f"{name} lies on disk: name its path")
    collection = source.collect(name, Path(os.path.expanduser(root)))
    manifest, unsplit = _with_splits(collection, progress)
    photographs = collection if isinstance(collection, Collection) else None
    return Whole(
        name=name,
        root=collection.root,
        space=collection.space,
        manifest=browsable(manifest, collection.space),
        ranges=dict(photographs.rows.ranges) if photographs else {},
        problems=collection.problems.table.sort_values("kind", ascending=False, kind="stable", ignore_index=True),
        left_out=dict(photographs.rows.left_out) if photographs else {},
        published=source.published if isinstance(source, Layout) else None,
        unsplit=unsplit,
    )


def _with_splits(collection: Collection | VectorCollection, progress: Progress | None) -> tuple[pd.DataFrame, str]:
    manifest = collection.manifest
    if not len(manifest):
        return manifest, "no row is right"
    try:
        return manifest.assign(split=collection.splits(progress=progress)), ""
    except DataError as error:
        return manifest, str(error).removeprefix(f"{collection.root}: ")


def _read_drawn(name: str, progress: Progress | None) -> Whole:
    splits = [PlantedDataset(name, split) for split in SPLITS]
    total, parts, done = sum(map(len, splits)), [], 0
    for data in splits:
        if progress is not None:
            progress(done, total)
        parts.append(data.manifest)
        done += len(data)
    manifest = pd.concat(parts, ignore_index=True)
    return Whole(name, None, splits[0].space, browsable(manifest, splits[0].space))


def stamp(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a data set on disk does, at the cost of one look at each of its folders.

    Names, times of change and sizes of the lists at its top; paths and times of all folders below, but of hidden ones
    and of links, which are not read either: where an image comes or goes, its folder changes. An image that is written
    over in place, or a list further down, is not seen.
    """
    try:
        if not root.is_dir():
            status = root.stat()
            return ((root.name, status.st_mtime_ns, status.st_size),)
        own = root.stat().st_mtime_ns
    except OSError:
        return ()
    seen = [_look_at(root, name) for name in _names_in(str(root), own).lists]
    return (("", own, 0), *sorted(seen), *_times(root, own))


def _look_at(root: Path, name: str) -> tuple[str, int, int]:
    try:
        status = (root / name).stat()
    except OSError:  # a link that leads nowhere, or to itself: no reason to see nothing of the others
        return name, 0, 0
    return name, status.st_mtime_ns, status.st_size


def _times(root: Path, own: int) -> list[tuple[str, int, int]]:
    """Return path below ``root`` and time of change of each of its folders; ``own`` is that of the root."""
    found: list[tuple[str, int, int]] = []
    todo = [("", own)]
    while todo:
        folder, changed = todo.pop()
        for name in _names_in(str(root / folder), changed).folders:
            path = f"{folder}/{name}" if folder else name
            with suppress(OSError):  # gone since it was listed
                todo.append((path, (root / path).stat().st_mtime_ns))
                found.append((*todo[-1], 0))
    return sorted(found)


class _Names(NamedTuple):
    """Of the lists in a folder, and of the folders."""

    lists: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def _names_in(folder: str, changed: int) -> _Names:
    """Return names in a folder, which stay the same while its time of change does, unless that was just now."""
    recent = time.time_ns() - changed < RECENT
    return (_listed.__wrapped__ if recent else _listed)(folder, changed)


@lru_cache(maxsize=2**17)
def _listed(folder: str, changed: int) -> _Names:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:  # not readable, as its time says when it becomes so, or gone
        return _Names()
    return _Names(
        tuple(e.name for e in entries if e.name.lower().endswith(_LISTS)),
        tuple(e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)),
    )


RECENT = 2 * 10**9
"""Nanoseconds in which a folder may change again without another time; such a one is listed each time."""
_LISTS = (".csv", ".tsv", ".txt", ".json", ".mat", ".parquet", ".npz")
