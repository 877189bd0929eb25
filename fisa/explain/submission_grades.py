"""Grades of submissions, by the very functions that grade our runs, as far as they go without a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from fisa.datasets.planted import PlantedDataset, render
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import Answer, Family
from fisa.explain.faithfulness import laid_on, units
from fisa.explain.graded import GradeRow
from fisa.explain.localisation import Located, grade_maps
from fisa.explain.recovery import grade_effects, scene_effects
from fisa.explain.rows import agreement_rows, localisation_rows, recovery_rows
from fisa.explain.submission import EMOTIONS, Head, Submission


@dataclass(frozen=True)
class SubmissionGrades:
    """The grades of a submission: its ``head``, ``digest``, ``rows``, and ``notes`` on what could not be graded."""

    head: Head
    digest: str
    rows: tuple[GradeRow, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return a row a grade and subject: ``submission``, ``split``, ``version``, then what a ``GradeRow`` has."""
        named = {"submission": self.head.method, "split": self.head.split, "version": self.head.version}
        return pd.DataFrame([{**named, **asdict(row)} for row in self.rows])


def grade_submission(found: Submission, families: Sequence[Family]) -> SubmissionGrades:
    """Grade a submission: by each part of ``fisa.explain.report.grade_run`` that needs no more than was handed in.

    Args:
        found: As :func:`read_submission` gives it.
        families: Its scenes, as :func:`draw_masks` gives them.
    """
    rows = [*_localisation(found, families), *_recovery(found, families), *_agreement(found, families)]
    return SubmissionGrades(found.head, found.digest, tuple(rows), tuple(_notes(found)))


def draw_masks(data: PlantedDataset, count: int, progress: Progress | None = None) -> list[Family]:
    """Draw the first scenes with their masks, but without counterfactuals: what these do was handed in.

    Args:
        data: Of :attr:`Submission.data`.
        count: How many.
        progress: Called with (scenes drawn, scenes).
    """
    families = []
    for index in range(count):
        scene = data.scene(index)
        drawn = render(scene, data.image_size)
        present = tuple(sorted({motif.emotion for motif in scene.motifs}))
        families.append(Family(scene, drawn.image, drawn.ids, present, ()))
        if progress is not None:
            progress(index + 1, count)
    return families


def _localisation(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    if found.attribution is None:
        return
    maps = zip(families, found.attribution, strict=True)
    graded = grade_maps((Located(family.scene, family.ids, each) for family, each in maps), found.data.image_size)
    if graded is not None:
        yield from localisation_rows(graded, found.head.method)


def _answers(found: Submission, families: Sequence[Family]) -> Iterator[Answer]:
    """Yield the logits handed in, or the true ones, which then serve validity alone."""
    for number, family in enumerate(families):
        if found.logits is None or found.logits_without is None:
            without = [family.scene.without_emotion(emotion).logits for emotion in family.present]
            logits = np.stack([family.scene.logits, *without])
        else:
            logits = np.stack([found.logits[number], *found.logits_without[number, list(family.present)]])
        yield Answer(logits, None, np.empty(0))


def _recovery(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    subjects = {"contributions": found.head.method} if found.effects is not None else {}
    subjects |= {"logits": "logits"} if found.logits is not None else {}
    if not subjects:
        return
    effects = []
    for number, (family, answer) in enumerate(zip(families, _answers(found, families), strict=True)):
        claimed = np.zeros((EMOTIONS, EMOTIONS)) if found.effects is None else found.effects[number]
        effects.append(scene_effects(family, claimed[:, list(family.present)], answer.change(family)))
    graded = grade_effects(np.stack(effects))
    if graded is not None:
        yield from recovery_rows(graded, subjects)


def _agreement(found: Submission, families: Sequence[Family]) -> Iterator[GradeRow]:
    table = units(families, list(_answers(found, families)))
    if found.attribution is None or table.empty:
        return
    pairs = table[["scene", "target"]].drop_duplicates().itertuples(index=False, name=None)
    maps = {(scene, target): found.attribution[scene, target] for scene, target in pairs}
    grades = ("validity",) if found.logits is None else ("faithfulness", "validity")
    yield from agreement_rows(table, laid_on(families, table, maps), found.head.method, grades=grades)
    chance = np.random.default_rng(0).standard_normal(len(table))
    for name, estimate in (("same", table["same"]), ("area", table["area"]), ("random", chance)):
        yield from agreement_rows(table, np.asarray(estimate, float), name, "baseline", grades)
    if found.logits is not None:
        yield from agreement_rows(table, table["own"].to_numpy(), "own change", "ceiling", grades)


def _notes(found: Submission) -> Iterator[str]:
    needs = {
        "attribution": "localisation, faithfulness and validity",
        "effects": "interaction recovery by effects",
        "logits": "faithfulness, and interaction recovery by logits",
    }
    for key, grades in needs.items():
        if getattr(found, key) is None:
            yield f"Not graded, as {key} was not handed in: {grades}."
    yield "Not graded, as these need the model itself: paths, deletion and insertion, sanity, stability, untrained."
