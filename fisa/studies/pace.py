"""How far a study has come, and how long what is left may take, from the epochs that it has seen."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from fisa.runs import RunError
from fisa.studies.folder import StudyFolder
from fisa.studies.plan import Cell
from fisa.studies.workers import News


class Pace:
    """What of a study is done.

    Args:
        folder: Whose finished runs say how long an epoch of each system takes.
        planned: All runs, those not chosen yet included.

    Attributes:
        total: Number of runs.
    """

    def __init__(self, folder: StudyFolder, planned: Sequence[Cell]) -> None:
        self.total = len(planned)
        self._left = {cell.where: cell.config.training.epochs for cell in planned}
        self._systems = {cell.where: cell.system for cell in planned}
        self._seconds: dict[str, list[float]] = {}
        self._begun: float | None = None
        self._work = 0.0
        for cell in planned:
            if folder.finished(cell.where):
                del self._left[cell.where]
            if folder.trained(cell.where):  # what another machine took says nothing
                try:
                    self._seconds.setdefault(cell.system, []).extend(folder.run(cell.where).history["seconds"])
                except RunError:  # said where the run is needed
                    continue

    @property
    def done(self) -> int:
        """Runs that are finished or have failed."""
        return self.total - len(self._left)

    def note(self, news: News) -> None:
        """Take in what happened."""
        where = news.cell.where
        if news.what == "begun":
            self._begun = self._begun or time.monotonic()
        elif news.what == "epoch":
            self._seconds.setdefault(news.cell.system, []).append(news.seconds)
            self._left[where] = news.cell.config.training.epochs - news.epoch
            self._work += news.seconds
        else:
            self._left.pop(where, None)

    @property
    def seconds_left(self) -> float | None:
        """Estimate of what is left, at the speed of this call so far; None before the first epoch."""
        if self._begun is None or not self._work:
            return None
        work = sum(epochs * self.epoch_seconds(self._systems[where]) for where, epochs in self._left.items())
        return work * (time.monotonic() - self._begun) / self._work

    def epoch_seconds(self, system: str) -> float:
        """Return the median seconds of an epoch of a system, or of all where it was not seen yet; 0 before any."""
        seen = self._seconds.get(system) or [second for each in self._seconds.values() for second in each]
        return float(np.median(seen)) if seen else 0.0

    def costliest_first(self, cells: Sequence[Cell]) -> list[Cell]:
        """Order cells so that none that takes long is begun last; those of one seed and fold stay together."""
        order: dict[str, int] = {}
        for cell in cells:
            order.setdefault(cell.where.rpartition("/")[2], len(order))
        return sorted(cells, key=lambda cell: (order[cell.where.rpartition("/")[2]], -self.epoch_seconds(cell.system)))
