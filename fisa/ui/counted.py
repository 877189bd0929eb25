"""What the studio computes for its visitors, a line each where somebody asks for it: caches that work write none twice.

The variable ``FISA_COMPUTED`` names the file. ``bench app`` and the tests read it; without it nothing is written.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import time
from collections import Counter
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

FILE = "FISA_COMPUTED"

P = ParamSpec("P")
R = TypeVar("R")


def counted(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that writes down every call of what a cache stands before; put it right below the cache's.

    Args:
        kind: What is computed, one word such as ``explanation``.
    """

    def around(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            file = os.environ.get(FILE)
            if not file:
                return function(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            asked = repr([value for name, value in given.items() if not name.startswith("_")])  # as caches do
            began = time.perf_counter()
            found = function(*args, **kwargs)
            with Path(file).open("a", encoding="utf-8") as lines:
                key = hashlib.sha256(asked.encode()).hexdigest()[:16]
                lines.write(f"{kind} {key} {time.perf_counter() - began:.6f}\n")
            return found

        return call

    return around


def read_counts(file: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Return how often each kind was computed, and how many of these calls computed a thing again; by kind."""
    things = Counter((kind, key) for kind, key, _ in _lines(file))
    computed: Counter[str] = Counter()
    again: Counter[str] = Counter()
    for (kind, _), times in things.items():
        computed[kind] += times
        again[kind] += times - 1
    return dict(computed), dict(+again)


def read_seconds(file: Path, kinds: Collection[str]) -> float:
    """Return how long the computations of some kinds took together, in seconds; what others wait for counts in them."""
    return sum(float(seconds) for kind, _, seconds in _lines(file) if kind in kinds)


def _lines(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
