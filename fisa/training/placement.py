"""On what a training runs: accelerator, devices, machines, strategy. None of it is configuration."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from lightning_fabric import Fabric
from lightning_fabric.accelerators.cpu import CPUAccelerator
from lightning_fabric.accelerators.cuda import CUDAAccelerator
from lightning_fabric.accelerators.mps import MPSAccelerator
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException

from fisa.config import ConfigError, RunConfig
from fisa.exceptions import FisaError
from fisa.training.team import Team

ACCELERATORS = {"mps": MPSAccelerator, "cuda": CUDAAccelerator, "cpu": CPUAccelerator}
"""In the order in which ``auto`` takes what there is; Fabric's order."""

WAIT = timedelta(hours=3)
"""How long processes wait for one another at most: rank zero may draw or decode a large data set first."""

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every process on standard error


class PlacementError(FisaError, ValueError):
    """Devices or processes that are not there or do not fit; the message is one clear sentence."""


@dataclass(frozen=True)
class Placement:
    """Where and in how many processes to train: how fast, not what comes out; so no part of the configuration.

    Attributes:
        accelerator: Kind of device; ``auto`` takes mps, cuda or cpu, the first that is there.
        devices: On each machine, a process for each; ``auto`` takes all of an accelerator, and one cpu. None takes what
            torchrun or SLURM started, else one.
        nodes: Machines; None takes those of torchrun or SLURM, else one.
        strategy: ``auto`` is ``ddp`` for several processes; ``ddp_find_unused_parameters_true`` is for a model of which
            a step may leave parts unused. Fabric's sharded strategies (FSDP, DeepSpeed) are none of these: no process
            would hold the weights that a checkpoint stores.
    """

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int | Literal["auto"] | None = None
    nodes: int | None = None
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_true"] = "auto"


def launch(
    config: RunConfig, placement: Placement | None = None, notice: Callable[[str], None] = lambda sentence: None
) -> Team:
    """Start every process of a training, and return what binds this one to the others.

    Under torchrun or SLURM the processes run already. Else Fabric starts all but this one, by the same command, and
    they come to this call too: nothing before it may write.

    Args:
        config: Of the training.
        placement: By default one process.
        notice: Takes a sentence that whoever trains should read; called in rank zero only.

    Raises:
        PlacementError: There is no such accelerator, or not so many devices, or not so many processes were started.
        ConfigError: A batch is smaller than the number of processes, or the objective compares its images.
    """
    placement = placement or Placement()
    kind = _accelerator(placement)
    devices, nodes = _processes(placement, kind)
    parallel = devices * nodes > 1 or placement.strategy != "auto"
    unused = placement.strategy == "ddp_find_unused_parameters_true"
    if parallel:  # the processes that Fabric starts inherit it: c10d warns at length of what Team says in a sentence
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        fabric = Fabric(
            accelerator=kind,
            devices=devices,
            num_nodes=nodes,
            strategy=DDPStrategy(timeout=WAIT, find_unused_parameters=unused) if parallel else "auto",
            precision=config.training.precision,
        )
        if config.training.batch_size < fabric.world_size:
            raise ConfigError(
                f"{config.name}: training.batch_size {config.training.batch_size} leaves some of {fabric.world_size} "
                "processes without an image; raise it, or lower --devices or --nodes"
            )
        if config.objective.compares_images and fabric.world_size > 1:
            raise ConfigError(
                f"{config.name}: objective.metric, code_similarity, closeness, pointing and the ratings_loss ccc take "
                f"a batch's images together, of which each of {fabric.world_size} processes would see its share alone; "
                "train in one process"
            )
        fabric.launch()
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise PlacementError(f"{nodes} x {devices} processes on {kind} cannot be started ({reason})") from None
    return Team(fabric, notice)


def _accelerator(placement: Placement) -> str:
    there = [kind for kind, accelerator in ACCELERATORS.items() if accelerator.is_available()]
    if placement.accelerator == "auto":
        return there[0]
    if placement.accelerator not in there:
        raise PlacementError(f"--accelerator {placement.accelerator}: this machine has {' and '.join(there)} only")
    return placement.accelerator


def _processes(placement: Placement, kind: str) -> tuple[int, int]:
    """Return the number of processes on each machine, and of machines."""
    outside = _started_outside()
    devices, nodes = placement.devices, placement.nodes or (outside[1] if outside else 1)
    count = ACCELERATORS[kind].auto_device_count()
    if devices is None:
        devices = outside[0] if outside else 1
    elif devices == "auto":
        devices = count
    if kind != "cpu" and devices > count:
        raise PlacementError(f"--devices {devices}: this machine has {count} of {kind}; name at most so many")
    if outside and devices * nodes != outside[0] * outside[1]:
        raise PlacementError(
            f"--devices {devices} --nodes {nodes}: {outside[1]} x {outside[0]} processes were started from outside; "
            "leave both options away"
        )
    return devices, nodes


def _started_outside() -> tuple[int, int] | None:
    """Return how many processes on each machine, and on how many machines, torchrun or SLURM started, if one did."""
    if TorchElasticEnvironment.detect():
        world, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return here, world // here
    if SLURMEnvironment.detect():
        world, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ.get("SLURM_NNODES", 1))
        return world // nodes, nodes
    return None
