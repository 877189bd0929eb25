"""Arrays that were computed once from a run and a data set, kept in the cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fisa.datasets import Dataset
from fisa.datasets.packed import cache_folder
from fisa.runs import Run, RunError
from fisa.runs.files import write_whole


def kept_file(kind: str, version: str, run: Run, dataset: Dataset) -> Path:
    """Return where arrays of a kind are kept.

    Args:
        kind: Folder inside the cache folder.
        version: Changes whenever the same run and data would give other arrays.
        run: Counts by its digest and the size of its images.
        dataset: Counts by name, split and version.
    """
    about = (version, run.digest, dataset.name, dataset.split, dataset.version, run.config.data.image_size)
    return cache_folder() / kind / f"{run.digest}-{hashlib.sha256(repr(about).encode()).hexdigest()[:16]}.safetensors"


def kept(file: Path, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Read arrays by name from a file, in any order, or compute them and try to keep them there."""
    found = kept_if_any(file)
    if found is None:
        found = compute()
        keep(file, found)
    return found


def kept_if_any(file: Path) -> dict[str, np.ndarray] | None:
    """Read arrays by name from a file, or return None where there is none that can be read."""
    with suppress(OSError, SafetensorError):
        found: dict[str, np.ndarray] = load(file.read_bytes())
        return found
    return None


def keep(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Try to keep arrays by name in a file; a cache that cannot be written costs time, nothing else."""
    with suppress(OSError, RunError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
