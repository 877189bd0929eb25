"""Valence and arousal by cross-validation: the constant, what colours alone say, and trained systems, in one table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fisa.config import RunConfig
from fisa.datasets import Photographs, groups_of, open_splits
from fisa.emotions import DIMENSIONS
from fisa.ratings import bootstrap_ratings
from fisa.runs import Run, load_run
from fisa.studies.colours import colour_statistics, formula_ratings, ridge_ratings
from fisa.studies.columns import RATING_COLUMNS, RATING_COSTS
from fisa.studies.comparison import StudyError
from fisa.studies.rated import measured_rows
from fisa.studies.speed import relative_speed
from fisa.tasks import TASKS, ranges_of
from fisa.training import train

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What the runs of one configuration came to, one a fold.

    Attributes:
        predicted: [N, 2].
        digest: Of the runs, 16 hexadecimal digits.
        parameters: Of one of them.
        seconds: To train one of them, their mean; NaN where a run does not say.
        speed: Images a second over those of cnn on the same backbone.
    """

    predicted: np.ndarray
    digest: str
    parameters: int
    seconds: float
    speed: float


CONSTANT = "constant"
STATED, CALIBRATED, RIDGE = "Valdez-Mehrabian", "Valdez-Mehrabian, calibrated", "ridge on colours"


@dataclass(frozen=True)
class Folds:
    """A data set, every image of which is tested in one fold.

    Attributes:
        whole: All images.
        number: Fold of each image, from 1, [N].
        fold: (number, folds) of each.
        skip_bad: Whether what is wrong in the data was left out.
    """

    whole: Photographs
    number: np.ndarray
    fold: tuple[tuple[int, int], ...]
    skip_bad: bool

    @property
    def target(self) -> np.ndarray:
        """Ratings, [N, 2]."""
        return TASKS["valence_arousal"].target(self.whole)


def open_folds(name: str, root: Path, count: int, skip_bad: bool = False) -> Folds:
    """Open a data set of rated photographs in folds; those of one group are in one fold.

    Raises:
        DataError: It cannot be opened, or an image is not rated.
    """
    whole = open_splits(name, root, ("all",), skip_bad=skip_bad, required=DIMENSIONS)["all"]
    assert isinstance(whole, Photographs)  # nothing else is rated
    TASKS["valence_arousal"].check(whole)
    ids = pd.Index(whole.manifest["id"])
    number = np.zeros(len(whole), dtype=int)
    fold = tuple((place, count) for place in range(1, count + 1))
    for each in fold:
        test = open_splits(name, root, ("test",), skip_bad=skip_bad, fold=each, required=DIMENSIONS)["test"]
        number[ids.get_indexer(test.manifest["id"])] = each[0]
    return Folds(whole, number, fold, skip_bad)


def simple_predictions(folds: Folds, progress: Progress | None = None) -> dict[str, np.ndarray]:
    """Return what needs no network, each fold predicted from all others: name -> [N, 2], clipped to -1 to 1.

    Args:
        folds: From :func:`open_folds`.
        progress: Called with (images done, images in all) while their colours are read.
    """
    statistics = []
    for index in range(len(folds.whole)):
        statistics.append(colour_statistics(folds.whole[index].image))
        if progress is not None:
            progress(index + 1, len(folds.whole))
    colours, target, groups = np.stack(statistics), folds.target, groups_of(folds.whole)
    together = np.arange(len(target)) if groups is None else pd.factorize(groups)[0]
    found = {name: np.empty_like(target) for name in (CONSTANT, STATED, CALIBRATED, RIDGE)}
    for number, _ in folds.fold:
        rest, test = np.flatnonzero(folds.number != number), np.flatnonzero(folds.number == number)
        known = target[rest]
        found[CONSTANT][test] = known.mean(0)
        found[STATED][test] = formula_ratings(colours, rest, known, test, calibrated=False)
        found[CALIBRATED][test] = formula_ratings(colours, rest, known, test, calibrated=True)
        found[RIDGE][test] = ridge_ratings(colours, rest, known, test, together[rest])
    return {name: TASKS["valence_arousal"].settle(values) for name, values in found.items()}


def trained_predictions(config: RunConfig, folds: Folds, folder: Path, progress: Progress | None = None) -> Trained:
    """Train a configuration once for each fold, or take the runs that are there, and return what they came to.

    Args:
        config: Its data and folds are replaced by those of ``folds``.
        folds: From :func:`open_folds`.
        folder: Where the runs are and go: ``<name>-fold-<number>``.
        progress: Called with (steps done, steps in all), fold by fold.

    Raises:
        StudyError: The configuration has another task, or a run that is there is of another configuration.
    """
    if config.task != "valence_arousal":
        raise StudyError(f"{config.name}: its task is {config.task}; set task: valence_arousal")
    predicted, runs = np.empty_like(folds.target), []
    for fold in folds.fold:
        run = _run_of(config, folds, fold, folder / f"{config.name}-fold-{fold[0]}", progress)
        rows = folds.number == fold[0]
        if list(run.predictions["id"]) != list(folds.whole.manifest["id"][rows]):
            raise StudyError(f"{run.path}: tested on other images; remove it, or name another folder for the runs")
        predicted[rows] = run.predictions[list(DIMENSIONS)].to_numpy(float)
        runs.append(run)
    return Trained(
        predicted=predicted,
        digest=hashlib.sha256("".join(run.digest for run in runs).encode()).hexdigest()[:16],
        parameters=sum(each.numel() for each in runs[0].model.parameters()),
        seconds=float(np.mean([run.provenance.get("seconds", np.nan) for run in runs])),
        speed=relative_speed(runs[0]),
    )


def _run_of(config: RunConfig, folds: Folds, fold: tuple[int, int], path: Path, progress: Progress | None) -> Run:
    source = {"name": folds.whole.name, "root": folds.whole.root, "skip_bad": folds.skip_bad, "fold": fold}
    wanted = config.model_copy(update={"data": config.data.model_copy(update=source)})
    if not (path / "digests.json").is_file():
        return train(wanted, path, progress, resume=path.exists())
    run = load_run(path)
    if run.config != wanted:
        raise StudyError(f"{path}: is of another configuration; remove it, or name another folder for the runs")
    return run


def ratings_table(
    folds: Folds,
    simple: Mapping[str, np.ndarray],
    trained: Mapping[str, Trained] | None = None,
    against: str | None = None,
) -> pd.DataFrame:
    """Return a comparison table, as ``fisa.studies.comparison_table`` has them, of the predictions of all folds.

    Args:
        folds: From :func:`open_folds`.
        simple: Name -> [N, 2]; with ``CONSTANT``.
        trained: Name -> what was trained.
        against: One of these: the notes tell how the others differ from it, as from the constant all do.
    """
    trained = trained or {}
    predictions = {**simple, **{name: one.predicted for name, one in trained.items()}}
    target, groups = folds.target, groups_of(folds.whole)
    others = {name: values for name, values in predictions.items() if name != CONSTANT}
    rows = measured_rows(target, predictions[CONSTANT], others, groups)
    costs: dict[str, dict[str, float]] = {
        name: {"parameters": one.parameters, "fold_seconds": one.seconds, "speed": one.speed}
        for name, one in trained.items()
    }
    table = pd.DataFrame(
        [{"system": row.system, "kind": row.kind, **row.values, **costs.get(row.system, {})} for row in rows]
    )
    order = [key + end for key in ("ccc_gap", *RATING_COLUMNS) for end in ("", "_low", "_high")]
    table = table[["system", "kind", *(key for key in (*order, *RATING_COSTS) if key in table)]]
    notes = _notes(folds, predictions)
    if against is not None:
        notes += _gaps(folds, {name: predictions[name] for name in trained}, against, f"that of {against}")
    table.attrs = {
        "data": folds.whole.name,
        "data_version": folds.whole.version,
        "split": f"{len(folds.fold)} folds",
        "n": len(target),
        "runs": {name: one.digest for name, one in trained.items()},
        "notes": notes,
    }
    return table


def _notes(folds: Folds, predictions: Mapping[str, np.ndarray]) -> list[str]:
    groups = groups_of(folds.whole)
    unit = "images" if groups is None else f"{len(np.unique(groups))} groups of images, never split between folds"
    count = len(folds.fold)
    notes = [
        f"Every image is predicted once, by what was fitted without its fold of {count}; measures are of all of them "
        f"together. In brackets: 95 % bootstrap intervals over {unit}; they say nothing of other training seeds.",
        "constant: the mean of the ratings outside the fold, which differs a little between folds, so that its CCC "
        "and its correlation are not quite 0 and mean nothing.",
        "Valdez-Mehrabian: pleasure .69B + .22S, arousal −.31B + .60S of mean L* and mean chroma, standardised; with "
        "the mean and the spread of the other ratings, or calibrated to them by least squares.",
        "ridge on colours: 33 colour statistics, penalty chosen within the other folds.",
    ]
    for name, (low, high) in ranges_of(folds.whole).items():
        notes.append(f"On the original scale of {name}, {low:g} to {high:g}, RMSE is {(high - low) / 2:g} times that.")
    return [*notes, *_gaps(folds, predictions, CONSTANT, "the constant's")]


def _gaps(folds: Folds, predictions: Mapping[str, np.ndarray], reference: str, whose: str) -> Iterator[str]:
    """Say how much further from the ratings than one of several predictions the others are."""
    target, groups = folds.target, groups_of(folds.whole)
    for name, values in predictions.items():
        if name != reference:
            gap = bootstrap_ratings(target, values, groups, predictions[reference])["rmse_mean"]
            yield f"RMSE mean of {name} less {whose}: {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]."


def predictions_frame(folds: Folds, predictions: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return one row an image: id, fold, the ratings, and ``<system> valence``, ``<system> arousal`` of each system."""
    frame = pd.DataFrame({"id": folds.whole.manifest["id"], "fold": folds.number})
    for name, values in {"rated": folds.target, **predictions}.items():
        for place, dimension in enumerate(DIMENSIONS):
            frame[f"{name} {dimension}"] = values[:, place]
    return frame


def usable(configs: Sequence[RunConfig], against: str | None = None) -> None:
    """Refuse what would fail only after all is trained.

    Raises:
        StudyError: Two configurations have one name, or none has the name ``against``.
    """
    names = [config.name for config in configs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise StudyError(f"two configurations are named {twice}; name them apart")
    if against is not None and against not in names:
        raise StudyError(f"--against {against}: no configuration has this name; choose {', '.join(names) or 'none'}")
