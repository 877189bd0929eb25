"""An engine for studies that trains in the test's own process."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from fisa.studies.attempt import attempt
from fisa.studies.plan import Cell
from fisa.studies.workers import News


def here(cells: Sequence[Cell], folder: Path) -> Iterator[News]:
    """Train one run after another; see fisa.studies.workers.train_apart."""
    for cell in cells:
        yield News(cell, "begun")
        epochs: list[News] = []
        document = cell.config.model_dump(mode="json")
        threads = torch.get_num_threads()
        told = attempt(
            document, folder / cell.where, lambda *epoch, of=cell, to=epochs: to.append(News(of, "epoch", "", *epoch))
        )
        torch.set_num_threads(threads)  # an attempt leaves one
        yield from epochs
        yield News(cell, *told)
