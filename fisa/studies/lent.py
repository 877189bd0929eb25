"""Runs that the summary of an earlier study lends to another, which need not be trained again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from fisa.config import difference
from fisa.runs.files import dump_json, read_bytes, write_whole
from fisa.studies.comparison import StudyError
from fisa.studies.folder import CHOICES, LENT, LOOKS, StudyFolder
from fisa.studies.plan import Cell
from fisa.studies.results import SPEEDS
from fisa.studies.summary import CONFIGS, ERRORS, FILES, FOLDER, SUMMARY, load_summary
from fisa.tasks import open_data


def borrow(folder: StudyFolder, source: Path) -> None:
    """Take over what a study has come to from its summary: its choices, its looks, its speeds and its finished runs.

    Whoever calls again with the same summary changes nothing.

    Args:
        folder: That has no runs of its own yet.
        source: A summary, or a study's folder with its summary.

    Raises:
        StudyError: ``source`` holds none, or one of an earlier version; or the folder has runs, or another summary's.
        RunError: A file is damaged, or the disk refuses.
    """
    place = next((path for path in (source, source / FOLDER) if (path / SUMMARY).is_file()), None)
    if place is None:
        raise StudyError(f"{source}: holds no summary of a study; a study writes one into its folder when it stops")
    own = folder.path / LENT
    if (own / SUMMARY).is_file() and read_bytes(own / SUMMARY) != read_bytes(place / SUMMARY):
        raise StudyError(f"{folder.path}: took over another summary than {place}; choose another --out")
    if (own / SUMMARY).is_file() and (folder.path / CHOICES).is_file():
        return
    if folder.begun:
        raise StudyError(f"{folder.path}: has runs of its own, which --known would mix up; choose another --out")
    results = load_summary(place)
    if not results.run_configs and (results.runs["state"] == "finished").any():
        raise StudyError(
            f"{place}: was written by an earlier version, without the configuration of each run; "
            "run the study without --known"
        )
    shutil.rmtree(own, ignore_errors=True)  # of a call that was killed here
    for name in (*FILES, CONFIGS, ERRORS, SUMMARY):
        if (place / name).is_file():
            own.mkdir(exist_ok=True)
            write_whole(own / name, read_bytes(place / name))
    write_whole(folder.path / LOOKS, read_bytes(place / LOOKS))
    write_whole(folder.path / SPEEDS, dump_json(dict(results.speeds)).encode())
    folder.store_choices(results.choices)


def check_lent(folder: StudyFolder, planned: Sequence[Cell]) -> None:
    """Refuse what another configuration, or other data, came to.

    Args:
        folder: Of the study.
        planned: Runs for which everything is decided.

    Raises:
        StudyError: Names the run, and what differs.
        DataError: The data cannot be opened.
    """
    cells = [cell for cell in planned if cell.where in folder.lent and not folder.trained(cell.where)]
    if not cells:
        return
    lent = load_summary(folder.path / LENT)
    for cell in cells:
        if (other := difference(lent.run_configs[cell.where], cell.config)) is not None:
            key, before, now = other
            raise StudyError(
                f"{folder.path / LENT}: {cell.where} has {key} {before!r}, and the study says {now!r}; "
                "change it back, or run the study without --known"
            )
    first = cells[0]  # a trial, where there are any: the test split of cells stays shut
    version = str(lent.runs.set_index("where").at[first.where, "data_version"])
    now = open_data(first.config, ("test",))["test"].version
    if version != now:
        raise StudyError(
            f"{folder.path / LENT}: {first.where} is of version {version} of {first.config.data.name}, and this is "
            f"version {now}; run the study without --known"
        )
