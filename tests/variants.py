"""Finished runs that differ from a trained one in what a test needs, without another training."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fisa.runs import Run, load_run
from fisa.runs.files import digest_of
from fisa.runs.format import read_digests, write_digests


def five_runs(tiny_runs: Path, folder: Path) -> Path:
    """Fill a folder with fisa, cnn, a run of another rate, one that saw smaller pictures, and another seed of fisa."""
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, folder / name)
    variant(tiny_runs / "fisa", folder / "slow", 1, training={"lr": 1e-4})
    variant(tiny_runs / "fisa", folder / "small", 2, data={"image_size": 32})
    variant(tiny_runs / "fisa", folder / "fisa-1", 3, training={"seed": 1})
    return folder


def variant(source: Path, target: Path, noise: int | None = None, **changes: Any) -> Run:
    """Copy a run with other settings and predictions, as if it had been trained so.

    Args:
        source: The run to copy.
        target: The new folder.
        noise: Seed of what is added to the logarithms of its predictions; None leaves them.
        changes: Section of the configuration -> what to change in it.
    """
    shutil.copytree(source, target)
    document = yaml.safe_load((target / "config.yaml").read_text(encoding="utf-8"))
    for section, values in changes.items():
        document[section] = {**document.get(section, {}), **values}
    contents = {"config.yaml": yaml.safe_dump(document).encode()}
    if noise is not None:
        contents["predictions.parquet"] = _moved(load_run(source).predictions, noise)
    for name, content in contents.items():
        (target / name).write_bytes(content)
    write_digests(target, read_digests(target) | {name: digest_of(content) for name, content in contents.items()})
    return load_run(target)


def _moved(predictions: pd.DataFrame, noise: int) -> bytes:
    labels = [name for name in predictions if name != "id"]
    chance = np.random.default_rng(noise).normal(0, 0.3, (len(predictions), len(labels)))
    rows = predictions[labels].to_numpy(float) * np.exp(chance)
    rows /= rows.sum(1, keepdims=True)
    stream = io.BytesIO()
    pd.DataFrame(rows.astype(np.float32), columns=labels).assign(id=predictions["id"]).to_parquet(stream, index=False)
    return stream.getvalue()
