"""A comparison table kept in a folder, with its notes and what it was computed from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fisa import drafts
from fisa.runs.files import dump_json, parse_json, read_bytes
from fisa.studies.comparison import StudyError
from fisa.studies.formats import format_table, read_csv

TABLE = "table.csv"
NOTES = "notes.json"
PREDICTIONS = "predictions.parquet"


def is_table(folder: Path) -> bool:
    """Tell whether :func:`load_table` reads a folder."""
    return (folder / TABLE).is_file()


def store_table(table: pd.DataFrame, predictions: pd.DataFrame, folder: Path) -> None:
    """Write a table, its notes and the predictions that it measures as a folder, whole or not at all.

    Args:
        table: A comparison table.
        predictions: A row an image.
        folder: To make.

    Raises:
        StudyError: The folder exists.
    """
    if folder.exists():
        raise StudyError(f"{folder}: already exists; name another folder, nothing is overwritten")
    with drafts.new_folder(folder) as draft:
        predictions.to_parquet(draft / PREDICTIONS, index=False)
        (draft / NOTES).write_bytes(dump_json({"notes": [str(note) for note in table.attrs["notes"]]}).encode())
        (draft / TABLE).write_text(format_table(table, "csv"), encoding="utf-8")


def load_table(folder: Path) -> pd.DataFrame:
    """Read the table of a folder, with its notes where they lie beside it.

    Raises:
        StudyError: It is no comparison table.
        RunError: A file is damaged.
    """
    table = read_csv(read_bytes(folder / TABLE).decode())
    file = folder / NOTES
    if file.is_file():
        known: dict[str, Any] = parse_json(read_bytes(file), file)
        table.attrs["notes"] = [str(note) for note in known["notes"]]
    return table
