"""The maps between label spaces: which label of one counts as which of another, and on whose authority.

A map exists where a label of the source *is* a label of the target, belongs to a class that its authors name, or is
left out as published protocols leave it out. Where only a likeness could be argued (awe as surprise, joy as
amusement), there is no map: a number that comes out of one would compare nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, POLARITY3, EmotionSpace


class LabelMapError(ValueError):
    """A map between label spaces that does not exist; the message is one clear sentence."""


@dataclass(frozen=True)
class LabelMap:
    """How distributions over one space become distributions over another.

    Attributes:
        source: Space of what goes in.
        target: Space of what comes out.
        goes_to: For each label of ``source`` the label of ``target`` that takes its share, or None where it is left
            out and the rest is scaled to sum to 1 again.
        reason: Why this is defensible, with its source.
    """

    source: EmotionSpace
    target: EmotionSpace
    goes_to: Mapping[str, str | None]
    reason: str

    @property
    def matrix(self) -> NDArray[np.float64]:
        """[C of target, C of source]: 1 where the column's share goes to the row; a column left out is zero."""
        matrix = np.zeros((len(self.target), len(self.source)))
        for column, label in enumerate(self.source.labels):
            if (target := self.goes_to[label]) is not None:
                matrix[self.target.index(target), column] = 1
        return matrix

    def apply(self, distribution: ArrayLike) -> NDArray[np.float64]:
        """Map distributions [N, C of source] to [N, C of target].

        Returns:
            Rows that sum to 1; NaN where all of a row's share is left out, as it says nothing in the target space.

        Raises:
            ValueError: Another shape.
        """
        rows = np.asarray(distribution, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.source):
            raise ValueError(f"expected [N, {len(self.source)}], distributions over {self.source.name}: {rows.shape}")
        mapped = rows @ self.matrix.T
        total = mapped.sum(1, keepdims=True)
        return np.asarray(np.divide(mapped, total, out=np.full_like(mapped, np.nan), where=total > 0))


def find_map(source: EmotionSpace, target: EmotionSpace) -> LabelMap:
    """Return the map from ``source`` to ``target``; a space maps to itself as it is.

    Raises:
        LabelMapError: There is none; the message names those that lead from ``source``.
    """
    if source == target:
        return LabelMap(source, target, _same(source), "the same labels")
    try:
        return MAPS[source.name, target.name]
    except KeyError:
        known = [to for origin, to in MAPS if origin == source.name]
        leads = f"from {source.name} maps lead to {', '.join(known)}" if known else f"none leads from {source.name}"
        raise LabelMapError(f"no defensible map leads from {source.name} to {target.name}; {leads}") from None


def _same(space: EmotionSpace) -> dict[str, str | None]:
    return {label: label for label in space.labels}


def _by_polarity(space: EmotionSpace, reason: str) -> LabelMap:
    names = dict(zip(POLARITY3.polarity, POLARITY3.labels, strict=True))
    signs = zip(space.labels, space.polarity, strict=True)
    return LabelMap(space, POLARITY3, {label: names[sign] for label, sign in signs}, reason)


_BASIC = "anger, disgust, fear, joy and sadness as commonly signed; surprise may be either, neutral is neither"
_SEVEN = (
    "AffectNet (Mollahosseini et al. 2019) by the common seven-class protocol, which leaves contempt out; happiness "
    "and joy are two names of one basic emotion"
)
_FACES: dict[str, str | None] = {**_same(AFFECTNET8), "happiness": "joy", "contempt": None}

MAPS: Mapping[tuple[str, str], LabelMap] = MappingProxyType(
    {
        (each.source.name, each.target.name): each
        for each in (
            _by_polarity(MIKELS8, "four positive and four negative emotions by design (Mikels et al. 2005)"),
            _by_polarity(EKMAN6, _BASIC),
            _by_polarity(EKMAN7, _BASIC),
            _by_polarity(AFFECTNET8, f"{_BASIC}; contempt is negative"),
            LabelMap(EKMAN7, EKMAN6, {**_same(EKMAN7), "neutral": None}, "Emotion6 without its neutral label"),
            LabelMap(AFFECTNET8, EKMAN7, _FACES, _SEVEN),
            LabelMap(AFFECTNET8, EKMAN6, {**_FACES, "neutral": None}, f"{_SEVEN}; then without neutral"),
        )
    }
)
"""(source, target) -> map, by the names of the spaces."""
