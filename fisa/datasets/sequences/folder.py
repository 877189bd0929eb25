"""Sequences on disk: a list with a row a step, pictures, vectors and series beside it; docs/datasets.md shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.columns import IMAGE, SPLIT, SPLITS, find_column, split_of
from fisa.datasets.known import KnownFiles
from fisa.datasets.layouts.folder import IMAGES, choose_list, read_emotions, stated_space, texts
from fisa.datasets.listing import Listing, list_folder
from fisa.datasets.problems import Complaints, Problems
from fisa.datasets.reading import header_of, read_table
from fisa.datasets.rows import degrees_of
from fisa.datasets.sequences.base import Events, SequenceSet, StepVectors
from fisa.datasets.sequences.modalities import SEQUENCE, TIME, read_series, read_vectors_of_steps, times_of
from fisa.datasets.splits import assign
from fisa.emotions import EmotionSpace
from fisa.images import decode

FRAME = ("frame", "frame_path", *IMAGE)
FOLDERS = ("", "frames", IMAGES)
"""Where the pictures that a list names may lie."""

OURS = ("train", "validation", "test")
ALL = "all"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SequenceFolder:
    """How sequences lie on disk: a row of ``fisa.datasets.DATASETS``.

    Attributes:
        title: What it is, on one line.
    """

    title: str

    def collect(self, name: str, root: Path) -> SequenceCollection:
        """Read the data set; see :func:`read_sequences`."""
        return read_sequences(name, root)


class FileFrames:
    """Pictures of steps as files; satisfies ``fisa.datasets.sequences.Frames``.

    Args:
        root: The folder.
        paths: Relative to it, [M]; None where a step has no picture.
    """

    def __init__(self, root: Path, paths: Sequence[str | None]) -> None:
        self.root, self.paths = root, list(paths)
        self.present = np.array([path is not None for path in paths], dtype=bool)

    def __getitem__(self, row: int) -> np.ndarray:
        path = self.paths[row]
        if path is None:
            raise DataError(f"{self.root}: step {row} has no picture")
        return decode(self.root / path)


@dataclass(frozen=True)
class SequenceCollection:
    """All sequences of a folder, before they are split.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        root: The folder.
        space: Label space.
        manifest: One row a step; see ``SequenceSet.manifest``. ``split`` is empty where the list names none.
        vectors: Modality -> a vector a step.
        series: Name -> events beside each sequence.
        problems: What is wrong; see ``Problems.table``.
    """

    name: str
    root: Path
    space: EmotionSpace
    manifest: pd.DataFrame
    vectors: dict[str, StepVectors]
    series: dict[str, tuple[Events, ...]]
    problems: Problems

    @cached_property
    def known(self) -> KnownFiles:
        """Fingerprints of its pictures."""
        return KnownFiles(self.root)

    @property
    def pictures(self) -> list[str]:
        """Paths of the pictures that steps have, relative to the root."""
        return [path for path in self.manifest["path"] if path is not None]

    def without_refused(self, progress: Progress | None = None) -> SequenceCollection:
        """Return the same with the pictures missing that cannot be decoded; each is decoded once and remembered."""
        names = self.pictures
        prints = self.known.fingerprints(names, progress)
        bad = {name for name, found in zip(names, prints, strict=True) if found.refused is not None}
        paths = pd.Series([None if path in bad else path for path in self.manifest["path"]], dtype=object)
        return replace(self, manifest=self.manifest.assign(path=paths))

    def open(
        self, splits: Sequence[str], fold: tuple[int, int] | None = None, stratify: bool = True
    ) -> dict[str, SequenceSet]:
        """Open some of ``train``, ``validation``, ``test`` and ``all``, as ``Collection.open`` does."""
        for split in splits:
            if split not in (*OURS, ALL):
                raise DataError(f"{self.name} has no split {split!r}; there are {', '.join((*OURS, ALL))}")
        assigned = self.manifest["split"]
        if set(splits) != {ALL}:
            assigned = self._assigned(fold, stratify)
        return {split: self._part(split, assigned) for split in splits}

    def _assigned(self, fold: tuple[int, int] | None, stratify: bool) -> pd.Series:
        labels = list(self.space.labels)
        groups = self.manifest.groupby("id", sort=False)
        each = groups[labels].mean().assign(split=groups["split"].first())
        try:
            chosen = assign(each, labels, np.full(len(each), "", dtype=object), fold, stratify)
        except DataError as error:
            raise DataError(f"{self.root}: {str(error).replace('images', 'sequences')}") from None
        return self.manifest["id"].map(dict(zip(each.index, chosen, strict=True)))

    def _part(self, split: str, assigned: pd.Series) -> SequenceSet:
        rows = np.ones(len(assigned), dtype=bool) if split == ALL else (assigned == split).to_numpy()
        manifest = self.manifest.assign(split=assigned)[rows].reset_index(drop=True)
        chosen = rows[(self.manifest["step"] == 0).to_numpy()]
        vectors = {name: StepVectors(part.values[rows], part.present[rows]) for name, part in self.vectors.items()}
        series = {
            name: tuple(each for each, own in zip(events, chosen, strict=True) if own)
            for name, events in self.series.items()
        }
        frames = FileFrames(self.root, manifest["path"].to_list()) if self.pictures else None
        version = self._version(manifest, vectors, series)
        return SequenceSet(self.name, split, self.space, manifest, vectors, series, frames, version)

    def _version(
        self, manifest: pd.DataFrame, vectors: dict[str, StepVectors], series: dict[str, tuple[Events, ...]]
    ) -> str:
        """Hash the labels, times, vectors and events, and the content of every picture; 12 hexadecimal digits."""
        names = [path for path in manifest["path"] if path is not None]
        told = (self.space.name, manifest["id"].to_list(), manifest["path"].to_list(), list(self.known.digests(names)))
        whole = hashlib.sha256(repr(told).encode())
        whole.update(manifest[["step", "time", "votes", *self.space.labels]].to_numpy(np.float64).tobytes())
        for modality, part in sorted(vectors.items()):
            whole.update(modality.encode() + part.values.tobytes() + part.present.tobytes())
        for name, events in sorted(series.items()):
            for each in events:
                whole.update(name.encode() + each.times.tobytes() + each.values.tobytes())
        return whole.hexdigest()[:12]


def read_sequences(name: str, root: Path) -> SequenceCollection:
    """Read a folder of sequences, with all that is wrong in it gathered in ``problems``. No picture is opened.

    Raises:
        DataError: Nothing can be read at all.
    """
    problems = Problems()
    listing = list_folder(root, problems)
    file = choose_list(listing)
    if file is None:
        raise DataError(f"{listing.root}: there is no list of steps (manifest.csv or .parquet); check the path")
    where = str(listing.root / file)
    table = read_table(listing.root, file, problems)
    header = header_of(table)
    columns = {ours: find_column(header, theirs) for ours, theirs in (("id", SEQUENCE), ("time", TIME))}
    if None in columns.values():
        raise DataError(f"{where}: needs the columns sequence and time; name them so")
    frame, split = find_column(header, FRAME), find_column(header, SPLIT)
    rest = table.drop(columns=[each for each in (*columns.values(), frame, split) if each is not None])
    kind, space, emotions = read_emotions(rest, where, stated_space(table, where), rated=False)
    complaints = Complaints(len(table))
    steps = pd.DataFrame({"file": file, "row": table.index, "image": "", **emotions})
    steps["id"], steps["seconds"] = texts(table[columns["id"]]), times_of(table[columns["time"]])
    complaints.say((steps["id"] == "").to_numpy(), "names no sequence", "fill it in, or remove the row")
    complaints.say(
        steps["seconds"].isna().to_numpy(), "its time is neither a number nor an ISO 8601 date", "correct it"
    )
    twice = steps.duplicated(["id", "seconds"], keep=False).to_numpy()
    complaints.say(twice, "the sequence has another step at this time", "keep the one that is right")
    degrees, votes = degrees_of(steps, space, kind, complaints)
    steps["path"] = _pictures(table, frame, listing, steps, complaints)
    steps["split"] = _splits(table, split, steps["id"], complaints)
    vectors = read_vectors_of_steps(listing, file, table, complaints, problems)
    complaints.report(steps, problems)
    order = _in_order(steps, ~complaints.wrong)
    if not len(order) and not problems.wrong:
        raise DataError(f"{where}: holds no labelled step; check the file")
    steps = steps.iloc[order].reset_index(drop=True)
    first = ~steps["id"].duplicated().to_numpy()
    unit = _unit(steps)
    starts = steps.groupby("id", sort=False)["seconds"]
    spans = np.stack([starts.first().to_numpy(float), starts.last().to_numpy(float)], axis=1).reshape(-1, 2)
    manifest = pd.DataFrame(
        {
            "id": steps["id"].astype("str"),
            "step": steps.groupby("id", sort=False).cumcount(),
            "time": (steps["seconds"] - starts.transform("first")) / unit,
            "path": steps["path"].astype(object).where(steps["path"].notna(), None),
            "split": steps["split"],
            "votes": votes[order],
            **dict(zip(space.labels, degrees[order].T, strict=True)),
        }
    )
    series = read_series(listing, steps["id"][first].to_list(), spans, unit, problems)
    taken = {modality: StepVectors(part.values[order], part.present[order]) for modality, part in vectors.items()}
    return SequenceCollection(name, listing.root, space, manifest, taken, series, problems)


def _pictures(
    table: pd.DataFrame, frame: str | None, listing: Listing, steps: pd.DataFrame, complaints: Complaints
) -> pd.Series:
    """Return the path of each step's picture, None where the list names none."""
    paths = pd.Series([None] * len(table), dtype=object)
    if frame is None:
        return paths
    steps["image"] = texts(table[frame])
    named = np.flatnonzero(steps["image"] != "")
    places, why = listing.resolve(steps["image"].iloc[named], FOLDERS)
    told = np.full(len(table), "", dtype=object)
    told[named] = why
    lost = np.zeros(len(table), dtype=bool)
    lost[named[places < 0]] = True
    complaints.say(lost, list(told), "correct the name, put the picture there, or leave the cell empty")
    paths.iloc[named[places >= 0]] = listing.files.take(places[places >= 0]).to_list()
    return paths


def _splits(table: pd.DataFrame, column: str | None, ids: pd.Series, complaints: Complaints) -> pd.Series:
    if column is None:
        return pd.Series("", index=ids.index, dtype="str")
    split = split_of(table[column].reset_index(drop=True))
    complaints.say((split == "").to_numpy(), "has an unknown split", f"name one of {', '.join(SPLITS)}")
    several = split.groupby(ids).transform("nunique").to_numpy() > 1
    complaints.say(several, "its sequence is listed in two splits", "keep all its steps in one")
    return split


def _in_order(steps: pd.DataFrame, right: np.ndarray) -> np.ndarray:
    """Return the rows that are right: by sequence, in the order in which those begin in the list, and by time."""
    rows = np.flatnonzero(right)
    begins = pd.factorize(steps["id"].iloc[rows])[0]
    return np.asarray(rows[np.lexsort((steps["seconds"].to_numpy()[rows], begins))])


def _unit(steps: pd.DataFrame) -> float:
    """Return how long a step lasts: the median of the time between two."""
    gaps = steps.groupby("id", sort=False)["seconds"].diff().dropna()
    return float(gaps.median()) if len(gaps) else 1.0
