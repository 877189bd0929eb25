"""What a process of its own does: ``python -m fisa.jobs.process train|estimate FOLDER``; for :mod:`fisa.jobs.desk`.

Only this module's functions load torch, after the lock is held.
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from fisa.jobs.desk import Desk, Stopped, Teller

if TYPE_CHECKING:
    from fisa.training import Epoch

Result = dict[str, Any]
TOO_LARGE = re.compile(r"out of memory|can't allocate memory", re.IGNORECASE)
"""What torch says, on a GPU and elsewhere, where memory does not suffice."""


def main(kind: str, folder: Path) -> int:
    """Do the work of a folder and write down how it ended; return the exit status."""
    desk = Desk(folder)
    try:
        with desk.held():
            outcome = _outcome(desk, WORK[kind])
            desk.write("outcome.json", {**outcome, "ended": time.time()})
    except Timeout:  # another process is at it
        return 1
    return int(outcome["state"] == "failed")


def _outcome(desk: Desk, work: Callable[[Desk], Result]) -> Result:
    try:
        return {"state": "finished", "reason": "", **work(desk)}
    except Stopped:
        return {"state": "paused", "reason": ""}
    except Exception as error:  # whatever it is, whoever watches is told in a sentence
        if not type(error).__module__.startswith("fisa."):
            traceback.print_exc()
        reason = sentence(error)
        _say(reason)
        return {"state": "failed", "reason": reason}


def sentence(error: Exception) -> str:
    """Return in one sentence what went wrong."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or TOO_LARGE.search(text):
        return "there is not enough memory for it; lower training.batch_size, data.image_size or the model's widths"
    if type(error).__module__.startswith("fisa."):
        return text
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text[:160]} (in {Path(place.filename).name}, line {place.lineno})"


def _train(desk: Desk) -> Result:
    """Train into the folder that the desk stands in, or go on there; then grade and map as the command line does."""
    teller = Teller(desk)
    teller.stage("start")
    from fisa.config import load_config
    from fisa.explain.grading import complete
    from fisa.runs import is_finished, load_run
    from fisa.training import train

    path, config = desk.folder.parent, load_config(desk.folder / "config.yaml")
    origin = desk.read("job.json").get("init_from")
    begun = (path / "training" / "checkpoint").is_file()

    def on_epoch(epoch: Epoch) -> None:
        _say(
            f"epoch {epoch.epoch} of {config.training.epochs}: training loss {epoch.train_loss:.4f}, "
            f"validation {epoch.validation:.4f}, {epoch.seconds:.1f} s"
        )
        teller.note(epoch=epoch.epoch)

    if not is_finished(path):
        source = load_run(origin) if origin and not begun else None
        train(config, path, teller, on_epoch, resume=True, init_from=source, on_stage=teller.stage)
    teller.stage("grade")
    complete(load_run(path), progress=teller)
    _say("finished")
    return {}


def _estimate(desk: Desk) -> Result:
    teller = Teller(desk)
    teller.stage("start")
    from dataclasses import asdict

    from fisa.config import load_config
    from fisa.training.estimate import estimate

    teller.stage("data")
    return {"estimate": asdict(estimate(load_config(desk.folder / "config.yaml"), teller))}


def _say(text: str) -> None:
    """Write a line into the log, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {' '.join(text.split())}\n")
    sys.stderr.flush()


WORK: Mapping[str, Callable[[Desk], Result]] = {"train": _train, "estimate": _estimate}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
