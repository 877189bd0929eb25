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


def plan_trials(study: StudyConfig, systems: Sequence[System]) -> list[Cell]:
    """Return the trials of all systems: the first of each, then the second of each, and so on."""
    count = study.search.trials if study.search else 0
    return [
        Cell(f"trials/{system.name}/{trial + 1}", system.name, configure(study, system, trial=trial), trial)
        for trial in range(count)
        for system in systems
    ]


def plan_cells(study: StudyConfig, systems: Sequence[System], choices: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    """Return the cells of the systems in ``choices``: the first seed and fold of each, then the next.

    Args:
        study: Whose cells they are.
        systems: All of them.
        choices: What the search chose, system -> changes.
    """
    placed = [
        ((number, fold), _cell(study, system, seed, fold, choices[system.name]))
        for system in systems
        if system.name in choices
        for number, seed in enumerate(system.seeds)
        for fold in ([0] if study.folds is None else range(1, study.folds + 1))
    ]
    return [cell for _, cell in sorted(placed, key=lambda each: each[0])]


def _cell(study: StudyConfig, system: System, seed: int, fold: int, choice: Mapping[str, Any]) -> Cell:
    part = None if study.folds is None else (fold, study.folds)
    name = f"seed-{seed}" + ("" if part is None else f"-fold-{fold}")
    config = configure(study, system, choice=choice, seed=seed, fold=part)
    return Cell(f"cells/{system.name}/{name}", system.name, config)
