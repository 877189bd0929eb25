"""What emotions contribute to one another in a run, beside what else is known of pairs of them.

Shapes: N images, C emotions. Rows of matrices receive, columns give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from fisa.datasets import Dataset
from fisa.datasets.planted import AFFINITY, PRESETS
from fisa.datasets.statistics import co_occurrence, label_correlation
from fisa.emotions import EmotionSpace
from fisa.evaluation import target_of
from fisa.explain.heads import EVERY, Rows, SplitMatrices
from fisa.explain.kept import kept, kept_file
from fisa.runs import Run
from fisa.tasks import open_data

VERSION = "1"
"""Changes whenever the same training labels would give other matrices."""

OF_LABELS = ("co-occurrence", "correlation")


def present_in(dataset: Dataset) -> NDArray[np.bool_]:
    """Return which emotions each image holds, bool [N, C]: those that it is drawn with, or that somebody named."""
    table, labels = dataset.manifest, dataset.space.labels
    columns = [f"strength_{label}" if f"strength_{label}" in table else label for label in labels]
    return np.asarray(table[columns].to_numpy() > 0)


def learned_effects(matrices: SplitMatrices, present: NDArray[np.bool_], rows: Rows = EVERY) -> np.ndarray:
    """Return what each emotion contributes to another where an image holds both, float64 [C, C], all heads together.

    In the absent gauge, as the grades are: less the mean of the column over the emotions that the image does not hold.
    NaN where no image holds both and lacks another. Over all images instead, what absent emotions contribute, which
    only moves the bias, would hide it.

    Args:
        matrices: Of the split.
        present: As :func:`present_in` returns it.
        rows: Over which images; see :meth:`SplitMatrices.mean`.
    """
    pushes, held = matrices.contribution[rows].sum(1, dtype=float), present[rows]
    absent = (~held).astype(float)
    lacking = absent.sum(1)
    level = np.einsum("na,naj->nj", absent, pushes) / np.maximum(lacking, 1)[:, None]
    counted = held.astype(float) * (lacking > 0)[:, None]
    both = np.einsum("ni,nj->ij", counted, counted)
    total = np.einsum("ni,nj,nij->ij", counted, counted, pushes - level[:, None])
    return np.asarray(np.divide(total, both, out=np.full_like(total, np.nan), where=both > 0))


@dataclass(frozen=True)
class Kinship:
    """How learned contributions go with something else that is known of pairs of emotions.

    Attributes:
        pearson: Correlation over ordered pairs of two different emotions; NaN for fewer than three, or where one of
            the two never varies.
        spearman: That of their ranks.
        n: Number of pairs.
    """

    pearson: float
    spearman: float
    n: int


def kinship(learned: np.ndarray, other: np.ndarray) -> Kinship:
    """Compare two matrices [C, C] over their pairs of different emotions for which ``learned`` is not NaN."""
    pairs = ~np.eye(len(learned), dtype=bool) & np.isfinite(learned)
    first, second = learned[pairs], other[pairs].astype(float)
    if len(first) < 3 or np.ptp(first) <= 1e-12 or np.ptp(second) <= 1e-12:
        return Kinship(float("nan"), float("nan"), int(pairs.sum()))
    return Kinship(float(pearsonr(first, second)[0]), float(spearmanr(first, second)[0]), int(pairs.sum()))


def names_of_pairs(run: Run) -> list[str]:
    """Return the names of what :func:`known_of_pairs` returns, without reading the data."""
    return [*OF_LABELS, *_by_definition(run.space, run.config.data.name in PRESETS)]


def known_of_pairs(run: Run) -> Mapping[str, np.ndarray]:
    """Return what is known of pairs of emotions beside a run, [C, C] each.

    ``co-occurrence``, P(column named | row named), and ``correlation`` of the degrees, both over the training split;
    ``wheel distance`` in steps, where the labels lie on a wheel; ``planted``, A, where the data are drawn.

    Raises:
        DataError: The training data are not there.
    """
    data = open_data(run.config, ("train",))["train"]

    def compute() -> dict[str, np.ndarray]:
        target = target_of(data)
        return {"co-occurrence": co_occurrence(target), "correlation": label_correlation(target)}

    found = kept(kept_file("pairs", VERSION, run, data), compute)
    return {name: found[name] for name in OF_LABELS} | _by_definition(run.space, run.config.data.name in PRESETS)


def _by_definition(space: EmotionSpace, planted: bool) -> dict[str, np.ndarray]:
    found = {"wheel distance": space.wheel_steps().astype(float)} if space.wheel else {}
    return found | ({"planted": np.asarray(AFFINITY)} if planted else {})
