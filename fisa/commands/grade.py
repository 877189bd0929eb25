"""``grade``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import typer

from fisa.commands.terminal import Meter, refuse_out, tell
from fisa.explain.goals import goal_of
from fisa.explain.grade_parts import grading_code
from fisa.explain.graded import Grades
from fisa.explain.grading import store as store_grades
from fisa.explain.report import GradeSettings, grade_run
from fisa.runs import Run, load_run
from fisa.runs.files import write_whole

Format = Literal["markdown", "csv", "json"]


def grade(
    folders: Sequence[Path],
    settings: GradeSettings,
    splits: Sequence[str],
    control: Path | None,
    form: Format,
    out: Path | None,
    store: bool,
    again: bool,
) -> None:
    """Grade the explanations of runs on splits, print one table, and keep the grades where that is asked for."""
    refuse_out(out)
    other = None if control is None else load_run(control)
    runs = [load_run(folder) for folder in folders]  # a wrong path is refused before an hour of work
    found = [_graded(run, settings, split, other, store, again) for run in runs for split in splits]
    if out is not None:
        write_whole(out, _json(found).encode())
    for each in found:
        for note in each.notes:
            tell(note if len(found) == 1 else f"{each.run} on {each.split}: {note}")
    typer.echo(_written(found, form), nl=False)


def _graded(run: Run, settings: GradeSettings, split: str, control: Run | None, store: bool, again: bool) -> Grades:
    with Meter(f"grade {run.name} on {split}") as meter:
        found = grade_run(run, settings, split, control, meter, again)
        if store:
            store_grades(run, found, meter)
    if found.code != grading_code():
        tell(f"{run.path}: its grades on {split} are of other code ({found.code}); --again computes them anew")
    return found


def _written(found: Sequence[Grades], form: Format) -> str:
    if form == "json":
        return _json(found)
    table = pd.concat([_table(each) for each in found], ignore_index=True)
    if form == "csv":
        return str(table.to_csv(index=False, lineterminator="\n"))
    heads = [f"{each.run} ({each.digest}) on {each.data} {each.split}, version {each.version}\n" for each in found]
    columns = ("run", "split", "grade", "subject", "kind", "value", "95 % interval", "n", "scenes", "goal")
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [_line(row) for _, row in table.iterrows()]
    return "\n".join([*heads, *lines]) + "\n"


def _json(found: Sequence[Grades]) -> str:
    """Return one document, or a list of several."""
    if len(found) == 1:
        return found[0].to_json()
    return "[\n" + ",\n".join(each.to_json().rstrip("\n") for each in found) + "\n]\n"


def _table(found: Grades) -> pd.DataFrame:
    """Return a row a grade and subject: run, split, the fields of ``GradeRow``, the goal and whether it is kept."""
    table = found.table()
    goals = [goal_of(row.grade, row.subject, found.split) for row in found.rows]
    table.insert(0, "run", found.run)
    table.insert(1, "split", found.split)
    table["goal"] = pd.Series([None if goal is None else str(goal) for goal in goals], dtype=object)
    kept = [None if goal is None else goal.kept(row.value) for goal, row in zip(goals, found.rows, strict=True)]
    table["kept"] = pd.Series(kept, dtype=object)
    return table


def _line(row: pd.Series) -> str:
    bounds = "" if pd.isna(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
    goal = "" if pd.isna(row["goal"]) else f"{row['goal']}, {'kept' if row['kept'] else 'missed'}"
    cells = (row["run"], row["split"], row["grade"], row["subject"], row["kind"], f"{row['value']:.3f}", bounds)
    return f"| {' | '.join(str(cell) for cell in (*cells, row['n'], row['scenes'], goal))} |"
