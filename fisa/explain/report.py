"""All grades of a run's explanations on planted scenes, as rows: methods beside baselines and ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets.planted import PRESETS, PlantedDataset
from fisa.evaluation import Progress
from fisa.explain.attribution import METHODS, applicable
from fisa.explain.counterfactuals import Answer, Family, answers, draw_families
from fisa.explain.deletion import grade_deletion, subject
from fisa.explain.faithfulness import Maps, laid_on, maps_of, mean_spearman, units
from fisa.explain.graded import GradeError, GradeRow, Grades
from fisa.explain.localisation import grade_localisation
from fisa.explain.paths import grade_paths
from fisa.explain.recovery import effects_of, grade_effects
from fisa.explain.sanity import grade_stability, shuffled, untrained
from fisa.models import System
from fisa.records import Interval
from fisa.runs import Run


@dataclass(frozen=True)
class GradeSettings:
    """How much to grade; fewer scenes widen the intervals.

    Attributes:
        located: Scenes for localisation.
        scenes: Scenes for interaction recovery and the path test, which cost little once they are drawn.
        attributed: Of these, scenes for faithfulness and validity.
        checked: Of these, scenes for deletion, insertion, sanity and stability.
        methods: Keys of ``METHODS``; None for all that apply.
    """

    located: int = 2000
    scenes: int = 500
    attributed: int = 100
    checked: int = 40
    methods: tuple[str, ...] | None = None


def grade_run(
    run: Run,
    settings: GradeSettings | None = None,
    split: str = "iid",
    control: Run | None = None,
    progress: Progress | None = None,
) -> Grades:
    """Grade a run's explanations on a planted split.

    Args:
        run: A run that was trained on planted data.
        settings: How much to grade.
        split: Of the same data.
        control: A run of the same architecture, trained on shuffled labels, for one more sanity check.
        progress: Called with (done, total), counted anew for each part of the work.

    Raises:
        GradeError: The run was not trained on planted data, a method does not apply to it, or the control does not fit.
        DataError: There is no such split.
    """
    settings = settings or GradeSettings()
    methods = _methods(run, settings, control)
    data = PlantedDataset(run.config.data.name, split, run.config.data.image_size)
    rows = list(_localisation(run, data, min(settings.located, len(data)), progress))
    families = draw_families(data.scene, min(settings.scenes, len(data)), data.image_size, progress)
    said = list(answers(run, families))
    rows += [*_recovery(families, said), *_paths(run, families, said)]
    graded = _Attributed(run, families, said, methods, settings, control)
    rows += graded.rows(progress)
    return Grades(
        run=run.name,
        digest=run.digest,
        data=data.name,
        version=data.version,
        split=data.split,
        settings={**asdict(settings), "methods": list(methods), "control": None if control is None else control.digest},
        rows=tuple(rows),
        notes=tuple(_notes(rows, methods)),
    )


def _methods(run: Run, settings: GradeSettings, control: Run | None) -> tuple[str, ...]:
    if run.config.data.name not in PRESETS:
        raise GradeError(
            f"{run.name}: was trained on {run.config.data.name}, where nobody knows which places bear which emotion; "
            f"grade a run on {', '.join(PRESETS)}"
        )
    if control is not None and control.config.model != run.config.model:
        raise GradeError(f"{control.name}: is of another architecture than {run.name}; train the same model")
    can = applicable(run)
    wrong = [method for method in settings.methods or () if method not in can]
    if wrong:
        raise GradeError(f"{wrong[0]}: does not apply to {run.name}; these do: {', '.join(can)}")
    return settings.methods or can


def _localisation(run: Run, data: PlantedDataset, count: int, progress: Progress | None) -> Iterator[GradeRow]:
    found = grade_localisation(run, data.scene, count, progress)
    if found is None:
        return
    size = found["n"], found["scenes"]
    hit = Interval(found["hit"], found["low"], found["high"])
    yield GradeRow.of("localisation", "attention", "method", hit, *size)
    for name, value in found["baselines"].items():
        yield GradeRow("localisation", name, "baseline", value, None, None, *size)
    yield GradeRow("localisation.lift", "attention", "method", found["lift"], None, None, *size)


def _recovery(families: Sequence[Family], said: Sequence[Answer]) -> Iterator[GradeRow]:
    effects = effects_of(families, said)
    if effects is None:
        return
    found = grade_effects(effects)
    size = found["n"], found["scenes"]
    for key in ("r", "slope", "r_all", "sign", "auroc"):
        for name, values in (("contributions", found), ("logits", found["logits"])):
            interval = Interval(values[key], *values["intervals"][key])
            yield GradeRow.of(f"recovery.{key}", name, "method", interval, *size)
        yield GradeRow(f"recovery.{key}", "true logits", "ceiling", found["ceiling"][key], None, None, *size)


def _paths(run: Run, families: Sequence[Family], said: Sequence[Answer]) -> Iterator[GradeRow]:
    pairs = sum(len(family.present) * (len(family.present) - 1) for family in families)
    for path, interval in (grade_paths(run.model, families, said) or {}).items():
        yield GradeRow.of(f"path.{path}", "interaction", "method", interval, pairs, len(families))


class _Attributed:
    """The grades of attribution, method by method: each map is made once and serves several of them."""

    def __init__(
        self,
        run: Run,
        families: Sequence[Family],
        said: Sequence[Answer],
        methods: Sequence[str],
        settings: GradeSettings,
        control: Run | None,
    ) -> None:
        self.run, self.families, self.said, self.methods = run, families, said, methods
        self.table = units(families[: settings.attributed], said[: settings.attributed])
        self.few = self.table[self.table["scene"] < settings.checked]
        self.others: dict[str, System] = {"shuffled weights": shuffled(run.model), "untrained": untrained(run)}
        if control is not None:
            self.others["shuffled labels"] = control.model
        labels = {scene: self._strongest(scene) for scene in self.few["scene"].unique()}
        self.subjects = [(int(scene), emotion) for scene, emotion in labels.items()]

    def _strongest(self, scene: int) -> int:
        """The emotion present for which the model has the largest logit."""
        return max(self.families[scene].present, key=lambda emotion: self.said[scene].logits[0, emotion])

    def rows(self, progress: Progress | None) -> list[GradeRow]:
        if self.table.empty:
            return []
        rows = list(self._baselines())
        maps: dict[str, Maps] = {}
        for method in self.methods:
            maps[method] = maps_of(self.run, self.families, self.table, method, progress=progress)
            rows += self._agreement(method, "method", laid_on(self.families, self.table, maps[method]))
            if not self.few.empty:
                rows += [*self._sanity(method, progress), *self._stability(method, maps[method])]
        return rows + self._deletion(maps, progress) if self.subjects else rows

    def _size(self, table: pd.DataFrame) -> tuple[int, int]:
        return len(table), int(table["scene"].nunique())

    def _agreement(self, subject_: str, kind: str, estimate: np.ndarray) -> Iterator[GradeRow]:
        for grade, truth in (("faithfulness", "own"), ("validity", "planted")):
            interval = mean_spearman(self.table, estimate, self.table[truth].to_numpy())
            yield GradeRow.of(grade, subject_, kind, interval, *self._size(self.table))

    def _baselines(self) -> Iterator[GradeRow]:
        chance = np.random.default_rng(0).standard_normal(len(self.table))
        for name, estimate in (("same", self.table["same"]), ("area", self.table["area"]), ("random", chance)):
            yield from self._agreement(name, "baseline", np.asarray(estimate, float))
        yield from self._agreement("own change", "ceiling", self.table["own"].to_numpy())

    def _sanity(self, method: str, progress: Progress | None) -> Iterator[GradeRow]:
        own = self.few["own"].to_numpy()
        for name, model in self.others.items():
            maps = maps_of(self.run, self.families, self.few, method, model=model, progress=progress)
            interval = mean_spearman(self.few, laid_on(self.families, self.few, maps), own)
            kind = "baseline" if name == "untrained" else "method"
            yield GradeRow.of(f"sanity.{name.replace(' ', '_')}", method, kind, interval, *self._size(self.few))

    def _stability(self, method: str, maps: Maps) -> Iterator[GradeRow]:
        chosen = [(self.families[scene], emotion) for scene, emotion in self.subjects]
        found = grade_stability(self.run, chosen, [maps[key] for key in self.subjects], method)
        for name, interval in found.items():
            yield GradeRow.of(f"stability.{name}", method, "method", interval, len(chosen), len(chosen))

    def _deletion(self, maps: Mapping[str, Maps], progress: Progress | None) -> list[GradeRow]:
        chosen = [
            subject(
                self.families[scene],
                self.said[scene],
                emotion,
                {method: each[scene, emotion] for method, each in maps.items()},
                seed=scene,
            )
            for scene, emotion in self.subjects
        ]
        count = len(chosen)
        rows = []
        for (way, fill, name), interval in grade_deletion(self.run, chosen, progress).items():
            rows.append(GradeRow.of(f"{way}.{fill}", name, "method", interval, count, count))
        return rows


def _notes(rows: Sequence[GradeRow], methods: Sequence[str]) -> Iterator[str]:
    left = [method for method in METHODS if method not in methods]
    if left:
        yield f"Not graded: {', '.join(left)}."
    found: dict[tuple[str, str], Any] = {(row.grade, row.subject): row for row in rows}
    for method in methods:
        for check in ("shuffled_weights", "shuffled_labels"):
            row, blank = found.get((f"sanity.{check}", method)), found.get(("sanity.untrained", method))
            if row is not None and blank is not None and blank.high is not None and row.value > blank.high:
                yield (
                    f"{method} fails the check by {check.replace('_', ' ')}: {row.value:.2f} is above what it reaches "
                    f"on an untrained network, {blank.low:.2f} to {blank.high:.2f}."
                )
