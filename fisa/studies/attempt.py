"""One run of a study, trained wherever it was sent: in a process of its own, or on a node of a cluster."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from fisa.config import RunConfig
from fisa.exceptions import FisaError
from fisa.runs.format import DIGESTS
from fisa.training import Epoch, TrainingError, train

Listener = Callable[[int, float, float], None]
"""(number of the epoch, its seconds, validation error)"""


def attempt(
    document: Mapping[str, Any], path: Path, tell: Listener
) -> tuple[Literal["finished", "diverged", "failed"], str]:
    """Train a run with one thread, or go on with it, and return how it ended; nothing is raised.

    Args:
        document: Its configuration.
        path: Its folder.
        tell: Called after each epoch.

    Returns:
        How it ended, and one sentence that says why it did not finish.
    """
    torch.set_num_threads(1)

    def on_epoch(epoch: Epoch) -> None:
        tell(epoch.epoch, epoch.seconds, epoch.validation)

    try:
        if not (path / DIGESTS).is_file():
            train(RunConfig.model_validate(document), path, on_epoch=on_epoch, resume=True)
    except TrainingError as error:
        return "diverged", str(error)
    except FisaError as error:
        return "failed", str(error)
    except Exception as error:  # isolated: whatever happens to one run, the others go on
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(str(error).split())[:160]
        return "failed", f"{type(error).__name__}: {reason} (in {Path(place.filename).name}, line {place.lineno})"
    return "finished", ""
