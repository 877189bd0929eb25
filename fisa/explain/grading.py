"""Explanation grades of a run on planted data, and everything else that a finished run should carry."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from fisa.datasets.planted import PRESETS, PlantedDataset
from fisa.evaluation import Progress, open_test_split
from fisa.explain.embeddings import offered_vectors
from fisa.explain.graded import Grades
from fisa.explain.localisation import grade_localisation
from fisa.explain.maps import stored_map, usual
from fisa.explain.projection import ProjectionError
from fisa.explain.recovery import grade_recovery
from fisa.runs import Run

RECOVERY_SCENES = 500


def grade(run: Run, progress: Progress | None = None) -> dict[str, Any] | None:
    """Grade a run's explanations on the planted ``iid`` test split; None for other data.

    Returns:
        ``localisation`` over all scenes and ``contributions`` over the first 500 with their counterfactuals;
        either is None where the system has no such explanation.
    """
    name = run.config.data.name
    if name not in PRESETS:
        return None
    size = run.config.data.image_size
    data = PlantedDataset(name, "iid", size)
    recovery_count = min(RECOVERY_SCENES, len(data))
    total = len(data) + recovery_count

    def report(offset: int) -> Progress | None:
        return None if progress is None else lambda done, _: progress(offset + done, total)

    grades: dict[str, Any] = {"data": name, "data_version": data.version, "localisation": None, "contributions": None}
    said = run.output([np.zeros((size, size, 3), np.uint8)])  # what the system lacks, before a scene is drawn
    if said.attention is not None:
        grades["localisation"] = grade_localisation(run, data.scene, len(data), report(0))
    if said.contributions is not None:
        grades["contributions"] = grade_recovery(run, data.scene, recovery_count, report(len(data)))
    return grades


def store(run: Run, found: Grades, progress: Progress | None = None) -> None:
    """Keep the grades of one split in a run, in place of earlier ones of that split, where the studio finds them.

    Raises:
        RunError: The disk refuses; what was stored before is untouched.
    """
    before = run.grades or grade(run, progress) or {}
    run.add_grades({**before, "splits": {**before.get("splits", {}), found.split: found.to_document()}})


def complete(run: Run, progress: Progress | None = None) -> None:
    """Write the grades (planted data) and the map of the test split, if that can be made, into a run folder."""
    if run.task.name == "sequence":
        return  # neither grades nor a map of single images
    grades = grade(run, progress)
    if grades is not None:
        run.add_grades(grades)
    data = open_test_split(run)
    with suppress(ProjectionError):  # too few images, or all the same to it: the Map page says which, when asked
        run.add_map(stored_map(run, data, usual(offered_vectors(run)[0], len(data))))
