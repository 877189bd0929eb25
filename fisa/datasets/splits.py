"""Train, validation and test, where the data does not say: seeded, stratified, and no image on two sides.

Everything is a fold: the default split is fold 1 of 5, so that a fifth is for testing, and an eighth of the rest, a
tenth of all, for validation.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fisa.datasets.base import DataError

SEED = 0
FOLDS = 5
VALIDATION_FOLDS = 8
"""Validation is one of so many folds of what is not for testing; of fewer where there are fewer groups."""


def assign(
    manifest: pd.DataFrame, labels: list[str], digests: np.ndarray, fold: tuple[int, int] | None, stratify: bool = True
) -> pd.Series:
    """Return the split of each row.

    Args:
        manifest: With ``split`` filled or empty in every row, and perhaps ``group``.
        labels: Its label columns.
        digests: Content digest of each image, str [N], or "" where no other equals it. Equal images stay together.
        fold: (number from 1, number of folds) of cross-validation, which ignores the splits that the data names; None
            for the splits of the data, or where it has none the default one.
        stratify: Draw by dominant emotion, or else by chance alone.

    Returns:
        ``train``, ``validation`` or ``test`` for each row.

    Raises:
        DataError: Too few images or groups, or the data names splits and none for testing.
    """
    named = manifest["split"]
    if fold is None and (named == "test").any():
        split = named.copy()
        if not (named == "validation").any():
            split.iloc[_held_out(manifest, labels, digests, named == "train", stratify)] = "validation"
        return split
    if fold is None and (named != "").any():
        raise DataError("the list names splits, and no image is for testing; name some, or leave all splits away")
    number, count = fold or (1, FOLDS)
    if not 1 <= number <= count or count < 2:
        raise DataError(f"no fold {number} of {count}; folds count from 1, and there are at least 2")
    split = pd.Series("train", index=manifest.index, dtype="str")
    test = folds(manifest, labels, digests, count, stratify=stratify) == number - 1
    split.iloc[np.flatnonzero(test)] = "test"
    split.iloc[_held_out(manifest, labels, digests, ~test, stratify)] = "validation"
    return split


def _held_out(
    manifest: pd.DataFrame, labels: list[str], digests: np.ndarray, train: ArrayLike, stratify: bool
) -> np.ndarray:
    """Return the rows to take from ``train`` for validation."""
    rows = np.flatnonzero(train)
    if not len(rows):
        raise DataError("the list names no image for training; name some, or leave all splits away")
    part = manifest.iloc[rows]
    count = min(VALIDATION_FOLDS, len(np.unique(_groups(part, digests[rows]))))
    return np.asarray(rows[folds(part, labels, digests[rows], max(count, 2), stratify=stratify) == 0])


def folds(
    manifest: pd.DataFrame, labels: list[str], digests: np.ndarray, count: int, seed: int = SEED, stratify: bool = True
) -> np.ndarray:
    """Return the fold of each row, 0 to ``count`` - 1.

    Folds have about as many images of each dominant emotion, unless ``stratify`` is false: without equal images or
    groups they are then those of ``sklearn.model_selection.KFold(count, shuffle=True, random_state=seed)``. Those of
    data with groups are of whole groups.

    Raises:
        DataError: Fewer groups, or fewer images that differ, than folds.
    """
    groups = _groups(manifest, digests)
    by_emotion = stratify and bool(labels)
    strata = manifest[labels].to_numpy(float).argmax(1) if by_emotion else np.zeros(len(manifest), dtype=int)
    number = len(np.unique(groups))
    if number < count:
        what = "groups" if "group" in manifest else "images that differ"
        raise DataError(f"{number} {what} are too few for {count} folds; name the split of each image")
    if "group" not in manifest:  # groups are of equal images, and small: one of each stands for all
        _, first, place = np.unique(groups, return_index=True, return_inverse=True)
        return _drawn(_merged(strata[first], count) if by_emotion else None, len(first), count, seed)[place]
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold  # slow to import

    splitter = (StratifiedGroupKFold if by_emotion else GroupKFold)(count, shuffle=True, random_state=seed)
    return _numbered(splitter, _merged(strata, count), groups)


def _drawn(strata: np.ndarray | None, images: int, count: int, seed: int) -> np.ndarray:
    from sklearn.model_selection import KFold, StratifiedKFold

    if strata is None:
        return _numbered(KFold(count, shuffle=True, random_state=seed), np.zeros(images), None)
    return _numbered(StratifiedKFold(count, shuffle=True, random_state=seed), strata, None)


def _numbered(splitter: Any, strata: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    numbers = np.empty(len(strata), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(strata)), strata, groups)):
            numbers[held_out] = number
    return numbers


def _merged(strata: np.ndarray, count: int) -> np.ndarray:
    """Put the emotions with fewer images than there are folds together; with the next rarest, if need be."""
    values, sizes = np.unique(strata, return_counts=True)
    order = np.argsort(sizes, kind="stable")
    rare = values[sizes < count]
    if len(rare):
        enough = np.cumsum(sizes[order]) >= count
        rare = values[order[: max(int(enough.argmax()) + 1, len(rare))]]
    return np.where(np.isin(strata, rare), -1, strata)


def _groups(manifest: pd.DataFrame, digests: np.ndarray) -> np.ndarray:
    """Number what must stay together: equal images, and images of one group, however they chain."""
    alone = [f"#{row}" for row in range(len(digests))]
    same = pd.factorize(np.where(digests == "", alone, digests))[0]
    if "group" not in manifest:
        return np.asarray(same)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group = pd.factorize(np.where(manifest["group"] == "", alone, manifest["group"]))[0]
    rows, width = len(manifest), same.max() + 1
    links = coo_array((np.ones(rows), (same, width + group)), shape=(width + group.max() + 1,) * 2)
    return np.asarray(connected_components(links, directed=False)[1][same])
