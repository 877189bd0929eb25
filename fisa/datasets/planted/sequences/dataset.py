"""Planted sequences as a data set: manifest, vectors and series from the courses alone, frames drawn on demand."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError
from fisa.datasets.planted.presets import VERSION as SCENES
from fisa.datasets.planted.sequences.course import SERIES, Course, draw_course
from fisa.datasets.planted.sequences.frames import PlantedFrames
from fisa.datasets.planted.sequences.presets import VERSION, VOTES, check_split, find_preset
from fisa.datasets.sequences import Events, SequenceSet, StepVectors
from fisa.emotions import MIKELS8


def open_planted_sequences(
    preset: str = "planted-sequences", split: str = "test", image_size: int | None = None
) -> SequenceSet:
    """Open one split of the planted sequences.

    Columns of the manifest beyond the common ones: ``truth_<label>`` the true description degree and
    ``strength_<label>`` the strength (0 where not shown) of each emotion; ``brightness`` and ``saturation``; and the
    value in force of each series (``weather`` is x(t)), also where the sequence lacks the series.

    Args:
        preset: ``planted-sequences`` or ``planted-sequences-tiny``.
        split: ``train``, ``validation`` or ``test``.
        image_size: Side length of the frames in pixels, at least 32; None takes the preset's.

    Raises:
        DataError: Unknown preset or split, or too small a size.
    """
    sizes = find_preset(preset)
    count, steps = sizes.count(check_split(split)), sizes.steps
    size = sizes.image_size if image_size is None else image_size
    if size < 32:
        raise DataError(f"{preset} draws frames of at least 32 px, not {size}; raise data.image_size")
    courses = _courses(split, count, steps)
    present = {name: np.concatenate([course.present[name] for course in courses]) for name in ("text", "speech")}
    frames = np.concatenate([course.present["frames"] for course in courses])
    none = Events(np.empty(0), np.empty(0))
    key = f"planted sequences {VERSION} of scenes {SCENES} {preset} {split}"
    return SequenceSet(
        name=preset,
        split=split,
        space=MIKELS8,
        manifest=_manifest(courses, split, steps),
        vectors={
            name: StepVectors(np.concatenate([getattr(course, name) for course in courses]) * there[:, None], there)
            for name, there in present.items()
        },
        series={name: tuple(c.series[name] if c.present[name] else none for c in courses) for name in SERIES},
        frames=PlantedFrames(split, steps, size, frames),
        version=hashlib.sha256(key.encode()).hexdigest()[:12],
    )


@lru_cache(maxsize=8)
def _courses(split: str, count: int, steps: int) -> tuple[Course, ...]:
    return tuple(draw_course(index, split, steps) for index in range(count))


def _manifest(courses: tuple[Course, ...], split: str, steps: int) -> pd.DataFrame:
    count = len(courses)
    columns: dict[str, object] = {
        "id": np.repeat([f"{split}-{index:04d}" for index in range(count)], steps),
        "step": np.tile(np.arange(steps), count),
        "time": np.tile(np.arange(steps, dtype=float), count),
        "path": pd.Series([None] * (count * steps), dtype=object),
        "split": split,
        "votes": VOTES,
    }
    votes, truth, strengths = (
        np.concatenate([getattr(course, name) for course in courses]) for name in ("votes", "distribution", "strengths")
    )
    columns |= {label: votes[:, k] / VOTES for k, label in enumerate(MIKELS8.labels)}
    columns |= {f"truth_{label}": truth[:, k] for k, label in enumerate(MIKELS8.labels)}
    columns |= {f"strength_{label}": strengths[:, k] for k, label in enumerate(MIKELS8.labels)}
    palette = np.repeat([(course.brightness, course.saturation) for course in courses], steps, axis=0)
    columns |= {"brightness": palette[:, 0], "saturation": palette[:, 1]}
    columns |= {name: np.concatenate([c.series[name].last(np.arange(steps)) for c in courses]) for name in SERIES}
    return pd.DataFrame(columns)
