"""Runs that are one system under several training seeds: equal in all of their configuration but name and seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from fisa.config import RunConfig
from fisa.runs import Run, RunError
from fisa.studies.results import StudyResults


@dataclass(frozen=True, eq=False)
class Trained:
    """What one training seed of a system predicts.

    Attributes:
        seed: Of the training.
        digest: Of the run.
        where: The run folder, or study and cell.
        predictions: ``id`` and a column for each label, of the test split.
    """

    seed: int
    digest: str
    where: str
    predictions: pd.DataFrame


def system_of(config: RunConfig) -> str:
    """Return what configurations have in common that differ in their name and training seed alone."""
    document = config.model_dump(mode="json")
    del document["name"], document["training"]["seed"]
    return json.dumps(document, sort_keys=True)


def seeds_of(run: Run, others: Iterable[Run], studies: Iterable[StudyResults] = ()) -> list[Trained]:
    """Return the seeds of the system that ``run`` is of: its own first, then by number, each once.

    Only what was trained from scratch, was tested on the same images and can be read counts: a run that began with the
    weights of another one stands for itself.

    Args:
        run: Stands for its system.
        others: Runs to look among; ``run`` itself may be one of them.
        studies: Whose cells to look among, too. Summaries keep degrees within half a percent.
    """
    own = Trained(run.config.training.seed, run.digest, str(run.path), run.predictions)
    if run.provenance.get("init_from"):
        return [own]
    system = system_of(run.config)
    found = {own.seed: own}
    for other in others:
        same = not other.provenance.get("init_from") and _tested_on(other.metrics) == _tested_on(run.metrics)
        seed = other.config.training.seed
        if same and seed not in found and system_of(other.config) == system:
            rows = _readable(other)
            if rows is not None and list(rows["id"]) == list(own.predictions["id"]):
                found[seed] = Trained(seed, other.digest, str(other.path), rows)
    for study in studies:
        for cell in _cells(study, run, system):
            if list(cell.predictions["id"]) == list(own.predictions["id"]):
                found.setdefault(cell.seed, cell)
    return [own, *(found[seed] for seed in sorted(found) if seed != own.seed)]


def _readable(run: Run) -> pd.DataFrame | None:
    try:
        return run.predictions
    except RunError:
        return None


def alone_where_shared(found: Mapping[str, list[Trained]]) -> dict[str, list[Trained]]:
    """Return the seeds by name, but only its own, the first, where a run has those of another one among its own."""
    own = {name: seeds[0].digest for name, seeds in found.items()}
    return {
        name: seeds[:1] if {own[other] for other in own if other != name} & {each.digest for each in seeds} else seeds
        for name, seeds in found.items()
    }


def _cells(study: StudyResults, run: Run, system: str) -> Iterator[Trained]:
    """Yield the finished cells of a study, without folds, that are of a system."""
    names = [name for name, config in study.configs.items() if system_of(config) == system]
    if not names or study.metrics.get("data") != run.metrics["data"]:
        return
    cells = study.cells
    fits = cells["system"].isin(names) & (cells["state"] == "finished") & (cells["fold"] == 0)
    for cell in cells[fits].to_dict("records"):
        if (str(cell["data_version"]), int(cell["n"])) == (str(run.metrics["data_version"]), int(run.metrics["n"])):
            stored = study.predictions[study.predictions["where"] == cell["where"]].drop(columns="where")
            where = f"study {study.name}, {cell['where']}"
            yield Trained(int(cell["seed"]), str(cell["run"]), where, stored.reset_index(drop=True))


def _tested_on(metrics: dict[str, object]) -> tuple[str, ...]:
    return tuple(str(metrics.get(key)) for key in ("data", "data_version", "split", "n"))
