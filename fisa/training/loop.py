"""The loop, an epoch at a time, and its state between epochs."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NoReturn

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fisa.datasets.sequences import SequenceInputs
from fisa.evaluation import Progress, predict_packed
from fisa.exceptions import FisaError
from fisa.models import ModelOutput, System
from fisa.objectives import Objective
from fisa.runs import Checkpoint
from fisa.tasks import TASKS
from fisa.training.batches import Batch, batches
from fisa.training.optimisation import build_optimizer, build_schedule
from fisa.training.pointing import Pointing
from fisa.training.preparation import Prepared
from fisa.training.team import Abandoned, Team

NAMED = 3
"""How many of many samples a message names."""


class TrainingError(FisaError, RuntimeError):
    """Training that cannot go on; the message is one clear sentence."""


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; one row of ``history.csv``.

    Attributes:
        epoch: From 1.
        seconds: Time that it took.
        train_loss: Mean of the total loss over its batches.
        validation: The task's validation number; its column is named ``validation_<error>``.
        lr: Learning rate at its end.
    """

    epoch: int
    seconds: float
    train_loss: float
    validation: float
    lr: float


class Loop:
    """A training between two epochs: :meth:`advance` it, :meth:`capture` it, :meth:`restore` it exactly.

    Every process of a team advances a loop of its own, in step with the others; all reach the same state.

    Attributes:
        history: The epochs so far.
        kept: State of the model after :attr:`kept_epoch`.
        normalisation: Over what a step takes the means and variances of batch normalisation: ``batch``, or ``share``,
            this process's part of it; None where no statistics follow the images.
    """

    def __init__(self, team: Team, prepared: Prepared) -> None:
        self._team, self._fabric = team, team.fabric
        self._prepared, self._settings = prepared, prepared.config.training
        self._steps = math.ceil(len(prepared.train.images) / self._settings.batch_size)
        model = prepared.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self._settings.freeze_backbone:
            model.backbone.requires_grad_(False)
        self.normalisation = self._normalisation(model)
        if self.normalisation == "share" and self._fabric.device.type == "cuda":  # torch synchronises there alone
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            self.normalisation = "batch"
        self._optimizer = build_optimizer(model, self._settings)
        self._scheduler = build_schedule(self._optimizer, self._settings, self._steps * self._settings.epochs)
        self._model, self._stepper = self._fabric.setup(model, self._optimizer)
        self._objective = prepared.objective.to(self._fabric.device)
        self._pointing = Pointing(prepared.config.objective) if prepared.config.objective.pointing else None
        self._task = TASKS[prepared.config.task]
        self._order = np.random.default_rng(self._settings.seed)
        self.history: list[Epoch] = []
        self.kept: dict[str, Tensor] = {}

    @property
    def table(self) -> pd.DataFrame:
        """The history as a run stores it."""
        rows = [asdict(epoch) for epoch in self.history]
        return pd.DataFrame(rows).rename(columns={"validation": f"validation_{self._task.error}"})

    @property
    def best_epoch(self) -> Epoch:
        """The first of the epochs with the lowest validation number."""
        return min(self.history, key=lambda epoch: epoch.validation)

    @property
    def kept_epoch(self) -> Epoch:
        """The one whose weights the run has."""
        return self.history[-1] if self._settings.keep == "last" else self.best_epoch

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        done, patience = len(self.history), self._settings.patience
        if done == 0 or patience is None:
            return done == self._settings.epochs
        return done == self._settings.epochs or done - self.best_epoch.epoch >= patience

    def advance(self, progress: Progress | None = None) -> Epoch:
        """Train an epoch and validate.

        Raises:
            TrainingError: In rank zero: a loss or a prediction is not finite; names epoch, step and samples.
            Abandoned: In any other process, then.
        """
        started, losses = time.monotonic(), []
        before = len(self.history) * self._steps
        self._model.train()
        if self._settings.freeze_backbone:
            self._model.module.backbone.eval()  # else its normalisation would follow the new images
        for step, batch in enumerate(batches(self._prepared.train, self._settings, self._order, self._team.share)):
            losses.append(self.step(step, batch))
            if progress is not None:
                progress(before + step + 1, self._settings.epochs * self._steps)
        error = self._team.broadcast_number(self._validate() if self._team.leads else 0.0)
        lr = float(self._scheduler.get_last_lr()[0])
        seconds = time.monotonic() - started
        self.history.append(Epoch(len(self.history) + 1, seconds, float(np.mean(losses)), error, lr))
        if self.kept_epoch is self.history[-1]:
            self.kept = copy.deepcopy(self._model.module.state_dict())
        if self._team.size > 1:
            self._agree_on_chance()
        return self.history[-1]

    def _agree_on_chance(self) -> None:
        """Bring every process to the random numbers of rank zero, from which a resumed training goes on, too.

        Dropout draws as many as a share has images, and shares may differ by one.
        """
        own = _random_states(self._fabric.device)
        told = {name: self._team.broadcast_bytes(state.numpy().tobytes()) for name, state in own.items()}
        states = {name: torch.frombuffer(bytearray(content), dtype=torch.uint8) for name, content in told.items()}
        _set_random_states(states, self._fabric.device)

    def step(self, step: int, batch: Batch) -> float:
        """Train on a batch, the one of index ``step`` in its epoch, and return the loss.

        Raises:
            TrainingError: The loss is not finite.
        """
        images = self._fabric.to_device(batch.images)
        output = self._model(images, explain=False)
        target = self._fabric.to_device(batch.target)
        # A term is a mean over samples (launch refuses others), so the batch's loss is the weighted sum of the shares'.
        ratings = None if batch.ratings is None else self._fabric.to_device(batch.ratings)
        part = self._objective(output, target, ratings)["total"] * batch.weight
        if self._pointing is not None:
            part = part + self._prepared.config.objective.pointing * self._pointing(self._model, images, output, target)
        loss = self._team.total(part.detach())
        if not torch.isfinite(loss):
            guilty = self._guilty(output, target, ratings, batch)
            self._stop(f"the loss became {loss.item()} in step {step + 1}", guilty)
        self._stepper.zero_grad(set_to_none=True)
        self._fabric.backward(part * self._team.size)  # the mean over processes, which DDP takes, is then the sum
        self._fabric.clip_gradients(self._model, self._stepper, max_norm=self._settings.gradient_clip)
        self._stepper.step()
        self._scheduler.step()
        return float(loss.item())

    def _validate(self) -> float:
        """Return the task's number; predicts in this process alone, as the wrapped model would not."""
        validation = self._prepared.validation
        predicted = predict_packed(self._model.module.eval(), validation.images, task=self._task)
        broken = ~np.isfinite(predicted).all(1)
        if broken.any():
            ids = self._prepared.splits["validation"].manifest["id"].to_numpy()  # of sequences, one a step
            self._stop("a validation prediction is not finite", ids[broken])
        # Not those of the data set, from which training.shuffle_labels takes them away.
        known = validation.ratings if self._task.name == "valence_arousal" else validation.target
        assert known is not None
        if isinstance(validation.images, SequenceInputs):
            known = known[validation.images.exists]
        return self._task.validate(known, predicted)

    def _guilty(self, output: ModelOutput, target: Tensor, ratings: Tensor | None, batch: Batch) -> np.ndarray:
        """Return the ids of the batch's samples whose own loss is not finite; all, where only the sum is not."""
        found = torch.zeros(len(batch.rows), device=self._fabric.device)
        if batch.weight:
            found[batch.share] = _not_finite(self._objective, output, target, ratings).float()
        marked = self._team.total(found).cpu().numpy() > 0
        ids: np.ndarray = self._prepared.train.ids[batch.rows]
        return ids[marked] if marked.any() else ids

    def _stop(self, what: str, ids: np.ndarray) -> NoReturn:
        if not self._team.leads:
            raise Abandoned
        named = ", ".join(str(name) for name in ids[:NAMED])
        if len(ids) > NAMED:
            named += f" and {len(ids) - NAMED} more"
        raise TrainingError(
            f"{self._prepared.config.name}: {what} of epoch {len(self.history) + 1} "
            f"(samples {named}); lower training.lr"
        )

    def _normalisation(self, model: System) -> str | None:
        frozen = set(model.backbone.modules()) if self._settings.freeze_backbone else set()
        if not any(isinstance(layer, _BatchNorm) and layer not in frozen for layer in model.modules()):
            return None
        return "batch" if self._team.size == 1 else "share"

    def capture(self) -> Checkpoint:
        """Return everything that the next epoch depends on."""
        stored = self._optimizer.state_dict()
        state = {(str(index), name): value for index, held in stored["state"].items() for name, value in held.items()}
        tensors = {f"model/{name}": tensor for name, tensor in self._model.module.state_dict().items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.kept.items()}
        tensors |= {f"optimizer/{index}/{name}": value for (index, name), value in state.items()}
        tensors |= {f"random/{name}": state for name, state in _random_states(self._fabric.device).items()}
        document = {
            "optimizer": stored["param_groups"],
            "scheduler": self._scheduler.state_dict(),
            "scaler": self._fabric.strategy.precision.state_dict(),
            "order": self._order.bit_generator.state,
            "python": random.getstate(),
            "history": [asdict(epoch) for epoch in self.history],
        }
        return Checkpoint(tensors, document)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over what :meth:`capture` returned, be it from another process."""
        document = checkpoint.document
        self._model.module.load_state_dict(_below(checkpoint, "model/"))
        self.kept = _below(checkpoint, "best/")
        self._optimizer.load_state_dict(
            {"state": self._optimizer_state(checkpoint), "param_groups": document["optimizer"]}
        )
        self._scheduler.load_state_dict(document["scheduler"])
        self._fabric.strategy.precision.load_state_dict(document["scaler"])
        self._order.bit_generator.state = document["order"]
        version, words, gauss = document["python"]
        random.setstate((version, tuple(words), gauss))
        _set_random_states(_below(checkpoint, "random/"), self._fabric.device)
        self.history = [Epoch(**row) for row in document["history"]]

    def _optimizer_state(self, checkpoint: Checkpoint) -> dict[int, dict[str, Tensor]]:
        parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _below(checkpoint, "optimizer/").items():
            index, _, name = key.partition("/")
            like = parameters[int(index)]
            # A moment has the memory layout of its parameter; another layout may round differently.
            moment = torch.empty_like(like).copy_(value) if value.shape == like.shape and value.ndim else value
            state.setdefault(int(index), {})[name] = moment.detach()
        return state


def _below(checkpoint: Checkpoint, prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in checkpoint.tensors.items() if name.startswith(prefix)}


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's random numbers: those of the processor, and of the device if it is another."""
    states = {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Go on from what :func:`_random_states` returned, be it on another kind of device."""
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def _not_finite(objective: Objective, output: ModelOutput, target: Tensor, ratings: Tensor | None) -> Tensor:
    """Return which samples of a batch have a loss of their own that is not finite, bool [B]."""
    losses = []
    with torch.no_grad():
        for row in range(len(target)):
            names = ("logits", "distribution", "raw", "features", "evidence", "ratings")
            own = {name: getattr(output, name)[row : row + 1] for name in names if getattr(output, name) is not None}
            own |= {"extras": {name: part[row : row + 1] for name, part in output.extras.items()}}
            rated = None if ratings is None else ratings[row : row + 1]
            losses.append(objective(ModelOutput(**own), target[row : row + 1], rated)["total"])
    return ~torch.isfinite(torch.stack(losses))
