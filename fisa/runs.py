"""The sole owner of a run folder: weights, config, history, predictions, provenance.

A run folder holds ``config.yaml``, ``model.safetensors``, ``history.csv``, ``metrics.json``,
``predictions.parquet`` (test split), ``provenance.json``, and where they were computed
``grades.json`` (explanation grades on planted data) and ``map.parquet`` (a 2-D projection).
A folder appears whole or not at all, and nothing overwrites one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fisa import __version__
from fisa.config import ConfigError, RunConfig, dump_config, load_config
from fisa.emotions import SPACES, EmotionSpace
from fisa.images import normalise, to_square
from fisa.models import ModelOutput, System, build_model
from fisa.records import Prediction

FORMAT = 1
REQUIRED = ("config.yaml", "model.safetensors", "history.csv", "metrics.json", "predictions.parquet", "provenance.json")


class RunError(ValueError):
    """A run folder that cannot be read or written; the message is one clear sentence."""


@dataclass(frozen=True)
class NewRun:
    """Everything that makes a run folder."""

    config: RunConfig
    space: EmotionSpace
    state: Mapping[str, Tensor]
    history: pd.DataFrame
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    provenance: Mapping[str, Any]


class Run:
    """A trained run, read from its folder. Weights are loaded on first use and never changed."""

    def __init__(self, path: Path) -> None:
        missing = [name for name in REQUIRED if not (path / name).is_file()]
        if not path.is_dir():
            raise RunError(f"{path}: no such run folder; `python -m fisa train` makes one")
        if missing:
            raise RunError(f"{path}: not a run folder, {missing[0]} is missing")
        self.path = path
        self.provenance = _read_json(path / "provenance.json")
        if self.provenance.get("format") != FORMAT:
            raise RunError(f"{path}: run format {self.provenance.get('format')!r}, this version reads {FORMAT}")
        try:
            self.config = load_config(path / "config.yaml")
        except ConfigError as error:
            raise RunError(str(error)) from None
        space = self.provenance.get("space")
        if not isinstance(space, str) or space not in SPACES:
            raise RunError(f"{path / 'provenance.json'}: unknown emotion space {space!r}; known: {', '.join(SPACES)}")
        self.space = SPACES[space]

    @property
    def name(self) -> str:
        """The name of the run folder."""
        return self.path.name

    @cached_property
    def digest(self) -> str:
        """Content digest of configuration and weights, 16 hex digits; the key for every cache."""
        whole = hashlib.sha256()
        for name in ("config.yaml", "model.safetensors"):
            whole.update((self.path / name).read_bytes())
        return whole.hexdigest()[:16]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Measures on the test split, as computed after training."""
        return _read_json(self.path / "metrics.json")

    @property
    def grades(self) -> dict[str, Any] | None:
        """Explanation grades on planted data, or None where none were computed."""
        file = self.path / "grades.json"
        return _read_json(file) if file.is_file() else None

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, seconds, train_loss, validation_kl, lr."""
        return _read_table(self.path / "history.csv", ("epoch", "seconds", "train_loss", "validation_kl", "lr"))

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Test-split predictions: id and one column per label."""
        return _read_table(self.path / "predictions.parquet", ("id", *self.space.labels))

    @property
    def map(self) -> pd.DataFrame | None:
        """A 2-D projection of the test split (id, x, y), or None where none was computed."""
        file = self.path / "map.parquet"
        return _read_table(file, ("id", "x", "y")) if file.is_file() else None

    @cached_property
    def model(self) -> System:
        """The model in evaluation mode, shared by all callers: do not change it."""
        model = build_model(self.config.model, len(self.space), pretrained=False)
        file = self.path / "model.safetensors"
        try:
            model.load_state_dict(load_file(file))
        except (RuntimeError, SafetensorError, OSError) as error:
            reason = " ".join(str(error).split())[:160]
            raise RunError(f"{file}: these weights do not fit config.yaml ({reason})") from None
        return model.eval().requires_grad_(False)

    def output(self, images: Sequence[np.ndarray], model: System | None = None) -> ModelOutput:
        """Run the model on uint8 RGB images [height, width, 3] of any size; one batch, on the CPU.

        Args:
            images: At least one.
            model: Stands in for the run's own model, fed in the same way (an untrained control, say).
        """
        size = self.config.data.image_size
        batch = normalise(np.stack([to_square(image, size) for image in images]))
        with torch.no_grad():
            output: ModelOutput = (model or self.model)(torch.from_numpy(batch).to(memory_format=torch.channels_last))
        return output

    def predict(self, images: Sequence[np.ndarray], batch_size: int = 64) -> Prediction:
        """Predict the distribution of each uint8 RGB image [height, width, 3]; N may be 0."""
        rows = [
            self.output(images[start : start + batch_size]).distribution.double().numpy()
            for start in range(0, len(images), batch_size)
        ]
        distribution = np.concatenate(rows) if rows else np.empty((0, len(self.space)))
        return Prediction(self.space.labels, distribution / distribution.sum(1, keepdims=True))

    def add_grades(self, grades: Mapping[str, Any]) -> None:
        """Write grades.json atomically."""
        _replace(self.path / "grades.json", _json(grades).encode())

    def add_map(self, points: pd.DataFrame) -> None:
        """Write map.parquet (id, x, y) atomically."""
        _replace(self.path / "map.parquet", points.to_parquet(index=False))


def load_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises:
        RunError: Missing folder or file, unknown format, or unreadable configuration.
    """
    return Run(Path(path))


def list_runs(folder: str | Path) -> list[Path]:
    """Return the sub-folders that look like runs, by name; an absent folder has none."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if (path / "provenance.json").is_file())


def refuse_existing(path: Path) -> None:
    """Raise RunError where a run could not be written without touching what is there."""
    if path.exists():
        raise RunError(f"{path}: already exists; choose another --out, nothing is overwritten")


def save_run(path: Path, new: NewRun) -> Run:
    """Write a new run folder: built beside its place, then renamed, so it is never seen half-written.

    Raises:
        RunError: ``path`` exists, or its parent cannot be written.
    """
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in new.state.items()}
        save_file(state, draft / "model.safetensors")
        (draft / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone; the rest follows the umask
        (draft / "config.yaml").write_text(dump_config(new.config), encoding="utf-8")
        (draft / "metrics.json").write_text(_json(new.metrics), encoding="utf-8")
        new.history.to_csv(draft / "history.csv", index=False, float_format="%.6g")
        new.predictions.to_parquet(draft / "predictions.parquet", index=False)
        provenance = {"format": FORMAT, "space": new.space.name, **new.provenance, **_versions()}
        (draft / "provenance.json").write_text(_json(provenance), encoding="utf-8")
        draft.chmod(0o755)
        os.rename(draft, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return load_run(path)


def free_path(folder: Path, name: str) -> Path:
    """Return the first of ``folder/name-1``, ``folder/name-2``, ... that does not exist."""
    number = 1
    while (folder / f"{name}-{number}").exists():
        number += 1
    return folder / f"{name}-{number}"


def _versions() -> dict[str, Any]:
    packages = ("torch", "lightning-fabric", "numpy", "pillow")
    return {
        "fisa": __version__,
        "packages": {name: metadata.version(name) for name in packages},
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read as JSON ({error})") from None
    if not isinstance(document, dict):
        raise RunError(f"{file}: expected a JSON object")
    return document


def _read_table(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read as a table ({str(error).splitlines()[0]})") from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise RunError(f"{file}: the column {missing[0]!r} is missing")
    return table


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        draft.write_bytes(content)
        os.replace(draft, file)
    except OSError as error:
        raise RunError(f"{file}: cannot be written ({error.strerror})") from None
    finally:
        draft.unlink(missing_ok=True)
