"""Measures of sequences: each step classified, the moments at which the emotion changes, and how it came about.

A sequence set has M steps in N sequences; ``lengths`` [N] says how many steps each has, in order, and sums to M. The
emotion of a step is the column of its largest degree, of tied ones the first. Every step counts alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fisa.distances import kl
from fisa.language import Phrase, mark

TOLERANCE = 1
"""Steps by which a predicted change may miss the true one."""

ARRIVALS = (mark("opening"), mark("shifted"), mark("turned"))
"""How the emotion of a step came about: it is the sequence's first, or took the place of one of the same polarity, or
of one of another."""


@dataclass(frozen=True)
class StepMetric:
    """One measure of sequences.

    Attributes:
        title: Heading for tables; ``tr`` where it is shown, as of ``convention``.
        higher_is_better: Direction.
        convention: One line on what exactly is computed.
    """

    title: str
    higher_is_better: bool
    convention: str


_MACRO = Phrase(mark("mean over the emotions that occur as truth or as prediction; 0/0 is 0"))
_PAIRS = Phrase(mark("mean over the pairs that occur as truth or as prediction; 0/0 is 0"))
_MATCH = Phrase(mark("changes matched one to one within {tolerance} step"), tolerance=TOLERANCE)

# fmt: off
SEQUENCE_METRICS: dict[str, StepMetric] = {
    "step_kl": StepMetric(mark("KL, step"), False,
                          mark("KL(truth || predicted) of a step, natural log; -log q of a single label")),
    "step_accuracy": StepMetric(mark("Accuracy"), True, mark("share of steps whose emotion is right; not precision")),
    "step_precision": StepMetric(mark("Precision"), True, Phrase(mark("TP / (TP + FP), {mean}"), mean=_MACRO)),
    "step_recall": StepMetric(mark("Recall"), True, Phrase(mark("TP / (TP + FN), {mean}"), mean=_MACRO)),
    "step_f1": StepMetric("F1", True, Phrase(mark("harmonic mean of precision and recall of an emotion, {mean}"),
                                             mean=_MACRO)),
    "step_auc": StepMetric("AUC", True, mark("area under the ROC curve of an emotion against the rest, mean over "
                                             "emotions that some steps have and some have not")),
    "change_precision": StepMetric(mark("Change precision"), True,
                                   Phrase(mark("share of predicted changes that are matched; {match}"), match=_MATCH)),
    "change_recall": StepMetric(mark("Change recall"), True,
                                Phrase(mark("share of true changes that are matched; {match}"), match=_MATCH)),
    "change_f1": StepMetric(mark("Change F1"), True,
                            Phrase(mark("2 matched / (predicted + true); {match}"), match=_MATCH)),
    "fine_accuracy": StepMetric(mark("Fine accuracy"), True,
                                mark("share of steps whose emotion and arrival are both right")),
    "fine_f1": StepMetric(mark("Fine F1"), True, Phrase(mark("F1 of emotions with their arrivals, {mean}"),
                                                        mean=_PAIRS)),
    "separation": StepMetric(mark("Separation"), True, mark("mean distance between emotions' mean vectors over that of "
                                                            "the truth: 0 has collapsed")),
}
# fmt: on


def evaluate_steps(
    target: NDArray[np.float64], predicted: NDArray[np.float64], lengths: NDArray[np.int64], tolerance: int = TOLERANCE
) -> dict[str, float]:
    """Return the measures of ``SEQUENCE_METRICS`` from ``step_kl`` to ``change_f1``.

    Args:
        target: [M, C], rows sum to 1.
        predicted: [M, C], rows sum to 1.
        lengths: [N].
        tolerance: Of a change, in steps.

    Returns:
        One number a measure; ``step_auc`` is left out where one emotion is that of all steps.

    Raises:
        ValueError: No steps, or ``lengths`` do not fit.
    """
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score  # slow to import

    _check(target, predicted, lengths)
    true, found = target.argmax(1), predicted.argmax(1)
    precision, recall, f1, _ = precision_recall_fscore_support(true, found, average="macro", zero_division=0)
    measures = {
        "step_kl": float(kl(target, predicted).mean()),
        "step_accuracy": float((true == found).mean()),
        "step_precision": float(precision),
        "step_recall": float(recall),
        "step_f1": float(f1),
    }
    occurring = [column for column in range(target.shape[1]) if 0 < (true == column).sum() < len(true)]
    if occurring:
        areas = [roc_auc_score(true == column, predicted[:, column]) for column in occurring]
        measures["step_auc"] = float(np.mean(areas))
    matched, claimed, real = change_counts(true, found, lengths, tolerance).sum(0)
    return {
        **measures,
        "change_precision": _share(matched, claimed, real),
        "change_recall": _share(matched, real, claimed),
        "change_f1": _share(2 * matched, claimed + real, 0),
    }


def evaluate_arrivals(true: NDArray[np.int64], found: NDArray[np.int64]) -> dict[str, float]:
    """Return ``fine_accuracy`` and ``fine_f1`` of fine labels [M], as :func:`fine_labels` numbers them."""
    from sklearn.metrics import f1_score

    f1 = f1_score(true, found, average="macro", zero_division=0)
    return {"fine_accuracy": float((true == found).mean()), "fine_f1": float(f1)}


def separation(target: NDArray[np.float64], vectors: NDArray[np.float64]) -> float:
    """Return how far emotions stay apart in ``vectors`` [M, C], over how far they are in ``target`` [M, C].

    Both are the mean distance, over pairs of emotions, between the mean vectors of their steps. 1 where fewer than two
    emotions occur.
    """
    emotion = target.argmax(1)
    present = np.unique(emotion)
    if len(present) < 2:
        return 1.0
    rows, columns = np.triu_indices(len(present), k=1)

    def spread(values: NDArray[np.float64]) -> float:
        means = np.stack([values[emotion == each].mean(0) for each in present])
        return float(np.linalg.norm(means[rows] - means[columns], axis=1).mean())

    return spread(vectors) / spread(target)


def fine_labels(emotions: NDArray[np.int64], lengths: NDArray[np.int64], polarity: Sequence[int]) -> NDArray[np.int64]:
    """Return the emotion of each step together with how it came about: 3 * emotion + place in ``ARRIVALS``.

    Args:
        emotions: Columns, [M].
        lengths: [N].
        polarity: Of each column; 0 differs from 1 and from -1.
    """
    fine = np.empty(len(emotions), dtype=np.int64)
    before, arrival = -1, 0
    first = np.zeros(len(emotions), dtype=bool)
    first[np.cumsum(lengths) - lengths] = True
    for step, (emotion, opens) in enumerate(zip(emotions.tolist(), first.tolist(), strict=True)):
        if opens:
            arrival = 0
        elif emotion != before:
            arrival = 1 if polarity[emotion] == polarity[before] else 2
        before = emotion
        fine[step] = len(ARRIVALS) * emotion + arrival
    return fine


def changes(emotions: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return for each sequence the steps, from 1, whose emotion differs from that of the step before."""
    parts = np.split(emotions, np.cumsum(lengths)[:-1])
    return [np.flatnonzero(part[1:] != part[:-1]) + 1 for part in parts]


def change_counts(
    true: NDArray[np.int64], found: NDArray[np.int64], lengths: NDArray[np.int64], tolerance: int = TOLERANCE
) -> NDArray[np.int64]:
    """Return how many changes are matched, predicted and true in each sequence, [N, 3].

    Each true change is matched with one predicted change at most, no farther than ``tolerance`` steps, such that as
    many as possible are matched.

    Args:
        true: True emotions, columns [M].
        found: Predicted emotions, columns [M].
        lengths: [N].
        tolerance: In steps.
    """
    pairs = zip(changes(true, lengths), changes(found, lengths), strict=True)
    return np.array([(_matched(real, claimed, tolerance), len(claimed), len(real)) for real, claimed in pairs])


def _matched(real: NDArray[np.int64], claimed: NDArray[np.int64], tolerance: int) -> int:
    """Match two ascending lists, the earliest first, which on a line matches as many as can be."""
    count = i = j = 0
    while i < len(real) and j < len(claimed):
        if abs(real[i] - claimed[j]) <= tolerance:
            count, i, j = count + 1, i + 1, j + 1
        elif real[i] < claimed[j]:
            i += 1
        else:
            j += 1
    return count


def _share(part: int, whole: int, other: int) -> float:
    """Return part / whole; of nothing all is right where there is nothing on the other side, too."""
    return float(part / whole) if whole else float(other == 0)


def _check(target: NDArray[np.float64], predicted: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:
    if not len(target) or target.shape != predicted.shape:
        raise ValueError(f"target is {list(target.shape)} and predicted {list(predicted.shape)}; both must be [M, C]")
    if lengths.sum() != len(target) or (lengths < 1).any():
        raise ValueError(f"the lengths of the sequences sum to {lengths.sum()}, but there are {len(target)} steps")
