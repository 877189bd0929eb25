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
from fisa.exceptions import FisaError


class LabelMapError(FisaError, ValueError):
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


@dataclass(frozen=True)
class Meeting:
    """The space in which predictions over one space are compared with targets over another.

    Attributes:
        predicted: Brings predictions there; leads from a space to itself where they stay as they are.
        target: The same for targets.
    """

    predicted: LabelMap
    target: LabelMap

    @property
    def space(self) -> EmotionSpace:
        """Where both are compared."""
        return self.target.target


def meet(predicted: EmotionSpace, target: EmotionSpace) -> Meeting:
    """Return how predictions over ``predicted`` are compared with targets over ``target``.

    Where a map leads from the predictions to the space of the targets, they are mapped and the targets stay. Else both
    go to the space with the most labels to which maps lead from both; it may be that of the predictions.

    Raises:
        LabelMapError: There is none.
    """
    leads = [to for origin, to in MAPS if origin == target.name]
    coarser = sorted((MAPS[target.name, to].target for to in leads), key=len, reverse=True)
    for space in (target, *coarser):
        try:
            return Meeting(find_map(predicted, space), find_map(target, space))
        except LabelMapError:
            continue
    raise LabelMapError(
        f"predictions over {predicted.name} cannot be compared with targets over {target.name}: "
        "no defensible map brings both into one label space"
    )


def counterparts(source: EmotionSpace, target: EmotionSpace) -> dict[str, str]:
    """Return which label of ``target`` is one of ``source`` under another name: target label -> source label.

    Only labels that a map of ``MAPS``, from either to the other, sends to each other alone; a label that several are
    added up to is none. Empty where no map joins the two.
    """
    try:
        to_source, found = False, find_map(source, target)
    except LabelMapError:
        try:
            to_source, found = True, find_map(target, source)
        except LabelMapError:
            return {}
    reached = list(found.goes_to.values())
    pairs = [(goes, to) for goes, to in found.goes_to.items() if to is not None and reached.count(to) == 1]
    return dict(pairs) if to_source else {to: goes for goes, to in pairs}


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
