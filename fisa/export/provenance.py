"""Where an export comes from, in words that stand in every file of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fisa import __version__
from fisa.datasets import Dataset
from fisa.runs import Run, code_digest

UNKNOWN = "a file, of which nothing is known"
"""What the data of a person's own image are called."""


def words_of(dataset: Dataset) -> str:
    """Return what a split of a data set is called where an export says what it looked at."""
    return f"{dataset.name}, version {dataset.version}, split {dataset.split}"


def provenance_of(runs: Sequence[Run], data: str, image: tuple[str, str] | None, command: str) -> dict[str, str]:
    """Return where an export comes from, name -> words.

    Args:
        runs: What was asked.
        data: What was looked at, such as "planted, version 1a2b, split iid".
        image: Its name and its digest; None where all images are meant.
        command: That makes the export again.
    """
    about = {"run" if len(runs) == 1 else "runs": ", ".join(f"{run.name} (digest {run.digest})" for run in runs)}
    about["data"] = data
    if image is not None:
        about["image"], about["image digest"] = image
    return {**about, "program": program(), "command": command}


def program() -> str:
    """Return which version of this program, and which code, makes an export."""
    return f"FISA Studio {__version__}, code {code_digest()}"


def image_digest(source: Path | bytes | np.ndarray) -> str:
    """Return the SHA-256 of a file, as sha256sum prints it, or of the pixels where the image is drawn."""
    if isinstance(source, Path):
        source = source.read_bytes()
    content = source if isinstance(source, bytes) else np.ascontiguousarray(source).tobytes()
    return hashlib.sha256(content).hexdigest()
