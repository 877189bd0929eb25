"""What makes a comparison fair: as many trials for each system, choice on validation, and then no more choice.

A trial is measured on the validation split and never opens the test split (``data.test`` of its configuration says
which it opens). Once all trials of a system are done its choice is frozen, and only then are its cells trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fisa.config.study import StudyConfig, System
from fisa.studies.comparison import StudyError
from fisa.studies.folder import CHOICES, StudyFolder, now
from fisa.studies.plan import Cell, choice_names
from fisa.tasks import TASKS


def freeze(
    folder: StudyFolder, study: StudyConfig, systems: Sequence[System], trials: Sequence[Cell]
) -> dict[str, dict[str, Any]]:
    """Choose for every system and fold whose trials are done, once and for all; return what each choice changes.

    The trial with the lowest validation error (KL of distributions) of any of its epochs is chosen, the first of
    equals. One that diverged is a trial that lost. One that failed for another reason is not done: its system is left
    out.

    ``choices.json`` keeps of each choice (see ``fisa.studies.plan.choice_name``): ``frozen`` (when), ``trial`` (number
    from 1, or null where there is no search), ``changes``, ``epochs`` of a trial, and ``trials`` with the ``changes``
    and the ``validation`` error of each (null where it diverged).
    """
    choices = folder.choices
    refuse_other_trials(folder.path, choices, study, systems)
    for name, system in choice_names(study, systems).items():
        own = [cell for cell in trials if cell.choice == name]
        if name in choices or len(own) < len(system.trials) or not all(_done(folder, cell) for cell in own):
            continue
        errors = [_validation(folder, cell) for cell in own]
        finite = [error for error in errors if error is not None]
        if own and not finite:
            continue
        chosen = errors.index(min(finite)) if finite else None
        choices[name] = {
            "frozen": now(),
            "trial": None if chosen is None else chosen + 1,
            "changes": {} if chosen is None else system.trials[chosen],
            "epochs": study.search.epochs if study.search else None,
            "trials": [
                {"changes": changes, "validation": error} for changes, error in zip(system.trials, errors, strict=True)
            ],
        }
        folder.store_choices(choices)
    return {name: choice["changes"] for name, choice in choices.items()}


def _done(folder: StudyFolder, cell: Cell) -> bool:
    failure = folder.failure(cell.where)
    return folder.finished(cell.where) or (failure is not None and failure.kind == "diverged")


def _validation(folder: StudyFolder, cell: Cell) -> float | None:
    """Return the lowest validation error of a trial that is done, None where it diverged."""
    if not folder.trained(cell.where):
        return folder.lent.get(cell.where)
    return float(folder.run(cell.where).history[f"validation_{TASKS[cell.config.task].error}"].min())


def refuse_other_trials(path: Path, choices: dict[str, Any], study: StudyConfig, systems: Sequence[System]) -> None:
    """Raise StudyError where a choice was made among other trials than the study now has."""
    for name, system in choice_names(study, systems).items():
        choice = choices.get(name)
        if choice is None:
            continue
        before = ([trial["changes"] for trial in choice["trials"]], choice["epochs"])
        if before != ([*system.trials], study.search.epochs if study.search else None):
            raise StudyError(
                f"{path / CHOICES}: {name} was chosen from other trials, at {choice['frozen']}; "
                "change them back, or choose another --out"
            )
