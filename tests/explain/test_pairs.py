"""Learned effects and what else is known of pairs of emotions, against matrices made by hand."""

import numpy as np
import pandas as pd
import pytest

from fisa.datasets.base import Sample
from fisa.datasets.planted import AFFINITY
from fisa.emotions import EKMAN6, MIKELS8
from fisa.explain.heads import SplitMatrices
from fisa.explain.pairs import _by_definition, kinship, learned_effects, present_in


class Table:
    """Two images of which only the manifest matters."""

    name, split, version, space = "table", "test", "1", MIKELS8

    def __init__(self, **columns: float) -> None:
        self.manifest = pd.DataFrame([dict.fromkeys(MIKELS8.labels, 1 / 7) | columns] * 2)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError


def test_pairs_go_together_by_pearson_and_by_ranks() -> None:
    learned, other = np.zeros((3, 3)), np.diag([100.0, 100, 100])
    pairs = ~np.eye(3, dtype=bool)
    learned[pairs], other[pairs] = [1, 2, 3, 4, 5, 6], [1, 4, 9, 16, 25, 36]
    found = kinship(learned, other)
    # The same order; Pearson's by NumPy. The diagonal, 100, plays no part.
    assert found.spearman == pytest.approx(1) and found.n == 6
    assert found.pearson == pytest.approx(np.corrcoef([1, 2, 3, 4, 5, 6], [1, 4, 9, 16, 25, 36])[0, 1])
    assert np.isnan(kinship(learned, np.ones((3, 3))).pearson)


def test_learned_effects_are_over_images_that_hold_both() -> None:
    # One head, three emotions, column 1 gives (2, 5, 1) in the first image and (4, 0, 3) in the second.
    contribution = np.zeros((3, 1, 3, 3))
    contribution[0, 0, :, 1], contribution[1, 0, :, 1], contribution[2, 0, :, 1] = [2, 5, 1], [4, 0, 3], [100, 100, 100]
    matrices = SplitMatrices(np.full_like(contribution, 1 / 3), contribution, np.zeros(3))
    present = np.array([[True, True, False], [True, True, False], [True, True, True]])
    found = learned_effects(matrices, present)
    # Less what absent emotion 2 gets, 1 and 3: ((2 - 1) + (4 - 3)) / 2. The third image lacks none, so it has no gauge.
    assert found[0, 1] == pytest.approx(1) and found[1, 1] == pytest.approx((5 - 1 + 0 - 3) / 2)
    assert np.isnan(found[2]).all() and np.isnan(found[:, 2]).all() and found[1, 0] == 0
    only = learned_effects(matrices, present, np.array([0]))
    assert only[0, 1] == pytest.approx(1) and only[1, 1] == pytest.approx(4)
    assert kinship(found, np.eye(3)).n == 2 and np.isnan(kinship(found, np.eye(3)).pearson)  # two pairs are too few


def test_an_image_holds_what_somebody_named_or_what_is_drawn() -> None:
    assert present_in(Table(fear=0.0)).tolist() == [[label != "fear" for label in MIKELS8.labels]] * 2
    drawn = Table(**{f"strength_{label}": 1.5 * (label == "fear") for label in MIKELS8.labels})
    assert present_in(drawn).tolist() == [[label == "fear" for label in MIKELS8.labels]] * 2


def test_what_is_known_by_definition() -> None:
    found = _by_definition(MIKELS8, planted=True)
    fear, sadness, amusement = (MIKELS8.index(label) for label in ("fear", "sadness", "amusement"))
    assert found["wheel distance"][fear, sadness] == 1 and found["wheel distance"][fear, amusement] == 4
    assert found["planted"].tolist() == AFFINITY.tolist()
    assert _by_definition(EKMAN6, planted=False) == {}  # no wheel
