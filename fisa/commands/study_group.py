"""Declarations of ``study`` and ``ratings``; the work is in ``fisa.commands.study`` and ``ratings``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from fisa.commands.arguments import RayAddress, SkipBad, TableFormat

STUDY = "Example: `python -m fisa study configs/studies/systems.yaml --out runs/systems`"
RATINGS = "Example: `python -m fisa ratings oasis ~/data/OASIS --config configs/two-level-attention-ratings.yaml`"


def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="Study, YAML; see configs/studies/.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the study. Default: $FISA_RUNS or runs, then NAME."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Runs at once, each in a process with one thread. Default: 2.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Train nothing: list the runs and how long they may take here.")
    ] = False,
    known: Annotated[
        Path | None,
        typer.Option(
            metavar="SUMMARY",
            help="Summary of an earlier study: its choices stand, and its finished runs are not trained again.",
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where to train: in processes on this machine, or on a Ray cluster.")
    ] = "local",
    address: RayAddress = None,
) -> None:
    """Train systems over seeds and folds after a search that is equal for all, and compare them.

    First every run is checked. Then come the trials of the search, which choose on validation KL (nats) and never open
    the test split; then the choices are frozen; then the cells, which are measured on the test split, each look logged.
    All are run folders below DIR. The same command goes on with what was interrupted at whatever moment. A run that
    fails leaves the others alone, is named on standard error, and makes the exit status 1.

    With --known (of a study elsewhere, or one that ships in artifacts/studies/), systems and seeds are added to what
    is there without its weights; the study must not contradict it.

    With --engine ray (needs requirements-cluster.txt), each run is a task of one processor. Storage is shared: every
    node must see DIR and the data under the same paths, and have the same version of this program.
    """
    if engine == "ray" and processes is not None:
        raise typer.BadParameter("is for --engine local; a Ray node says how many it takes", param_hint="--processes")
    if engine == "local" and address is not None:
        raise typer.BadParameter("is for --engine ray", param_hint="--address")
    from fisa.commands import study as command

    if dry_run and known is not None:
        raise typer.BadParameter("tells nothing with --dry-run, which only times steps", param_hint="--known")
    if dry_run:
        command.dry_run(file, out, processes or 2)
    else:
        command.study(file, out, command.engine_of(engine, processes or 2, address), known)


def ratings(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set on disk that rates valence and arousal.")],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder that holds it.")],
    folds: Annotated[int, typer.Option(min=2, help="Folds of cross-validation; groups of images stay whole.")] = 5,
    configs: Annotated[
        list[Path] | None,
        typer.Option("--config", metavar="CONFIG", help="System to train in every fold; may be repeated."),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where its runs are and go. Default: $FISA_RUNS or runs.")
    ] = None,
    skip_bad: SkipBad = False,
    form: TableFormat = "markdown",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Text file to write; must not exist.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table of every prediction: .csv, .json or .parquet.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep it all as a folder, which `report` and the Studies page open."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="NAME", help="A CONFIG's name: how the others differ from it is told, too.")
    ] = None,
) -> None:
    """Compare predictors of valence and arousal by cross-validation, in one table with intervals.

    Rows: the constant; the formula of Valdez & Mehrabian on brightness and saturation; ridge regression on colour
    statistics; and each CONFIG (its task must be valence_arousal), trained once a fold; what is trained already is
    taken from DIR, and what was interrupted goes on. RMSE is on the scale of -1 to 1; CCC and Pearson are -1 to 1. What
    is trained has its cost beside it.
    """
    from fisa.commands import ratings as command

    folder = runs or Path(os.environ.get("FISA_RUNS") or "runs")
    command.ratings(name, root, folds, configs or [], folder, skip_bad, form, out, predictions, store, against)
