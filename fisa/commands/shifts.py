"""``shifts``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pandas as pd
import typer

from fisa.commands.terminal import Meter, refuse_out
from fisa.explain.shifts import ShiftSettings, grade_shifts, shift_table
from fisa.runs import load_run
from fisa.runs.files import write_whole


def shifts(folder: Path, settings: ShiftSettings, form: Literal["markdown", "csv", "json"], out: Path | None) -> None:
    """Grade a run under shifts, and print the table."""
    refuse_out(out)
    run = load_run(folder)
    with Meter("shifts") as meter:
        table = shift_table(grade_shifts(run, settings, meter))
    written = _written(table, form, f"{run.name} ({run.digest}) on {run.config.data.name}")
    if out is None:
        typer.echo(written, nl=False)
    else:
        write_whole(out, written.encode())
        typer.echo(str(out))


def _written(table: pd.DataFrame, form: str, head: str) -> str:
    if form == "csv":
        return str(table.to_csv(index=False, lineterminator="\n"))
    if form == "json":
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        return json.dumps(rows, indent=2, allow_nan=False) + "\n"
    names = table["grade"] + " " + table["subject"]
    cells = table.assign(name=names, cell=[_cell(row) for _, row in table.iterrows()])
    wide = cells.pivot(index="condition", columns="name", values="cell").fillna("")
    wide = wide.loc[table["condition"].unique(), names.unique()]
    lines = [f"| condition | {' | '.join(wide.columns)} |", "| --- |" + " --- |" * len(wide.columns)]
    lines += [f"| {condition} | {' | '.join(row)} |" for condition, row in wide.iterrows()]
    return head + "\n\n" + "\n".join(lines) + "\n"


def _cell(row: pd.Series) -> str:
    bounds = "" if pd.isna(row["low"]) else f" ({row['low']:.2f} to {row['high']:.2f})"
    return f"{row['value']:.3f}{bounds}"
