"""Faithfulness and validity on scenes made by hand; intervals over scenes."""

import numpy as np
import pandas as pd
import pytest
from families import answer, family
from scipy.stats import spearmanr

from fisa.explain.faithfulness import gauged_target, laid_on, mean_spearman, spearman, spread_out, units
from fisa.explain.resampling import over_scenes, ratio
from fisa.explain.targets import Target

IDS = np.zeros((8, 8), np.int16)
IDS[:2, :4], IDS[6:, :2] = 1, 2  # 8 pixels of the first motif, 4 of the second


def changes(of_first: float, of_second: float) -> np.ndarray:
    """Emotion 1 moves its own logit by 3 and that of 6 by ``of_first``; all logits by 7, which the gauge takes away."""
    moved = np.full((2, 8), 7.0)
    moved[0, [1, 6]] += 3, of_first
    moved[1, [1, 6]] += of_second, 2
    return moved


def test_units_hold_both_changes_in_the_gauge_of_the_absent() -> None:
    one = family(IDS, (1, 6), planted=changes(-1, 4))
    table = units([one], [answer(changes(-2, 5))])
    assert table[["target", "source"]].to_numpy().tolist() == [[1, 1], [1, 6], [6, 1], [6, 6]]
    assert table["own"].tolist() == pytest.approx([3, 5, -2, 2])
    assert table["planted"].tolist() == pytest.approx([3, 4, -1, 2])
    assert table["area"].tolist() == [8 / 64, 4 / 64, 8 / 64, 4 / 64]
    assert table["same"].tolist() == [1, 0, 0, 1]
    assert gauged_target(one, 6) == Target("logit", 6, gauge=(0, 2, 3, 4, 5, 7))


def test_scenes_with_one_emotion_have_no_units() -> None:
    assert units([family(IDS.clip(0, 1), (1,))], [answer(np.ones((1, 8)))]).empty


def test_what_is_laid_on_a_motif_is_the_sum_over_its_mask() -> None:
    one = family(IDS, (1, 6))
    table = units([one], [answer(changes(0, 0))])
    rising = np.zeros((8, 8))
    rising[0, 0], rising[7, 0], rising[4, 4] = 2, -3, 100  # the last lies on no motif
    maps = {(0, 1): rising, (0, 6): np.ones((8, 8))}
    assert laid_on([one], table, maps).tolist() == [2, -3, 8, 4]


def test_a_coarse_map_keeps_its_sum_when_it_is_spread_out() -> None:
    coarse = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    fine = spread_out(coarse, 16)
    assert fine.shape == (16, 16) and fine.sum() == pytest.approx(coarse.sum(), abs=1e-5)
    assert spread_out(np.ones((2, 2)), 4).tolist() == [[0.25] * 4] * 4


def test_spearman_is_that_of_scipy_with_ties_and_zero_where_nothing_varies() -> None:
    random = np.random.default_rng(1)
    first, second = random.integers(0, 5, 40), random.normal(size=40)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert spearman(np.ones(4), np.arange(4)) == 0


def test_correlations_are_averaged_over_targets() -> None:
    rows = [(scene, target, 0) for scene in range(4) for target in (1, 6)]
    table = pd.DataFrame(rows, columns=["scene", "target", "source"])
    truth = np.repeat(np.arange(4.0), 2)
    right = np.where(table["target"] == 1, truth, -truth)  # one target in order, the other in reverse
    assert mean_spearman(table, truth, truth).value == 1
    assert mean_spearman(table, right, truth).value == 0


def test_intervals_draw_whole_scenes() -> None:
    # Two scenes with all 0 and all 1: a resample holds none, one or two of each, so that means are 0, 1/2 or 1.
    values, seen = np.array([0.0, 0, 1, 1]), set()

    def mean(rows: np.ndarray) -> float:
        seen.add(float(values[rows].mean()))
        return float(values[rows].mean())

    found = over_scenes(mean, [0, 0, 1, 1])
    assert seen == {0, 0.5, 1} and (found.value, found.low, found.high) == (0.5, 0, 1)
    alone = over_scenes(mean, [3, 3, 3, 3])
    assert alone.value == 0.5 and np.isnan(alone.low)


def test_a_ratio_of_sums_by_hand() -> None:
    assert ratio([1, 2, 3], [2, 2, 2])(np.array([0, 2, 2])) == pytest.approx(7 / 6)
    assert ratio([1], [0])(np.array([0])) == 0
