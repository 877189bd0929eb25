"""Feature vectors with distributions: images that others have turned into numbers, in one file."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError, Dataset, Sample
from fisa.datasets.columns import complete_space, incomplete, labels_of, split_of
from fisa.datasets.packed import Progress, packed_images
from fisa.datasets.photographs import ALL, SPLITS
from fisa.datasets.problems import Complaints, Problems
from fisa.datasets.reading import header_of, read_content, read_mat, read_table, refuse_unpacked
from fisa.datasets.rows import degrees_of, tell_votes
from fisa.datasets.splits import assign
from fisa.emotions import EKMAN6, EKMAN7, SPACES, EmotionSpace

SUFFIXES = (".mat", ".npz", ".parquet")
FEATURES = ("features", "X")
LABELS = ("labels", "distributions", "Y")

_BY_COUNT = {len(space): space for space in (EKMAN6, EKMAN7)}
"""Label spaces that a file without names can only mean; a file with eight labels must name its space."""


@dataclass(frozen=True)
class Vectors:
    """How feature vectors lie on disk: a row of ``fisa.datasets.DATASETS``.

    Attributes:
        title: What it is, on one line.
    """

    title: str

    def collect(self, name: str, root: Path) -> VectorCollection:
        """Read the data set; see :func:`read_vectors`."""
        return read_vectors(name, root)


@dataclass(frozen=True)
class VectorCollection:
    """All vectors of a file, before they are split.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        root: The file.
        space: Label space.
        manifest: One row a vector; see ``Dataset.manifest``.
        features: float32 [N, D], in the order of the manifest.
        problems: What is wrong; see ``Problems.table``.
    """

    name: str
    root: Path
    space: EmotionSpace
    manifest: pd.DataFrame
    features: np.ndarray
    problems: Problems

    def splits(
        self, fold: tuple[int, int] | None = None, stratify: bool = True, progress: Progress | None = None
    ) -> pd.Series:
        """Return the split of each row; see ``Collection.splits``. There is nothing to wait for."""
        digests = np.array([hashlib.blake2b(row.tobytes()).hexdigest() for row in self.features], dtype=object)
        try:
            return assign(self.manifest, list(self.space.labels), digests, fold, stratify)
        except DataError as error:
            raise DataError(f"{self.root}: {error}") from None

    def open(
        self, splits: Sequence[str], fold: tuple[int, int] | None = None, stratify: bool = True
    ) -> dict[str, FeatureSet]:
        """Open some of ``train``, ``validation``, ``test`` and ``all``; see ``Collection.open``."""
        for split in splits:
            if split not in (*SPLITS, ALL):
                raise DataError(f"{self.name} has no split {split!r}; there are {', '.join((*SPLITS, ALL))}")
        assigned = self.manifest["split"] if set(splits) == {ALL} else self.splits(fold, stratify)
        return {split: FeatureSet(self, split, assigned) for split in splits}


class FeatureSet:
    """One split of feature vectors; satisfies ``fisa.datasets.base.Dataset``, but has no images.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        split: ``train``, ``validation``, ``test`` or ``all``.
        space: Label space.
        manifest: See ``Dataset.manifest``; ``path`` is None.
        features: float32 [N, D].
    """

    def __init__(self, collection: VectorCollection, split: str, assigned: pd.Series) -> None:
        chosen = np.ones(len(assigned), dtype=bool) if split == ALL else (assigned == split).to_numpy()
        self.name = collection.name
        self.split = split
        self.space = collection.space
        self.manifest = collection.manifest.assign(split=assigned)[chosen].reset_index(drop=True)
        self.features = collection.features[chosen]

    def __len__(self) -> int:
        return len(self.manifest)

    def __getitem__(self, index: int) -> Sample:
        raise DataError(f"{self.name} holds feature vectors: there is no image {index} to show")

    @cached_property
    def version(self) -> str:
        """Hash of the label space, the labels and the vectors, 12 hexadecimal digits."""
        whole = hashlib.sha256(f"{self.space.name} {self.manifest['id'].to_list()}".encode())
        whole.update(self.manifest[["votes", *self.space.labels]].to_numpy(np.float64).tobytes())
        whole.update(self.features.tobytes())
        return whole.hexdigest()[:12]


def model_inputs(dataset: Dataset, size: int, progress: Progress | None = None) -> np.ndarray:
    """Return what a model gets of a data set, in order: squares uint8 [N, size, size, 3], or vectors float32 [N, D]."""
    return dataset.features if isinstance(dataset, FeatureSet) else packed_images(dataset, size, progress)


def read_vectors(name: str, root: Path) -> VectorCollection:
    """Read a file of feature vectors, or a folder with one such file.

    MATLAB and NumPy files hold ``features`` [N, D] and ``labels`` [N, C], and may hold ``space`` (name of the label
    space, whose order the columns have), ``id`` and ``split`` ([N] texts). A Parquet file has a column of lists
    ``features`` or number columns ``feature_0``, ``feature_1``, ..., and a column for each label. NumPy files
    with objects in them are refused: reading such runs code.

    Raises:
        DataError: Nothing can be read, or shapes do not fit.
    """
    file = _find(root)
    problems = Problems()
    if file.suffix.lower() == ".parquet":
        features, labels, space, columns = _from_parquet(file, problems)
    else:
        features, labels, space, columns = _from_arrays(file)
    count = len(features)
    numbers = np.arange(1, count + 1)
    table = pd.DataFrame({"file": file.name, "row": numbers, "image": "", **columns})
    for place, label in enumerate(space.labels):
        table[label] = labels[:, place]
    complaints = Complaints(count)
    finite = np.isfinite(features).all(1)
    complaints.say(~finite, "one of its features is no number", "compute it again, or remove the row")
    degrees, votes = degrees_of(table, space, tell_votes(labels), complaints)
    split = split_of(table["split"]) if "split" in table else pd.Series("", index=table.index, dtype="str")
    if "split" in table:
        complaints.say((split == "").to_numpy(), "has an unknown split", "name train, validation or test")
    ids = table["id"].astype("str") if "id" in table else pd.Series([f"row {number}" for number in numbers])
    complaints.say(ids.duplicated(keep=False).to_numpy(), "its ID stands twice", "give each vector an ID of its own")
    complaints.report(table, problems)
    paths = pd.Series([None] * count, dtype=object)
    manifest = pd.DataFrame(
        {"id": ids, "path": paths, "split": split, "votes": votes, **dict(zip(space.labels, degrees.T, strict=True))}
    )
    right = ~complaints.wrong
    return VectorCollection(name, file, space, manifest[right].reset_index(drop=True), features[right], problems)


def _find(root: Path) -> Path:
    try:
        if root.is_file():
            if root.suffix.lower() not in SUFFIXES:
                raise DataError(f"{root}: expected a file that ends in {', '.join(SUFFIXES)}")
            return Path(os.path.realpath(root))
        if not root.is_dir():
            raise DataError(f"{root}: no such file or folder; check the path")
        found = sorted(file for file in root.iterdir() if _may_hold_vectors(file))
    except OSError as error:
        raise DataError(f"{root}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if len(found) != 1:
        raise DataError(f"{root}: holds {len(found)} files of vectors ({', '.join(SUFFIXES)}); name the one meant")
    return Path(os.path.realpath(found[0]))


def _may_hold_vectors(file: Path) -> bool:
    regular = stat.S_ISREG(file.lstat().st_mode)  # no link, and no pipe, which would be waited for
    return regular and not file.name.startswith(".") and file.suffix.lower() in SUFFIXES


def _from_arrays(file: Path) -> tuple[np.ndarray, np.ndarray, EmotionSpace, dict[str, Any]]:
    variables = read_mat(file.parent, file.name) if file.suffix.lower() == ".mat" else read_npz(file)
    features, labels = (_matrix(variables, known, file) for known in (FEATURES, LABELS))
    if len(features) != len(labels):
        raise DataError(f"{file}: {len(features)} vectors and {len(labels)} rows of labels; both must be as many")
    named = variables.get("space")
    stated = str(np.asarray(named).ravel()[0]) if named is not None and np.size(named) else ""
    space = SPACES.get(stated) if stated else _BY_COUNT.get(labels.shape[1])
    if space is None or len(space) != labels.shape[1]:
        of, known = stated or "an unknown space", ", ".join(SPACES)
        raise DataError(f"{file}: {labels.shape[1]} labels of {of}; name theirs in a variable space: {known}")
    columns: dict[str, Any] = {}
    for key in ("id", "split"):
        if key in variables:
            columns[key] = [str(text).strip() for text in np.asarray(variables[key], dtype=object).ravel()]
            if len(columns[key]) != len(features):
                raise DataError(f"{file}: {key} has {len(columns[key])} entries, expected {len(features)}")
    return features, labels, space, columns


def read_npz(file: Path) -> dict[str, Any]:
    """Read plain NumPy arrays, by name; DataError where there are none, or objects, whose reading would run code."""
    content = io.BytesIO(read_content(file.parent, file.name))
    try:
        with zipfile.ZipFile(content) as members:
            refuse_unpacked(file, sum(member.file_size for member in members.infolist()))
        content.seek(0)
        with np.load(content, allow_pickle=False) as arrays:
            return dict(arrays)
    except DataError:
        raise
    except Exception as error:  # a broken file raises nearly anything
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{file}: cannot be read as NumPy arrays ({reason}); save plain arrays with np.savez") from None


def _matrix(variables: dict[str, Any], names: Sequence[str], file: Path) -> np.ndarray:
    name = next((name for name in names if name in variables), None)
    if name is None:
        raise DataError(f"{file}: no variable {' or '.join(names)}; it has {', '.join(variables) or 'none'}")
    matrix = np.asarray(variables[name])
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub" or not matrix.size:
        raise DataError(f"{file}: {name} is {matrix.dtype} {list(matrix.shape)}, expected numbers, a row a vector")
    return matrix.astype(np.float32 if names is FEATURES else np.float64)


def _from_parquet(file: Path, problems: Problems) -> tuple[np.ndarray, np.ndarray, EmotionSpace, dict[str, Any]]:
    table = read_table(file.parent, file.name, problems)
    header = header_of(table)
    try:
        if "features" in header:
            features = np.stack([np.asarray(row, dtype=np.float32) for row in table["features"].to_list()])
        else:
            numbered = [name for name in header if name.startswith("feature_") and name[8:].isdigit()]
            ordered = sorted(numbered, key=lambda name: int(name.removeprefix("feature_")))
            features = table[ordered].to_numpy(np.float32)
    except (ValueError, TypeError):
        raise DataError(f"{file}: features are no numbers, or not as many in every row") from None
    if features.ndim != 2 or not features.shape[1]:
        raise DataError(f"{file}: no column of lists features, and no columns feature_0, feature_1, ...; add them")
    space = complete_space(header)
    if space is None:
        raise incomplete(header, str(file))
    columns = labels_of(header, space)
    labels = np.column_stack([pd.to_numeric(table[columns[label]], errors="coerce") for label in space.labels])
    extra: dict[str, Any] = {key: table[key].astype("str").to_numpy() for key in ("id", "split") if key in header}
    return features, labels.astype(np.float64), space, extra
