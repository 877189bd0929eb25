"""A data set of photographs in a folder: read once, split, and opened as the splits of a ``Dataset``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError, Sample
from fisa.datasets.known import KnownFiles, Progress
from fisa.datasets.listing import Listing, list_folder, same_name_in_two_forms
from fisa.datasets.problems import Problems
from fisa.datasets.rows import Rows, make_manifest
from fisa.datasets.splits import assign
from fisa.emotions import EmotionSpace
from fisa.images import decode

SPLITS = ("train", "validation", "test")
ALL = "all"

Reader = Callable[[Listing, Problems], Rows]


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk: a row of ``fisa.datasets.DATASETS``.

    Attributes:
        title: What it is, on one line.
        read: Reads its list.
        published: How many labelled images its authors published; None for a folder of one's own.
        published_classes: How many in each folder, where that is published.
        ids: First and last of the numbers that IDs ``I1``, ``I2``, ... run through, where they do.
        unlabelled: Whether images without a label belong to it.
    """

    title: str
    read: Reader
    published: int | None = None
    published_classes: Mapping[str, int] = field(default_factory=dict)
    ids: tuple[int, int] | None = None
    unlabelled: bool = False

    def collect(self, name: str, root: Path) -> Collection:
        """Read the data set; see :func:`read_collection`."""
        return read_collection(name, self, root)


@dataclass(frozen=True)
class Collection:
    """All labelled images of a data set, before they are split.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        layout: How it was read.
        listing: Its files.
        rows: What its list says; space and original ranges of the ratings.
        manifest: One row an image; see ``Dataset.manifest``. ``split`` is empty where the data names none.
        named: Places in ``listing.files`` that its list names, left out or not.
        problems: What is wrong; see ``Problems.table``.
    """

    name: str
    layout: Layout
    listing: Listing
    rows: Rows
    manifest: pd.DataFrame
    named: np.ndarray
    problems: Problems

    @property
    def root(self) -> Path:
        """The folder."""
        return self.listing.root

    @property
    def space(self) -> EmotionSpace:
        """Label space."""
        return self.rows.space

    @cached_property
    def known(self) -> KnownFiles:
        """Fingerprints of its files."""
        return KnownFiles(self.root)

    def splits(
        self, fold: tuple[int, int] | None = None, stratify: bool = True, progress: Progress | None = None
    ) -> pd.Series:
        """Return the split of each row; see ``fisa.datasets.splits.assign``, and ``KnownFiles.alike`` for progress."""
        published = fold is None and (self.manifest["split"] == "test").any()
        if published and (self.manifest["split"] == "validation").any():
            return self.manifest["split"]
        digests = self.known.alike(self.manifest["path"].to_list(), progress)
        try:
            return assign(self.manifest, list(self.space.labels), digests, fold, stratify)
        except DataError as error:
            raise DataError(f"{self.root}: {error}") from None

    def open(
        self, splits: Sequence[str], fold: tuple[int, int] | None = None, stratify: bool = True
    ) -> dict[str, Photographs]:
        """Open some of ``train``, ``validation``, ``test`` and ``all``.

        Args:
            splits: Which.
            fold: (number from 1, number of folds) of cross-validation; None for the splits of the data.
            stratify: Whether splits that are drawn have as many images of each dominant emotion.

        Raises:
            DataError: Unknown split, or too few images to split.
        """
        for split in splits:
            if split not in (*SPLITS, ALL):
                raise DataError(f"{self.name} has no split {split!r}; there are {', '.join((*SPLITS, ALL))}")
        manifest = self.manifest.assign(split=self.splits(fold, stratify)) if set(splits) != {ALL} else self.manifest
        return {split: Photographs(self, split, _part(manifest, split)) for split in splits}


def _part(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    return manifest if split == ALL else manifest[manifest["split"] == split].reset_index(drop=True)


class Photographs:
    """One split of a collection; satisfies ``fisa.datasets.base.Dataset`` and ``InFiles``.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        split: ``train``, ``validation``, ``test`` or ``all``.
        space: Label space.
        root: The folder that the paths of the manifest are relative to.
        manifest: See ``Dataset.manifest``. ``valence`` and ``arousal``, where there are any, are -1 to 1.
        ranges: Original range of ``valence`` and ``arousal``.
        left_out: What the list holds and no split does -> how many rows.
    """

    def __init__(self, collection: Collection, split: str, manifest: pd.DataFrame) -> None:
        self.name = collection.name
        self.split = split
        self.space = collection.space
        self.root = collection.root
        self.manifest = manifest
        self.ranges = dict(collection.rows.ranges)
        self.left_out = dict(collection.rows.left_out)

    def __len__(self) -> int:
        return len(self.manifest)

    def __getitem__(self, index: int) -> Sample:
        row = self.manifest.iloc[index]
        target = row[list(self.space.labels)].to_numpy(np.float64)
        return Sample(decode(self.root / row["path"]), target)

    def file(self, index: int) -> Path:
        """Return the file of one image."""
        return self.root / str(self.manifest["path"].iloc[index])

    def files(self) -> list[Path]:
        """Return the file of each image, in order."""
        return [self.root / path for path in self.manifest["path"].to_list()]

    @cached_property
    def version(self) -> str:
        """Hash of the label space, the manifest and the content of every image, 12 hexadecimal digits.

        The first call reads every file; what it finds is kept in the cache folder until a file changes.
        """
        whole = hashlib.sha256(f"{self.space.name} {sorted(self.ranges.items())}".encode())
        for column in self.manifest:
            values = self.manifest[column]
            exact = (
                values.to_numpy(np.float64).tobytes()
                if values.dtype.kind in "iufb"
                else repr(values.to_list()).encode()
            )
            whole.update(str(column).encode() + exact)
        whole.update(repr(list(KnownFiles(self.root).digests(self.manifest["path"].to_list()))).encode())
        return whole.hexdigest()[:12]


def read_collection(name: str, layout: Layout, root: Path) -> Collection:
    """Read a data set, with all that is wrong in it gathered in ``problems``. No image is opened.

    Raises:
        DataError: Nothing can be read at all.
    """
    problems = Problems()
    listing = list_folder(root, problems)
    same_name_in_two_forms(listing, problems)
    rows = layout.read(listing, problems)
    manifest, named = make_manifest(rows, listing, problems)
    return Collection(name, layout, listing, rows, manifest, named, problems)


def rated(collection: Collection, required: Sequence[str], skip_bad: bool) -> Collection:
    """Return a collection whose images are all rated for ``required``, of ``fisa.emotions.DIMENSIONS``.

    Raises:
        DataError: It rates none; or an image is not rated, and ``skip_bad`` is not set.
    """
    manifest, what = collection.manifest, " and ".join(required)
    if not set(required) <= set(manifest):
        raise DataError(f"{collection.root}: {collection.name} does not rate {what} here; choose data that do")
    whole = manifest[list(required)].notna().all(axis=1).to_numpy()
    if whole.all():
        return collection
    if not skip_bad:
        first = manifest["id"].iloc[int(whole.argmin())]
        raise DataError(
            f"{collection.root}: {(~whole).sum()} images have no {what}, {first!r} first; "
            "rate them, or leave them out with data.skip_bad: true"
        )
    if not whole.any():
        raise DataError(f"{collection.root}: no image has {what}; choose data that do")
    left_out = {**collection.rows.left_out, f"images without {what}": int((~whole).sum())}
    rows = replace(collection.rows, left_out=left_out)
    return replace(collection, rows=rows, manifest=manifest[whole].reset_index(drop=True))


def without_refused(collection: Collection, progress: Progress | None = None, workers: int | None = None) -> Collection:
    """Return a collection without the images that cannot be decoded; each is decoded once and remembered."""
    prints = collection.known.fingerprints(collection.manifest["path"].to_list(), progress, workers)
    good = np.array([print_.refused is None for print_ in prints], dtype=bool)
    if good.all():
        return collection
    return replace(collection, manifest=collection.manifest[good].reset_index(drop=True))
