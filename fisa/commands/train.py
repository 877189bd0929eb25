"""``train``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from fisa import training
from fisa.commands.terminal import Meter, tell
from fisa.config import RunConfig, load_config
from fisa.explain.grading import complete
from fisa.runs import Run, RunError, free_path, load_run
from fisa.tasks import TASKS


def train(
    config_file: Path,
    out: Path | None,
    overrides: tuple[str, ...],
    resume: bool,
    init_from: Sequence[Path],
    placement: training.Placement,
) -> None:
    """Train a configuration into a run folder and print its path; with ``resume`` go on where it stopped.

    Every process of the training comes here; only rank zero of them writes and speaks.
    """
    config = load_config(config_file, overrides)
    sources = [load_run(each) for each in init_from]
    path = out or free_path(Path(os.environ.get("FISA_RUNS") or "runs"), config.name)
    run = _without_map(path) if resume else None
    if run is None:
        team = training.launch(config, placement, tell)
        if not team.leads:
            _assist(config, team, sources)
            return
        run = _lead(config, team, path, resume, sources)
    with Meter("grade explanations") as meter:
        complete(run, progress=meter)
    typer.echo(str(path))


def _assist(config: RunConfig, team: training.Team, sources: Sequence[Run]) -> None:
    try:
        training.assist(config, team, sources)
    except training.Abandoned:
        raise typer.Exit(0) from None


def _lead(config: RunConfig, team: training.Team, path: Path, resume: bool, sources: Sequence[Run]) -> Run:
    title = TASKS[config.task].error_title

    def tell_epoch(epoch: training.Epoch) -> None:
        tell(
            f"epoch {epoch.epoch} of {config.training.epochs}: training loss {epoch.train_loss:.4f}, "
            f"validation {title} {epoch.validation:.4f}, {epoch.seconds:.1f} s"
        )

    with Meter(f"train {config.name}") as meter:
        run = training.train(config, path, meter, tell_epoch, resume, sources, team)
    begun_with = run.provenance["init_from"]
    if begun_with is not None:
        _tell_origin(begun_with)
    return run


def _tell_origin(origin: Mapping[str, Any]) -> None:
    """Say what was taken over from another run only in part, and what was not."""
    if "labels" in origin:
        labels = origin["labels"].items()
        same = [label if label == other else f"{label} (there {other})" for label, other in labels if other]
        anew = [label for label, other in labels if other is None]
        tell(
            f"{origin['run']} has other labels; taken over label by label: {', '.join(origin['mapped']) or 'nothing'}; "
            f"labels that it has, too: {', '.join(same) or 'none'}; begun anew: {', '.join(anew) or 'none'}"
        )
    if origin["left"]:
        tell(f"not taken over from {origin['run']}, which has others: {', '.join(origin['left'])}")


def _without_map(path: Path) -> Run | None:
    """Return the finished run in ``path`` whose training was killed before its grades and its map were made."""
    try:
        run = load_run(path)
    except RunError:
        return None
    return run if run.map is None else None
