"""``predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import typer

from fisa import prediction
from fisa.commands.terminal import Meter, tell
from fisa.runs import load_run


def predict(folder: Path, paths: Sequence[Path], out: Path | None, force: bool, batch_size: int) -> None:
    """Predict image files into a table; exit with status 1 if any was refused."""
    if out is not None:
        prediction.check_target(out, force)
    run = load_run(folder)
    with Meter("predict") as meter:
        tally = _Tally(prediction.predict_files(run, paths, batch_size, progress=meter))
        if out is None:
            prediction.write_csv(tally, sys.stdout)
        else:
            prediction.write_table(tally, out, force)
    if tally.refused or out is not None:
        tell(f"{tally.predicted} predicted, {tally.refused} refused" + (f"; see {out}" if out else ""))
    if tally.refused:
        raise typer.Exit(1)


@dataclass
class _Tally:
    """Passes frames on, counts them and names each refusal as it comes."""

    frames: Iterable[pd.DataFrame]
    predicted: int = 0
    refused: int = 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for frame in self.frames:
            reasons = frame["refused"].dropna()
            self.refused += len(reasons)
            self.predicted += len(frame) - len(reasons)
            for reason in reasons:
                tell(reason)
            yield frame
