"""A data set with its labels brought into another space, for runs that predict other labels."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from fisa.datasets.base import Dataset, Sample
from fisa.emotions import EmotionSpace
from fisa.label_maps import LabelMap, find_map


class MappedDataset:
    """A view of a data set in the labels of another space; satisfies ``fisa.datasets.base.Dataset``.

    An image all of whose degrees the map leaves out says nothing there, and is left out.

    Args:
        base: The data set as it is.
        label_map: From its space.

    Attributes:
        name, split, version: Those of ``base``; ``space`` tells the two apart.
        kept: bool [N of base], which images remain.
    """

    def __init__(self, base: Dataset, label_map: LabelMap) -> None:
        self.base = base
        self.label_map = label_map
        self.name, self.split, self.version = base.name, base.split, base.version
        mapped = label_map.apply(base.manifest[list(base.space.labels)].to_numpy(float))
        self.kept: np.ndarray = np.asarray(np.isfinite(mapped).all(1))

    @property
    def space(self) -> EmotionSpace:
        """Label space that the map leads to."""
        return self.label_map.target

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """That of ``base`` with mapped degrees and, on planted data, mapped true degrees."""
        before = self.base.manifest
        old, new = list(self.label_map.source.labels), list(self.space.labels)
        columns: dict[str, np.ndarray] = {}
        for prefix in ("", "truth_"):
            if f"{prefix}{old[0]}" in before:
                mapped = self.label_map.apply(before[[f"{prefix}{label}" for label in old]].to_numpy(float))
                columns |= {f"{prefix}{label}": mapped[:, place] for place, label in enumerate(new)}
        others = before.drop(
            columns=[f"{prefix}{label}" for prefix in ("", "truth_") for label in old], errors="ignore"
        )
        return others.assign(**columns).loc[self.kept].reset_index(drop=True)

    def __len__(self) -> int:
        return int(self.kept.sum())

    def __getitem__(self, index: int) -> Sample:
        sample = self.base[int(np.flatnonzero(self.kept)[index])]
        return Sample(sample.image, self.label_map.apply(sample.target[None])[0])


def in_space(dataset: Dataset, space: EmotionSpace) -> Dataset:
    """Return ``dataset`` in the labels of ``space``: itself where these are its own.

    Raises:
        LabelMapError: No map leads there.
    """
    return dataset if dataset.space == space else MappedDataset(dataset, find_map(dataset.space, space))
