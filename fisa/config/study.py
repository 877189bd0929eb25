"""The file of a study: systems, the search that each is allowed, seeds and folds; docs/studies.md explains it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, PositiveInt, model_validator

from fisa.config import ConfigError, DataConfig, RunConfig, place, read_document, read_text, validate
from fisa.config.base import Section

NAME = r"^[a-z0-9][a-z0-9._-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=80)]
Changes = dict[str, Any]
"""Dotted key of a configuration -> value."""
Axis = list[Any] | dict[str, Changes]
"""Of a grid: the values of the key that it is called by, or its points by name and what each changes."""
FIXED = ("name", "data", "training.seed", "training.epochs")
"""What the study itself says, the same for every system or for every trial; no change may touch it."""
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class SearchConfig(Section):
    """What every system may try before its cells are trained: as many trials for each, all on one seed."""

    trials: PositiveInt
    epochs: PositiveInt
    seed: int = Field(default=0, ge=0)
    space: tuple[Changes, ...] = Field(default=(), description="trials of a system that names none of its own")


class SystemConfig(Section):
    """One system of a study, or with ``grid`` one for each combination of its axes."""

    config: Path | Changes | None = Field(default=None, description="file beside the study's, or sections")
    set: Changes = Field(default={}, description="what it changes in that configuration")
    grid: dict[str, Axis] = Field(default={}, description="key or name of an axis -> its points")
    trials: tuple[Changes, ...] | None = Field(default=None, description="its space; null: that of the search")
    seeds: Seeds | None = None
    epochs: PositiveInt | None = None


class ClaimConfig(Section):
    """A sentence that a study bears out, contradicts, or leaves open: one side of it has the smaller error."""

    says: str = Field(min_length=1, max_length=200, description="the sentence, with whose it is")
    better: tuple[Name, ...] = Field(min_length=1, description="systems that it says are better, their mean")
    worse: tuple[Name, ...] = Field(min_length=1, description="systems that it says are worse, their mean")
    measure: str | None = Field(default=None, description="of each sample; null: what systems are compared by")


class StudyConfig(Section):
    """Everything that determines the cells of a study."""

    name: Name
    data: DataConfig
    config: Path | Changes | None = Field(default=None, description="configuration of systems that name none")
    set: Changes = Field(default={}, description="what is changed in the configuration of every system")
    systems: dict[Name, SystemConfig] = Field(min_length=1)
    reference: Name | None = Field(
        default=None, description="system that the others are compared with; null: fisa, or else the first"
    )
    search: SearchConfig | None = None
    epochs: PositiveInt
    seeds: Seeds = (0,)
    folds: PositiveInt | None = Field(default=None, ge=2)
    claims: tuple[ClaimConfig, ...] = Field(default=(), description="what its results are to decide")

    @model_validator(mode="after")
    def _folds_are_the_study_s(self) -> StudyConfig:
        if self.data.fold is not None:
            raise ValueError("data.fold is set for each cell; name the number of folds as `folds`")
        return self

    @model_validator(mode="after")
    def _every_system_has_as_many_trials(self) -> StudyConfig:
        for name, system in self.systems.items():
            if self.search is None:
                if system.trials is not None:
                    raise ValueError(f"systems.{name}.trials: there is no search; add one, or leave the trials away")
                continue
            count = len(self.search.space if system.trials is None else system.trials)
            if count != self.search.trials:
                raise ValueError(f"systems.{name}: has {count} trials; search.trials gives {self.search.trials} to all")
        return self


@dataclass(frozen=True)
class System:
    """A system as it stands in the tables.

    Attributes:
        name: Its own, within the study.
        document: Its configuration before a trial changes it.
        trials: What each trial changes; empty where the study has no search.
        seeds: Of its cells.
        epochs: Of its cells.
    """

    name: str
    document: dict[str, Any]
    trials: tuple[Changes, ...]
    seeds: tuple[int, ...]
    epochs: int


def load_study(path: Path) -> tuple[StudyConfig, tuple[System, ...]]:
    """Read a study's file and the configurations that it names.

    Raises:
        ConfigError: One of them cannot be read or used; says which, and names the system.
    """
    document = read_document(read_text(path), str(path), "name, data, systems, epochs")
    study = validate(StudyConfig, document, str(path))
    systems = tuple(system for name in study.systems for system in _expand(study, name, path))
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two systems are called {name}; name one otherwise")
    if study.reference not in (None, *names):
        raise ConfigError(f"{path}: reference: there is no system {study.reference!r}; name one of {', '.join(names)}")
    for claim in study.claims:
        for name in (*claim.better, *claim.worse):
            if name not in names:
                raise ConfigError(f"{path}: claims: there is no system {name!r}; name some of {', '.join(names)}")
    return study, systems


def configure(
    study: StudyConfig,
    system: System,
    *,
    trial: int | None = None,
    choice: Mapping[str, Any] = MappingProxyType({}),
    seed: int = 0,
    fold: tuple[int, int] | None = None,
) -> RunConfig:
    """Return the configuration of a run.

    Args:
        study: For its data and its search.
        system: Whose run it is.
        trial: Number of the trial from 0, or None for a cell.
        choice: What the search chose for a cell.
        seed: Of a cell; all trials have that of the search.
        fold: Number from 1, and of how many.

    Raises:
        ConfigError: It is none.
    """
    document: dict[str, Any] = _copy(system.document)
    data = study.data.model_dump(mode="json") | {"fold": fold}
    if trial is not None and study.search is not None:
        # The test split stays shut: a trial is measured on what it is chosen by.
        data["test"] = "validation"
        choice, epochs, seed = system.trials[trial], study.search.epochs, study.search.seed
        source = f"{study.name}: {system.name}, trial {trial + 1}"
    else:
        epochs = system.epochs
        source = f"{study.name}: {system.name}"
    _apply(document, choice, source)
    place(document, "training.epochs", epochs)
    place(document, "training.seed", seed)
    return validate(RunConfig, document | {"name": system.name, "data": data}, source)


def _expand(study: StudyConfig, name: str, path: Path) -> Iterator[System]:
    system = study.systems[name]
    where = f"{path}: systems.{name}"
    document = _base(study.config if system.config is None else system.config, path, where)
    _apply(document, {**study.set, **system.set}, where)
    space = () if study.search is None else study.search.space if system.trials is None else system.trials
    for label, changes in _combinations(system.grid, where):
        own = _copy(document)
        _apply(own, changes, where)
        full = f"{name}-{label}" if label else name
        if not re.fullmatch(NAME, full) or len(full) > 80:
            raise ConfigError(
                f"{where}: a combination would be called {full!r}; give the points of its axes short names of "
                "small letters, digits, dots and dashes"
            )
        yield System(
            name=full,
            document=own,
            trials=space,
            seeds=system.seeds or study.seeds,
            epochs=system.epochs or study.epochs,
        )


def _base(config: Path | Changes | None, path: Path, where: str) -> dict[str, Any]:
    if config is None:
        raise ConfigError(f"{where}: names no config, and the study has none either")
    if isinstance(config, Path):
        file = path.parent / config
        return read_document(read_text(file), str(file), "name, data, model, objective, training")
    return {key: _copy(value) for key, value in config.items()}


def _combinations(grid: Mapping[str, Axis], where: str) -> Iterator[tuple[str, Changes]]:
    """Yield what each combination of the axes is called, and what it changes."""
    axes = []
    for key, axis in grid.items():
        if not axis:
            raise ConfigError(f"{where}.grid.{key}: has no values")
        last = key.rpartition(".")[2].replace("_", "-")
        if isinstance(axis, dict):
            axes.append(list(axis.items()))
        else:
            axes.append([(f"{last}{str(value).lower().replace('_', '-')}", {key: value}) for value in axis])
    for points in itertools.product(*axes):
        yield "-".join(label for label, _ in points), {k: v for _, changes in points for k, v in changes.items()}


def _apply(document: dict[str, Any], changes: Mapping[str, Any], where: str) -> None:
    for key, value in changes.items():
        if any(key == fixed or key.startswith(f"{fixed}.") for fixed in FIXED):
            raise ConfigError(f"{where}: {key} is not for a system to change; the study's own keys say it for all")
        try:
            place(document, key, _copy(value))
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None


def _copy(value: Any) -> Any:
    """Copy what YAML can hold."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value
