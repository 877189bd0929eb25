"""The declaration of ``ratings``; the work is in ``fisa.commands.ratings``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLE = "Example: `python -m fisa ratings oasis ~/data/OASIS --config configs/two-level-attention-ratings.yaml`"


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
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what is wrong in the data instead of refusing it.")
    ] = False,
    form: Annotated[
        Literal["markdown", "latex", "csv", "html"],
        typer.Option("--format", help="Text format of the table; csv has every number exactly."),
    ] = "markdown",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Text file to write; must not exist.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table of every prediction: .csv, .json or .parquet.")
    ] = None,
) -> None:
    """Compare predictors of valence and arousal by cross-validation, in one table with intervals.

    Rows: the constant; the formula of Valdez & Mehrabian on brightness and saturation; ridge regression on colour
    statistics; and each CONFIG (its task must be valence_arousal), trained once a fold; what is trained already is
    taken from DIR, and what was interrupted goes on. RMSE is on the scale of -1 to 1; CCC and Pearson are -1 to 1.
    """
    from fisa.commands import ratings as command

    folder = runs or Path(os.environ.get("FISA_RUNS") or "runs")
    command.ratings(name, root, folds, configs or [], folder, skip_bad, form, out, predictions)
