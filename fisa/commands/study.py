"""``study``."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from fisa.commands.terminal import Meter, tell
from fisa.config.study import load_study
from fisa.studies import format_table
from fisa.studies.claims import check_claims
from fisa.studies.estimate import epoch_seconds
from fisa.studies.folder import StudyFolder
from fisa.studies.nodes import train_on_cluster
from fisa.studies.pace import Pace
from fisa.studies.plan import Cell, choice_names, plan_cells, plan_trials
from fisa.studies.runner import Engine, check_test_split, run_study
from fisa.studies.summary import load_results
from fisa.studies.tables import study_table
from fisa.studies.workers import News, train_apart


def study(file: Path, out: Path | None, engine: Engine, known: Path | None = None) -> None:
    """Run a study or go on with it, print its table, and name what failed."""
    config, _ = load_study(file)
    path = out or default_folder(config.name)
    with Meter("check the study") as meter:
        outcome = run_study(file, path, engine, _tell, meter, known)
    for failure in outcome.failures:
        tell(f"{failure.where}: {failure.kind}: {failure.reason}")
    results = load_results(path)
    if results.metrics:
        with Console(stderr=True).status("comparing"):
            table = study_table(results)
        typer.echo(format_table(table, "markdown"), nl=False)
    if outcome.failures:
        raise typer.Exit(1)


def engine_of(name: str, processes: int, address: str | None) -> Engine:
    """Return what trains the runs: ``processes`` processes here, or the Ray cluster at ``address``."""
    if name == "ray":
        return partial(train_on_cluster, address=address)
    return partial(train_apart, processes=processes)


def dry_run(file: Path, out: Path | None, processes: int) -> None:
    """Print the runs of a study and how long they may take here, from a few steps of each system."""
    config, systems = load_study(file)
    check_test_split(config, file)
    check_claims(config, systems)
    folder = StudyFolder(out or default_folder(config.name))
    trials = plan_trials(config, systems)
    cells = [*trials, *plan_cells(config, systems, {name: {} for name in choice_names(config, systems)})]
    seconds: dict[str, float] = {}
    total = 0.0
    with Meter("time steps") as meter:
        for cell in cells:
            if cell.system not in seconds:
                seconds[cell.system] = epoch_seconds(cell.config, meter)
            state = _state(folder, cell)
            need = 0.0 if state in ("finished", "diverged") else seconds[cell.system] * cell.config.training.epochs
            total += need
            typer.echo(f"{cell.where}: {cell.config.training.epochs} epochs, {state}, about {need / 60:.1f} min")
    typer.echo(f"{len(cells)} runs, about {_time(total / processes)} in {processes} processes of one thread")


def default_folder(name: str) -> Path:
    """Return where a study goes that no ``--out`` places."""
    return Path(os.environ.get("FISA_RUNS") or "runs") / name


def _state(folder: StudyFolder, cell: Cell) -> str:
    if folder.finished(cell.where):
        return "finished"
    failure = folder.failure(cell.where)
    return "to do" if failure is None else failure.kind


def _tell(news: News, pace: Pace) -> None:
    where, epochs = news.cell.where, news.cell.config.training.epochs
    left = pace.seconds_left
    rest = "" if left is None else f", about {_time(left)} left"
    how_far = f"{pace.done} of {pace.total} runs done{rest}"
    if news.what == "epoch":
        told = f"epoch {news.epoch} of {epochs}, validation error {news.validation:.4f}, {news.seconds:.1f} s"
        tell(f"{where}: {told}; {how_far}")
    elif news.what == "begun":
        tell(f"{where}: begins")
    else:
        tell(f"{where}: {news.what}{': ' + news.text if news.text else ''}; {how_far}")


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
