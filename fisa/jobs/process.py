"""What a process of its own does: ``python -m fisa.jobs.process train|estimate FOLDER``.

Only this module's functions load torch, after the lock is held.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fisa import background
from fisa.background import Desk, Teller

if TYPE_CHECKING:
    from fisa.training import Epoch

Result = dict[str, Any]
ALLOCATORS = ("DefaultCPUAllocator: can't allocate memory", "MPS backend out of memory")
"""What torch says in a bare RuntimeError where memory does not suffice; a GPU's has an error of its own kind."""


def main(kind: str, folder: Path) -> int:
    """Do the work of a folder and write down how it ended; return the exit status."""
    desk = Desk(folder)

    def say_why(error: Exception) -> str:
        reason = sentence(error, kind)
        _say(reason)
        return reason

    return desk.do(lambda: WORK[kind](desk), say_why)


def sentence(error: Exception, kind: str) -> str:
    """Return in one sentence what went wrong."""
    if _wants_memory(error):
        return "there is not enough memory for it; lower training.batch_size, data.image_size or the model's widths"
    return background.sentence(error, f"the {NAMES[kind]}")


def _wants_memory(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    torch = sys.modules.get("torch")  # where it is not loaded, the error is none of its own
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return type(error) is RuntimeError and any(said in str(error) for said in ALLOCATORS)


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
        sources = [load_run(origin)] if origin and not begun else []
        train(config, path, teller, on_epoch, resume=True, init_from=sources, on_stage=teller.stage)
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


NAMES = {"train": "training", "estimate": "measurement"}
WORK: Mapping[str, Callable[[Desk], Result]] = {"train": _train, "estimate": _estimate}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
