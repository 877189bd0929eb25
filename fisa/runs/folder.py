"""A finished run: its folder read, checked and written. docs/run-format.md describes every file.

``digests.json`` is written last, so that a folder with it is finished. It lists the SHA-256 of every other file that
belongs to the run; what it does not list is never read, and what is read was compared with it first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from fisa.config import ConfigError, FeaturesBackboneConfig, RunConfig, dump_config, parse_config
from fisa.drafts import new_folder
from fisa.emotions import DIMENSIONS, EmotionSpace
from fisa.images import normalise, to_square
from fisa.models import BackboneError, ModelOutput, System, build_model
from fisa.records import Prediction
from fisa.runs.files import (
    RunError,
    digest_of,
    dump_json,
    dump_tensors,
    parse_json,
    parse_table,
    parse_tensors,
    read_bytes,
    reason_of,
    write_whole,
)
from fisa.runs.format import (
    DIGESTS,
    FORMAT,
    KNOWN_SPACES,
    OPTIONAL,
    READER,
    REQUIRED,
    add_file,
    check_folder,
    check_provenance,
    check_state,
    is_unfinished,
    read_digests,
    write_digests,
)
from fisa.runs.provenance import surroundings
from fisa.tasks import TASKS, Task


@dataclass(frozen=True)
class NewRun:
    """Everything that makes a run folder; ``splits`` (id, split) where the data are not drawn."""

    config: RunConfig
    space: EmotionSpace
    state: Mapping[str, Tensor]
    history: pd.DataFrame
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    provenance: Mapping[str, Any]
    splits: pd.DataFrame | None = None


class Run:
    """A finished run, read from its folder.

    Opening checks the configuration, the provenance and the measures; every other file is checked when it is first
    read, and kept. Weights are never changed.

    Args:
        path: The run folder.

    Raises:
        RunError: It is no finished run, of another format, or a file is not what was stored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_folder(path)
        self._digests = read_digests(path)
        self.provenance = parse_json(self._read("provenance.json"), path / "provenance.json")
        check_provenance(self.provenance, path / "provenance.json")
        self.space = KNOWN_SPACES[self.provenance["space"]]
        file = path / "config.yaml"
        try:
            self.config = parse_config(self._read("config.yaml").decode("utf-8"), str(file))
        except (ConfigError, UnicodeDecodeError) as error:
            raise RunError(f"{file}: cannot be used ({reason_of(error)})") from None
        self.metrics: dict[str, Any] = parse_json(self._read("metrics.json"), path / "metrics.json")
        """Measures on the test split, as computed after training."""

    @property
    def name(self) -> str:
        """The name of the run folder."""
        return self.path.name

    @property
    def task(self) -> Task:
        """What it predicts and is measured by."""
        return TASKS[self.config.task]

    @cached_property
    def digest(self) -> str:
        """Content digest of configuration and weights, 16 hex digits; the key for every cache."""
        both = (self._digests["config.yaml"], self._digests["model.safetensors"])
        return hashlib.sha256("".join(both).encode()).hexdigest()[:16]

    @property
    def grades(self) -> dict[str, Any] | None:
        """Explanation grades on planted data, or None where none were computed."""
        name = "grades.json"
        return parse_json(self._read(name), self.path / name) if name in self._digests else None

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, seconds, train_loss, validation_kl (or that of another task), lr."""
        return parse_table(self._read("history.csv"), self.path / "history.csv", (), self.task.history)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Test-split predictions: id and one column per label, rows sum to 1; or valence and arousal, -1 to 1."""
        file = self.path / "predictions.parquet"
        columns = self.task.stored(self.space)
        table = parse_table(self._read(file.name), file, ("id",), columns)
        if self.task.wrong_stored(table[list(columns)].to_numpy(float)).any():
            raise RunError(f"{file}: {self.task.stored_refusal.format(space=self.space.name)}")
        return table

    @property
    def splits(self) -> pd.DataFrame | None:
        """Which image was in which split (id, split), or None for drawn data, whose splits are drawn, too."""
        name = "splits.parquet"
        return parse_table(self._read(name), self.path / name, ("id", "split"), ()) if name in self._digests else None

    @property
    def map(self) -> pd.DataFrame | None:
        """A 2-D projection of the test split (id, x, y), or None where none was computed."""
        name = "map.parquet"
        return parse_table(self._read(name), self.path / name, ("id",), ("x", "y")) if name in self._digests else None

    @cached_property
    def model(self) -> System:
        """The model in evaluation mode, shared by all callers: do not change it."""
        file = self.path / "model.safetensors"
        try:
            rates = self.config.objective.ratings > 0
            model = build_model(self.config.model, self.space, pretrained=False, ratings=rates)
        except (BackboneError, ConfigError, RuntimeError, MemoryError) as error:
            raise RunError(f"{self.path / 'config.yaml'}: the model cannot be built ({reason_of(error)})") from None
        state = parse_tensors(self._read(file.name), file)
        check_state(state, model, file)
        model.load_state_dict(state)
        return model.eval().requires_grad_(False)

    @property
    def takes_vectors(self) -> bool:
        """Whether the model takes feature vectors instead of images."""
        return isinstance(self.config.model.backbone, FeaturesBackboneConfig)

    def refuse_unless_of_images(self) -> None:
        """Raise RunError where the run predicts from something else than single images."""
        if self.task.name == "sequence":
            raise RunError(f"{self.path}: predicts the steps of sequences, not single images; evaluate it on its data")
        if self.takes_vectors:
            raise RunError(f"{self.path}: predicts from feature vectors, not from images; evaluate it on its data")

    def output(self, images: Sequence[np.ndarray], model: System | None = None, explain: bool = True) -> ModelOutput:
        """Run the model on uint8 RGB images [height, width, 3] of any size; one batch, on the CPU.

        Args:
            images: At least one.
            model: Stands in for the run's own model, fed in the same way (an untrained control, say).
            explain: Also return the matrices between emotions.

        Raises:
            RunError: The weights cannot be used, or what they predict is no number.
        """
        self.refuse_unless_of_images()
        size = self.config.data.image_size
        batch = normalise(np.stack([to_square(image, size) for image in images]))
        inputs = torch.from_numpy(batch).to(memory_format=torch.channels_last)
        model = model or self.model  # built before gradients are off: some backbones are measured by theirs
        with torch.no_grad():
            output: ModelOutput = model(inputs, explain)
        ratings = output.ratings
        if not output.distribution.isfinite().all() or not (ratings is None or ratings.isfinite().all()):
            raise RunError(
                f"{self.path / 'model.safetensors'}: these weights predict no finite numbers for an image; train again"
            )
        return output

    def predict(self, images: Sequence[np.ndarray], batch_size: int = 64) -> Prediction:
        """Predict the distribution of each uint8 RGB image [height, width, 3], and its ratings; N may be 0."""
        model = self.model  # loaded before inference mode, which would make its weights unfit for gradients
        with torch.inference_mode():
            outputs = [
                self.output(images[start : start + batch_size], model, explain=False)
                for start in range(0, len(images), batch_size)
            ]
        return prediction_of(self, outputs)

    def add_grades(self, grades: Mapping[str, Any]) -> None:
        """Write grades.json, whole or not at all."""
        self._digests = add_file(self.path, "grades.json", dump_json(grades).encode())

    def add_map(self, points: pd.DataFrame) -> None:
        """Write map.parquet (id, x, y), whole or not at all."""
        self._digests = add_file(self.path, "map.parquet", points.to_parquet(index=False))

    def _read(self, name: str) -> bytes:
        content = read_bytes(self.path / name)
        if name in OPTIONAL and digest_of(content) != self._digests[name]:
            self._digests = read_digests(self.path)  # another process may have added it anew since
        if digest_of(content) != self._digests.get(name):
            raise RunError(
                f"{self.path / name}: changed since it was stored, its digest is not that of {DIGESTS}; "
                "restore the file, or train the run again"
            )
        return content


def prediction_of(run: Run, outputs: Sequence[ModelOutput]) -> Prediction:
    """Return what a run's outputs predict, as records."""
    distribution = _rows([output.distribution for output in outputs], len(run.space))
    ratings = None
    if run.config.objective.ratings:
        raw = _rows([output.ratings for output in outputs if output.ratings is not None], len(DIMENSIONS))
        ratings = TASKS["valence_arousal"].settle(raw)
    if len(run.space):
        distribution = TASKS["distribution"].settle(distribution)
    return Prediction(run.space.labels, distribution, ratings)


def _rows(tensors: Sequence[Tensor], columns: int) -> np.ndarray:
    return np.concatenate([tensor.double().numpy() for tensor in tensors]) if tensors else np.empty((0, columns))


def load_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises:
        RunError: Missing folder or file, unfinished, another format, or a file that is not what was stored.
    """
    return Run(Path(path))


def list_runs(folder: str | Path) -> list[Path]:
    """Return the sub-folders that are finished runs, whole or damaged, by name; an absent folder has none."""
    return [path for path in _sub_folders(folder) if not is_unfinished(path) and _has_a_file_of_a_run(path)]


def list_unfinished(folder: str | Path) -> list[Path]:
    """Return the sub-folders in which a training runs or was interrupted, by name."""
    return [path for path in _sub_folders(folder) if is_unfinished(path)]


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
    draft = path
    try:
        with new_folder(path) as draft:
            write_files(draft, new)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({reason_of(error)})") from None
    except RunError as error:
        raise RunError(str(error).replace(str(draft), str(path))) from None
    return load_run(path)


def write_files(folder: Path, new: NewRun) -> None:
    """Write every file of a run into ``folder``, digests.json last: with it the run is finished.

    Raises:
        RunError: The disk refuses.
    """
    head = {"format": FORMAT, "reader": READER, "space": new.space.name}
    contents = {
        "config.yaml": dump_config(new.config).encode(),
        "model.safetensors": dump_tensors(new.state),
        "history.csv": dump_history(new.history),
        "metrics.json": dump_json(new.metrics).encode(),
        "predictions.parquet": new.predictions.to_parquet(index=False),
        "provenance.json": dump_json({**head, **new.provenance, **surroundings()}).encode(),
    }
    if new.splits is not None:
        contents["splits.parquet"] = new.splits.to_parquet(index=False)
    for name, content in contents.items():
        write_whole(folder / name, content)
    write_digests(folder, {name: digest_of(content) for name, content in contents.items()})


def dump_history(history: pd.DataFrame) -> bytes:
    """Write a training history as history.csv holds it."""
    return history.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def free_path(folder: Path, name: str) -> Path:
    """Return the first of ``folder/name-1``, ``folder/name-2``, ... that does not exist."""
    number = 1
    while (folder / f"{name}-{number}").exists():
        number += 1
    return folder / f"{name}-{number}"


def _sub_folders(folder: str | Path) -> list[Path]:
    folder = Path(folder)
    inside = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in inside if path.is_dir() and not path.name.startswith("."))


def _has_a_file_of_a_run(path: Path) -> bool:
    return any((path / name).is_file() for name in (DIGESTS, *REQUIRED))
