"""All grades of a run's explanations on planted scenes, as rows: methods beside baselines and ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from fisa.datasets.planted import PRESETS, PlantedDataset
from fisa.evaluation import Progress
from fisa.explain.attribution import METHODS, applicable
from fisa.explain.counterfactuals import Answer, Family, answers, draw_family
from fisa.explain.deletion import grade_deletion, subject
from fisa.explain.faithfulness import laid_on, maps_of, mean_spearman, units
from fisa.explain.grade_parts import KeptParts, Part, Step, finish, grading_code
from fisa.explain.graded import GradeError, GradeRow, Grades, Kind, failed_checks, stored_grades
from fisa.explain.localisation import grade_localisation
from fisa.explain.paths import grade_paths
from fisa.explain.recovery import effects_of, grade_effects
from fisa.explain.rows import agreement_rows, localisation_rows, recovery_rows
from fisa.explain.stability import grade_stability
from fisa.explain.unlearned import shuffled, untrained
from fisa.models import Fisa, System
from fisa.runs import Run

CHUNK = 20
"""Scenes drawn and asked about together, so that the same scenes get the same answers however many are asked for."""

DRAWING = 10
"""What one drawn image costs, as a multiple of its pass through a model."""

ESTIMATES = ("contributions", "logits")
"""By which interaction recovery estimates effects."""

PASSES = {"integrated_gradients": 300, "gradient_shap": 1500, "occlusion": 100, "feature_ablation": 45, "grad_cam": 4}
"""About what the map of a method costs in passes; others about one. Estimates of the time left rest on it, no more."""


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
    again: bool = False,
) -> Grades:
    """Grade a run's explanations on a planted split, or take up where an earlier call was interrupted.

    What the run carries for the same split and settings is returned as it is, whatever code made it; without
    ``control``, also where it was graded with one. Otherwise every part is kept in the cache folder as soon as it is
    finished, and found there by the next call with the same code.

    Args:
        run: A run that was trained on planted data.
        settings: How much to grade.
        split: Of the same data.
        control: A run of the same architecture, trained on shuffled labels, for one more sanity check.
        progress: Called with (cost done, cost in all) of what is left to do; the unit is about one pass of an image.
        again: Compute what is stored or kept, too.

    Raises:
        GradeError: The run was not trained on planted data, a method does not apply to it, or the control does not fit.
        DataError: There is no such split.
    """
    settings = settings or GradeSettings()
    methods = _methods(run, settings, control)
    data = PlantedDataset(run.config.data.name, split, run.config.data.image_size)
    digest = None if control is None else control.digest
    about = {**asdict(settings), "methods": list(methods), "control": digest}
    stored = stored_grades(run).get(data.split)
    if stored is not None and not again:
        had = stored.settings if control is not None else {**stored.settings, "control": None}
        if had == about and stored.version == data.version:
            return stored
    work = _Grading(run, data, settings, methods, control)
    parts = finish(work.steps(), KeptParts(run, data), work.draw, 5 * DRAWING, progress, again)
    rows = tuple(row for part in parts.values() for row in part.rows)
    return Grades(
        run=run.name,
        digest=run.digest,
        code=grading_code(),
        data=data.name,
        version=data.version,
        split=data.split,
        settings=about,
        rows=rows,
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


class _Grading:
    """The steps of a grading and what they share: drawn scenes, what the run says of them, untrained models."""

    def __init__(
        self, run: Run, data: PlantedDataset, settings: GradeSettings, methods: Sequence[str], control: Run | None
    ) -> None:
        self.run, self.data, self.methods, self.control = run, data, methods, control
        self.located = min(settings.located, len(data))
        self.scenes = min(settings.scenes, len(data))
        self.attributed = min(settings.attributed, self.scenes)
        self.checked = min(settings.checked, self.attributed)
        self.families: list[Family] = []
        self.said: list[Answer] = []

    def steps(self) -> list[Step]:
        """Return all steps that apply to the run; each says what it depends on."""
        output = self.run.output([np.zeros((1, 1, 3), np.uint8)])
        steps = []
        if output.attention is not None:
            steps.append(Step("localisation", (self.located,), self.located * (DRAWING + 2), 0, self._localisation))
        if output.contributions is not None:
            steps.append(Step("recovery", (self.scenes,), self.scenes, self.scenes, self._recovery))
        if isinstance(self.run.model, Fisa):
            steps.append(Step("paths", (self.scenes,), 10 * self.scenes, self.scenes, self._paths))
        steps.append(Step("baselines", (self.attributed,), self.attributed, self.attributed, self._baselines))
        for method in self.methods:
            steps += self._steps_of(method)
        if self.checked:
            cost = self.checked * 36 * (len(self.methods) + 5)
            depends = (self.attributed, self.checked, *self.methods)
            steps.append(Step("deletion", depends, cost, self.attributed, self._deletion))
        return steps

    def _steps_of(self, method: str) -> Iterator[Step]:
        passes, depends = PASSES.get(method, 1), (self.attributed, self.checked)

        def step(name: str, maps: int, compute: Any, *more: object) -> Step:
            return Step(f"{name}.{method}", (*depends, *more), maps * passes, self.attributed, compute)

        yield step("maps", 3 * self.attributed, partial(self._maps, method))
        if not self.checked:
            return
        for name in self._models():
            trained = self.control.digest if name == "shuffled_labels" and self.control is not None else None
            compute = partial(self._sanity, method, name)
            yield step(f"sanity.{name}", 3 * self.checked, compute, trained)
        yield step("stability", 2 * self.checked, partial(self._stability, method))

    def draw(self, count: int, progress: Progress) -> None:
        """Draw the first ``count`` scenes with their counterfactuals, and ask the run about them."""
        for start in range(0, count, CHUNK):
            part = range(start, min(start + CHUNK, self.scenes))
            for index in part:
                self.families.append(draw_family(self.data.scene(index), self.data.image_size))
                progress(min(index + 1, count), count)
            self.said += answers(self.run, self.families[part.start :])

    @cached_property
    def table(self) -> pd.DataFrame:
        """The units of attribution; see :func:`fisa.explain.faithfulness.units`."""
        return units(self.families[: self.attributed], self.said[: self.attributed])

    @cached_property
    def few(self) -> pd.DataFrame:
        """Those of the scenes for deletion, sanity and stability."""
        return self.table[self.table["scene"] < self.checked]

    @cached_property
    def subjects(self) -> list[tuple[int, int]]:
        """For each of these scenes, the emotion present for which the model has the largest logit."""
        found = []
        for scene in self.few["scene"].unique():
            logits = self.said[scene].logits[0]
            found.append((int(scene), max(self.families[scene].present, key=lambda emotion: logits[emotion])))
        return found

    def _models(self) -> list[str]:
        return ["shuffled_weights", "untrained", *(["shuffled_labels"] if self.control is not None else [])]

    @cached_property
    def _others(self) -> dict[str, System]:
        others = {"shuffled_weights": shuffled(self.run.model), "untrained": untrained(self.run)}
        return others if self.control is None else {**others, "shuffled_labels": self.control.model}

    def _localisation(self, _: Mapping[str, Part], progress: Progress) -> Part:
        found = grade_localisation(self.run, self.data.scene, self.located, progress)
        return Part() if found is None else Part(tuple(localisation_rows(found)))

    def _recovery(self, *_: object) -> Part:
        effects = effects_of(self.families[: self.scenes], self.said[: self.scenes])
        found = None if effects is None else grade_effects(effects)
        return Part() if found is None else Part(tuple(recovery_rows(found, {name: name for name in ESTIMATES})))

    def _paths(self, *_: object) -> Part:
        present = np.array([len(family.present) for family in self.families])
        pairs = int((present * (present - 1)).sum())
        units = {"absent": int((present * (len(self.run.space) - present)).sum())}  # a motif gone, an emotion not there
        found = grade_paths(self.run.model, self.families, self.said) or {}
        return Part(
            tuple(
                GradeRow.of(f"path.{path}", "interaction", "method", each, units.get(path, pairs), len(self.families))
                for path, each in found.items()
            )
        )

    def _baselines(self, *_: object) -> Part:
        if self.table.empty:
            return Part()
        chance = np.random.default_rng(0).standard_normal(len(self.table))
        rows: list[GradeRow] = []
        for name, estimate in (("same", self.table["same"]), ("area", self.table["area"]), ("random", chance)):
            rows += agreement_rows(self.table, np.asarray(estimate, float), name, "baseline")
        return Part((*rows, *agreement_rows(self.table, self.table["own"].to_numpy(), "own change", "ceiling")))

    def _maps(self, method: str, _: Mapping[str, Part], progress: Progress) -> Part:
        if self.table.empty:
            return Part()
        maps = maps_of(self.run, self.families, self.table, method, progress=progress)
        rows = tuple(agreement_rows(self.table, laid_on(self.families, self.table, maps), method))
        return Part(rows, {_name(key): maps[key] for key in self.subjects})

    def _sanity(self, method: str, name: str, _: Mapping[str, Part], progress: Progress) -> Part:
        if self.few.empty:
            return Part()
        maps = maps_of(self.run, self.families, self.few, method, model=self._others[name], progress=progress)
        laid = laid_on(self.families, self.few, maps)
        interval = mean_spearman(self.few, laid, self.few["own"].to_numpy())
        kind: Kind = "baseline" if name == "untrained" else "method"
        return Part((GradeRow.of(f"sanity.{name}", method, kind, interval, *_size(self.few)),))

    def _stability(self, method: str, parts: Mapping[str, Part], progress: Progress) -> Part:
        if not self.subjects:
            return Part()
        chosen = [(self.families[scene], emotion) for scene, emotion in self.subjects]
        maps = [parts[f"maps.{method}"].arrays[_name(key)] for key in self.subjects]
        found, count = grade_stability(self.run, chosen, maps, method, progress=progress), len(chosen)
        rows = (GradeRow.of(f"stability.{name}", method, "method", each, count, count) for name, each in found.items())
        return Part(tuple(rows))

    def _deletion(self, parts: Mapping[str, Part], progress: Progress) -> Part:
        if not self.subjects:
            return Part()
        chosen = []
        for scene, emotion in self.subjects:
            maps = {method: parts[f"maps.{method}"].arrays[_name((scene, emotion))] for method in self.methods}
            chosen.append(subject(self.families[scene], self.said[scene], emotion, maps, seed=scene))
        found, count = grade_deletion(self.run, chosen, progress), len(chosen)
        return Part(
            tuple(
                GradeRow.of(f"{way}.{fill}", name, "method", interval, count, count)
                for (way, fill, name), interval in found.items()
            )
        )


def _name(key: tuple[int, int]) -> str:
    return f"{key[0]}-{key[1]}"


def _size(table: pd.DataFrame) -> tuple[int, int]:
    return len(table), int(table["scene"].nunique())


def _notes(rows: Sequence[GradeRow], methods: Sequence[str]) -> Iterator[str]:
    left = [method for method in METHODS if method not in methods]
    if left:
        yield f"Not graded: {', '.join(left)}."
    for method, checks in failed_checks(rows).items():
        for check, (row, blank) in checks.items():
            yield (
                f"{method} fails the check by {check.replace('_', ' ')}: {row.value:.2f} is above what it reaches "
                f"on an untrained network, {blank.low:.2f} to {blank.high:.2f}."
            )
