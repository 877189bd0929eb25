"""``predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import typer

from fisa.cluster import predict_parts
from fisa.commands.terminal import Meter, tell
from fisa.prediction import predict_files
from fisa.runs import Run, load_run
from fisa.shards import partial_folder, predict_table
from fisa.tables import check_target, write_csv


@dataclass(frozen=True)
class Options:
    """How to predict; see ``fisa.shards.predict_table`` and, for ``engine`` ray, ``fisa.cluster.predict_parts``."""

    batch_size: int
    workers: int | None
    resume: bool
    force: bool
    engine: Literal["local", "ray"] = "local"
    address: str | None = None


def predict(folder: Path, paths: Sequence[Path], out: Path | None, options: Options) -> None:
    """Predict image files into a table; exit with status 1 if any was refused."""
    if out is not None and options.engine == "local":
        check_target(out, options.force)
    run = load_run(folder)
    run.refuse_unless_of_images()
    tally = _Tally()
    if out is None:
        with (
            Meter("predict") as meter,
            closing(predict_files(run, paths, options.batch_size, meter, options.workers)) as frames,
        ):
            write_csv(tally.of(frames), sys.stdout)
    else:
        _to_disk(run, paths, out, options, tally)
    if tally.refused or out is not None:
        tell(f"{tally.predicted} predicted, {tally.refused} refused" + (f"; see {out}" if out else ""))
    if tally.refused:
        raise typer.Exit(1)


def _to_disk(run: Run, paths: Sequence[Path], out: Path, options: Options, tally: _Tally) -> None:
    batch_size, resume, force = options.batch_size, options.resume, options.force
    try:
        with Meter("predict") as meter, Meter("write") as writing:
            if options.engine == "ray":
                predict_parts(
                    run,
                    paths,
                    out,
                    address=options.address,
                    batch_size=batch_size,
                    resume=resume,
                    force=force,
                    progress=meter,
                    watch=tally.count,
                )
            else:
                predict_table(
                    run,
                    paths,
                    out,
                    batch_size=batch_size,
                    workers=options.workers,
                    resume=resume,
                    force=force,
                    progress=meter,
                    writing=writing,
                    watch=tally.add,
                )
    except KeyboardInterrupt:
        kept = out if options.engine == "ray" else partial_folder(out)
        if kept.exists():
            tell(f"interrupted; {kept} keeps what is done: add --resume to go on with it")
        raise


@dataclass
class _Tally:
    """Counts rows and names each refusal as it comes."""

    predicted: int = 0
    refused: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        self.count(len(frame), frame["refused"].dropna().tolist())

    def count(self, rows: int, reasons: Sequence[str]) -> None:
        self.refused += len(reasons)
        self.predicted += rows - len(reasons)
        for reason in reasons:
            tell(reason)

    def of(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            self.add(frame)
            yield frame
