"""Runs of a study as tasks of a Ray cluster: what comes out is what processes on one machine make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fisa.cluster import RETRIES, ClusterError, check_nodes, connected, task_reason
from fisa.runs import code_digest
from fisa.studies.attempt import attempt
from fisa.studies.folder import STUDY
from fisa.studies.plan import Cell
from fisa.studies.workers import News

Told = tuple[list[tuple[int, float, float]], str, str]
"""The epochs of a run, see ``fisa.studies.attempt.Listener``; and how it ended, and why."""


def train_on_cluster(cells: Sequence[Cell], folder: Path, address: str | None = None) -> Iterator[News]:
    """Train runs on a Ray cluster, one on each processor; their epochs are told when they end.

    A run whose process or machine is lost is begun anew elsewhere, and goes on from its checkpoint.

    Args:
        cells: What to train, in order; none of it finished.
        folder: That of the study, which every node sees under the same path.
        address: Of a cluster; None starts one on this machine.

    Raises:
        ClusterError: Ray is not installed, no cluster answers, or a node cannot do the work.
    """
    if not cells:
        return
    folder = folder.absolute()
    with connected(address) as ray:
        check_nodes(ray, _ready, folder, code_digest())
        remote = ray.remote(_train).options(num_cpus=1, max_retries=RETRIES)
        waiting, working = list(reversed(cells)), dict[Any, Cell]()
        try:
            while waiting or working:
                # Asked each time: nodes come and go.
                while waiting and len(working) < max(1, int(ray.cluster_resources().get("CPU", 1))):
                    cell = waiting.pop()
                    working[remote.remote(cell.config.model_dump(mode="json"), folder / cell.where)] = cell
                    yield News(cell, "begun")
                (first,), _ = ray.wait(list(working), num_returns=1)
                yield from _news(ray, first, working.pop(first))
        finally:
            for rest in working:
                ray.cancel(rest, force=True)


def _news(ray: Any, task: Any, cell: Cell) -> Iterator[News]:
    try:
        epochs, what, text = ray.get(task)
    except ray.exceptions.RayError as error:
        yield News(cell, "failed", task_reason(error))
        return
    for epoch in epochs:
        yield News(cell, "epoch", "", *epoch)
    yield News(cell, what, text)


# What follows runs on the nodes.


def _ready(folder: Path, code: str) -> None:
    """Raise ClusterError where this node cannot do the work."""
    if code_digest() != code:
        raise ClusterError("another version of this program is installed here; install the same on every node")
    if not (folder / STUDY).is_file():
        raise ClusterError(f"{folder}: is not seen here; every node must share the folder under the same path")


def _train(document: Mapping[str, Any], path: Path) -> Told:
    epochs: list[tuple[int, float, float]] = []
    what, text = attempt(document, path, lambda *epoch: epochs.append(epoch))
    return epochs, what, text
