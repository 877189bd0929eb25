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


@app.command("export", epilog="Example: `python -m fisa data export planted planted-iid --split iid --count 200`")
def data_export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="planted, planted-small or planted-tiny.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make; must not exist.")],
    split: Annotated[str, typer.Option(help="Split, such as iid, fresh-1, rendering or clutter-3.")] = "iid",
    count: Annotated[int | None, typer.Option(min=1, help="The first so many scenes. Default: all.")] = None,
    image_size: Annotated[int | None, typer.Option(min=32, help="Side in pixels. Default: the data set's own.")] = None,
) -> None:
    """Write planted scenes for programs of others: pictures, masks, labels, and each scene without each emotion.

    OUT holds manifest.csv (a row a picture: strengths, logits, true distribution, votes, palette), motifs.csv,
    affinity.csv (A: rows receive), about.json, and PNG files: images, ids (who is on top) and amodal (whole
    silhouettes, a bit a motif). docs/planted-affect.md describes them, with a reader of 20 lines. About how much it
    takes is said before; OUT is whole or absent. Needs no torch.
    """
    from fisa.commands import planted as command

    command.export_planted(name, out, split, count, image_size)


@app.command("references", epilog="Example: `python -m fisa data references planted refs --count 200`")
def data_references(
    name: Annotated[str, typer.Argument(metavar="NAME", help="planted, planted-small or planted-tiny.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make; must not exist.")],
    split: Annotated[str, typer.Option(help="Split, such as iid, fresh-1, rendering or clutter-3.")] = "iid",
    count: Annotated[int, typer.Option(min=1, help="The first so many scenes; some 0.5 MB each.")] = 200,
) -> None:
    """Write reference submissions on planted scenes: random, centre, edge, union, oracle, planted.

    Each is a folder below OUT that `grade` reads, and an example of the format: what is reached by chance, by looking
    at the middle, at edges or at any motif, and by knowing the emotions' own masks, or all planted changes.
    """
    from fisa.commands import planted as command

    command.write_planted_references(name, out, split, count)
