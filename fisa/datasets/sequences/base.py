"""What a set of sequences is: steps with labels, and modalities each of which may be missing at any step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError, Sample
from fisa.emotions import EmotionSpace


@dataclass(frozen=True, eq=False)
class StepVectors:
    """A vector for each of M steps, as of a text or of speech.

    Attributes:
        values: float32 [M, D]; 0 where there is none, which says nothing: ``present`` does.
        present: bool [M].
    """

    values: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, eq=False)
class Events:
    """What was observed of an external series, at irregular times.

    Attributes:
        times: float64 [L], ascending, in steps from the first step of the sequence; negative before it.
        values: float64 [L].
    """

    times: np.ndarray
    values: np.ndarray

    def last(self, times: np.ndarray) -> np.ndarray:
        """Return the last value observed at or before each of ``times``, float64; NaN where there is none yet."""
        known = np.concatenate([[np.nan], self.values])
        return np.asarray(known[np.searchsorted(self.times, times, side="right")])


class Frames(Protocol):
    """The pictures of the steps of a set; drawn or decoded when asked for, also in other processes."""

    @property
    def present(self) -> np.ndarray:
        """Which steps have one, bool [M]."""

    def __getitem__(self, row: int) -> np.ndarray:
        """Return that of a row of the manifest, uint8 RGB [height, width, 3]."""


@dataclass(frozen=True, eq=False)
class SequenceSet:
    """One split of sequences, N of them with M steps together; satisfies ``fisa.datasets.base.Dataset``.

    A row of the manifest is a step; those of a sequence stand together, in order. There is no single image to ask for.

    Attributes:
        name: Key in ``fisa.datasets.DATASETS``.
        split: ``train``, ``validation``, ``test`` or ``all``.
        space: Label space.
        manifest: See ``Dataset.manifest``. ``id`` is that of the sequence; further columns are ``step`` (from 0) and
            ``time`` (float, in steps from the first; a step lasts as long as most do).
        vectors: ``text`` and ``speech``, those that there are.
        series: Name -> the events beside each of the N sequences; none where the series is missing there.
        frames: Pictures of the steps, or None.
        version: See ``Dataset.version``.
    """

    name: str
    split: str
    space: EmotionSpace
    manifest: pd.DataFrame
    vectors: Mapping[str, StepVectors]
    series: Mapping[str, tuple[Events, ...]]
    frames: Frames | None
    version: str

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Sample:
        raise DataError(f"{self.name} holds sequences: there is no single image {index} to show")

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each sequence, int [N]."""
        return np.diff([*np.flatnonzero(self.manifest["step"] == 0), len(self.manifest)])

    @cached_property
    def ids(self) -> list[str]:
        """The id of each sequence."""
        return [str(name) for name in self.manifest["id"][self.manifest["step"] == 0]]

    def padded(self, values: np.ndarray) -> np.ndarray:
        """Bring what is known of each step, [M, ...], to [N, T, ...], T the most steps; 0 beyond a sequence's end."""
        out = np.zeros((len(self), int(self.lengths.max(initial=1)), *values.shape[1:]), dtype=values.dtype)
        out[self.exists] = values
        return out

    @cached_property
    def exists(self) -> np.ndarray:
        """Which steps each sequence has, bool [N, T]."""
        return np.asarray(np.arange(self.lengths.max(initial=1)) < self.lengths[:, None])
