"""Predictions as single labels: how often the dominant emotion is right, and what it is mistaken for.

Accuracy, macro F1, balanced accuracy and the confusion matrix are scikit-learn's. How far errors lie on the emotion
wheel, and whether they keep the polarity, is ours; beside both stands what an error drawn evenly among the wrong labels
would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from fisa.distances import TIE_TOLERANCE
from fisa.emotions import EmotionSpace
from fisa.metrics import bootstrap_mean
from fisa.records import Interval


@dataclass(frozen=True, eq=False)
class Classification:
    """Predicted dominant labels against true ones, for N images with one true label each.

    Attributes:
        n: N.
        tied: Images left out, two or more of whose labels are dominant.
        accuracy: Share of right labels, with its interval over images, or over groups of images.
        macro_f1: Mean over the labels that occur, true or predicted, of F1; in [0, 1].
        balanced_accuracy: Mean over the labels that are true of some image of the share found; in [0, 1].
        confusion: int [C, C], how many images of the row's label are taken for the column's.
        steps: Share of the errors at 1, 2, ... C // 2 steps on the wheel, [C // 2]; None without a wheel or an error.
        steps_chance: The same for errors drawn evenly among the wrong labels.
        same_polarity: Share of the errors that keep the polarity; None where there is no error, or all labels have one.
        same_polarity_chance: As for steps.
    """

    n: int
    tied: int
    accuracy: Interval
    macro_f1: float
    balanced_accuracy: float
    confusion: NDArray[np.int64]
    steps: NDArray[np.float64] | None
    steps_chance: NDArray[np.float64] | None
    same_polarity: float | None
    same_polarity_chance: float | None

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the images of the row's label that are taken for the column's, [C, C]; 0 where there is none."""
        totals = self.confusion.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(self.confusion, totals, out=np.zeros(self.confusion.shape), where=totals > 0))


def one_hot(target: ArrayLike) -> bool:
    """Tell whether every row of targets [N, C] gives all to one label."""
    rows = np.asarray(target, dtype=np.float64)
    return len(rows) > 0 and bool((rows.max(axis=1) >= 1 - TIE_TOLERANCE).all())


def dominant(target: ArrayLike) -> NDArray[np.bool_]:
    """Return which labels of each row are dominant, ties included: bool [N, C]."""
    rows = np.asarray(target, dtype=np.float64)
    return np.asarray(rows >= rows.max(axis=1, keepdims=True) - TIE_TOLERANCE)


def classify(
    target: ArrayLike, predicted: ArrayLike, space: EmotionSpace, groups: ArrayLike | None = None
) -> Classification:
    """Compare dominant labels. Images whose dominant label is tied are left out; of predicted ties the first counts.

    Args:
        target: [N, C], rows sum to 1.
        predicted: [N, C], rows sum to 1.
        space: Its C labels.
        groups: Group of each image, [N], where images are not independent: the interval then draws whole groups.

    Raises:
        ValueError: Shapes differ, or no image has one dominant label.
    """
    rows, guesses = np.asarray(target, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if rows.ndim != 2 or rows.shape != guesses.shape or rows.shape[1] != len(space):
        raise ValueError(f"expected two [N, {len(space)}], got {rows.shape} and {guesses.shape}")
    single = dominant(rows).sum(axis=1) == 1 if len(rows) else np.zeros(0, dtype=bool)
    if not single.any():
        raise ValueError("no image has one dominant label")
    true, guess = rows[single].argmax(axis=1), guesses[single].argmax(axis=1)
    together = None if groups is None else np.asarray(groups)[single]
    confusion = confusion_matrix(true, guess, labels=range(len(space))).astype(np.int64)
    steps, steps_chance = _by_steps(confusion, space)
    same, same_chance = _by_polarity(confusion, space)
    return Classification(
        n=int(single.sum()),
        tied=int((~single).sum()),
        accuracy=bootstrap_mean((true == guess).astype(float), groups=together),
        macro_f1=float(f1_score(true, guess, average="macro", zero_division=0)),
        balanced_accuracy=float(recall_score(true, guess, labels=np.unique(true), average="macro", zero_division=0)),
        confusion=confusion,
        steps=steps,
        steps_chance=steps_chance,
        same_polarity=same,
        same_polarity_chance=same_chance,
    )


def _by_steps(
    confusion: NDArray[np.int64], space: EmotionSpace
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    if not space.wheel:
        return None, None
    steps = space.wheel_steps()
    shares = [_share_of_errors(confusion, steps == count) for count in range(1, len(space) // 2 + 1)]
    if shares[0] is None:
        return None, None
    found, chance = np.array(shares, dtype=np.float64).T
    return found, chance


def _by_polarity(confusion: NDArray[np.int64], space: EmotionSpace) -> tuple[float | None, float | None]:
    signs = np.asarray(space.polarity)
    shares = _share_of_errors(confusion, signs[:, None] == signs[None, :])
    return (None, None) if len(set(space.polarity)) < 2 or shares is None else shares


def _share_of_errors(confusion: NDArray[np.int64], where: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the share of the errors in the cells ``where``, and that of errors spread evenly over each row."""
    errors = confusion * ~np.eye(len(confusion), dtype=bool)
    if not errors.any():
        return None
    wrong = where & ~np.eye(len(confusion), dtype=bool)
    by_row = errors.sum(axis=1) / errors.sum()
    return float(errors[wrong].sum() / errors.sum()), float(by_row @ wrong.sum(axis=1) / (len(confusion) - 1))
