"""Data sets: a table of sources that all yield one manifest schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fisa.datasets.base import DataError, Dataset, Sample
from fisa.datasets.planted.dataset import PlantedDataset

__all__ = ["DATASETS", "DataError", "Dataset", "Sample", "open_dataset"]


def _planted(preset: str) -> Callable[[Path | None, str, int | None], Dataset]:
    def open_planted(root: Path | None, split: str, image_size: int | None) -> Dataset:
        if root is not None:
            raise DataError(f"{preset} is drawn, not read: leave its root away (got {root})")
        return PlantedDataset(preset, split, image_size)

    return open_planted


# name -> factory(root, split, image_size)
DATASETS: dict[str, Callable[[Path | None, str, int | None], Dataset]] = {
    "planted": _planted("planted"),
    "planted-small": _planted("planted-small"),
    "planted-tiny": _planted("planted-tiny"),
}


def open_dataset(
    name: str, root: str | Path | None = None, split: str = "test", image_size: int | None = None
) -> Dataset:
    """Open one split of a data set.

    Args:
        name: A key of ``DATASETS``.
        root: Folder that holds the data; None for data sets that are drawn.
        split: Such as ``train``, ``validation`` or ``test``; for planted data ``test`` is ``iid``.
        image_size: Side length in pixels of drawn images; None takes the data set's own. Photographs keep theirs.

    Raises:
        DataError: Unknown name or split, or a root that does not fit.
    """
    if name not in DATASETS:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name](None if root is None else Path(root), split, image_size)
