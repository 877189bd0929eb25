"""Costs: ratios worked by hand, the order of the calls, and intervals that hold the truth."""

import numpy as np
import pytest

from fisa.rounds import Cost, cost, interleave


def test_a_cost_by_hand() -> None:
    # Ratios 4/2, 6/2, 8/2, 10/2, 6/1 = 2, 3, 4, 5, 6: median 4, quartiles 3 and 5; medians of the parts 6 and 2.
    found = cost("a", "of a", np.array([4.0, 6, 8, 10, 6]), np.array([2.0, 2, 2, 2, 1]), limit=4.5)
    assert (found.value, found.quartiles, found.of, found.to, found.rounds) == (4, (3, 5), 6, 2, 5)
    assert 2 <= found.low < 4 < found.high <= 6
    assert found.kept


def test_a_cost_beyond_its_limit_is_not_kept_and_one_without_always_is() -> None:
    twice, once = np.array([2.0, 2.0]), np.array([1.0, 1.0])
    assert not cost("a", "", twice, once, limit=1.3).kept
    assert cost("a", "", twice, once).kept
    assert cost("a", "", twice, once) == Cost("a", "", None, 2, 2, 2, (2, 2), 2, 2, 1)


def test_pairing_takes_out_what_slows_both() -> None:
    # The machine slows down a hundredfold in the course of the rounds; pairs differ by 1.5, give or take 1 %.
    random = np.random.default_rng(0)
    slow = np.geomspace(1, 100, 30)
    found = cost("a", "", 1.5 * slow * random.normal(1, 0.01, 30), slow)
    assert found.value == pytest.approx(1.5, abs=0.02)
    assert found.high - found.low < 0.05


def test_calls_take_turns_in_alternating_order(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls, seen = [0.0], [], []

    def takes(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds

    monkeypatch.setattr("fisa.rounds.timer", lambda: now[0])
    brief = 2.0**-10
    seconds = interleave(
        {"a": lambda: takes("a", brief), "b": lambda: takes("b", 2)}, 3, lambda *done: seen.append(done)
    )
    turns = [name for name, before in zip(calls, [None, *calls], strict=False) if name != before]
    # Warm-up a, b; then ab, ba, ab, of which equal neighbours run together.
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert seconds["a"] == pytest.approx([brief] * 3) and seconds["b"] == pytest.approx([2] * 3)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    # A short one is repeated until the clock can tell it from nothing: 0.05 s of 1/1024 s each are 51.2, so 52 calls a
    # round, and two beforehand. One above a second is called once a round, and once beforehand.
    assert (calls.count("a"), calls.count("b")) == (2 + 3 * 52, 1 + 3)
