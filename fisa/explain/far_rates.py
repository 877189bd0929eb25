"""How often a run calls images far: of its own test split, other data sets, files, and noise."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import binomtest

from fisa.datasets import Dataset
from fisa.datasets.base import InFiles
from fisa.decoding import Decoded, decode_squares
from fisa.evaluation import Progress
from fisa.explain.familiarity import BATCH, Reference, features_of, squares_of
from fisa.images import ImageRefused
from fisa.records import Interval
from fisa.runs import Run

LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True)
class FarRate:
    """How many images a run calls far.

    Attributes:
        images: How many were judged.
        far: Of these, how many lie far from what the run was trained on.
        refused: Of the others, why each cannot be decoded; one sentence each.
    """

    images: int
    far: int
    refused: tuple[str, ...] = ()

    @property
    def share(self) -> Interval | None:
        """The share that is far, with the interval of Clopper & Pearson (1934); None where no image was judged.

        It takes images for independent, which photographs of one album are not.
        """
        if not self.images:
            return None
        found = binomtest(self.far, self.images).proportion_ci(LEVEL, method="exact")
        return Interval(self.far / self.images, float(found.low), float(found.high))


@dataclass(frozen=True)
class SomeOfADataset:
    """At most ``most`` images of a data set: of drawn scenes the first, of files the first of an order by chance."""

    dataset: Dataset
    most: int
    seed: int = 0

    def __len__(self) -> int:
        return min(self.most, len(self.dataset))

    def squares(self, size: int) -> Generator[Decoded, None, None]:
        """Yield uint8 RGB [size, size, 3], or why an image is refused."""
        count = len(self.dataset)
        order: Sequence[int] = range(count)  # scenes are drawn independently of one another
        if isinstance(self.dataset, InFiles):  # files lie sorted, by album or by theme
            order = np.random.default_rng(self.seed).permutation(count).tolist()
        yield from squares_of(self.dataset, order[: self.most], size)


@dataclass(frozen=True)
class SomeFiles:
    """At most ``most`` of image files, in an order by chance of which the first ``skip`` are left out."""

    files: Sequence[Path]
    most: int
    skip: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return max(min(self.most, len(self.files) - self.skip), 0)

    def squares(self, size: int) -> Generator[Decoded, None, None]:
        """Yield uint8 RGB [size, size, 3], or why a file is refused."""
        order = np.random.default_rng(self.seed).permutation(len(self.files))
        chosen = [self.files[index] for index in order[self.skip : self.skip + self.most]]
        with closing(decode_squares(chosen, size, workers=None)) as squares:
            yield from squares


@dataclass(frozen=True)
class Noise:
    """Random images: every second one of independent values, the others of such values smoothed and stretched.

    They are smoothed by a Gaussian of 1 pixel up to an eighth of the side, and take up the whole range of grey levels.
    """

    most: int
    seed: int = 0

    def __len__(self) -> int:
        return self.most

    def squares(self, size: int) -> Generator[Decoded, None, None]:
        """Yield uint8 RGB [size, size, 3]."""
        random = np.random.default_rng(self.seed)
        for number in range(self.most):
            values = random.random((size, size, 3))
            if number % 2:
                blur = np.exp(random.uniform(0, np.log(max(size / 8, 1))))
                values = gaussian_filter(values, (blur, blur, 0), mode="wrap")
                values = (values - values.min()) / (values.max() - values.min())
            yield np.asarray((values * 255).round(), np.uint8)


Images = SomeOfADataset | SomeFiles | Noise


def rate_far(run: Run, reference: Reference, images: Images, progress: Progress | None = None) -> FarRate:
    """Count the images that a run calls far, a batch at a time.

    Args:
        run: A run on single images.
        reference: What :func:`fisa.explain.familiarity.reference_of` returns for it.
        images: Which.
        progress: Called with (images done, images in all).
    """
    refused: list[str] = []
    far = done = 0
    with closing(images.squares(run.config.data.image_size)) as squares:
        while batch := list(islice(squares, BATCH)):
            refused += [str(each) for each in batch if isinstance(each, ImageRefused)]
            kept = [each for each in batch if not isinstance(each, ImageRefused)]
            if kept:
                far += sum(found.far for found in reference.judge(features_of(run, np.stack(kept))))
            done += len(batch)
            if progress is not None:
                progress(done, len(images))
    return FarRate(done - len(refused), far, tuple(refused))
