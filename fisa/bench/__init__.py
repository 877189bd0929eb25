"""Bench: what things cost, as ratios measured side by side; docs/bench.md says how to read them."""

from __future__ import annotations

from fisa.bench.report import BenchError, Change, Report, compare, read_report
from fisa.bench.subjects import Settings
from fisa.bench.suite import BENCHES, Bench, Progress, run_bench
from fisa.rounds import Cost, cost, interleave

__all__ = [
    "BENCHES",
    "Bench",
    "BenchError",
    "Change",
    "Cost",
    "Progress",
    "Report",
    "Settings",
    "compare",
    "cost",
    "interleave",
    "read_report",
    "run_bench",
]
