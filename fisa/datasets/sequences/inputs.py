"""What a model takes of sequences: arrays that are indexed by sequence together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fisa.datasets.base import Dataset, Sample
from fisa.datasets.packed import Progress, packed_images
from fisa.datasets.sequences.base import Events, SequenceSet
from fisa.datasets.vectors import model_inputs
from fisa.emotions import EmotionSpace


@dataclass(frozen=True, eq=False)
class Masked:
    """Values of which some are missing.

    Attributes:
        values: [N, ...], 0 where missing.
        present: bool, the shape of ``values`` less its last axis.
    """

    values: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, eq=False)
class SequenceInputs:
    """N sequences of at most T steps; ``len`` and rows are of sequences.

    Attributes:
        exists: Which steps there are, bool [N, T].
        time: float32 [N, T]; see ``SequenceSet.manifest``.
        frames: P squares, uint8 [P, S, S, 3], or None of data without pictures.
        places: Which of them belongs to a step, int [N, T]; -1 where there is none.
        vectors: Modality -> values [N, T, D] and present [N, T].
        series: Name -> (time, value) of at most L events [N, L, 2], and present [N, L].
    """

    exists: np.ndarray
    time: np.ndarray
    frames: np.ndarray | None
    places: np.ndarray
    vectors: Mapping[str, Masked]
    series: Mapping[str, Masked]

    def __len__(self) -> int:
        return len(self.exists)

    def __getitem__(self, rows: slice | np.ndarray) -> SequenceInputs:
        def take(parts: Mapping[str, Masked]) -> dict[str, Masked]:
            return {name: Masked(part.values[rows], part.present[rows]) for name, part in parts.items()}

        return SequenceInputs(
            self.exists[rows],
            self.time[rows],
            self.frames,
            self.places[rows],
            take(self.vectors),
            take(self.series),
        )

    def gathered(self) -> SequenceInputs:
        """Return the same with only those frames that belong to a step, in the order of the steps."""
        if self.frames is None:
            return self
        present = self.places >= 0
        places = np.where(present, np.cumsum(present).reshape(present.shape) - 1, -1)
        return replace(self, frames=self.frames[self.places[present]], places=places)

    @property
    def owners(self) -> np.ndarray:
        """The row of the sequence that each frame of :meth:`gathered` belongs to, int [P]."""
        return np.nonzero(self.places >= 0)[0]


def sequence_inputs(dataset: SequenceSet, size: int, progress: Progress | None = None) -> SequenceInputs:
    """Return what a model gets of sequences, frames as squares of ``size`` px, which are packed as images are.

    Raises:
        ImageRefused: A frame cannot be decoded.
    """
    places = np.full(len(dataset.manifest), -1)
    frames = None
    if dataset.frames is not None:
        rows = np.flatnonzero(dataset.frames.present)
        places[rows] = np.arange(len(rows))
        frames = packed_images(_Pictures(dataset, rows), size, progress)
    return SequenceInputs(
        exists=dataset.exists,
        time=dataset.padded(dataset.manifest["time"].to_numpy(np.float32)),
        frames=frames,
        places=np.where(dataset.exists, dataset.padded(places), -1),
        vectors={
            name: Masked(dataset.padded(part.values), dataset.padded(part.present))
            for name, part in dataset.vectors.items()
        },
        series={name: _stacked(events) for name, events in dataset.series.items()},
    )


def inputs_of(dataset: Dataset, size: int, progress: Progress | None = None) -> np.ndarray | SequenceInputs:
    """Return what a model gets of a data set of whatever kind; see ``fisa.datasets.vectors.model_inputs``."""
    if isinstance(dataset, SequenceSet):
        return sequence_inputs(dataset, size, progress)
    return model_inputs(dataset, size, progress)


def _stacked(events: tuple[Events, ...]) -> Masked:
    length = max((len(each.times) for each in events), default=0)
    values = np.zeros((len(events), max(length, 1), 2), dtype=np.float32)
    present = np.zeros(values.shape[:2], dtype=bool)
    for row, each in enumerate(events):
        values[row, : len(each.times)] = np.stack([each.times, each.values], axis=1)
        present[row, : len(each.times)] = True
    return Masked(values, present)


class _Pictures:
    """The frames that there are, as a data set of images that can be packed."""

    def __init__(self, dataset: SequenceSet, rows: np.ndarray) -> None:
        self._dataset, self._rows = dataset, rows
        self.name, self.split, self.version = dataset.name, dataset.split, dataset.version
        self.space: EmotionSpace = dataset.space

    @property
    def manifest(self) -> pd.DataFrame:
        return self._dataset.manifest.iloc[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        assert self._dataset.frames is not None
        row = int(self._rows[index])
        target = self._dataset.manifest[list(self.space.labels)].iloc[row].to_numpy(float)
        return Sample(self._dataset.frames[row], target)
