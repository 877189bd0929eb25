"""Whether a data set on disk is whole: counts, every row, every image, and images that are there twice."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets import DATASETS, DataError, Vectors
from fisa.datasets.duplicates import alike_to, equal_to
from fisa.datasets.known import Progress
from fisa.datasets.photographs import ALL, SPLITS, Collection, Layout, read_collection, without_refused
from fisa.datasets.problems import COLUMNS, NOTE, WRONG, Problems
from fisa.datasets.sequences.folder import SequenceCollection, SequenceFolder, read_sequences
from fisa.datasets.vectors import VectorCollection, read_vectors
from fisa.fingerprints import Fingerprint

NAMED = 10
"""How many absent IDs a problem names; the report has them all."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        root: The folder.
        space: Name of the label space.
        rows: Rows that are right.
        images: Images that could be decoded, of those that rows name; None of vectors.
        refused: Images that could not.
        published: How many labelled images its authors published, or None.
        absent: IDs of published images that are not there, where IDs are numbers.
        left_out: What the list holds and a manifest does not, by design -> how many rows.
        splits: Split -> images, without what is wrong; None where nothing is left, or that was not asked for.
        version: That of all images, without what is wrong; None where none is left.
        problems: See ``fisa.datasets.problems.Problems.table``; faults first.
        things: What a row is of.
    """

    name: str
    root: Path
    space: str
    rows: int
    images: int | None
    refused: int
    published: int | None
    absent: tuple[str, ...]
    left_out: Mapping[str, int]
    splits: Mapping[str, int] | None
    version: str | None
    problems: pd.DataFrame
    things: str = "images"

    @property
    def wrong(self) -> int:
        """How many problems are faults."""
        return int((self.problems["kind"] == WRONG).sum())

    def document(self) -> dict[str, Any]:
        """Return the report as it stands in JSON."""
        problems = self.problems.astype(object).where(self.problems.notna(), None)
        return {
            "name": self.name,
            "root": str(self.root),
            "space": self.space,
            "rows": self.rows,
            "images_read": self.images,
            "images_refused": self.refused,
            "things": self.things,
            "published": self.published,
            "absent": list(self.absent),
            "left_out": dict(self.left_out),
            "splits": self.splits,
            "version": self.version,
            "wrong": self.wrong,
            "problems": problems.to_dict("records"),
        }

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> Report:
        """Return the report of which :meth:`document` is ``document``; KeyError where it lacks something."""
        return Report(
            name=document["name"],
            root=Path(document["root"]),
            space=document["space"],
            rows=document["rows"],
            images=document["images_read"],
            refused=document["images_refused"],
            published=document["published"],
            absent=tuple(document["absent"]),
            left_out=document["left_out"],
            splits=document["splits"],
            version=document["version"],
            things=document["things"],
            problems=pd.DataFrame(document["problems"], columns=list(COLUMNS)).astype(
                {column: "Int64" if column == "row" else "str" for column in COLUMNS}
            ),
        )


def check_dataset(
    name: str,
    root: Path,
    progress: Progress | None = None,
    workers: int | None = None,
    fresh: bool = False,
    split: bool = False,
) -> Report:
    """Check a data set on disk, of images, feature vectors or sequences; see :func:`check_folder`.

    Raises:
        DataError: As there, or there is no such data set, or it is drawn and does not lie on disk.
        DecodingError: As there.
    """
    source = DATASETS.get(name)
    if source is None:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(DATASETS)}")
    if isinstance(source, Vectors):
        return check_vectors(name, root, split)
    if isinstance(source, SequenceFolder):
        return check_sequences(name, root, progress, split)
    if not isinstance(source, Layout):
        raise DataError(f"{name} is drawn by this program: there is nothing on disk to check")
    return check_folder(name, source, root, progress, workers, fresh, split)


def check_folder(
    name: str,
    layout: Layout,
    root: Path,
    progress: Progress | None = None,
    workers: int | None = None,
    fresh: bool = False,
    split: bool = False,
) -> Report:
    """Check everything there is to check. Each image is decoded once, and remembered until its file changes.

    Args:
        name: Key in ``fisa.datasets.DATASETS``.
        layout: Its row there.
        root: The folder.
        progress: Called with (images done, images in all).
        workers: Processes that decode; see ``fisa.decoding.process_files``.
        fresh: Decode every image anew.
        split: Split what is left without what is wrong, too.

    Raises:
        DataError: Nothing can be read at all, or what is left is too little to ``split``.
        DecodingError: A worker ended and none can be started in its place.
    """
    collection = read_collection(name, layout, Path(os.path.expanduser(root)))
    named = collection.listing.files[np.unique(collection.named)].to_list()
    prints = dict(zip(named, collection.known.fingerprints(named, progress, workers, fresh), strict=True))
    problems = collection.problems
    _tell_refused(prints, problems)
    _tell_orphans(collection, problems)
    absent = _tell_counts(collection, problems)
    kept = without_refused(collection)
    _tell_copies(kept, prints, problems)
    splits, version = _laid_out(kept, split)
    refused = sum(found.refused is not None for found in prints.values())
    return Report(
        name=name,
        root=collection.root,
        space=collection.space.name,
        rows=len(collection.manifest),
        images=len(prints) - refused,
        refused=refused,
        published=layout.published,
        absent=absent,
        left_out=dict(collection.rows.left_out),
        splits=splits,
        version=version,
        problems=_faults_first(problems),
    )


def check_vectors(name: str, root: Path, split: bool = False) -> Report:
    """Check a file of feature vectors: every row, and vectors that are there twice; see :func:`check_folder`."""
    collection = read_vectors(name, Path(os.path.expanduser(root)))
    ids, split_names = collection.manifest["id"].to_list(), collection.manifest["split"].to_list()
    rows = np.array([row.tobytes().hex() for row in collection.features], dtype=object)
    _tell_equal(equal_to(rows), ids, split_names, collection.problems)
    splits, version = _laid_out(collection, split)
    return Report(
        name=name,
        root=collection.root,
        space=collection.space.name,
        rows=len(ids),
        images=None,
        refused=0,
        published=None,
        absent=(),
        left_out={},
        splits=splits,
        version=version,
        problems=_faults_first(collection.problems),
        things="vectors",
    )


def check_sequences(name: str, root: Path, progress: Progress | None = None, split: bool = False) -> Report:
    """Check a folder of sequences: every row, vector, event and picture; see :func:`check_folder`."""
    collection = read_sequences(name, Path(os.path.expanduser(root)))
    pictures = sorted(set(collection.pictures))
    prints = dict(zip(pictures, collection.known.fingerprints(pictures, progress), strict=True))
    _tell_refused(prints, collection.problems)
    kept = collection.without_refused()
    splits, version = _laid_out(kept, split)
    refused = sum(found.refused is not None for found in prints.values())
    return Report(
        name=name,
        root=collection.root,
        space=collection.space.name,
        rows=len(kept.manifest),
        images=len(prints) - refused,
        refused=refused,
        published=None,
        absent=(),
        left_out={},
        splits=splits,
        version=version,
        problems=_faults_first(collection.problems),
        things="steps",
    )


def _laid_out(
    kept: Collection | VectorCollection | SequenceCollection, split: bool
) -> tuple[dict[str, int] | None, str | None]:
    """Return how many rows each split has, if asked for, and the version; None each where nothing is left."""
    if not len(kept.manifest):
        return None, None
    splits = {each: len(data) for each, data in kept.open(SPLITS).items()} if split else None
    return splits, kept.open([ALL])[ALL].version


def _faults_first(problems: Problems) -> pd.DataFrame:
    return problems.table.sort_values("kind", ascending=False, kind="stable", ignore_index=True)


def _tell_refused(prints: Mapping[str, Fingerprint], problems: Problems) -> None:
    for name, found in prints.items():
        if found.refused is not None:
            why, _, mend = found.refused.rpartition("; ")
            problems.add(why, mend, image=name)


def _tell_orphans(collection: Collection, problems: Problems) -> None:
    """Tell the images that no row names; where labels come from names or folders, those were told already."""
    if not collection.rows.table["file"].any():
        return
    listing, rows = collection.listing, collection.rows
    expected, _ = listing.resolve(pd.Series(rows.unlabelled, dtype="str"), rows.folders)
    named = listing.files[np.union1d(collection.named, expected[expected >= 0])]
    orphans = listing.images.difference(named)
    if collection.layout.unlabelled:
        if len(orphans):
            problems.add(f"{len(orphans)} images have no label, as published", "none is needed", kind=NOTE)
        return
    what = ["no row names this image"] * len(orphans)
    problems.add_rows(what, "add a row, or move the image away", rows=[None] * len(orphans), images=orphans)


def _tell_counts(collection: Collection, problems: Problems) -> tuple[str, ...]:
    """Compare with what was published; return the IDs that are absent."""
    layout, manifest = collection.layout, collection.manifest
    if layout.ids is not None:
        numbers = range(layout.ids[0], layout.ids[1] + 1)
        present = set(manifest["id"])
        absent = tuple(f"I{number}" for number in numbers if f"I{number}" not in present)
        if absent:
            named = ", ".join(absent[:NAMED]) + (", ..." if len(absent) > NAMED else "")
            of = f"I{numbers[0]} to I{numbers[-1]}"
            problems.add(f"{len(absent)} of {of} are absent: {named}", "fetch the rest from its authors")
        return absent
    found = len(manifest) + sum(collection.rows.left_out.values())
    mend = "fetch the rest from its authors, or mend the rows above"
    if layout.published is not None and found != layout.published:
        problems.add(f"{found} labelled images, of {layout.published} that were published", mend)
    folders = manifest["path"].map(lambda path: PurePosixPath(path).parent.name)
    for label, published in layout.published_classes.items():
        count = int((folders == label).sum())
        if count != published and not collection.rows.left_out:
            problems.add(f"{count} images in {label}, of {published} that were published", mend)
    return ()


def _tell_copies(collection: Collection, prints: Mapping[str, Fingerprint], problems: Problems) -> None:
    """Tell images that are there twice: a fault in two of the data's own splits; ours keep them together."""
    paths, split = collection.manifest["path"].to_list(), collection.manifest["split"].to_list()
    equal = equal_to(np.array([prints[path].digest or "" for path in paths], dtype=object))
    _tell_equal(equal, paths, split, problems)
    looks = np.array([prints[path].look or 0 for path in paths], dtype=np.uint64)
    for row, (other, bits) in sorted(alike_to(looks).items()):
        if row not in equal:
            what = f"looks like {paths[other]}: {bits} of 64 bits of their perceptual hashes differ"
            problems.add(what, "look at both", image=paths[row], kind=NOTE)


def _tell_equal(equal: Mapping[int, int], names: list[str], split: list[str], problems: Problems) -> None:
    for row, other in equal.items():
        apart = split[row] != split[other]
        where = f", in {split[row]} and in {split[other]}" if apart else ""
        mend = "remove one of them" if apart else "they stay in one split"
        problems.add(f"is the same as {names[other]}{where}", mend, image=names[row], kind=WRONG if apart else NOTE)
