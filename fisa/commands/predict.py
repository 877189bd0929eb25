"""``predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import typer

from fisa.commands.terminal import Meter, tell
from fisa.prediction import predict_files
from fisa.runs import load_run
from fisa.shards import partial_folder, predict_table
from fisa.tables import check_target, write_csv


@dataclass(frozen=True)
class Options:
    """How to predict; see ``fisa.shards.predict_table``."""

    batch_size: int
    workers: int | None
    resume: bool
    force: bool


def predict(folder: Path, paths: Sequence[Path], out: Path | None, options: Options) -> None:
    """Predict image files into a table; exit with status 1 if any was refused."""
    if out is not None:
        check_target(out, options.force)
    run = load_run(folder)
    tally = _Tally()
    with Meter("predict") as meter:
        if out is None:
            with closing(predict_files(run, paths, options.batch_size, meter, options.workers)) as frames:
                write_csv(tally.of(frames), sys.stdout)
        else:
            try:
                with Meter("write") as writing:
                    predict_table(run, paths, out, progress=meter, writing=writing, watch=tally.add, **asdict(options))
            except KeyboardInterrupt:
                if partial_folder(out).exists():
                    tell(f"interrupted; {partial_folder(out)} keeps what is done: add --resume to go on with it")
                raise
    if tally.refused or out is not None:
        tell(f"{tally.predicted} predicted, {tally.refused} refused" + (f"; see {out}" if out else ""))
    if tally.refused:
        raise typer.Exit(1)


@dataclass
class _Tally:
    """Counts rows and names each refusal as it comes."""

    predicted: int = 0
    refused: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        reasons = frame["refused"].dropna()
        self.refused += len(reasons)
        self.predicted += len(frame) - len(reasons)
        for reason in reasons:
            tell(reason)

    def of(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            self.add(frame)
            yield frame
