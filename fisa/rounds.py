"""Costs as ratios: calls timed in turn within one process, and the spread of what their ratios were.

``torch.utils.benchmark`` gives the clock, which waits for an accelerator, and its ``Timer`` was looked at: it times one
call at a time and warms up twice before each, so that pairs measured close together would take three times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from timeit import Timer

import numpy as np
from scipy.stats import bootstrap
from torch.utils.benchmark import timer

SHORTEST = 0.05
"""Seconds that one timing takes at least; a shorter call is repeated within it."""

LONG = 1.0
"""Seconds from which a first call is not followed by another beforehand."""


@dataclass(frozen=True)
class Cost:
    """What one thing costs, as a multiple of another measured beside it: less is better.

    Attributes:
        name: Such as ``train.step``.
        what: Both things in words.
        limit: The multiple it should not exceed; None where the cost is only stated.
        value: Median of the ratios over the rounds.
        low, high: 95 % bootstrap percentile interval of that median.
        quartiles: Of the ratios: how far single rounds lie apart.
        rounds: How many ratios.
        of, to: Medians of the two, in ``unit``.
        unit: ``s`` or ``MiB``.
    """

    name: str
    what: str
    limit: float | None
    value: float
    low: float
    high: float
    quartiles: tuple[float, float]
    rounds: int
    of: float
    to: float
    unit: str = "s"

    @property
    def kept(self) -> bool:
        """Whether the median is within its limit, if it has one."""
        return self.limit is None or self.value <= self.limit


def interleave(
    calls: Mapping[str, Callable[[], object]], rounds: int, progress: Callable[[int, int], None] | None = None
) -> dict[str, np.ndarray]:
    """Time calls in turn: A, B, C, then C, B, A, so that what else the machine does falls on all of them.

    Args:
        calls: What to time; each is called once or, if it is short, twice beforehand.
        rounds: How often each is timed.
        progress: Called with (rounds done, rounds).

    Returns:
        Seconds a call for each round, [rounds], by name.
    """
    timers = {name: Timer(call, timer=timer) for name, call in calls.items()}
    numbers = {}
    for name, each in timers.items():
        first = each.timeit(1)  # loads, allocates, compiles
        numbers[name] = 1 if first > LONG else max(1, math.ceil(SHORTEST / max(each.timeit(1), 1e-6)))
    seconds = {name: np.empty(rounds) for name in calls}
    for number in range(rounds):
        for name in list(calls) if number % 2 == 0 else reversed(list(calls)):
            seconds[name][number] = timers[name].timeit(numbers[name]) / numbers[name]
        if progress is not None:
            progress(number + 1, rounds)
    return seconds


def cost(name: str, what: str, of: np.ndarray, to: np.ndarray, limit: float | None = None, unit: str = "s") -> Cost:
    """Summarise ``of`` as a multiple of ``to``, round by round.

    Args:
        name: See :class:`Cost`, as for the others.
        what: Both in words.
        of: What it costs, [rounds]; positive.
        to: What the other costs in the same rounds, [rounds]; positive.
        limit: See there.
        unit: See there.
    """
    ratios = of / to
    low = high = float(ratios[0])
    if np.ptp(ratios) > 0:
        found = bootstrap((ratios,), np.median, method="percentile", n_resamples=2000, rng=np.random.default_rng(0))
        low, high = (float(bound) for bound in found.confidence_interval)
    first, third = (float(quartile) for quartile in np.quantile(ratios, [0.25, 0.75]))
    value, medians = float(np.median(ratios)), (float(np.median(of)), float(np.median(to)))
    return Cost(name, what, limit, value, low, high, (first, third), len(ratios), *medians, unit)
