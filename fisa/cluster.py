"""Shards as tasks of a Ray cluster, to the folder of ``fisa.parts``.

Ray schedules the tasks, and starts a task anew whose process or machine was lost. Not Ray Data: its checkpoints (2.60,
beta) want an identifier unique to a row, where a path given twice is two rows here, hold all finished ones in memory
when they resume, and do not tell another run or list from the one that the work was begun with.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fisa.exceptions import FisaError
from fisa.files import find_files
from fisa.parts import MANIFEST, Part, Parts, write_draft
from fisa.prediction import Progress, count_files, cut, predict_batches
from fisa.runs import Run, RunError, code_digest, load_run
from fisa.shards import Shard, cut_shards, terms_of
from fisa.tables import alone

RETRIES = 3
"""How often a shard is begun anew whose process or machine was lost."""

AHEAD = 2
"""Shards under way for each processor: one that runs and one that waits. It bounds the memory of the caller."""

Watch = Callable[[int, Sequence[str]], None]
"""Called for each part with its rows and why images of it were refused."""


class ClusterError(FisaError, RuntimeError):
    """A cluster that cannot do the work; the message is one clear sentence."""


@dataclass(frozen=True)
class _Job:
    """What every node must see alike.

    Attributes:
        run: The run folder.
        run_digest: See ``fisa.runs.Run``.
        code: See ``fisa.runs.code_digest``.
        folder: Where the parts go.
        batch_size: Images that are predicted at once.
    """

    run: Path
    run_digest: str
    code: str
    folder: Path
    batch_size: int


def predict_parts(
    run: Run,
    paths: Iterable[Path],
    folder: Path,
    *,
    address: str | None = None,
    batch_size: int = 32,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> None:
    """Predict image files on a Ray cluster into a folder of Parquet parts; see ``fisa.parts``.

    Each shard is predicted on one processor of some node. Storage is shared: every node must see the run, the images
    and the folder under the same paths, and hold the same version of this program.

    Args:
        run: The run whose model predicts.
        paths: Files, folders or patterns, listed here; see ``fisa.files.find_files``.
        folder: Folder of the parts; made if it does not exist.
        address: Of a cluster, such as ``"auto"`` or ``"10.0.0.1:6379"``; None starts one on this machine, for as long
            as it takes. Where Ray is already connected, that cluster is used.
        batch_size: Images that are predicted at once.
        resume: Go on with the parts that an interrupted call left, if it left any.
        force: Without ``resume``, drop what is there.
        progress: Called with (files found, 0) while they are counted, then (files done, files in all) after each part.
        watch: Called with each part as it comes, those of earlier calls too.

    Raises:
        ClusterError: Ray is not installed, no cluster answers, or a node cannot do the work.
        ShardError: See ``fisa.parts.Parts``.
        TableError: Another process fills the folder, or the disk refuses.
    """
    folder = folder.absolute()
    paths = [path.absolute() for path in paths]
    job = _Job(run.path.absolute(), run.digest, code_digest(), folder, batch_size)
    with alone(folder), connected(address) as ray:
        parts = Parts(folder, terms_of(run, batch_size), resume, force)
        check_nodes(ray, _ready, job)
        total = count_files(paths, progress) if progress is not None else 0
        done = count = 0
        with closing(_Tasks(ray, job).made(cut_shards(find_files(paths)), parts)) as made:
            for part, reasons in made:
                count += 1
                done += part.rows
                if watch is not None:
                    watch(part.rows, reasons)
                if progress is not None:
                    progress(done, max(done, total))  # files may have come since they were counted
        parts.close(count)


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine for as long as it takes; yields the module ``ray``.

    Raises:
        ClusterError: Ray is not installed, or no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    try:
        import ray
    except ImportError:
        why = "the package ray is not installed"
        raise ClusterError(f"--engine ray: {why}; pip install -r requirements-cluster.txt") from None
    if ray.is_initialized():
        yield ray
        return
    try:
        _knock(address)
        ray.init(address, include_dashboard=None if address else False, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ClusterError(f"--address {address}: no Ray cluster answers there ({reason}); check it") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError at once where nothing answers; Ray would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def check_nodes(ray: Any, ready: Callable[..., None], *arguments: Any) -> None:
    """Call ``ready(*arguments)`` on every node; raise ClusterError for the first where it raises, naming the node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(ready)
    answers = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            options = probe.options(scheduling_strategy=place, num_cpus=0, max_retries=0)
            answers[options.remote(*arguments)] = node["NodeManagerAddress"]
    if not answers:
        raise ClusterError("the Ray cluster has no processor; add a node with `ray start --address`")
    for answer, name in answers.items():
        try:
            ray.get(answer)
        except ray.exceptions.RayError as error:
            raise ClusterError(f"node {name}: {task_reason(error)}") from None


class _Tasks:
    """The shards under way on a cluster."""

    def __init__(self, ray: Any, job: _Job) -> None:
        self._ray = ray
        self._job = job
        self._remote = ray.remote(_predict)
        self._under_way: dict[Any, Shard] = {}
        self._apart: set[int] = set()

    def made(self, shards: Iterable[Shard], parts: Parts) -> Generator[tuple[Part, Sequence[str]], None, None]:
        """Yield every part as it is there, with its refusals; those of earlier calls at their turn."""
        try:
            for shard in shards:
                if (part := parts.finished(shard)) is not None:
                    yield part, parts.reasons(part.number)
                    continue
                self._begin(shard, RETRIES)
                # Asked each time: nodes come and go.
                while len(self._under_way) >= AHEAD * max(1, int(self._ray.cluster_resources().get("CPU", 1))):
                    yield self._next(parts)
            while self._under_way:
                yield self._next(parts)
        finally:
            for rest in self._under_way:
                self._ray.cancel(rest, force=True)

    def _begin(self, shard: Shard, retries: int) -> None:
        task = self._remote.options(num_cpus=1, max_retries=retries)
        self._under_way[task.remote(self._job, shard, shard.number in self._apart)] = shard

    def _next(self, parts: Parts) -> tuple[Part, Sequence[str]]:
        """Wait for a shard and put its draft in place."""
        errors = self._ray.exceptions
        while True:
            (first,), _ = self._ray.wait(list(self._under_way), num_returns=1)
            shard = self._under_way.pop(first)
            try:
                part, draft, reasons = self._ray.get(first)
            except errors.RayError as error:
                lost = isinstance(error, (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError))
                if not lost or shard.number in self._apart:
                    raise ClusterError(f"shard {shard.number}: {task_reason(error)}") from None
                # Each try ended its process, so perhaps an image does: decoded apart, that one becomes known.
                self._apart.add(shard.number)
                self._begin(shard, 0)
                continue
            parts.add(part, draft)
            return part, reasons


def task_reason(error: Exception) -> str:
    """Return in one sentence why a task failed on its node."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, FisaError):  # named, and one sentence already
        return str(cause)
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"its task could not be run ({' '.join(lines[-1].split())[:160]}); see Ray's logs there"


# What follows runs on the nodes.


@cache
def _opened(job: _Job) -> Run:
    """Return the run, read once a process, after a check that this node sees what the caller sees.

    Raises:
        ClusterError: It does not.
    """
    if code_digest() != job.code:
        raise ClusterError("another version of this program is installed here; install the same on every node")
    try:
        run = load_run(job.run)
    except RunError as error:
        raise ClusterError(f"{error}, here: every node must see it under the same path") from None
    if run.digest != job.run_digest:
        raise ClusterError(f"{job.run}: is another run here; every node must see the same under this path")
    if not (job.folder / MANIFEST).is_file():
        raise ClusterError(f"{job.folder}: is not seen here; every node must share the folder under the same path")
    torch.set_num_threads(1)  # a task has one processor
    return run


def _ready(job: _Job) -> None:
    """Raise ClusterError where this node cannot do the work."""
    _opened(job)


def _predict(job: _Job, shard: Shard, apart: bool) -> tuple[Part, str, list[str]]:
    """Predict a shard into a draft; return the part it may become, the draft's name, and why images were refused.

    With ``apart`` a process of its own decodes, so that an image that ends it is refused by name.
    """
    run = _opened(job)
    batches = list(cut(shard.entries, job.batch_size)) or [()]
    with closing(predict_batches(run, batches, workers=int(apart))) as frames:
        rows = pd.concat(frames, ignore_index=True)
    part, draft = write_draft(job.folder, shard, rows)
    return part, draft, rows["refused"].dropna().tolist()
