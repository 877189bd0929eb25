"""Statistics of studies: worked by hand, or against the same thing computed in another way."""

import gc
import math
import weakref
from dataclasses import astuple

import numpy as np
import pytest

from fisa.metrics import paired_bootstrap
from fisa.studies.statistics import (
    average_ranks,
    corrected_t,
    hierarchical_difference,
    hierarchical_differences,
    holm,
)


def test_one_seed_each_is_the_paired_bootstrap_over_scenes() -> None:
    chance = np.random.default_rng(1)
    scenes = chance.normal(size=400)
    first, second = scenes + chance.normal(0.1, 0.5, 400), scenes + chance.normal(0, 0.5, 400)
    ours = hierarchical_difference([first], [second])
    theirs = paired_bootstrap(first, second, resamples=4000)
    assert ours.value == pytest.approx(theirs.value)
    # Percentiles of 4,000 draws err by a few percent of the standard error, which is .5 sqrt(2/400) = .035.
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_seeds_and_scenes_each_add_their_variance() -> None:
    # Error of seed s on scene n: u_s + v_n for one system, v_n + w_n for the other. Scenes are shared, so v cancels.
    # The bootstrap variance of the difference is then var(u) / 3 + var(w) / 500, variances over the drawn values.
    chance = np.random.default_rng(2)
    u, v, w = np.array([[0.0], [0.3], [0.6]]), chance.normal(0, 5, 500), chance.normal(0, 2, 500)
    found = hierarchical_difference(u + v, [v + w], resamples=8000)
    deviation = math.sqrt(u.var() / 3 + w.var() / 500)
    assert found.value == pytest.approx(0.3 - w.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.05)


def test_whole_groups_are_drawn() -> None:
    chance = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), chance.integers(1, 6, 40))
    first = chance.normal(size=40)[groups] + chance.normal(0, 0.1, len(groups))
    ours = hierarchical_difference([first], [np.zeros(len(groups))], groups)
    theirs = paired_bootstrap(first, np.zeros(len(groups)), resamples=4000, groups=groups)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    alone = hierarchical_difference([first], [np.zeros(len(groups))])
    assert ours.high - ours.low > 1.3 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="3 groups are named for 2 scenes"):
        hierarchical_difference([[1.0, 2.0]], [[1.0, 2.0]], [0, 1, 2])


@pytest.mark.parametrize(("errors", "groups"), [([1.0], None), ([1.0, 2.0, 1.5], ["a", "a", "a"])])
def test_one_scene_or_group_proves_nothing(errors: list[float], groups: list[str] | None) -> None:
    found = hierarchical_difference([errors], [[0.0] * len(errors)], groups)
    assert found.value == np.mean(errors) and found.p == 1
    assert np.isnan([found.low, found.high]).all()


def test_a_difference_of_seeds_alone_is_not_mistaken_for_one_of_systems() -> None:
    # Two seeds at 0 and 1 on all scenes against the same two: each draw is one of -1, -.5, 0, .5, 1.
    table = np.array([[0.0] * 10, [1.0] * 10])
    found = hierarchical_difference(table, table)
    assert (found.value, found.low, found.high, found.p) == (0, -1, 1, 1)


def test_the_smallest_p_value_is_two_over_the_number_of_samples() -> None:
    assert hierarchical_difference([[1.0, 1.0]], [[0.0, 0.0]], resamples=999).p == 2 / 1000
    assert hierarchical_difference([[0.0, 0.0]], [[0.0, 0.0]]).p == 1


@pytest.mark.parametrize(("first", "second"), [([[1, 2]], [[1, 2, 3]]), ([1, 2], [1, 2]), ([[np.nan]], [[1]])])
def test_what_is_no_pair_of_tables_is_refused(first: list[object], second: list[object]) -> None:
    with pytest.raises(ValueError, match="scenes"):
        hierarchical_difference(first, second)  # type: ignore[arg-type]


def test_corrected_t_by_hand() -> None:
    # Mean 2, variance 1, J = 3: the variance of the mean is 1/3 + 1/2 = 5/6, so t = 2 / sqrt(5/6) = 2.19089.
    # Student's t with two degrees of freedom has P(|T| > t) = 1 - t / sqrt(2 + t^2) and the 97.5 % point 4.30265.
    found = corrected_t([1.0, 2.0, 3.0], 1 / 2)
    t = 2 / math.sqrt(5 / 6)
    assert found.value == 2
    assert found.p == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert (found.low, found.high) == pytest.approx(
        (2 - 4.30265 * math.sqrt(5 / 6), 2 + 4.30265 * math.sqrt(5 / 6)), 1e-5
    )
    assert corrected_t([0.5, 0.5], 1 / 9).p == 0 and corrected_t([0.0, 0.0], 1 / 9).p == 1


def test_corrected_t_is_wider_than_the_plain_one() -> None:
    from scipy.stats import ttest_1samp

    values = [0.1, 0.3, 0.2, 0.05, 0.4]
    assert corrected_t(values, 1e-12).p == pytest.approx(ttest_1samp(values, 0).pvalue)
    assert corrected_t(values, 1 / 4).p > ttest_1samp(values, 0).pvalue


@pytest.mark.parametrize(("values", "share"), [([1.0], 0.1), ([1.0, math.inf], 0.1), ([1.0, 2.0], 0.0)])
def test_corrected_t_refuses_what_it_cannot_test(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match=r"difference|share"):
        corrected_t(values, share)


@pytest.mark.parametrize("grouped", [False, True])
def test_several_systems_at_once_are_each_as_alone(grouped: bool) -> None:
    chance = np.random.default_rng(3)
    second, firsts = chance.normal(size=(2, 90)), [chance.normal(size=(seeds, 90)) for seeds in (1, 3, 1, 2, 3)]
    groups = chance.integers(20, size=90) if grouped else None
    together = hierarchical_differences(firsts, second, groups, seed=5)
    for found, first in zip(together, firsts, strict=True):
        alone = hierarchical_difference(first, second, groups, seed=5)
        assert astuple(found) == pytest.approx(astuple(alone), rel=1e-9)
    assert hierarchical_differences([], second) == []
    with pytest.raises(ValueError, match="89 and 90 scenes"):
        hierarchical_differences([firsts[0], firsts[1][:, :89]], second)


def test_holm_by_hand() -> None:
    # Sorted .005 x 4 = .02; .01 x 3 = .03; .03 x 2 = .06; .04 x 1 = .04, raised to .06 as none may fall below the last.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.7, 0.9]) == [1.0, 1.0]


def test_holm_collects_nobodys_garbage() -> None:
    """The library's own collection would stop a studio for half a second."""

    class Ring:
        def __init__(self) -> None:
            self.itself = self

    gc.disable()
    try:
        garbage = weakref.ref(Ring())
        holm([0.01, 0.04])
        assert garbage() is not None
        gc.collect()
        assert garbage() is None  # and afterwards it can be collected
    finally:
        gc.enable()


def test_average_ranks_by_hand() -> None:
    # KL (less is better): 1, 2.5, 2.5 as two are tied; cosine (more is better): 2, 1, 3.
    values = [[0.1, 0.8], [0.3, 0.9], [0.3, 0.7]]
    assert average_ranks(values, [False, True]).tolist() == [1.5, 1.75, 2.75]
