"""``grade`` of submissions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pandas as pd
import typer

from fisa.commands.terminal import CommandError, Meter, refuse_out, tell
from fisa.explain.counterfactuals import Family
from fisa.explain.submission import is_submission, read_submission
from fisa.explain.submission_grades import SubmissionGrades, draw_masks, grade_submission
from fisa.runs.files import write_whole


def grade_submissions(folders: Sequence[Path], form: Literal["markdown", "csv", "json"], out: Path | None) -> None:
    """Check and grade submissions, and print one table of all."""
    refuse_out(out)
    others = [folder for folder in folders if not is_submission(folder)]
    if others:
        raise CommandError(f"{others[0]}: is no submission, and {folders[0]} may be one; grade runs and these apart")
    found = []
    drawn: dict[tuple[str, int], list[Family]] = {}  # of the last submission: one of the same scenes needs no others
    for folder in folders:
        submission = read_submission(folder)
        scenes = submission.data.version, submission.head.count
        if scenes not in drawn:
            with Meter("draw scenes") as meter:
                drawn = {scenes: draw_masks(submission.data, submission.head.count, meter)}
        found.append(grade_submission(submission, drawn[scenes]))
        for note in found[-1].notes:
            tell(note if len(folders) == 1 else f"{submission.head.method}: {note}")
    if out is not None:
        write_whole(out, _json(found).encode())
    typer.echo(_written(found, form), nl=False)


def _written(found: Sequence[SubmissionGrades], form: str) -> str:
    if form == "json":
        return _json(found)
    table = pd.concat([each.table() for each in found], ignore_index=True)
    if form == "csv":
        return str(table.to_csv(index=False, lineterminator="\n"))
    heads = [f"{each.head.method} ({each.digest}) on {each.head.data} {each.head.split}\n" for each in found]
    columns = ("submission", "grade", "subject", "kind", "value", "95 % interval", "n", "scenes")
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [_line(row) for _, row in table.iterrows()]
    return "\n".join([*heads, *lines]) + "\n"


def _line(row: pd.Series) -> str:
    bounds = "" if pd.isna(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
    cells = (row["submission"], row["grade"], row["subject"], row["kind"], f"{row['value']:.3f}", bounds)
    return f"| {' | '.join(map(str, (*cells, row['n'], row['scenes'])))} |"


def _json(found: Sequence[SubmissionGrades]) -> str:
    return json.dumps([_document(each) for each in found], indent=2, allow_nan=False) + "\n"


def _document(found: SubmissionGrades) -> dict[str, object]:
    rows = [asdict(row) for row in found.rows]
    return {"head": found.head.model_dump(), "digest": found.digest, "rows": rows, "notes": found.notes}
