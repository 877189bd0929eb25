"""The declarations of ``data list``, ``data show`` and ``data check``; the work is in ``fisa.commands.data``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at data sets.")


@app.command("list", epilog="Example: `python -m fisa data list`")
def data_list() -> None:
    """List the known data sets: labels, images in each split, version."""
    from fisa.commands import data as command

    command.list_known()


@app.command("show", epilog="Example: `python -m fisa data show planted`")
def data_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set; `data list` names them.")],
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="Folder that holds it; none for drawn data.")
    ] = None,
    splits: Annotated[
        list[str] | None,
        typer.Option("--split", help="Split, such as test or, of planted, rendering or clutter-3; may be repeated."),
    ] = None,
) -> None:
    """Show what a data set holds; by default its training, validation and test splits.

    For each split: images, raters for each image, version; for each emotion: mean description degree (0 to 1) and
    votes in total.
    """
    from fisa.commands import data as command
    from fisa.datasets import SPLITS

    command.show(name, path, splits or SPLITS)


@app.command("check", epilog="Example: `python -m fisa data check oasis ~/data/oasis`")
def data_check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set; `data list` names them.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder that holds it; only read.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that decode images; 0: none but this one. Default: as for predict."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Split what is left without what is wrong, and say so.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Take what earlier checks found of files unchanged since.")
    ] = True,
) -> None:
    """Check that a data set on disk is whole, and say what to mend.

    Counts against the published ones; every row a distribution; every image that a row names decoded; rows without
    image and images without row; equal and alike images. The table on standard output has file, row (the header is
    row 1), image, problem and mend. Exit status 1 if anything is wrong; notes are no fault.

    What is found of an image is kept in the cache folder until its size or time of change is another, so that an
    interrupted check goes on where it stopped, and a second one decodes nothing.
    """
    from fisa.commands import data as command

    command.check(name, path, as_json, workers, skip_bad, resume)
