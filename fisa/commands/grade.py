"""``grade``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pandas as pd
import typer

from fisa.commands.terminal import CommandError, Meter, tell
from fisa.explain.graded import Grades
from fisa.explain.grading import grade as quick_grades
from fisa.explain.report import GradeSettings, grade_run
from fisa.runs import load_run
from fisa.runs.files import write_whole

Format = Literal["markdown", "csv", "json"]


def grade(
    folder: Path,
    settings: GradeSettings,
    split: str,
    control: Path | None,
    form: Format,
    out: Path | None,
    store: bool,
) -> None:
    """Grade a run's explanations, print the grades, and keep them where that is asked for."""
    if out is not None and out.exists():
        raise CommandError(f"{out}: already exists; name another --out, nothing is overwritten")
    run = load_run(folder)
    with Meter("grade") as meter:
        found = grade_run(run, settings, split, None if control is None else load_run(control), meter)
        if store:
            run.add_grades({**(run.grades or quick_grades(run, meter) or {}), "attribution": _stored(found)})
    if out is not None:
        write_whole(out, found.to_json().encode())
    for note in found.notes:
        tell(note)
    typer.echo(_written(found, form), nl=False)


def _stored(found: Grades) -> dict[str, object]:
    """What the studio reads from grades.json."""
    return {"split": found.split, "settings": dict(found.settings), "rows": [asdict(row) for row in found.rows]}


def _written(found: Grades, form: Format) -> str:
    if form == "json":
        return found.to_json()
    table = found.table()
    if form == "csv":
        return str(table.to_csv(index=False, lineterminator="\n"))
    head = f"{found.run} ({found.digest}) on {found.data} {found.split}, version {found.version}\n\n"
    columns = ("grade", "subject", "kind", "value", "95 % interval", "n", "scenes")
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [_line(row) for _, row in table.iterrows()]
    return head + "\n".join(lines) + "\n"


def _line(row: pd.Series) -> str:
    bounds = "" if pd.isna(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
    cells = (row["grade"], row["subject"], row["kind"], f"{row['value']:.3f}", bounds, row["n"], row["scenes"])
    return f"| {' | '.join(str(cell) for cell in cells)} |"
