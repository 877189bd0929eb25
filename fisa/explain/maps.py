"""Maps of the images of a data set as a run sees them: made once, kept with the run or in the cache folder.

``python -m fisa.explain.maps FOLDER RUN VECTORS PERPLEXITY METRIC SEED`` makes that of a run's test split in a process
of its own, which tells in FOLDER how far it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fisa.background import Desk, Progress, Teller, Work, sentence
from fisa.datasets import Dataset
from fisa.evaluation import open_test_split
from fisa.explain.embeddings import vectors_are_kept, vectors_of, vectors_of_images
from fisa.explain.kept import keep, kept_file, kept_if_any
from fisa.explain.projection import (
    METRICS,
    STEPS,
    ProjectionError,
    ProjectionSettings,
    Trust,
    largest_perplexity,
    place,
    project,
    trust_of,
)
from fisa.runs import Run, load_run

VERSION = "2"
"""Changes whenever the same vectors and settings would give another map."""

TRUST_NAMES = ("trustworthiness", "trustworthiness_neighbours", "trustworthiness_points")
"""Under which the file of a run's own map says how far it can be trusted."""


@dataclass(frozen=True)
class Made:
    """What a map is made of.

    Attributes:
        vectors: One of ``fisa.explain.embeddings.offered_vectors``.
        settings: Of t-SNE.
    """

    vectors: str
    settings: ProjectionSettings

    def words(self) -> list[str]:
        """Return it as arguments of a command, which :meth:`of_words` reads."""
        return [self.vectors, f"{self.settings.perplexity:g}", self.settings.metric, str(self.settings.seed)]

    @classmethod
    def of_words(cls, vectors: str, perplexity: str, metric: str, seed: str) -> Made:
        """Read what :meth:`words` returned; ValueError where it is something else."""
        if metric not in METRICS:
            raise ValueError(metric)
        return cls(vectors, ProjectionSettings(float(perplexity), metric, int(seed)))


@dataclass(frozen=True, eq=False)
class Map:
    """Images on the plane.

    Attributes:
        points: id, x, y (float32); a row an image.
        made: Of what.
        trust: How far neighbours on it are neighbours; None of a run's own map until that was computed.
    """

    points: pd.DataFrame
    made: Made
    trust: Trust | None


def own_map(run: Run, vectors: str) -> Map | None:
    """Return the map of the test split that lies in a run's folder, or None.

    Args:
        run: Opened.
        vectors: What it was made of, where its file does not say so: the first of ``offered_vectors``.
    """
    points = run.map
    if points is None:
        return None
    attrs = {str(name): value for name, value in points.attrs.items()}
    said: dict[str, Any] = {**asdict(ProjectionSettings()), "vectors": vectors, **attrs}
    try:
        made = Made.of_words(said["vectors"], *(str(said[name]) for name in ("perplexity", "metric", "seed")))
        trust = _trust([float(said[name]) for name in TRUST_NAMES]) if TRUST_NAMES[0] in said else None
    except (KeyError, TypeError, ValueError):  # a file of others, which says something else under these names
        made, trust = Made(vectors, ProjectionSettings()), None
    return Map(points[["id", "x", "y"]], made, trust)


def usual(vectors: str, count: int) -> Made:
    """Return what the map of so many images by their vectors is made of where nothing else is asked for."""
    settings = ProjectionSettings()
    return Made(vectors, replace(settings, perplexity=max(min(settings.perplexity, largest_perplexity(count)), 1)))


def map_if_kept(run: Run, dataset: Dataset, made: Made) -> Map | None:
    """Return a map of a run's test split that was made before, or None; nothing is computed.

    Args:
        run: Opened.
        dataset: Its test split.
        made: Of what.
    """
    found = kept_if_any(_file(run, dataset, made))
    trust = _trust(found["trust"]) if found else None
    own = own_map(run, made.vectors)
    # Of equal names the images may have changed since the run was measured.
    same = run.metrics["data_version"] == dataset.version
    if own is not None and same and own.made == made and list(own.points["id"]) == list(dataset.manifest["id"]):
        return own if own.trust is not None else replace(own, trust=trust)
    return None if found is None else Map(_frame(dataset, found["points"]), made, trust)


def map_of(run: Run, dataset: Dataset, made: Made, progress: Progress | None = None) -> Map:
    """Return a map with its trustworthiness; what is missing of it and of its vectors is computed and kept.

    Args:
        run: Opened.
        dataset: Its test split.
        made: Of what.
        progress: Called with (done, in all): first images, then steps of gradient descent.

    Raises:
        ProjectionError: The vectors cannot be projected with these settings.
    """
    count = len(dataset)

    def seen(done: int, total: int) -> None:
        if progress is not None:
            progress(round(done / max(total, 1) * count), count + STEPS)

    def laid(done: int, _: int) -> None:
        if progress is not None:
            progress(count + done, count + STEPS)

    vectors = vectors_of(run, dataset, made.vectors, seen)
    found = map_if_kept(run, dataset, made)
    if found is not None and found.trust is not None:
        return found
    if found is None:
        points = project(vectors, made.settings, laid).astype(np.float32)
    else:
        points = found.points[["x", "y"]].to_numpy(np.float32)
    trust = trust_of(vectors, points, made.settings)
    keep(_file(run, dataset, made), {"points": points, "trust": _numbers(trust)})
    return Map(_frame(dataset, points), made, trust)


def stored_map(run: Run, dataset: Dataset, made: Made) -> pd.DataFrame:
    """Return the map of a data set as a run's folder holds it: id, x, y, and in ``attrs`` what it is made of.

    Raises:
        ProjectionError: As :func:`map_of`.
    """
    found = map_of(run, dataset, made)
    assert found.trust is not None
    points = found.points.copy()
    points.attrs.update(asdict(made.settings), vectors=made.vectors)
    points.attrs.update(zip(TRUST_NAMES, asdict(found.trust).values(), strict=True))
    return points


def place_images(run: Run, dataset: Dataset, shown: Map, squares: np.ndarray) -> NDArray[np.float64]:
    """Place new images on a map whose vectors are kept: [n, 2]; see ``fisa.explain.projection.place``.

    Args:
        run: Opened.
        dataset: Of the map.
        shown: The map.
        squares: uint8 RGB [n, S, S, 3], as the model sees them.
    """
    vectors = vectors_of(run, dataset, shown.made.vectors)
    new = vectors_of_images(run, squares, shown.made.vectors)
    return place(new, vectors, shown.points[["x", "y"]].to_numpy(np.float64), shown.made.settings)


def nearest(
    rows: NDArray[np.floating], row: int, count: int, metric: str
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the places of the rows nearest to one of them, itself left out, nearest first, and their distances.

    Args:
        rows: [N, D].
        row: Its place.
        count: How many; fewer where there are fewer.
        metric: As SciPy's ``cdist`` knows it, such as ``cosine`` or ``jensenshannon``.
    """
    apart = cdist(rows[[row]].astype(float), rows.astype(float), metric)[0]
    apart[row] = np.inf
    order = np.argsort(apart, kind="stable")[: min(count, len(rows) - 1)]
    return order, apart[order]


def start_map(run: Run, dataset: Dataset, made: Made) -> None:
    """Begin to make a map in a process of its own, unless one is at it.

    Raises:
        ProjectionError: The process cannot be started, or the cache folder not be written.
    """
    desk = _desk(run, dataset, made)
    try:
        desk.start("fisa.explain.maps", str(desk.folder), str(run.path.resolve()), *made.words())
    except OSError as error:
        raise ProjectionError(f"the map cannot be started ({error.strerror}); make {desk.folder} writable") from None


def look_at_map(run: Run, dataset: Dataset, made: Made) -> Work:
    """Return how far the process that makes a map is; cheap enough to ask every second."""
    return _desk(run, dataset, made).look()


def stop_map(run: Run, dataset: Dataset, made: Made) -> None:
    """Ask the process that makes a map to stop; vectors that are whole are kept."""
    _desk(run, dataset, made).stop()


def is_complete(run: Run, dataset: Dataset, shown: Map) -> bool:
    """Tell whether a map has its trustworthiness and its vectors, so that neighbours and new images can be found."""
    return shown.trust is not None and vectors_are_kept(run, dataset, shown.made.vectors)


def main(folder: Path, path: Path, made: Made) -> None:
    """Make the map of a run's test split, and leave it, or in ``folder`` why there is none, in the cache folder."""
    desk = Desk(folder)

    def work() -> None:
        run = load_run(path)
        map_of(run, open_test_split(run), made, Teller(desk))

    desk.do(work, partial(sentence, what=f"{path.name}: the map"))


def _desk(run: Run, dataset: Dataset, made: Made) -> Desk:
    return Desk(_file(run, dataset, made).with_suffix(""))


def _file(run: Run, dataset: Dataset, made: Made) -> Path:
    return kept_file("maps", " ".join((VERSION, *made.words())), run, dataset)


def _frame(dataset: Dataset, points: NDArray[np.float32]) -> pd.DataFrame:
    return pd.DataFrame({"id": dataset.manifest["id"].to_numpy(), "x": points[:, 0], "y": points[:, 1]})


def _numbers(trust: Trust) -> NDArray[np.float64]:
    return np.array([trust.value, trust.neighbours, trust.points], np.float64)


def _trust(numbers: Sequence[float] | NDArray[np.float64]) -> Trust:
    return Trust(float(numbers[0]), int(numbers[1]), int(numbers[2]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Made.of_words(*sys.argv[3:]))
