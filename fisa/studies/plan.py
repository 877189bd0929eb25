"""The runs of a study: trials, which choose on validation, and cells, which stand in the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fisa.config import RunConfig
from fisa.config.study import StudyConfig, System, configure


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        where: Its run folder below that of the study, such as ``cells/fisa/seed-0`` or ``trials/fisa/1``.
        system: Name of the system.
        config: All that determines the run.
        trial: Number of the trial, from 0; None for what stands in the tables.
    """

    where: str
    system: str
    config: RunConfig
    trial: int | None = None

    @property
    def choice(self) -> str:
        """What the search decides on for it, with others: a key of ``choices.json``."""
        return choice_name(self.system, self.config.data.fold[0] if self.config.data.fold else 0)


def choice_name(system: str, fold: int) -> str:
    """Return how a choice is called: each fold has one of its own, so that none follows from what it is tested on."""
    return f"{system}, fold {fold}" if fold else system


def choice_names(study: StudyConfig, systems: Sequence[System]) -> dict[str, System]:
    """Return all choices that a study makes, and whose each is."""
    return {choice_name(system.name, fold): system for system in systems for fold in _folds(study)}


def _folds(study: StudyConfig) -> Sequence[int]:
    """Return the numbers of the folds; 0 alone where there are none."""
    return [0] if study.folds is None else range(1, study.folds + 1)


def plan_trials(study: StudyConfig, systems: Sequence[System]) -> list[Cell]:
    """Return the trials of all systems: the first of each, then the second of each, and so on."""
    count = study.search.trials if study.search else 0
    return [
        _trial(study, system, trial, fold) for trial in range(count) for system in systems for fold in _folds(study)
    ]


def plan_cells(study: StudyConfig, systems: Sequence[System], choices: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    """Return the cells for which ``choices`` are made: the first seed and fold of each system, then the next.

    Args:
        study: Whose cells they are.
        systems: All of them.
        choices: What the search chose, by :func:`choice_name`.
    """
    placed = [
        ((number, fold), _cell(study, system, seed, fold, choices[choice_name(system.name, fold)]))
        for system in systems
        for number, seed in enumerate(system.seeds)
        for fold in _folds(study)
        if choice_name(system.name, fold) in choices
    ]
    return [cell for _, cell in sorted(placed, key=lambda each: each[0])]


def _trial(study: StudyConfig, system: System, trial: int, fold: int) -> Cell:
    part = None if study.folds is None else (fold, study.folds)
    name = ("" if part is None else f"fold-{fold}-") + str(trial + 1)
    return Cell(f"trials/{system.name}/{name}", system.name, configure(study, system, trial=trial, fold=part), trial)


def _cell(study: StudyConfig, system: System, seed: int, fold: int, choice: Mapping[str, Any]) -> Cell:
    part = None if study.folds is None else (fold, study.folds)
    name = f"seed-{seed}" + ("" if part is None else f"-fold-{fold}")
    config = configure(study, system, choice=choice, seed=seed, fold=part)
    return Cell(f"cells/{system.name}/{name}", system.name, config)
