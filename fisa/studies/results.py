"""What a study has come to, read from its runs, or from the summary that ships: all that its tables are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fisa.config import RunConfig
from fisa.runs import Run
from fisa.runs.files import digest_of, parse_json, read_bytes
from fisa.studies.comparison import StudyError, values_of
from fisa.studies.folder import PLAN, StudyFolder

SPEEDS = "speeds.json"
STATES = ("finished", "diverged", "failed", "missing")
RUN_COLUMNS = ("where", "system", "trial", "seed", "fold", "state", "reason")


@dataclass(frozen=True)
class StudyResults:
    """All of a study but its weights.

    Attributes:
        name: Of the study.
        reference: The system that the others are compared with.
        systems: Names, in the order of the study's file.
        runs: One row a run: ``where``, ``system``, ``trial`` (from 1; NaN for a cell), ``seed``, ``fold`` (from 1; 0:
            none), ``state`` (one of ``STATES``), ``reason``; of finished ones ``config`` and ``run`` (digests),
            ``parameters``, ``seconds``, ``epochs``, ``best_epoch``, ``validation``, ``n``, ``n_train``,
            ``data_version``; of finished cells every measure, too.
        history: ``where`` and what a run's history holds, a row an epoch.
        predictions: ``where``, ``id`` and a column for each that the task predicts, of every finished cell.
        configs: System -> configuration of its first finished cell.
        metrics: What ``metrics.json`` of the first finished cell holds, for what all cells share; empty before.
        choices: See :mod:`fisa.studies.protocol`.
        looks: See :attr:`fisa.studies.folder.StudyFolder.looks`.
        speeds: System -> images a second as a multiple of those of cnn on the same backbone.
        errors: What :func:`fisa.studies.errors.measure` returns, where it is stored: so that who lacks the data has
            the paired differences all the same. It may lack cells: those that an earlier study did not lend.
        run_configs: ``where`` -> configuration of every finished run; summaries of earlier versions have none.
        constant: What :func:`fisa.studies.constant.constant_measures` returns, where it is stored.
        claims: What the study is to decide, as its file has them; see :class:`fisa.config.study.ClaimConfig`.
    """

    name: str
    reference: str
    systems: tuple[str, ...]
    runs: pd.DataFrame
    history: pd.DataFrame
    predictions: pd.DataFrame
    configs: Mapping[str, RunConfig]
    metrics: Mapping[str, Any]
    choices: Mapping[str, Any]
    looks: tuple[Mapping[str, Any], ...]
    speeds: Mapping[str, float]
    errors: pd.DataFrame | None = None
    run_configs: Mapping[str, RunConfig] = field(default_factory=dict)
    claims: tuple[Mapping[str, Any], ...] = ()
    constant: tuple[Mapping[str, float], ...] = ()

    @property
    def cells(self) -> pd.DataFrame:
        """The rows of ``runs`` that stand in tables."""
        return self.runs[self.runs["trial"].isna()]


def config_digest(config: RunConfig) -> str:
    """Return what ``runs.csv`` holds of a configuration, 16 hexadecimal digits; another version may have more keys."""
    return digest_of(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode())[:16]


def gather(path: Path) -> StudyResults:
    """Read the runs of a study's folder, finished or not, without those that an earlier study lends.

    Raises:
        StudyError: It is no such folder.
        RunError: A run is damaged.
    """
    file = path / PLAN
    if not file.is_file():
        raise StudyError(f"{path}: holds no study; `python -m fisa study STUDY.yaml --out {path}` makes one")
    plan = parse_json(read_bytes(file), file)
    folder = StudyFolder(path)
    rows, histories, predictions = [], [], []
    configs: dict[str, RunConfig] = {}
    run_configs: dict[str, RunConfig] = {}
    metrics: dict[str, Any] = {}
    for planned in plan["runs"]:
        row, run = _row(folder, planned)
        rows.append(row)
        if run is None:
            continue
        error = f"validation_{run.task.error}"
        histories.append(run.history.rename(columns={error: "validation"}).assign(where=row["where"]))
        run_configs[row["where"]] = run.config
        if planned["trial"] is None:
            predictions.append(run.predictions[["id", *run.task.columns(run.space)]].assign(where=row["where"]))
            configs.setdefault(row["system"], run.config)
            metrics = metrics or {"space": run.space.name, **run.metrics}  # earlier versions did not store it
    speeds = path / SPEEDS
    return StudyResults(
        name=plan["name"],
        reference=plan["reference"],
        systems=tuple(plan["systems"]),
        runs=pd.DataFrame(rows, columns=None if rows else list(RUN_COLUMNS)),
        history=pd.concat(histories, ignore_index=True) if histories else pd.DataFrame(),
        predictions=pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(),
        configs=configs,
        run_configs=run_configs,
        metrics=metrics,
        choices=folder.choices,
        looks=tuple(folder.looks),
        speeds=parse_json(read_bytes(speeds), speeds) if speeds.is_file() else {},
        claims=tuple(plan.get("claims", ())),  # which earlier versions did not store
    )


def joined(own: StudyResults, lent: StudyResults, folder: StudyFolder) -> StudyResults:
    """Put the runs that an earlier study lends in the places of those that were not trained here."""
    runs = own.runs.set_index("where", drop=False)
    there = [where for where in runs.index if where in folder.lent and not folder.trained(where)]
    rows = lent.runs.set_index("where", drop=False).loc[there]
    kept = runs.drop(index=there)
    parts = [part for part in (kept, rows) if len(part)]  # pandas means to treat empty ones otherwise some day
    systems = {str(system) for system in rows["system"]}
    return replace(
        own,
        runs=pd.concat(parts).loc[runs.index].reset_index(drop=True),
        history=_stacked(own.history, lent.history, there),
        predictions=_stacked(own.predictions, lent.predictions, there),
        configs={name: config for name, config in lent.configs.items() if name in systems} | dict(own.configs),
        run_configs={where: lent.run_configs[where] for where in there} | dict(own.run_configs),
        metrics=own.metrics or lent.metrics,
        constant=lent.constant,
        errors=None if lent.errors is None else lent.errors[lent.errors["where"].isin(there)],
    )


def _stacked(own: pd.DataFrame, lent: pd.DataFrame, there: list[str]) -> pd.DataFrame:
    parts = [part for part in (own, lent[lent["where"].isin(there)]) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else own


def _row(folder: StudyFolder, planned: Mapping[str, Any]) -> tuple[dict[str, Any], Run | None]:
    """Return the row of a run, and the run where it is finished."""
    where = planned["where"]
    row = {key: planned[key] for key in ("where", "system", "trial", "seed", "fold")}
    if not folder.trained(where):
        failure = folder.failure(where)
        state = ("missing", "not trained yet") if failure is None else (failure.kind, failure.reason)
        return row | dict(zip(("state", "reason"), state, strict=True)), None
    run = folder.run(where)
    row |= {
        "state": "finished",
        "reason": "",
        "config": config_digest(run.config),
        "run": run.digest,
        "parameters": run.provenance.get("parameters"),
        "seconds": run.provenance.get("seconds"),
        "epochs": len(run.history),
        "best_epoch": run.provenance.get("best_epoch"),
        "validation": float(run.history[f"validation_{run.task.error}"].min()),
        "n": run.metrics["n"],
        "n_train": run.provenance["data"]["images"].get("train"),
        "data_version": run.metrics["data_version"],
    }
    if planned["trial"] is None:
        row |= values_of(run.metrics)
    return row, run
