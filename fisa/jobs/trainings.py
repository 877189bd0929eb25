"""Trainings in processes of their own: started, watched, paused, gone on with and removed by whoever asks.

Everything is read from disk, so that a second browser, or the studio after a restart, sees the same. The folder
``job/`` of a run folder (docs/run-format.md) is the desk of its process.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd
from filelock import FileLock, Timeout
from pydantic import ValidationError

from fisa.background import Desk, is_held, whole
from fisa.config import ConfigError, RunConfig, dump_config, load_config
from fisa.jobs import JobError
from fisa.jobs.estimates import PROCESS
from fisa.language import mark
from fisa.runs import REQUIRED, TRAINING, RunError, Workspace, free_path, is_finished
from fisa.runs.files import reason_of

JOB = "job"
AT_ONCE = 2
"""Trainings that this program runs side by side at most; more would only slow one another down."""

_PATIENCE = 10.0  # seconds to wait for another start or removal
_NO_WORD = mark("its process ended without a word: it was killed, perhaps for its memory, or the machine was restarted")
_MADE = (JOB, TRAINING, *REQUIRED)  # what may lie in the folder of an unfinished training

State = Literal["running", "paused", "stopped", "failed", "finished"]


@dataclass(frozen=True)
class Training:
    """What is known of a training.

    Attributes:
        path: Its run folder.
        state: ``running``; ``paused`` by someone; ``stopped`` without a word of its process; ``failed``; ``finished``.
        reason: Why it does not go on, in a sentence; empty while it runs and where it is finished.
        stage: Of one that runs: ``start``, ``data``, ``train``, ``test`` or ``grade``.
        done, total: Of that stage; a total of 0 is not known yet.
        epoch: Epochs that are done.
        epochs: To do, patience aside; 0 where it is not known.
        seconds_left: Estimate for the stage, or None.
        began: Seconds since 1970.
        usable: Whether its run can be opened.
        managed: Whether it was begun here, not on the command line.
        stopping: Whether it was asked to stop and has not yet.
    """

    path: Path
    state: State
    reason: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    epoch: int = 0
    epochs: int = 0
    seconds_left: float | None = None
    began: float = 0.0
    usable: bool = False
    managed: bool = True
    stopping: bool = False

    @property
    def name(self) -> str:
        """Of its run folder."""
        return self.path.name


def start_training(config: RunConfig, runs: Path, init_from: Path | None = None) -> Path:
    """Start a training in the next free folder ``runs/NAME-1``, ``NAME-2``, ..., and return that.

    Args:
        config: What to train; its name, which holds no separator, names the folder.
        runs: Holds run folders; made if it is absent.
        init_from: Run folder with whose weights to begin.

    Raises:
        JobError: As many as may run at once do, or the folder cannot be written.
    """
    with _changing(runs):
        _refuse_too_many(runs)
        path = free_path(runs, config.name)
        origin = None if init_from is None else str(init_from.absolute())
        try:
            (path / JOB).mkdir(parents=True)
            _write_job(path, config, origin)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)  # nothing is begun
            raise JobError(f"{path}: cannot be written ({reason_of(error)})") from None
        _start(path)
    return path


def resume_training(path: Path) -> None:
    """Go on with a training that does not run, from its last checkpoint; one of the command line, too.

    Raises:
        JobError: It runs, or is finished, or as many as may run at once do.
        RunError: Its checkpoint is damaged, or not of this version.
    """
    with _changing(path.parent):
        training = look_at_training(path)
        if training.state in ("running", "finished"):
            raise JobError(f"{path}: is {training.state}; there is nothing to go on with")
        _refuse_too_many(path.parent)
        if not (path / JOB / "config.yaml").is_file():
            _adopt(path)
        _start(path)


def pause_training(path: Path) -> None:
    """Ask a training to stop after its step. What was trained since the last epoch's checkpoint is lost."""
    Desk(path / JOB).stop()


def delete_training(path: Path) -> None:
    """Remove the folder of a training that is not finished, for good.

    Raises:
        JobError: It runs, or a run can be opened there, or something lies there that no training makes; or the disk
            refuses.
    """
    with _changing(path.parent):
        training = look_at_training(path)
        if training.state == "running" or training.usable:
            raise JobError(f"{path}: is {training.state}; only a training that is not finished is removed here")
        try:
            inside = list(path.iterdir())
        except OSError as error:
            raise JobError(f"{path}: cannot be read ({reason_of(error)}); it may be removed already") from None
        strange = [each.name for each in inside if each.name not in _MADE and not each.name.startswith(".")]
        if path.is_symlink() or strange:
            what = "it is a link" if path.is_symlink() else f"it holds {strange[0]}, which no training makes"
            raise JobError(f"{path}: is not removed, for {what}; remove it by hand")
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise JobError(f"{path}: cannot be removed ({reason_of(error)})") from None


def list_trainings(runs: Path) -> list[Training]:
    """Return every training in a folder of runs, those begun last first; of finished ones those begun here.

    Raises:
        OSError: The folder cannot be read.
    """
    folders = [path for path in runs.iterdir() if not path.name.startswith(".")] if runs.is_dir() else []
    found = [look_at_training(path) for path in folders if (path / JOB).is_dir() or _begun_elsewhere(path)]
    return sorted(found, key=lambda training: (-training.began, training.name))


def look_at_training(path: Path) -> Training:
    """Return what is known of a training; cheap enough to ask every second."""
    desk = Desk(path / JOB)
    # First of all: a process writes down how it ended before it lets go of its lock.
    running = desk.runs
    elsewhere = not running and is_held(path / TRAINING / "lock")
    job, told, outcome = (desk.read(f"{name}.json") for name in ("job", "progress", "outcome"))
    usable = is_finished(path)
    known = Training(
        path,
        "stopped",
        epoch=max(whole(told.get("epoch")), 0 if usable else len(history_of(path))),
        epochs=whole(job.get("epochs")),
        began=_seconds(job.get("began")) or _changed(path / TRAINING),
        usable=usable,
        managed=bool(job),
    )
    if running:
        return replace(
            known,
            state="running",
            stage=str(told.get("stage", "start")),
            done=whole(told.get("done")),
            total=whole(told.get("total")),
            seconds_left=_seconds(told.get("seconds_left")) or None,
            stopping=desk.asked_to_stop,
        )
    if elsewhere:
        return replace(known, state="running", stage="train", managed=False)
    state = outcome.get("state")
    if state == "finished" or (usable and not job):
        return replace(known, state="finished")
    if state == "failed":
        return replace(known, state="failed", reason=str(outcome.get("reason", "")))
    if state == "paused":
        return replace(known, state="paused", reason=mark("paused by hand"))
    return replace(known, reason=_NO_WORD)


def config_of(path: Path) -> RunConfig:
    """Return the configuration of a training.

    Raises:
        ConfigError: It cannot be read.
        RunError: It was begun on the command line, and its checkpoint is damaged.
    """
    for file in (path / JOB / "config.yaml", path / "config.yaml"):
        if file.is_file():
            return load_config(file)
    return _stored_config(path)


def history_of(path: Path) -> pd.DataFrame:
    """Return the epochs so far, as history.csv of a run holds them; no rows before the first."""
    for file in (path / TRAINING / "history.csv", path / "history.csv"):
        try:
            return pd.read_csv(file)
        except (OSError, ValueError):  # absent, or of another form
            continue
    return pd.DataFrame({"epoch": [], "seconds": [], "train_loss": [], "validation_kl": [], "lr": []}, dtype=float)


def log_of(path: Path, lines: int = 12) -> str:
    """Return the last lines that the process of a training wrote."""
    return Desk(path / JOB).tail(lines)


def _start(path: Path) -> None:
    # An empty one says that a training is begun here, so that it may go on though the folder holds the job.
    (path / TRAINING).mkdir(exist_ok=True)
    desk = Desk(path / JOB)
    try:
        desk.start(PROCESS, "train", str(desk.folder.absolute()))
    except OSError as error:
        raise JobError(f"{path}: the process cannot be started ({reason_of(error)})") from None


def _write_job(path: Path, config: RunConfig, init_from: str | None) -> None:
    desk = Desk(path / JOB)
    desk.write("job.json", {"began": time.time(), "epochs": config.training.epochs, "init_from": init_from})
    desk.put("config.yaml", dump_config(config))  # last: with it the job is whole


def _adopt(path: Path) -> None:
    """Make a job of a training that was begun on the command line."""
    config = _stored_config(path)
    (path / JOB).mkdir(exist_ok=True)
    _write_job(path, config, None)


def _stored_config(path: Path) -> RunConfig:
    workspace = Workspace(path)
    if not workspace.begun:
        raise RunError(f"{path}: holds no checkpoint to go on from; remove it, and train anew")
    try:
        return RunConfig.model_validate(workspace.load().document["config"])
    except (LookupError, ValidationError):
        raise ConfigError(f"{path}: its configuration is of another version of the program") from None


def _refuse_too_many(runs: Path) -> None:
    running = [training.name for training in list_trainings(runs) if training.state == "running"]
    if len(running) >= AT_ONCE:
        raise JobError(f"{' and '.join(running)} are being trained; wait for one of them, or pause it")


@contextmanager
def _changing(runs: Path) -> Iterator[None]:
    """Let one start, resumption or removal in a folder happen at a time."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with FileLock(runs / ".jobs.lock", timeout=_PATIENCE, fallback_to_soft=False):
            yield
    except Timeout:
        raise JobError(f"{runs}: another training is being started there; try again") from None
    except OSError as error:
        raise JobError(f"{runs}: cannot be written ({reason_of(error)})") from None


def _begun_elsewhere(path: Path) -> bool:
    return (path / TRAINING).is_dir() and not is_finished(path)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
