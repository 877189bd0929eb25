"""Data sets: a table of sources that all yield one manifest schema; docs/datasets.md shows how each lies on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from fisa.config import DataConfig
from fisa.datasets.base import DataError, Dataset, Sample, groups_of
from fisa.datasets.layouts.abstract import read_abstract
from fisa.datasets.layouts.aesthetics import read_aesthetics
from fisa.datasets.layouts.affectnet import read_affectnet
from fisa.datasets.layouts.emoset import read_emoset
from fisa.datasets.layouts.emotion6 import read_emotion6, read_emotion6_without_neutral
from fisa.datasets.layouts.flat import read_artphoto, read_fi
from fisa.datasets.layouts.folder import read_folder, read_mikels_folder
from fisa.datasets.layouts.ldl import read_ldl
from fisa.datasets.layouts.oasis import read_oasis
from fisa.datasets.photographs import (
    ALL,
    SPLITS,
    Collection,
    Layout,
    Photographs,
    rated,
    without_refused,
)
from fisa.datasets.planted.dataset import PlantedDataset
from fisa.datasets.planted.presets import find_split
from fisa.datasets.planted.sequences import open_planted_sequences
from fisa.datasets.planted.sequences import presets as sequence_presets
from fisa.datasets.problems import BadData
from fisa.datasets.sequences.folder import SequenceCollection, SequenceFolder
from fisa.datasets.vectors import VectorCollection, Vectors
from fisa.language import mark

__all__ = [
    "DATASETS",
    "SEQUENCES",
    "SPLITS",
    "BadData",
    "DataError",
    "Dataset",
    "Drawn",
    "Layout",
    "OnDisk",
    "Photographs",
    "Sample",
    "SequenceFolder",
    "Vectors",
    "check_split",
    "groups_of",
    "is_drawn",
    "open_collection",
    "open_configured",
    "open_dataset",
    "open_splits",
]

Drawn = Callable[[str, int | None], Dataset]
"""(split, image size) -> data set."""

Progress = Callable[[int, int], None]

_EMOTION6 = MappingProxyType(dict.fromkeys(("anger", "disgust", "fear", "joy", "sadness", "surprise"), 330))


def _planted(preset: str) -> Drawn:
    return lambda split, image_size: PlantedDataset(preset, split, image_size)


def _sequences(preset: str) -> Drawn:
    return lambda split, image_size: open_planted_sequences(preset, split, image_size)


SEQUENCES = ("planted-sequences", "planted-sequences-tiny", "sequences")
"""Data sets whose rows are steps of sequences, and no images by themselves."""

OnDisk = Layout | Vectors | SequenceFolder
"""What says how a data set lies on disk."""

# fmt: off
DATASETS: Mapping[str, Drawn | OnDisk] = MappingProxyType({
    "planted": _planted("planted"),
    "planted-small": _planted("planted-small"),
    "planted-tiny": _planted("planted-tiny"),
    "folder": Layout(mark("any folder with a list, or class sub-folders"), read_folder),
    "emotion6": Layout(mark("Emotion6, seven labels"), read_emotion6, 1980, _EMOTION6),
    "emotion6-6": Layout(mark("Emotion6 without neutral, six labels"), read_emotion6_without_neutral, 1980, _EMOTION6),
    "flickr-ldl": Layout(mark("Flickr_LDL, votes of 11"), read_ldl, 11150),
    "twitter-ldl": Layout(mark("Twitter_LDL, votes of 8"), read_ldl, 10045),
    "fi": Layout(mark("FI (Flickr and Instagram), one label"), read_fi, 23308),
    "emoset": Layout(mark("EmoSet, one label"), read_emoset, 118102),
    "iapsa": Layout(mark("IAPSa, by a list of your own"), read_mikels_folder, 395),
    "artphoto": Layout(mark("ArtPhoto, one label"), read_artphoto, 806),
    "abstract": Layout(mark("abstract paintings, votes"), read_abstract, 280, unlabelled=True),
    "oasis": Layout(mark("OASIS, valence and arousal"), read_oasis, 900, ids=(1, 900)),
    "affectnet": Layout(mark("AffectNet, one expression"), read_affectnet),
    "aesthetics": Layout(mark("an ordered score, such as AVA"), read_aesthetics),
    "features": Vectors(mark("feature vectors with distributions")),
    "planted-sequences": _sequences("planted-sequences"),
    "planted-sequences-tiny": _sequences("planted-sequences-tiny"),
    "sequences": SequenceFolder("any list of steps, with frames, vectors and series"),
})
# fmt: on
"""Name -> how it is drawn, or how it lies on disk."""


def open_dataset(
    name: str,
    root: str | Path | None = None,
    split: str = "test",
    image_size: int | None = None,
    *,
    skip_bad: bool = False,
    fold: tuple[int, int] | None = None,
) -> Dataset:
    """Open one split of a data set; :func:`open_splits` reads the data once for several.

    Args:
        name: A key of ``DATASETS``.
        root: Folder that holds the data; None for data sets that are drawn.
        split: Such as ``train``, ``validation`` or ``test``; for planted data ``test`` is ``iid``.
        image_size: Side length in pixels of drawn images; None takes the data set's own. Photographs keep theirs.
        skip_bad: Leave out what is wrong, images that cannot be decoded included, which decodes each once.
        fold: (number from 1, number of folds) of cross-validation over photographs; None for the splits of the data.

    Raises:
        DataError: Unknown name or split, or a root that does not fit.
        BadData: Something in the data is wrong, and ``skip_bad`` is not set; a DataError with the list.
    """
    return open_splits(name, root, (split,), image_size, skip_bad=skip_bad, fold=fold)[split]


def open_splits(
    name: str,
    root: str | Path | None = None,
    splits: Sequence[str] = SPLITS,
    image_size: int | None = None,
    *,
    skip_bad: bool = False,
    fold: tuple[int, int] | None = None,
    stratify: bool = True,
    progress: Progress | None = None,
    required: Sequence[str] = (),
) -> dict[str, Dataset]:
    """Open several splits of a data set, reading it once; see :func:`open_dataset`.

    Args:
        name: As there.
        root: As there.
        splits: Their names.
        image_size: As there.
        skip_bad: As there.
        fold: As there.
        stratify: Whether splits that are drawn, folds and others, have as many images of each dominant emotion.
        progress: Called with (images done, images in all) while ``skip_bad`` decodes them, or while they are read for
            the splits and the version, which is then done here and not when they are first asked for.
        required: Of ``fisa.emotions.DIMENSIONS``, what every image must be rated for; ``skip_bad`` leaves out others.
    """
    source = _source(name)
    if required and not isinstance(source, Layout):
        raise DataError(f"{name} does not rate {' and '.join(required)}; choose data that do, such as oasis")
    if not isinstance(source, OnDisk):
        if root is not None:
            raise DataError(f"{name} is drawn, not read: leave its root away (got {root})")
        if fold is not None:
            raise DataError(f"{name} has splits of its own and no folds; leave the fold away")
        return {split: source(split, image_size) for split in splits}
    collection = open_collection(name, root, skip_bad=skip_bad)
    if isinstance(collection, Collection):
        if required:
            collection = rated(collection, required, skip_bad)
        if skip_bad:
            collection = without_refused(collection, progress)
        elif progress is not None:
            collection.known.digests(collection.manifest["path"].to_list(), progress)
    elif isinstance(collection, SequenceCollection) and skip_bad:
        collection = collection.without_refused(progress)
    return {**collection.open(splits, fold, stratify)}


def open_configured(
    config: DataConfig,
    splits: Sequence[str] = SPLITS,
    progress: Progress | None = None,
    required: Sequence[str] = (),
) -> dict[str, Dataset]:
    """Open the splits that a configuration means; see :func:`open_splits`.

    Under the name ``test`` stands the one that ``config.test`` names; where that is another, the data's own test split
    is not opened.
    """
    proper = {split: config.test if split == "test" else split for split in splits}
    opened = open_splits(
        config.name,
        config.root,
        tuple(dict.fromkeys(proper.values())),
        config.image_size,
        skip_bad=config.skip_bad,
        fold=config.fold,
        stratify=config.stratify,
        progress=progress,
        required=required,
    )
    return {split: opened[name] for split, name in proper.items()}


def open_collection(
    name: str, root: str | Path | None, *, skip_bad: bool = False
) -> Collection | VectorCollection | SequenceCollection:
    """Read all labelled images, vectors or steps of a data set on disk, before they are split. No image is opened.

    Raises:
        DataError: As :func:`open_dataset`, or ``name`` is drawn.
    """
    source = _source(name)
    if not isinstance(source, OnDisk):
        raise DataError(f"{name} is drawn by this program: there is no folder to read")
    if root is None:
        raise DataError(f"{name} lies on disk: name its path as root")
    collection = source.collect(name, Path(os.path.expanduser(root)))
    if not skip_bad:
        collection.problems.refuse_if_wrong(collection.root)
    if not len(collection.manifest):
        raise DataError(f"{collection.root}: no usable image is left; `python -m fisa data check` says why")
    return collection


def check_split(name: str, split: str) -> None:
    """Tell by its name whether a data set can have a split, and open nothing.

    Raises:
        DataError: There is no such data set, or no such split of it.
    """
    source = _source(name)
    if isinstance(source, OnDisk):
        if split not in (*SPLITS, ALL):
            raise DataError(f"{name} has no split {split!r}; there are {', '.join((*SPLITS, ALL))}")
    elif name in SEQUENCES:
        sequence_presets.check_split(split)
    else:
        find_split(split)


def is_drawn(name: str) -> bool:
    """Tell whether a data set is drawn by this program; an unknown one is not."""
    return name in DATASETS and not isinstance(DATASETS[name], OnDisk)


def _source(name: str) -> Drawn | OnDisk:
    if name not in DATASETS:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name]
