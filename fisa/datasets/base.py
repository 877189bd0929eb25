"""What every data set offers: one manifest schema and decoded samples."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from fisa.emotions import EmotionSpace
from fisa.exceptions import FisaError


class DataError(FisaError, ValueError):
    """Data that cannot be used; the message is one clear sentence."""


class Sample(NamedTuple):
    """One image with its label distribution.

    Attributes:
        image: uint8 RGB [height, width, 3].
        target: float64 [C], description degrees; sums to 1.
    """

    image: np.ndarray
    target: np.ndarray


class Dataset(Protocol):
    """One split of a data set: ``len``, ``[i] -> Sample`` and the properties below."""

    @property
    def name(self) -> str:
        """Key in ``fisa.datasets.DATASETS``."""

    @property
    def split(self) -> str:
        """Name of the split, in the data set's own words."""

    @property
    def space(self) -> EmotionSpace:
        """Label space; its order is that of the label columns and of ``Sample.target``."""

    @property
    def manifest(self) -> pd.DataFrame:
        """One row an image, in order.

        Columns ``id`` (str), ``path`` (str relative to the root, or None), ``split`` (str), ``votes`` (int, raters, 0
        where unknown), then one float column for each label with its description degree; these sum to 1. Optional:
        ``valence`` and ``arousal`` (float, -1 to 1, NaN where not rated) and ``group`` (str; images of one group stay
        in one split, an image with "" is of none). A data set may append its own.
        """

    @property
    def version(self) -> str:
        """Short hash that changes whenever an image or a label may have changed."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def groups_of(dataset: Dataset) -> np.ndarray | None:
    """Return the group of each image, [N], where images are grouped; one of none stands alone, under its id."""
    if "group" not in dataset.manifest:
        return None
    groups = dataset.manifest["group"].to_numpy(object)
    return np.where(groups == "", dataset.manifest["id"].to_numpy(object), groups).astype(str)


@runtime_checkable
class InFiles(Protocol):
    """A data set each image of which is a file, so that it can be decoded as small as it is needed."""

    def file(self, index: int) -> Path:
        """Return the file of one image."""

    def files(self) -> list[Path]:
        """Return the file of each image, in order."""
