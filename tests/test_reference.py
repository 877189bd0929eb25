"""Systems beside a reference: by hand, and against the bootstrap of studies and of scipy."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from fisa.metrics import bootstrap_mean, paired_bootstrap
from fisa.studies.comparison import StudyError
from fisa.studies.reference import (
    SEEDS,
    beside_reference,
    comparison_notes,
    comparison_numbers,
    difference_texts,
    mean_short,
    mean_texts,
)
from fisa.studies.statistics import hierarchical_difference

IDS = [f"i{place}" for place in range(300)]


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": IDS, **columns})


def errors(shift: float, seed: int) -> np.ndarray:
    chance = np.random.default_rng(0).gamma(2, 0.2, 300)
    return np.asarray(chance + shift + np.random.default_rng(seed).normal(0, 0.2, 300))


def test_means_and_differences_are_those_of_the_bootstraps() -> None:
    kl = {"a": errors(0.0, 1), "b": errors(0.03, 2), "c": errors(0.01, 3)}
    found = beside_reference({name: [table(kl_truth=own, cosine=1 - own)] for name, own in kl.items()})
    assert found.systems == ["a", "b", "c"] and found.measures == ["kl_truth", "cosine"] and not found.pooled
    # Percentiles of some thousand draws err by a few percent of the standard error, which is below .025.
    for name, own in kl.items():
        theirs, ours = bootstrap_mean(own), found.means[name]["kl_truth"]
        assert ours.value == pytest.approx(theirs.value) and np.isnan(ours.std) and ours.seeds == 1
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)
    raw = [hierarchical_difference([kl[name]], [kl["a"]]) for name in ("b", "c")]
    adjusted = multipletests([each.p for each in raw], method="holm")[1]
    for name, one, p in zip(("b", "c"), raw, adjusted, strict=True):
        gap, pair = found.differences[name]["kl_truth"], paired_bootstrap(kl[name], kl["a"])
        assert gap.value == pytest.approx(kl[name].mean() - kl["a"].mean())
        assert (gap.low, gap.high) == pytest.approx((pair.low, pair.high), abs=0.005)
        assert (gap.low, gap.high) == pytest.approx((one.low, one.high), abs=0.005)
        assert gap.p == pytest.approx(p, abs=0.02)
        opposite = found.differences[name]["cosine"]  # the same draws, so the same numbers the other way round
        assert (opposite.value, opposite.low, opposite.high) == pytest.approx((-gap.value, -gap.high, -gap.low))
        assert opposite.p == pytest.approx(gap.p, abs=1e-3)


def test_two_systems_are_drawn_as_studies_draw_them() -> None:
    first, second = errors(0.0, 1), errors(0.02, 2)
    gap = beside_reference({"a": [table(kl=first)], "b": [table(kl=second)]}).differences["b"]["kl"]
    own = hierarchical_difference([second], [first])
    assert (gap.value, gap.low, gap.high, gap.p) == pytest.approx((own.value, own.low, own.high, own.p))


def test_holm_adjusts_over_the_systems() -> None:
    # All samples of b differ from a by the same: p is 2 / 4001, twice that for two systems. c equals a: p is 1.
    same = np.ones(300)
    systems = {"a": [table(kl=same)], "b": [table(kl=same + 1)], "c": [table(kl=same)]}
    found = beside_reference(systems).differences
    assert found["b"]["kl"].p == pytest.approx(4 / 4001) and found["c"]["kl"].p == 1
    del systems["c"]
    assert beside_reference(systems).differences["b"]["kl"].p == pytest.approx(2 / 4001)


def test_several_seeds_are_told_as_mean_and_deviation_and_one_says_so() -> None:
    # Seeds whose means are 1, 2 and 3: mean 2, deviation 1. The other system has one seed, at 2.5.
    several = [table(kl=np.full(300, float(number)), cosine=np.full(300, 0.5)) for number in (1, 2, 3)]
    found = beside_reference({"a": several, "b": [table(kl=np.full(300, 2.5), cosine=np.full(300, 0.25))]})
    mean = found.means["a"]["kl"]
    assert (mean.value, mean.std, mean.seeds) == (2.0, 1.0, 3) and found.pooled
    # A draw of three seeds is below 3 with probability 1 - 1/27, more than 97.5 % of all only above 2.67.
    assert mean.low < 1.5 and mean.high > 2.6
    texts, best = mean_texts(found)
    assert texts.loc["KL ↓"].tolist() == ["2.0000 ± 1.0000", "2.5000 [2.5000, 2.5000]"]
    assert texts.loc[SEEDS].tolist() == ["n = 3", "n = 1, no ±"]
    assert best.loc["KL ↓"].tolist() == [True, False] and best.loc["Cosine ↑"].tolist() == [True, False]
    assert not best.loc[SEEDS].any()
    assert mean_texts(found, mean_short)[0].loc["KL ↓"].tolist() == ["2.0000 ± 1.0000", "2.5000"]
    assert difference_texts(found).loc["KL ↓", "b − a"].startswith("+0.5000 [")
    notes = " ".join(comparison_notes(found))
    assert "± is the standard deviation over n training seeds" in notes and "b: one training seed" in notes
    numbers = comparison_numbers(found)
    assert numbers.loc["KL ↓", "a_std"] == 1 and np.isnan(numbers.loc["KL ↓", "b_std"])
    assert numbers.loc["KL ↓", "b − a"] == pytest.approx(0.5) and numbers.loc["KL ↓", "a_seeds"] == 3


def test_what_shows_the_same_digits_is_equally_good() -> None:
    found = beside_reference({"a": [table(kl=np.full(300, 0.10001))], "b": [table(kl=np.full(300, 0.10002))]})
    assert mean_texts(found)[1].loc["KL ↓"].tolist() == [True, True]
    alone = beside_reference({"a": [table(kl=np.full(300, 0.1))]})
    assert not mean_texts(alone)[1].to_numpy(bool).any() and not alone.differences


def test_whole_groups_are_drawn() -> None:
    groups = np.repeat(np.arange(30), 10)
    own = np.random.default_rng(5).normal(size=30)[groups]
    systems = {"a": [table(kl=np.zeros(300))], "b": [table(kl=own)]}
    apart, together = (beside_reference(systems, each).differences["b"]["kl"] for each in (None, groups))
    # Ten equal values a group: a tenth of the independent ones, so intervals sqrt(10) = 3.2 times as wide.
    assert together.high - together.low == pytest.approx(10**0.5 * (apart.high - apart.low), rel=0.15)


def test_other_images_and_no_runs_are_refused() -> None:
    moved = table(kl=np.zeros(300)).assign(id=IDS[::-1])
    with pytest.raises(StudyError, match="a, b were not measured on the same images"):
        beside_reference({"a": [table(kl=np.zeros(300))], "b": [moved]})
    with pytest.raises(StudyError, match="no runs to compare"):
        beside_reference({})
