"""Familiarity: does an image lie among what a run was trained on, in the run's own feature space?

After Sun, Ming, Zhu & Li (2022), "Out-of-distribution detection with deep nearest neighbors": the distance to the k-th
nearest of training images, set against the same distance of images that the training did not see, those of the
validation split. The vector of an image is the mean and the standard deviation of each channel over its places (theirs:
the mean alone), of unit length as theirs, for each map of the backbone (theirs: the last); and distances count in units
of the training images' own spread in each direction, as in Lee, Lee, Lee & Shin (2018), "A simple unified framework for
detecting out-of-distribution samples and adversarial attacks", whose covariance is here shrunk after Ledoit & Wolf
(2004). Without the last two a run takes many a photograph for one of its drawn scenes (docs/methods.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from fisa.datasets import Dataset
from fisa.datasets.base import InFiles
from fisa.datasets.packed import cache_folder, packed_if_kept
from fisa.decoding import Decoded
from fisa.evaluation import Progress
from fisa.images import ImageRefused, decode_square, to_square
from fisa.models.inputs import as_tensor
from fisa.runs import Run, RunError
from fisa.runs.files import write_whole
from fisa.tasks import open_data

K = 10
REFERENCES = 1000
"""Training images that are compared with, evenly spread over the split; all where it has fewer."""

HELD_OUT = 500
"""Images of the validation split whose distances say what is usual."""

FAR = 0.99
"""An image is far where at least this share of the held-out ones lies nearer."""

BATCH = 64
VERSION = "2"
"""Changes whenever the same run and images would give another reference."""


@dataclass(frozen=True)
class Familiarity:
    """How far an image lies from the training images.

    Attributes:
        distance: To the ``K``-th nearest of them, in standard deviations of the training images; 0 and above.
        nearer: Share of held-out images that lie nearer, 0 to 1.
        held_out: How many of these there are.
    """

    distance: float
    nearer: float
    held_out: int

    @property
    def far(self) -> bool:
        """Whether what the run says of the image should be read with care."""
        return self.nearer >= FAR

    def warning(self, system: str) -> str:
        """Say that the image lies far from what the run ``system`` was trained on; empty where it does not."""
        if not self.far:
            return ""
        return (
            f"lies far from what {system} was trained on, {self.nearer:.1%} of {self.held_out} held-out images lie "
            "nearer; read the explanation with care"
        )


@dataclass(frozen=True, eq=False)
class Reference:
    """What a run's images are like; N training images, H held-out ones, D numbers each.

    Attributes:
        features: float32 [N, D], as :func:`features_of`.
        whitening: float32 [D, D]; what features are multiplied by, so that training images spread alike in all
            directions.
        distances: float64 [H], of the held-out images to their ``K``-th nearest, ascending.
    """

    features: NDArray[np.float32]
    whitening: NDArray[np.float32]
    distances: NDArray[np.float64]

    def judge(self, features: NDArray[np.float32]) -> list[Familiarity]:
        """Judge images by their :func:`features_of`, [n, D]."""
        found = _distances(self.features, features, self.whitening)
        nearer = np.searchsorted(self.distances, found, side="left") / len(self.distances)
        count = len(self.distances)
        return [Familiarity(float(one), float(share), count) for one, share in zip(found, nearer, strict=True)]


def familiarity(run: Run, images: Sequence[np.ndarray], progress: Progress | None = None) -> list[Familiarity]:
    """Say of each image how far it lies from what the run was trained on.

    Args:
        run: A run on single images.
        images: uint8 RGB [height, width, 3], any size.
        progress: See :func:`reference_of`.

    Raises:
        RunError: The run is not of single images.
        DataError: The run's data are not there, so that nothing can be compared with.
    """
    reference, size = reference_of(run, progress), run.config.data.image_size
    return reference.judge(features_of(run, np.stack([to_square(image, size) for image in images])))


def reference_of(run: Run, progress: Progress | None = None) -> Reference:
    """Return what a run's images are like: computed once, kept in the cache folder.

    Args:
        run: A run on single images.
        progress: Called with (images done, images in all), unless it is kept from an earlier call.

    Raises:
        RunError: The run is not of single images.
        DataError: The run's data are not there.
    """
    splits = _splits(run)
    file = _file(run, splits)
    with suppress(OSError, SafetensorError, KeyError):
        found = load(file.read_bytes())
        return Reference(found["features"], found["whitening"], found["distances"])
    counts = [min(most, len(split)) for most, split in zip((REFERENCES, HELD_OUT), splits, strict=True)]
    vectors: list[NDArray[np.float32]] = []
    done = 0
    for split, count in zip(splits, counts, strict=True):
        rows = []
        evenly = np.linspace(0, len(split) - 1, count).round().astype(int)
        decoded = squares_of(split, evenly, run.config.data.image_size)
        squares = (each for each in decoded if not isinstance(each, ImageRefused))  # what is refused by now gives way
        while batch := list(islice(squares, BATCH)):
            rows.append(features_of(run, np.stack(batch)))
            done += len(batch)
            if progress is not None:
                progress(done, sum(counts))
        vectors.append(np.concatenate(rows))
    features, held_out = vectors
    whitening = whitening_of(features)
    reference = Reference(features, whitening, np.sort(_distances(features, held_out, whitening)))
    with suppress(OSError, RunError):  # a cache that cannot be written costs time, nothing else
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, save(vars(reference)))
    return reference


def is_kept(run: Run) -> bool:
    """Tell whether the reference of a run lies in the cache folder; errors as of :func:`reference_of`."""
    return _file(run, _splits(run)).is_file()


def features_of(run: Run, squares: np.ndarray) -> NDArray[np.float32]:
    """Return the feature vectors of uint8 images [n, S, S, 3]: float32 [n, D], of unit length for each map."""
    backbone = run.model.backbone
    rows = []
    for start in range(0, len(squares), BATCH):
        with torch.no_grad():
            maps = backbone.stages(as_tensor(np.ascontiguousarray(squares[start : start + BATCH])))
        found = [torch.cat([each.flatten(2).mean(2), each.flatten(2).std(2, correction=0)], 1) for each in maps]
        rows.append(torch.cat([torch.nn.functional.normalize(each) for each in found], 1))
    return np.asarray(torch.cat(rows).numpy())


def squares_of(dataset: Dataset, indices: Iterable[int], size: int) -> Generator[Decoded, None, None]:
    """Yield images of a data set as the model sees them, uint8 [size, size, 3], or why a file of it is refused."""
    packed = packed_if_kept(dataset, size)
    files = dataset.files() if isinstance(dataset, InFiles) else None
    for index in indices:
        if packed is not None:
            yield packed[index]
        elif files is None:
            yield to_square(dataset[index].image, size)
        else:
            try:
                yield decode_square(files[index], size)
            except ImageRefused as error:
                yield error


def whitening_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the matrix [D, D] whose product with features [N, D] has a covariance of about one in every direction.

    The covariance is shrunk (Ledoit & Wolf), so that there may be fewer images than numbers; a direction in which the
    images differ by less than a thousandth of the widest, or a millionth of a vector's length, counts as that.
    """
    spread, directions = np.linalg.eigh(LedoitWolf().fit(features.astype(float)).covariance_)
    least = max(1e-6 * float(spread.max()), 1e-12)
    return np.asarray(directions / np.sqrt(np.maximum(spread, least)), np.float32)


def _distances(references: np.ndarray, features: np.ndarray, whitening: np.ndarray) -> NDArray[np.float64]:
    nearest = NearestNeighbors(n_neighbors=min(K, len(references))).fit(references @ whitening)
    return np.asarray(nearest.kneighbors(features @ whitening)[0][:, -1], np.float64)


def _splits(run: Run) -> tuple[Dataset, Dataset]:
    run.refuse_unless_of_images()
    found = open_data(run.config, ("train", "validation"))
    return found["train"], found["validation"]


def _file(run: Run, splits: Sequence[Dataset]) -> Path:
    versions = [split.version for split in splits]
    about = (VERSION, run.digest, run.config.data.image_size, K, REFERENCES, HELD_OUT, *versions)
    key = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    return cache_folder() / "familiarity" / f"{run.digest}-{key}.safetensors"
