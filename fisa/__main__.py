"""The command line: ``python -m fisa --help``. Declarations only; the work is in ``fisa.commands``.

Exit status 0: done. 1: something was refused or failed, one line each on standard error. 2: wrong usage.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from fisa.commands import data_group, explanation_group, measure_group, study_group
from fisa.commands.arguments import RayAddress, RunFolder, TableFormat
from fisa.commands.terminal import tell
from fisa.exceptions import FisaError


class _Commands(TyperGroup):
    """Turns the library's named exceptions, and what the disk refuses, into one line and exit status 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of our output left, as `head` does; typer ends quietly
            raise
        except OSError as error:
            tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except FisaError as error:
            tell(str(error))
        raise typer.Exit(1)


app = typer.Typer(
    name="fisa",
    cls=_Commands,
    help="Train, evaluate and explain models that predict the emotion distribution of images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(data_group.app, name="data")

BENCHES = ("data", "predict", "model", "explain", "grade", "train", "interaction", "memory", "map", "page", "app")


@app.command(
    epilog="Example: `python -m fisa train configs/fisa.yaml --out runs/short --set training.epochs=2`",
)
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration, YAML; see configs/.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder to make; must not exist. Default: $FISA_RUNS or runs, then NAME-1, NAME-2, ..."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace one setting, by its dotted path; may be repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in --out where it stopped, if it was begun.")
    ] = False,
    init_from: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="Begin with the weights of this run, where they fit; given again, with the mean of theirs.",
        ),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Processes on this machine, a device for each; auto: all devices of the accelerator. "
            "Default: as many as torchrun or SLURM started, else 1.",
        ),
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(min=1, help="Machines. Default: those of torchrun or SLURM, else 1.")
    ] = None,
    strategy: Annotated[
        Literal["auto", "ddp", "ddp_find_unused_parameters_true"],
        typer.Option(help="How several processes train: ddp, each with the whole model and a share of every batch."),
    ] = "auto",
    accelerator: Annotated[
        Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Kind of device; auto: mps, cuda or cpu.")
    ] = "auto",
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"] | None,
        typer.Option(help="As `--set training.precision=...`; stored in the run's configuration."),
    ] = None,
) -> None:
    """Train a model, choose the epoch with the lowest validation KL (nats), test it once, write a run folder.

    On planted data the explanations are graded too. A checkpoint follows every epoch: the same command with --resume
    goes on with a training that was stopped, to the same weights. The path of the finished folder is printed on
    standard output; epochs (losses, seconds) go to standard error.

    --devices, --nodes, --strategy and --accelerator say where to train, and are recorded in provenance only:
    training.batch_size is that of all processes together. torchrun may start the processes instead.
    """
    if resume and out is None:
        raise typer.BadParameter("needs --out, the run folder to go on with", param_hint="--resume")
    from fisa.commands import train as command
    from fisa.training import Placement

    settings = (*(overrides or ()), *((f"training.precision={precision}",) if precision else ()))
    command.train(
        config, out, settings, resume, init_from or (), Placement(accelerator, _count(devices), nodes, strategy)
    )


def _count(devices: str | None) -> int | Literal["auto"] | None:
    if devices is None:
        return None
    if devices == "auto":
        return "auto"
    if not devices.isdecimal() or int(devices) == 0:
        raise typer.BadParameter(f"expected auto or a number from 1 on, not {devices!r}", param_hint="--devices")
    return int(devices)


@app.command(
    "import", epilog="Example: `python -m fisa import theirs.safetensors --config mine.yaml --out runs/theirs`"
)
def import_weights(
    state: Annotated[
        Path, typer.Argument(metavar="STATE_DICT", help="Weights: .safetensors, or as torch.save writes them.")
    ],
    config: Annotated[
        Path, typer.Option(metavar="CONFIG", help="Configuration of their model and of the data to test it on.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder to make; must not exist.")],
) -> None:
    """Make a run of weights that were trained elsewhere: check that they fit, test them once, write a run folder.

    Tensors that are missing, too many or of another shape are named. Nothing in the file is run: it is read as tensors
    alone. Wrapped in a key such as state_dict, or with the prefix module. or _orig_mod., it is taken as well.
    """
    from fisa.commands import weights as command

    command.import_weights(state, config, out)


@app.command(epilog="Example: `python -m fisa predict artifacts/fisa photos 'more/*.jpg' --out predictions.parquet`")
def predict(
    run: RunFolder,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Images, folders (with all below) or globs.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table to write: .csv, .json or .parquet. Default: CSV on stdout. With --engine ray a folder.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE if it exists; without --resume, drop FILE.partial too.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what an interrupted call left in FILE.partial, if it did.")
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Images predicted at once.")] = 32,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that decode images; 0: none but this one. "
            "Default: processors less one, at most 8; 0 for fewer than 64 images.",
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where to predict: in this process, or on a Ray cluster.")
    ] = "local",
    address: RayAddress = None,
) -> None:
    """Predict the emotion distribution of images.

    Columns: path; one for each emotion (description degrees, 0 to 1, summing to 1); label (the emotion of the largest
    degree); entropy (nats, 0 to ln C); refused (why an image could not be used; its numbers are missing then). Of a
    run whose task is valence_arousal: path; valence and arousal (-1 to 1); refused.
    A refused image is also named on standard error and makes the exit status 1; the others are predicted. So is a
    folder that cannot be read. A path given, or met under another name by a link, has a row for each name.

    Memory does not grow with the number of images. Until FILE is whole, finished parts of 2,048 rows are kept beside
    it in FILE.partial: after an interruption, the same command with --resume makes the file that it would have made.

    With --engine ray (needs requirements-cluster.txt), --out names a folder of Parquet parts of 2,048 rows, which
    readers take as one table; each row is in it once, whatever process or machine is lost on the way, and --resume
    goes on with it. Storage is shared: every node must see the run, the images and the folder under the same paths,
    and have the same version of this program.
    """
    if engine == "ray":
        if out is None:
            raise typer.BadParameter("needs --out FOLDER, for the parts of the table", param_hint="--engine ray")
        if workers is not None:
            raise typer.BadParameter(
                "is for --engine local; a Ray node says how many tasks it takes", param_hint="--workers"
            )
    elif address is not None:
        raise typer.BadParameter("is for --engine ray", param_hint="--address")
    elif out is not None and out.suffix.lower() not in (".csv", ".json", ".parquet"):
        raise typer.BadParameter("expected a name that ends in .csv, .json or .parquet", param_hint="--out")
    if resume and out is None:
        raise typer.BadParameter("needs --out FILE, beside which the work is kept", param_hint="--resume")
    # Read as Arrow is loaded. Its own allocator keeps tens of megabytes of what it has given and taken back.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from fisa.commands import predict as command

    options = command.Options(batch_size, workers, resume, force, engine, address)
    command.predict(run, paths, out, options)


app.command(epilog=measure_group.EVALUATE)(measure_group.evaluate)
app.command(epilog=measure_group.RETRIEVE)(measure_group.retrieve)
app.command(epilog=explanation_group.EXPLAIN)(explanation_group.explain)
app.command(epilog=explanation_group.GRADE)(explanation_group.grade)
app.command(epilog=explanation_group.SHIFTS)(explanation_group.shifts)
app.command(epilog=explanation_group.FAMILIARITY)(explanation_group.familiarity)


@app.command(epilog="Example: `python -m fisa report artifacts/fisa artifacts/cnn --format latex > table.tex`")
def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN|STUDY", help="Folders, and files of evaluate --out. Default: all runs in --artifacts."
        ),
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of runs. Default: $FISA_ARTIFACTS, or artifacts/, which ships."),
    ] = None,
    form: TableFormat = "markdown",
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one offline page of 1 to 4 runs instead; must not exist."),
    ] = None,
) -> None:
    """Compare runs on their test splits: every measure, oracles and paired intervals; a table for each data set.

    A study has a table of its own: means over seeds and folds, differences to its reference with intervals, cost.

    KL is in nats; each measure's convention, the run digests and the data version stand below each table.

    --html FILE holds measures and paired differences with intervals, what others report, training curves, the images
    on which the first run errs most, and configurations; it loads nothing, and names runs, data and this command.
    """
    from fisa.commands import results as command

    if page is not None:
        command.report_page(runs or [], artifacts, page)
        return
    command.report(runs or [], artifacts, form)


app.command(epilog=study_group.STUDY)(study_group.study)
app.command(epilog=study_group.RATINGS)(study_group.ratings)


@app.command(epilog="Example: `python -m fisa bench train --backbone resnet18:layer3 --image-size 128 --out now.json`")
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(BENCHES)}. Default: all but the last four."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON file to write; must not exist.")] = None,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON file of an earlier bench.")] = None,
    backbone: Annotated[
        str, typer.Option(help="plain, or NETWORK:STAGE of torchvision, such as resnet18:layer3; untrained.")
    ] = "plain",
    image_size: Annotated[int, typer.Option(min=16, help="Side of the model's images, pixels.")] = 96,
    batch_size: Annotated[int, typer.Option(min=1, help="Images at once.")] = 32,
    images: Annotated[int, typer.Option(min=1, help="Files predicted in a round; tenfold for pipeline, data.")] = 200,
    most: Annotated[int, typer.Option(min=20, help="Files for the memory of predict; a tenth for explain.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=2, help="How often each is timed.")] = 15,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    data: Annotated[
        str | None, typer.Option(help="Data set on disk whose images `data` reads. Default: generated photographs.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that holds it.")] = None,
) -> None:
    """Measure what things cost, as ratios of two that are timed in turn, with their spread.

    Each cost is a multiple of something measured beside it, such as a training step of FISA over that of the bare
    network (the same backbone, pooling, linear): less is better. Columns: median of the ratios over the rounds, its
    95 % bootstrap interval, both medians (seconds or MiB), the limit. With --against, costs stand beside the earlier
    ones, and where the intervals do not overlap the cost is better or worse; a worse one makes the exit status 1.
    `page` times the studio's pages, with the runs that the studio shows; `app` what one waits for after each click in a
    browser, with 50 times --images images.
    """
    unknown = [name for name in names or () if name not in BENCHES]
    if unknown:
        raise typer.BadParameter(f"no bench {unknown[0]!r}; there are {', '.join(BENCHES)}", param_hint="NAME")
    if (data is None) != (root is None):
        raise typer.BadParameter("--data and --root go together: which data set, and where", param_hint="--data")
    from fisa.bench import Settings
    from fisa.commands import bench as command

    own = None if root is None else str(root)
    options = Settings(backbone, image_size, batch_size, images, most, rounds, threads, data, own)
    command.bench(tuple(names or ()), options, out, against)


if __name__ == "__main__":
    app()
