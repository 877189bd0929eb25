"""Estimates of trainings, each measured once in a process of its own and remembered in the cache folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fisa.background import Desk, whole
from fisa.config import RunConfig, dump_config
from fisa.datasets.packed import cache_folder
from fisa.jobs import JobError
from fisa.language import mark
from fisa.training.estimate import Estimate

PROCESS = "fisa.jobs.process"
"""The module of the process that works at a desk."""
NO_WORD = mark("the measuring process ended without a word; perhaps there is not enough memory for this configuration")


@dataclass(frozen=True)
class Measurement:
    """What is known of how long a configuration takes.

    Attributes:
        state: ``none`` where nobody asked or someone stopped it.
        estimate: Of one that is done.
        ended: When it was, in seconds since 1970.
        stage: Of one that runs: ``start`` or ``data``.
        done, total: Images made, of one that runs.
        reason: Why it failed, in a sentence.
    """

    state: Literal["none", "running", "failed", "done"]
    estimate: Estimate | None = None
    ended: float = 0.0
    stage: str = ""
    done: int = 0
    total: int = 0
    reason: str = ""


def start_estimate(config: RunConfig) -> None:
    """Begin to measure, unless that runs already.

    Raises:
        JobError: The process cannot be started.
    """
    desk = _desk(config)
    if desk.runs:
        return
    try:
        desk.folder.mkdir(parents=True, exist_ok=True)
        desk.put("config.yaml", dump_config(config))
        desk.start(PROCESS, "estimate", str(desk.folder.absolute()))
    except OSError as error:
        raise JobError(f"the estimate cannot be started ({error.strerror}); make {desk.folder} writable") from None


def stop_estimate(config: RunConfig) -> None:
    """Ask the process that measures to stop; the images that it makes are made anew then."""
    _desk(config).stop()


def look_at_estimate(config: RunConfig) -> Measurement:
    """Return what is known; cheap enough to ask every second."""
    desk = _desk(config)
    if desk.runs:
        told = desk.read("progress.json")
        done, total = whole(told.get("done")), whole(told.get("total"))
        return Measurement("running", stage=str(told.get("stage", "start")), done=done, total=total)
    outcome = desk.read("outcome.json")
    if not outcome:
        return Measurement("failed", reason=NO_WORD) if desk.read("progress.json") else Measurement("none")
    if outcome.get("state") == "failed":
        return Measurement("failed", reason=str(outcome.get("reason", "")))
    try:
        found = replace(Estimate(**outcome["estimate"]), epochs=config.training.epochs)
        return Measurement("done", found, float(outcome["ended"]))
    except (LookupError, TypeError, ValueError):  # stopped, or of another version
        return Measurement("none")


def _desk(config: RunConfig) -> Desk:
    """Return the desk of all configurations whose steps are alike."""
    document = config.model_dump(mode="json", exclude={"name": True, "training": {"epochs", "seed", "lr", "patience"}})
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:24]
    return Desk(Path(cache_folder()) / "estimates" / key)
