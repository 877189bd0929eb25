"""The slice finder on tables whose weak slices are planted, and on noise."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from fisa.slices import Among, Within, find_slices, parse, passing, write


def noise(count: int, seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "dominant": chance.choice(["awe", "fear", "joy"], count),
            "entropy": chance.uniform(0, 2, count),
            "brightness": chance.normal(size=count),
            "error": chance.normal(1.0, 0.1, count),
        }
    )


def test_a_planted_slice_is_found_first_and_its_parts_are_left_out() -> None:
    table = noise(1200)
    bright = float(f"{np.quantile(table['brightness'], 2 / 3):.3g}")
    weak = (table["dominant"] == "fear") & (table["brightness"] > bright)
    table.loc[weak, "error"] += 1
    search = find_slices(table)
    first = search.findings[0]
    assert set(first.conditions) == {Among("dominant", ("fear",)), Within("brightness", low=bright)}
    assert first.count == weak.sum()
    assert first.error == pytest.approx(table["error"][weak].mean())
    assert first.rest == pytest.approx(table["error"][~weak].mean())
    assert all(not set(first.conditions) < set(other.conditions) for other in search.findings)
    assert [one.low for one in search.findings] == sorted((one.low for one in search.findings), reverse=True)


def test_nothing_stands_out_of_noise() -> None:
    # At 5 % over all slices together, a finding in one of 20 tables is expected; more than four has p < .003.
    assert sum(bool(find_slices(noise(300, seed), depth=2).findings) for seed in range(20)) <= 4


def test_the_interval_is_that_of_welch_at_the_level_of_bonferroni() -> None:
    chance = np.random.default_rng(1)
    table = pd.DataFrame({"dominant": ["awe"] * 40 + ["fear"] * 60, "error": chance.normal(0, 1, 100)})
    table.loc[:39, "error"] += 5
    search = find_slices(table)
    assert search.looked == 2  # awe and fear
    (found,) = search.findings
    one, other = table["error"][:40], table["error"][40:]
    a, b = one.var() / 40, other.var() / 60
    freedom = (a + b) ** 2 / (a**2 / 39 + b**2 / 59)
    reach = t(freedom).ppf(1 - 0.05 / 2 / 2) * np.sqrt(a + b)
    assert (found.low, found.high) == pytest.approx(
        (found.error - found.rest - reach, found.error - found.rest + reach)
    )
    assert found.p <= 4 * norm.sf(10)


def test_small_slices_are_not_looked_at() -> None:
    table = noise(100)
    table.loc[:18, "dominant"] = "rare"
    table.loc[19:, "dominant"] = "awe"
    search = find_slices(table[["dominant", "error"]])
    assert (search.looked, search.least) == (0, 20)  # of 19 rare ones the rest is large, but they are too few
    assert find_slices(noise(3000)).least == 30  # one in a hundred


def test_the_text_of_a_finding_opens_the_images_that_were_measured() -> None:
    table = noise(900)
    table.loc[table["entropy"] > 1.4, "error"] += 0.5
    for found in find_slices(table).findings:
        rows = passing(table, parse(write(found.conditions)))
        assert rows.sum() == found.count and table["error"][rows].mean() == pytest.approx(found.error)


def test_equal_errors_give_nothing() -> None:
    table = noise(200).assign(error=1.0)
    assert find_slices(table).findings == ()


def test_progress_counts_the_slices() -> None:
    calls: list[tuple[int, int]] = []
    search = find_slices(noise(200), depth=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(number, search.looked) for number in range(1, search.looked + 1)]
