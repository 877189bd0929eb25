"""The processes that train one model together: what each does of a batch, what they tell one another, how they end.

Every process holds the whole model. Messages are tensors; nothing is pickled on the way. Rank zero alone writes and
speaks, and its exit status is that of the training.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from fisa.exceptions import FisaError

INTERVAL = 0.25
"""Seconds between two looks at whether another process failed."""

PATIENCE = 10.0
"""Seconds that a process which failed waits for rank zero to say so and end."""

EXPECTED = (MemoryError, OSError, torch.OutOfMemoryError)
"""What may happen to a program without a fault: the sentence is enough."""

LOST = "another process of this training ended, killed or out of memory; go on with --resume"


class ProcessError(FisaError, RuntimeError):
    """Another process failed; the message is one clear sentence, for rank zero to say."""


class Abandoned(RuntimeError):
    """This process cannot go on, and rank zero says why: it is to end without a word, and with exit status 0.

    Not with 1, because Fabric kills rank zero when a process that it started ends so, perhaps before it could speak.
    """


class Team:
    """The processes of one training; made by :func:`fisa.training.placement.launch`, in each of them.

    Args:
        fabric: Launched.
        notice: Takes a sentence that whoever trains should read; called in rank zero only.

    Attributes:
        size: Number of processes.
        leads: Whether this one is rank zero.
    """

    def __init__(self, fabric: Fabric, notice: Callable[[str], None]) -> None:
        self.fabric = fabric
        self.size, self.leads = fabric.world_size, fabric.is_global_zero
        self._notice = notice

    @property
    def placement(self) -> dict[str, Any]:
        """What provenance says of it: ``count`` of processes, ``nodes``, ``accelerator``, ``strategy``."""
        strategy = self.fabric.strategy
        nodes, name = (strategy.num_nodes, "ddp") if isinstance(strategy, DDPStrategy) else (1, "single")
        return {"count": self.size, "nodes": nodes, "accelerator": self.fabric.device.type, "strategy": name}

    def notice(self, sentence: str) -> None:
        """Pass on a sentence, once for all processes."""
        if self.leads:
            self._notice(sentence)

    def share(self, count: int) -> slice:
        """Return which of ``count`` samples this process takes; the shares differ by one sample at most."""
        rank = self.fabric.global_rank
        return slice(rank * count // self.size, (rank + 1) * count // self.size)

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of ``value`` over the processes, the same in each."""
        if self.size == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value

    def broadcast_number(self, number: float) -> float:
        """Return what ``number`` is in rank zero."""
        if self.size == 1:
            return number
        value = torch.tensor(number, dtype=torch.float64, device=self.fabric.device)
        dist.broadcast(value, src=0)
        return float(value.item())

    def broadcast_bytes(self, content: bytes) -> bytes:
        """Return what ``content`` is in rank zero."""
        size = int(self.broadcast_number(len(content)))
        if self.size == 1 or size == 0:
            return content if self.leads else b""
        buffer = torch.frombuffer(bytearray(content if self.leads else size), dtype=torch.uint8).to(self.fabric.device)
        dist.broadcast(buffer, src=0)
        return buffer.cpu().numpy().tobytes()

    @contextmanager
    def in_turns(self) -> Iterator[None]:
        """Enter in rank zero first, then in the first process of each other machine, then in all.

        What one writes for the others, such as packed images, is there when they look for it.
        """
        turn = 0 if self.leads else 1 if self.fabric.local_rank == 0 else 2
        for _ in range(turn):
            self.fabric.barrier()
        yield
        for _ in range(turn, 2):
            self.fabric.barrier()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Within, no process waits for one that has failed: all end, and rank zero says why.

        Raises:
            ProcessError: In rank zero: another process failed.
            Abandoned: In any other: this or another process failed, and rank zero knows.
        """
        if self.size == 1:
            yield
            return
        watch = _Watch(self.leads, self._notice)
        watch.start()
        try:
            yield
        except BaseException as error:
            watch.stop()
            if self.leads:
                if _is_lost_connection(error):
                    raise ProcessError(watch.failure() or LOST) from None
            elif _is_lost_connection(error) or isinstance(error, Abandoned | KeyboardInterrupt):  # rank zero knows
                raise Abandoned from None
            else:
                named = isinstance(error, FisaError)
                place = f"process {self.fabric.global_rank} of {self.size}"
                watch.announce(str(error) if named else f"{place}: {type(error).__name__}: {error}")
                if named or isinstance(error, EXPECTED):
                    raise Abandoned from None  # else the traceback of a fault in the program is shown
            raise
        watch.stop()
        self.fabric.barrier()  # so that the store of rank zero outlives every watch


class _Watch(threading.Thread):
    """Ends this process when another failed, for it may wait for that one where no exception reaches it.

    Inside a collective the interpreter waits for all processes; gloo notices when one is gone, NCCL for long does not.
    """

    def __init__(self, leads: bool, notice: Callable[[str], None]) -> None:
        super().__init__(name="team-watch", daemon=True)
        self._leads, self._notice = leads, notice
        # A connection of its own: that of the process group may be busy waiting.
        place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        self._store = dist.TCPStore(*place, is_master=False)  # type: ignore[attr-defined]
        # torchrun keeps one store over the attempts of a job.
        self._key = f"fisa/failure/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
        self._stopped, self._ending = threading.Event(), threading.Lock()

    def run(self) -> None:
        """Look at intervals, until stopped."""
        while not self._stopped.wait(INTERVAL):
            if self.failure() if self._leads else not self._alive():
                with self._ending:
                    if not self._stopped.is_set():
                        self._end()

    def stop(self) -> None:
        """Watch no longer; where the end has begun, this does not return."""
        with self._ending:
            self._stopped.set()

    def failure(self) -> str | None:
        """Return what another process announced, if any did."""
        with suppress(RuntimeError):
            if self._store.check([self._key]):
                return str(self._store.get(self._key).decode())
        return None

    def announce(self, sentence: str) -> None:
        """Let rank zero say why this process failed, and wait until it is gone."""
        with suppress(RuntimeError):
            self._store.compare_set(self._key, "", " ".join(sentence.split()))  # the first sentence stays
        deadline = time.monotonic() + PATIENCE
        while self._alive() and time.monotonic() < deadline:
            time.sleep(INTERVAL)

    def _alive(self) -> bool:
        """Whether rank zero is: it holds the store."""
        try:
            self._store.num_keys()
        except RuntimeError:
            return False
        return True

    def _end(self) -> None:
        if not self._leads:
            os._exit(0)  # see Abandoned
        self._notice(self.failure() or LOST)
        os._exit(1)


def _is_lost_connection(error: BaseException) -> bool:
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
