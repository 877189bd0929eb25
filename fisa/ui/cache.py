"""What pages ask for, computed once: runs, data sets, pictures, explanations, per-sample tables.

Cached objects are shared by all sessions and are never changed. Keys are content: the digest of a run,
the version of a data set, the bytes of an image; the files of a run count by size and time.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fisa import distances, evaluation
from fisa.config import RunConfig
from fisa.datasets import Dataset
from fisa.datasets.base import InFiles
from fisa.datasets.planted import PlantedDataset, render
from fisa.datasets.whole import stamp
from fisa.emotions import DIMENSIONS
from fisa.exceptions import FisaError
from fisa.explain import explain
from fisa.images import decode_square, to_square
from fisa.language import mark, tr
from fisa.records import Explanation
from fisa.runs import Run, RunError, list_runs, list_unfinished, load_run
from fisa.studies import comparison_tables
from fisa.tasks import open_data
from fisa.ui.counted import counted
from fisa.ui.meters import meter, waiting
from fisa.ui.shelves import own_shelf, shelves

PICTURE = 400
"""Side in pixels of pictures on a page; scenes are drawn, not enlarged."""
PHOTOGRAPH = 640
"""Longer side in pixels of photographs on a page."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An image under study, as pages show it.

    Attributes:
        name: Its id in the data set, or the file's name.
        picture: uint8 RGB square [S, S, 3]; a photograph is stretched to it.
        image: uint8 RGB [h, w, 3], in its own shape; of an uploaded photograph as large as it is shown.
        known: Distributions that are known beforehand: ``truth``, ``votes``; empty for a photograph.
        masks: Visible bool [S, S] mask of every planted motif.
        shows: Column of the emotion that each motif shows.
        digest: Content key of ``image``.
        aspect: Width over height as the picture is shown.
        file: Path or content of the file behind it; None where it is drawn.
    """

    name: str
    picture: np.ndarray
    image: np.ndarray
    known: dict[str, np.ndarray]
    masks: tuple[np.ndarray, ...]
    shows: tuple[int, ...]
    digest: str
    aspect: float = 1.0
    file: Path | bytes | None = None

    def seen_by(self, run: Run) -> np.ndarray:
        """Return what ``run`` gets of it: the square that ``predict`` makes of the file, or the drawn image."""
        return self.image if self.file is None else decode_square(self.file, run.config.data.image_size, self.name)


def run_folders() -> dict[str, Path]:
    """Return every run folder by the name that links use; ``fisa`` first, shipped before own."""
    found: dict[str, Path] = {}
    for shelf in shelves():
        for path in _listed(shelf):
            if path not in found.values():  # the folder elsewhere may be one of ours
                names = (path.name, f"{shelf.name}/{path.name}", str(path))
                found[next(name for name in names if name not in found)] = path
    return dict(sorted(found.items(), key=lambda item: (item[0] != "fisa", "/" in item[0])))


def _listed(shelf: Path) -> list[Path]:
    try:
        return list_runs(shelf)
    except OSError:  # a folder that this person may not read; its field says so
        return []


def refused() -> list[RunError]:
    """Return why runs cannot be opened, in the order of the folders; unfinished ones of one's own are on Train."""
    reasons = []
    others = (shelf for shelf in shelves() if shelf != own_shelf())
    for path in [*run_folders().values(), *(path for shelf in others for path in _unfinished(shelf))]:
        try:
            open_run(path)
        except RunError as error:
            reasons.append(error)
    return reasons


def _unfinished(shelf: Path) -> list[Path]:
    try:
        return list_unfinished(shelf)
    except OSError:
        return []


def open_run(path: Path) -> Run:
    """Open a run, once for each content of its folder.

    Raises:
        RunError: It cannot be opened.
    """
    return _open_run(str(path), _stamp(path))


def sound_run(path: Path) -> Run | None:
    """Open a run, or return None where it cannot be opened; the sidebar says why."""
    with suppress(RunError):
        return open_run(path)
    return None


# More than anybody lists: the sidebar opens every run, and beyond this number each would be opened anew on every page.
@st.cache_resource(max_entries=512, show_spinner=False)
@counted("run")
def _open_run(path: str, stamp: tuple[tuple[str, int, int], ...]) -> Run:
    return load_run(path)


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    found = []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            with suppress(OSError):  # gone since it was listed, as the draft of a file that is being written
                if entry.is_file():
                    status = entry.stat()
                    found.append((entry.name, status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))


def explanation(run: Run, subject: Subject) -> Explanation:
    """Explain ``subject`` with ``run``.

    Raises:
        RunError: The weights of the run do not fit.
    """
    return _explanation(run.digest, subject.digest, run, subject)


@st.cache_data(max_entries=1024, show_spinner=False)
@counted("explanation")
def _explanation(run_digest: str, image_digest: str, _run: Run, _subject: Subject) -> Explanation:
    return explain(_run, _subject.seen_by(_run))


def test_data(run: Run) -> Dataset:
    """Open the test split that ``run`` is measured on, once for each state of its lists and folders.

    Raises:
        DataError: The data set is not there.
    """
    rated, root = run.config.objective.ratings > 0, run.config.data.root
    changed = () if root is None else stamp(Path(os.path.expanduser(root)))
    key = f"{rated} {run.config.data.model_dump_json()} {changed}"
    if root is not None and key not in _read():
        # Of files the digests are read, which takes long once; what opens them below finds these kept.
        with meter(tr("Reading the test images …")) as progress:
            open_data(run.config, ("test",), progress)
        _read().add(key)
    return _dataset(key, run.config)


@st.cache_resource(show_spinner=False)
def _read() -> set[str]:
    """Return the keys of the data sets whose files this server has read."""
    return set()


@st.cache_resource(max_entries=8, show_spinner=False)
@counted("dataset")
def _dataset(key: str, _config: RunConfig) -> Dataset:
    return open_data(_config, ("test",))["test"]


@waiting(mark("Measuring every test image …"))
@st.cache_data(max_entries=32, show_spinner=False)
@counted("samples")
def _samples(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> pd.DataFrame:
    table = evaluation.per_sample(_run.predictions, _dataset, _run.task)
    if _run.task.name == "valence_arousal":
        for name in DIMENSIONS:
            table[name] = _run.predictions[name].to_numpy(float)
        return table.assign(error=table["squared_error"])
    target, truth = evaluation.target_of(_dataset), evaluation.truth_of(_dataset)
    known = target if truth is None else truth
    labels = np.array(_dataset.space.labels)
    predicted = _run.predictions[list(labels)].to_numpy(float)
    table["predicted"] = labels[predicted.argmax(1)]
    table["entropy"] = distances.entropy(predicted)
    table["error"] = table["kl" if truth is None else "kl_truth"]
    table["dominant"] = labels[known.argmax(1)]
    drawn = [name for name in ("brightness", "saturation") if name in _dataset.manifest]
    return table.assign(**{name: _dataset.manifest[name].to_numpy(float) for name in drawn})


def samples(run: Run, dataset: Dataset) -> pd.DataFrame:
    """Return one row a test image: id, every measure, ``error``, ``predicted``, ``entropy`` and ``dominant``.

    ``error`` is KL(p‖q) to the truth where it is known, else to the votes; ``entropy`` is that of the
    prediction in nats; ``predicted`` and ``dominant`` are the labels with the highest predicted and true degrees. Drawn
    scenes have their standardised ``brightness`` and ``saturation``, too. Of a run that predicts ratings: id,
    ``valence`` and ``arousal`` as predicted, and ``error``, the mean of their squared errors.

    Raises:
        EvaluationError: The stored predictions are of other images.
        RunError: The stored predictions cannot be read.
    """
    return _samples(run.digest, dataset.version, run, dataset)


def subject(dataset: Dataset, name: str) -> Subject:
    """Return the image ``name`` of ``dataset`` for display."""
    size = dataset.image_size if isinstance(dataset, PlantedDataset) else None
    return _subject(dataset.version, size, name, dataset)


@st.cache_data(max_entries=64, show_spinner=False)
@counted("subject")
def _subject(version: str, image_size: int | None, name: str, _dataset: Dataset) -> Subject:
    index = int(np.flatnonzero(_dataset.manifest["id"] == name)[0])
    sample = _dataset[index]
    if not isinstance(_dataset, PlantedDataset):
        known = {"votes": sample.target} if len(sample.target) else {}
        file = _dataset.file(index) if isinstance(_dataset, InFiles) else None
        return replace(photograph(name, sample.image, file), known=known)
    scene = _dataset.scene(index)
    drawn = render(scene, PICTURE)
    masks = tuple(drawn.ids == number + 1 for number in range(len(scene.motifs)))
    known = {"truth": scene.distribution, "votes": sample.target}
    digest = hashlib.sha256(sample.image.tobytes()).hexdigest()[:16]
    return Subject(name, drawn.image, sample.image, known, masks, tuple(m.emotion for m in scene.motifs), digest)


def thumbnail(dataset: Dataset, name: str, side: int) -> np.ndarray:
    """Return the image ``name`` of ``dataset`` as a small square, uint8 RGB [side, side, 3]."""
    return _thumbnail(dataset.version, name, side, dataset)


@st.cache_data(max_entries=512, show_spinner=False)
def _thumbnail(data_version: str, name: str, side: int, _dataset: Dataset) -> np.ndarray:
    index = int(np.flatnonzero(_dataset.manifest["id"] == name)[0])
    return to_square(_dataset[index].image, side)


def photograph(name: str, image: np.ndarray, file: Path | bytes | None) -> Subject:
    """Return a photograph, uint8 RGB [h, w, 3], decoded from ``file``, for display: nothing is known of it."""
    content = file if isinstance(file, bytes) else repr(image.shape).encode() + image.tobytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    aspect = image.shape[1] / image.shape[0]
    return Subject(name, to_square(image, PHOTOGRAPH), image, {}, (), (), digest, aspect, file)


def tables() -> tuple[list[pd.DataFrame], list[Exception]]:
    """Return a comparison table for each data set of the runs, and what kept runs out of them."""
    runs: list[Run] = []
    problems: list[Exception] = []
    for path in run_folders().values():
        try:
            run = open_run(path)
            _ = run.predictions  # a file that is damaged keeps its own run out, and no other
            runs.append(run)
        except (FisaError, OSError) as error:
            problems.append(error)
    return _tables(tuple(run.digest for run in runs), runs), problems


@waiting(mark("Comparing every run with the oracles …"))
@st.cache_data(max_entries=4, show_spinner=False)
@counted("tables")
def _tables(digests: tuple[str, ...], _runs: list[Run]) -> list[pd.DataFrame]:
    return comparison_tables(_runs)
