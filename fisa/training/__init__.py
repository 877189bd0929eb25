"""Training: from a configuration to a run folder, through checkpoints that a killed training goes on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from fisa.config import RunConfig, difference
from fisa.evaluation import Progress
from fisa.runs import (
    Checkpoint,
    Run,
    RunError,
    Workspace,
    code_digest,
    dump_checkpoint,
    load_run,
    parse_checkpoint,
    working,
)
from fisa.tasks import space_of
from fisa.training.loop import Epoch, Loop, TrainingError
from fisa.training.optimisation import build_optimizer, build_schedule
from fisa.training.outcome import data_told, import_state, measured
from fisa.training.placement import Placement, PlacementError, launch
from fisa.training.preparation import Prepared, prepare
from fisa.training.team import Abandoned, ProcessError, Team
from fisa.training.transfer import initialise

__all__ = [
    "Abandoned",
    "Epoch",
    "Placement",
    "PlacementError",
    "Prepared",
    "ProcessError",
    "Team",
    "TrainingError",
    "assist",
    "build_optimizer",
    "build_schedule",
    "import_state",
    "launch",
    "prepare",
    "train",
]

SHARES = (
    "batch normalisation takes its means and variances in each of {size} processes over a share of the batch, so the "
    "model will differ from that of one process; training.freeze_backbone=true keeps them as they are"
)
"""What whoever trains so should know."""

EpochListener = Callable[[Epoch], None]
StageListener = Callable[[str], None]


@dataclass(frozen=True)
class Story:
    """How a training came about, over all the times that it was begun or went on.

    Attributes:
        started: UTC, ISO 8601, of the first time.
        seconds: Time that led to the last checkpoint.
        resumed: How often it went on from a checkpoint.
        code: Digest of the program's code, of each version that trained, in order.
        processes: On what it trained, each placement in order: :attr:`fisa.training.team.Team.placement`, and
            ``normalisation``, :attr:`fisa.training.loop.Loop.normalisation`.
        init_from: What :func:`fisa.training.transfer.initialise` returned, or None.
    """

    started: str
    seconds: float
    resumed: int
    code: tuple[str, ...]
    processes: tuple[dict[str, Any], ...]
    init_from: dict[str, Any] | None


def train(
    config: RunConfig,
    path: Path,
    progress: Progress | None = None,
    on_epoch: EpochListener | None = None,
    resume: bool = False,
    init_from: Sequence[Run] = (),
    team: Team | None = None,
    on_stage: StageListener = lambda stage: None,
) -> Run:
    """Train, choose the best epoch on validation, evaluate once on test, write the run folder.

    With ``training.keep: last`` nothing is chosen, and the last epoch is kept.

    Until it is finished the folder holds a checkpoint, replaced after every epoch. With ``resume`` a training that
    stopped at whatever moment ends with the weights of one that never stopped, on the same machine, in as many
    processes with as many threads.

    Args:
        config: What to train.
        path: The run folder to be; must not exist, unless ``resume``.
        progress: Called with (steps done, steps in all), data preparation counted by itself.
        on_epoch: Called after each epoch.
        resume: Go on from the checkpoint in ``path``; where there is none yet, begin.
        init_from: Begin with the weights of this run, or the mean of those of several; see
            :func:`fisa.training.transfer.initialise`.
        team: What :func:`launch` returned in rank zero, while the other processes call :func:`assist`; by default
            this process alone.
        on_stage: Called as ``data``, ``train`` and ``test`` begin; ``progress`` counts each by itself.

    Raises:
        RunError: ``path`` exists or cannot be written, another process trains in it, it is finished already, or its
            checkpoint is of another configuration or of other data.
        TrainingError: A loss or a prediction is not finite; the checkpoint and the history stay. Or the backbone of
            ``init_from`` does not fit.
        DataError: A sample's target cannot be learned.
        ProcessError: Another process of the team failed.
    """
    team = team or launch(config)
    with working(path, resume) as workspace:
        clock = time.monotonic()
        with team.guarded():
            on_stage("data")
            loop, prepared, origin = _begin(config, team, init_from, progress)
            if team.size > 1 and loop.normalisation == "share":
                team.notice(SHARES.format(size=team.size))
            placement = {**team.placement, "normalisation": loop.normalisation}
            now = datetime.now(UTC).isoformat(timespec="seconds")
            story = Story(now, 0.0, 0, (code_digest(),), (placement,), origin)
            if workspace.begun:
                checkpoint = workspace.load()
                story = _resume(workspace, checkpoint, loop, prepared, story)
                team.broadcast_bytes(dump_checkpoint(checkpoint) if team.size > 1 else b"")
            else:
                team.broadcast_bytes(b"")
            spent = story.seconds
            on_stage("train")
            while not loop.finished:
                epoch = loop.advance(progress)
                story = replace(story, seconds=spent + time.monotonic() - clock)
                _save(workspace, loop, prepared, story)
                if on_epoch is not None:
                    on_epoch(epoch)
        on_stage("test")
        prepared.model.load_state_dict(loop.kept)
        if isinstance(prepared.train.images, np.ndarray):
            prepared.model.remember(prepared.train.images, prepared.train.target)
        told = {
            "origin": "trained",
            "seed": config.training.seed,
            "data": data_told(prepared.splits["test"], prepared.splits),
            "best_epoch": loop.kept_epoch.epoch,
            "device": str(team.fabric.device),
            "precision": team.fabric.strategy.precision.precision,
            "vote_order": prepared.objective.order.tolist(),
            **asdict(replace(story, seconds=round(spent + time.monotonic() - clock, 1))),
        }
        workspace.finish(measured(config, prepared.model, prepared.splits, loop.table, told, progress))
    return load_run(path)


def assist(config: RunConfig, team: Team, init_from: Sequence[Run] = ()) -> None:
    """Do the part in a training that falls to a process other than rank zero, which calls :func:`train`.

    Args:
        config: The same.
        team: What :func:`launch` returned in this process.
        init_from: The same.

    Raises:
        Abandoned: This or another process failed, and rank zero says why.
    """
    with team.guarded():
        loop, _, _ = _begin(config, team, init_from)
        checkpoint = team.broadcast_bytes(b"")
        if checkpoint:
            loop.restore(parse_checkpoint(checkpoint, Path(config.name)))
        while not loop.finished:
            loop.advance()


def _begin(
    config: RunConfig, team: Team, init_from: Sequence[Run], progress: Progress | None = None
) -> tuple[Loop, Prepared, dict[str, Any] | None]:
    with team.in_turns():
        prepared = prepare(config, progress)
    origin = None
    if init_from:
        origin = initialise(prepared.model, init_from, config.model, space_of(config, prepared.splits["train"]))
    return Loop(team, prepared), prepared, origin


def _save(workspace: Workspace, loop: Loop, prepared: Prepared, story: Story) -> None:
    state = loop.capture()
    document = {
        **state.document,
        "config": prepared.config.model_dump(mode="json"),
        "versions": _versions(prepared),
        "story": asdict(story),
    }
    workspace.save(Checkpoint(state.tensors, document), loop.table)


def _resume(workspace: Workspace, checkpoint: Checkpoint, loop: Loop, prepared: Prepared, now: Story) -> Story:
    """Bring the loop to where the checkpoint was taken, and go on with its story."""
    other = _difference(checkpoint.document, prepared)
    if other is not None:
        raise RunError(f"{workspace.path}: cannot be resumed, {other}; resume it as it began, or choose another --out")
    try:
        loop.restore(checkpoint)
        story = Story(**checkpoint.document["story"])
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{workspace.folder / 'checkpoint'}: does not fit this version of the program "
            f"({' '.join(str(error).split())[:120]}); choose another --out to train from the start"
        ) from None
    if now.init_from is not None and now.init_from != story.init_from:
        raise RunError(f"{workspace.path}: cannot be resumed, it began from other weights; leave --init-from away")
    code = tuple(dict.fromkeys((*story.code, *now.code)))
    processes = (*story.processes, *(placement for placement in now.processes if placement != story.processes[-1]))
    return replace(story, resumed=story.resumed + 1, code=code, processes=processes)


def _difference(document: Any, prepared: Prepared) -> str | None:
    """Say in a clause how a checkpoint's training differs from the one prepared, or return None."""
    try:
        stored = RunConfig.model_validate(document["config"])
    except (LookupError, ValidationError):
        return "its configuration is of another version of the program"
    if (other := difference(stored, prepared.config)) is not None:
        key, before, now = other
        return f"{key} was {before!r} and is {now!r}"
    if document.get("versions") != _versions(prepared):
        return f"the data {prepared.splits['test'].name} have changed since"
    return None


def _versions(prepared: Prepared) -> dict[str, str]:
    return {name: split.version for name, split in prepared.splits.items()}
