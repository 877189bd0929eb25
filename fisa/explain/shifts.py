"""Grades under shifts: how prediction and explanation change on test splits that differ from training in one thing.

One condition a shift of ``fisa.datasets.planted.presets.SHIFTS``, the levels of clutter among them, after two that are
no shifts: ``iid``, and its scenes of three emotions, beside which ``triple`` is to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from fisa.datasets.planted import PRESETS, PlantedDataset, Scene
from fisa.datasets.planted.oracles import fit_ladder, strengths_of, truth_of
from fisa.datasets.planted.presets import SHIFTS
from fisa.distances import kl
from fisa.evaluation import Progress, predict_packed
from fisa.explain.attribution import applicable
from fisa.explain.counterfactuals import Answer, Family, answers, draw_families
from fisa.explain.faithfulness import laid_on, maps_of, units
from fisa.explain.graded import GradeError, GradeRow, Kind
from fisa.explain.localisation import grade_localisation
from fisa.explain.recovery import effects_of, grade_effects
from fisa.explain.resampling import over_scenes, ratio
from fisa.explain.rows import agreement_rows, localisation_rows, recovery_rows
from fisa.records import Interval
from fisa.runs import Run

MATCHED = "iid, three emotions"
CONDITIONS: Mapping[str, str] = {"iid": "iid", MATCHED: "iid", **{shift: shift for shift in SHIFTS}}
"""Condition -> split that it is drawn from."""

QUICK = ("contributions", "grad_cam")
"""Methods graded unless others are asked for: the run's own explanation and a gradient one, both quick."""

RECOVERED = ("recovery.r", "recovery.slope", "recovery.sign")


@dataclass(frozen=True)
class ShiftSettings:
    """How much to grade in each condition; fewer scenes widen the intervals.

    Attributes:
        located: Scenes for the score and for localisation.
        scenes: Scenes, with their counterfactuals, for interaction recovery, faithfulness and validity.
        methods: Keys of ``fisa.explain.attribution.METHODS``; None for those of ``QUICK`` that apply.
        conditions: Keys of ``CONDITIONS``.
    """

    located: int = 300
    scenes: int = 100
    methods: tuple[str, ...] | None = None
    conditions: tuple[str, ...] = tuple(CONDITIONS)


def grade_shifts(
    run: Run, settings: ShiftSettings | None = None, progress: Progress | None = None
) -> dict[str, tuple[GradeRow, ...]]:
    """Grade a run under every shift.

    Args:
        run: A run that was trained on planted data.
        settings: How much to grade.
        progress: Called with (done, total), counted anew for each part of the work.

    Returns:
        For each condition its rows, grades named as :func:`fisa.explain.report.grade_run` names them, and ``score``.

    Raises:
        GradeError: The run was not trained on planted data, a method does not apply, or there is no such condition.
    """
    settings = settings or ShiftSettings()
    if run.config.data.name not in PRESETS:
        raise GradeError(
            f"{run.name}: was trained on {run.config.data.name}, which has no shifts; "
            f"grade a run on {', '.join(PRESETS)}"
        )
    unknown = [name for name in settings.conditions if name not in CONDITIONS]
    if unknown:
        raise GradeError(f"no condition {unknown[0]!r}; there are {', '.join(CONDITIONS)}")
    can = applicable(run)
    methods = tuple(method for method in QUICK if method in can) if settings.methods is None else settings.methods
    wrong = [method for method in methods if method not in can]
    if wrong:
        raise GradeError(f"{wrong[0]}: does not apply to {run.name}; these do: {', '.join(can)}")
    return {name: tuple(_graded(run, name, settings, methods, progress)) for name in settings.conditions}


def shift_table(found: Mapping[str, Sequence[GradeRow]]) -> pd.DataFrame:
    """Return one row a condition and grade: ``condition``, then the fields of ``GradeRow``."""
    return pd.DataFrame([{"condition": name, **asdict(row)} for name, rows in found.items() for row in rows])


def _graded(
    run: Run, condition: str, settings: ShiftSettings, methods: Sequence[str], progress: Progress | None
) -> Iterator[GradeRow]:
    data = PlantedDataset(run.config.data.name, CONDITIONS[condition], run.config.data.image_size)
    rows = _rows_of(condition, data)

    def scenes(place: int) -> Scene:
        return data.scene(int(rows[place]))

    located, count = min(settings.located, len(rows)), min(settings.scenes, len(rows))
    yield from _scores(run, data, rows[:located], progress)
    yield from _localisation(run, scenes, located, progress)
    families = draw_families(scenes, count, data.image_size, progress)
    if families:
        said = list(answers(run, families))
        yield from _recovery(families, said)
        yield from _agreement(run, families, said, methods, progress)


def _rows_of(condition: str, data: PlantedDataset) -> np.ndarray:
    if condition != MATCHED:
        return np.arange(len(data))
    return np.flatnonzero((strengths_of(data.manifest) > 0).sum(1) == 3)


def _scores(run: Run, data: PlantedDataset, rows: np.ndarray, progress: Progress | None) -> Iterator[GradeRow]:
    """The score of predictions, and of oracles that read the latents, which a shift in drawing cannot mislead."""
    manifest = data.manifest.iloc[rows]
    images = []
    for done, row in enumerate(rows):
        images.append(data[int(row)].image)
        if progress is not None:
            progress(done + 1, len(rows))
    truth, rungs = truth_of(manifest), fit_ladder(data.name).predict(manifest)
    constant = kl(truth, rungs["constant"])
    predictions = {"predictions": predict_packed(run.model, np.stack(images)), **rungs}
    kinds: dict[str, Kind] = {"predictions": "method", "additive": "baseline", "pairwise": "ceiling"}
    for name, kind in kinds.items():
        lost = over_scenes(ratio(kl(truth, predictions[name]), constant), rows)
        score = Interval(1 - lost.value, 1 - lost.high, 1 - lost.low)
        yield GradeRow.of("score", name, kind, score, len(rows), len(rows))


def _localisation(
    run: Run, scenes: Callable[[int], Scene], count: int, progress: Progress | None
) -> Iterator[GradeRow]:
    found = grade_localisation(run, scenes, count, progress)
    if found is not None:
        yield from (row for row in localisation_rows(found) if row.subject in ("attention", "any_motif"))


def _recovery(families: Sequence[Family], said: Sequence[Answer]) -> Iterator[GradeRow]:
    effects = effects_of(families, said)
    found = None if effects is None else grade_effects(effects)
    if found is not None:
        rows = recovery_rows(found, {"contributions": "contributions"})
        yield from (row for row in rows if row.kind == "method" and row.grade in RECOVERED)


def _agreement(
    run: Run, families: Sequence[Family], said: Sequence[Answer], methods: Sequence[str], progress: Progress | None
) -> Iterator[GradeRow]:
    table = units(families, said)
    if not table.empty:
        for method in methods:
            laid = laid_on(families, table, maps_of(run, families, table, method, progress=progress))
            yield from agreement_rows(table, laid, method)
