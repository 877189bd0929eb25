"""``bench``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer

from fisa.bench import BENCHES, Bench, Change, Cost, Settings, compare, read_report, run_bench
from fisa.commands.terminal import Meter, tell
from fisa.export import new_file, refuse_existing

LONG = ("memory", "map", "page", "app")
"""Only run when named: they take minutes, a page needs runs to show, and the app a browser."""


def bench(names: Sequence[str], settings: Settings, out: Path | None, against: Path | None) -> None:
    """Run benches, print their costs, write them, compare them; exit with status 1 if one became worse."""
    if out is not None:
        refuse_existing(out)
    before = None if against is None else read_report(against)
    chosen = [_bench(name) for name in names or (name for name in BENCHES if name not in LONG)]
    with Meter("bench") as meter:
        report = run_bench(chosen, settings, meter)
    if out is not None:
        new_file(out, report.to_json())
    threads = report.surroundings["threads"]
    typer.echo(f"{report.surroundings['machine']}, {threads} thread{'s' if threads > 1 else ''}; {report.made}\n")
    if before is None or against is None:
        typer.echo(_table([_row(each) for each in report.costs]))
        return
    changes = compare(report, before, against)
    typer.echo(_table([{**_row(each.now), **_beside(each)} for each in changes]))
    if before.surroundings["machine"] != report.surroundings["machine"]:
        tell(f"{against}: of another machine ({before.surroundings['machine']}), where ratios may differ by themselves")
    worse = [each.now.name for each in changes if each.verdict == "worse"]
    if worse:
        tell(f"worse than in {against}: {', '.join(worse)}")
        raise typer.Exit(1)


def _bench(name: str) -> Bench:
    if name == "page":
        from fisa.ui.timing import bench_pages

        return bench_pages
    if name == "app":
        from fisa.ui.timing_app import bench_app

        return bench_app
    return BENCHES[name]


def _row(found: Cost) -> dict[str, str]:
    limit = "" if found.limit is None else f"{found.limit:.3g} {'kept' if found.kept else 'MISSED'}"
    return {
        "cost": found.name,
        "ratio": f"{found.value:.3f}",
        "interval": f"{found.low:.3f} to {found.high:.3f}",
        "of": f"{found.of:.4g} {found.unit}",
        "to": f"{found.to:.4g} {found.unit}",
        "limit": limit,
    }


def _beside(change: Change) -> dict[str, str]:
    if change.before is None:
        return {"before": "", "was": "", "verdict": change.verdict}
    was = f"{change.before.low:.3f} to {change.before.high:.3f}"
    return {"before": f"{change.before.value:.3f}", "was": was, "verdict": change.verdict}


def _table(rows: list[dict[str, str]]) -> str:
    table = pd.DataFrame(rows)
    return table.to_string(index=False)
