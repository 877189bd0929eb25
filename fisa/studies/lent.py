"""Runs that the summary of an earlier study lends to another, which need not be trained again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from fisa.config.differences import differences
from fisa.config.study import System
from fisa.runs.files import dump_json, read_bytes, write_whole
from fisa.studies.comparison import StudyError
from fisa.studies.folder import CHOICES, LENT, LOOKS, StudyFolder
from fisa.studies.plan import Cell
from fisa.studies.results import SPEEDS, StudyResults, config_digest
from fisa.studies.summary import FOLDER, SUMMARY, load_summary
from fisa.tasks import open_data

OF_EACH = {"name", "training.seed", "data.fold"}
"""In what the runs of one system differ, and its stored configuration is that of one."""
OF_TRIALS = {"training.epochs", "data.test"}
"""In what a trial differs from a cell, too."""


def borrow(folder: StudyFolder, source: Path) -> None:
    """Take over what a study has come to from its summary: its choices, its looks, its speeds and its finished runs.

    Whoever calls again with the same summary changes nothing.

    Args:
        folder: That has no runs of its own yet.
        source: A summary, or a study's folder with its summary.

    Raises:
        StudyError: ``source`` holds none, or the folder has runs, or those of another summary.
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
    shutil.rmtree(own, ignore_errors=True)  # of a call that was killed here
    for name in ("runs.csv", "history.parquet", "predictions.parquet", "errors.parquet", LOOKS, SUMMARY):
        if (place / name).is_file():
            own.mkdir(exist_ok=True)
            write_whole(own / name, read_bytes(place / name))
    write_whole(folder.path / LOOKS, read_bytes(place / LOOKS))
    write_whole(folder.path / SPEEDS, dump_json(dict(results.speeds)).encode())
    folder.store_choices(results.choices)  # last: from here on its runs count as finished


def check_lent(folder: StudyFolder, planned: Sequence[Cell], systems: Sequence[System]) -> None:
    """Refuse what another configuration, or other data, came to.

    Args:
        folder: Of the study.
        planned: Runs for which everything is decided.
        systems: For what their trials change, of which the choices keep a record of their own.

    Raises:
        StudyError: Names the run, and what differs.
        DataError: The data cannot be opened.
    """
    cells = [cell for cell in planned if folder.finished(cell.where) and not folder.trained(cell.where)]
    if not cells:
        return
    lent = load_summary(folder.path / LENT)
    tested = set(lent.cells.loc[lent.cells["state"] == "finished", "system"])
    searched = {system.name: {key for changes in system.trials for key in changes} for system in systems}
    digests = lent.runs.set_index("where")["config"]
    exact = _of_this_version(lent)
    for cell in cells:
        allowed = OF_EACH | searched[cell.system]
        if cell.trial is not None or cell.system not in tested:
            allowed |= OF_TRIALS
        found = differences([lent.configs[cell.system], cell.config])
        for key in sorted(found.keys() - allowed):
            before, now = found[key]
            raise StudyError(
                f"{folder.path / LENT}: {cell.where} has {key} {before}, and the study says {now}; "
                "change it back, or run the study without --known"
            )
        if config_digest(cell.config) != digests[cell.where] and cell.system in exact:
            raise StudyError(
                f"{folder.path / LENT}: {cell.where} has another configuration than the study says, "
                f"in {' or '.join(sorted(searched[cell.system]))}; change it back, or run the study without --known"
            )
    first = cells[0]  # a trial, where there are any: the test split of cells stays shut
    version = str(lent.runs.set_index("where").at[first.where, "data_version"])
    now = open_data(first.config, ("test",))["test"].version
    if version != now:
        raise StudyError(
            f"{folder.path / LENT}: {first.where} is of version {version} of {first.config.data.name}, and this is "
            f"version {now}; run the study without --known"
        )


def _of_this_version(lent: StudyResults) -> set[str]:
    """Return the systems whose configuration has the keys of this version: its digest is that of one of their runs."""
    known = {system: set(part["config"]) for system, part in lent.runs.groupby("system")}
    return {system for system, config in lent.configs.items() if config_digest(config) in known[system]}
