"""The declarations of ``evaluate`` and ``retrieve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fisa.commands.arguments import RunFolder, SkipBad, TableFormat

EVALUATE = "Example: `python -m fisa evaluate artifacts/fisa --data emotion6 --root ~/data/Emotion6 --out there.json`"
RETRIEVE = "Example: `python -m fisa retrieve artifacts/fisa --k 5 --by polarity`"


def evaluate(
    run: RunFolder,
    data: Annotated[str | None, typer.Option(help="Data set. Default: the one the run was trained on.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that holds the data; none for drawn data.")] = None,
    split: Annotated[str, typer.Option(help="Split, such as train, validation, test.")] = "test",
    skip_bad: SkipBad = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="JSON file to write, which report takes beside runs; must not exist."),
    ] = None,
    form: TableFormat = "markdown",
) -> None:
    """Predict a whole split and print every measure, beside the oracles where the data are planted.

    KL is in nats; each measure's convention stands below the table. Nothing is written to the run folder.

    Where the labels of the data are others than those of the run, predictions are mapped into the labels of the data,
    or both into a coarser space such as polarity3; the table says which map was used, and on what the run was trained.
    Where no map exists that can be defended, that is refused.
    """
    if out is not None and out.suffix.lower() != ".json":
        raise typer.BadParameter("expected a name that ends in .json", param_hint="--out")
    from fisa.commands import results as command

    command.evaluate(run, data, root, split, skip_bad, out, form)


def retrieve(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, such as artifacts/fisa.")],
    k: Annotated[int, typer.Option(min=1, help="Nearest images of a query that precision counts.")] = 10,
    by: Annotated[
        Literal["emotion", "polarity"] | None,
        typer.Option(help="What makes an image relevant: a dominant emotion of the query, or its polarity."),
    ] = None,
    gallery: Annotated[
        Literal["test", "train"], typer.Option(help="What is searched: the other test images, or the training images.")
    ] = "test",
    distance: Annotated[
        Literal["euclidean", "cosine"], typer.Option(help="Between the embeddings of two images.")
    ] = "euclidean",
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Beside them the first one's architecture with fresh weights.")
    ] = False,
    store: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the table as a folder, which `report` and the Studies page open."),
    ] = None,
    form: TableFormat = "markdown",
) -> None:
    """Retrieve for each test image the nearest ones, by every embedding of the run, and say how many fit.

    Prints mean average precision and precision among the first k (0 to 1, with 95 % bootstrap intervals over queries),
    beside what a random order gives. Several runs of one data set stand in one table, from worst to best, with the
    paired difference of each from the best. Embeddings are kept in the cache folder, so that a second call is quick.
    """
    from fisa.commands import retrieve as command

    command.retrieve_all(runs, k, by, gallery, distance, untrained, store, form)
