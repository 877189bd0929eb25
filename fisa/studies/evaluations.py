"""Results of a run on some data in a file of their own: a run's folder holds only those on its own test split.

The file is JSON. Its keys: ``format``; ``system`` and ``digest`` of the run; ``data``, how to open the data; ``rated``,
whether images without valence and arousal are left out of them; ``metrics``, as ``fisa.evaluation.evaluate_run``
returns them; ``predictions``, a list for ``id`` and one for each rating, or label of the space of comparison.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, FiniteFloat, NonNegativeInt, PositiveInt, ValidationError, model_validator

from fisa.config import DataConfig, TaskName
from fisa.runs import RunError, refuse_existing
from fisa.runs.files import parse_json, read_bytes, write_whole
from fisa.runs.format import KNOWN_SPACES
from fisa.studies.comparison import Result, StudyError
from fisa.tasks import TASKS

DIGITS = 7
"""Decimals of a stored degree, about those of float32."""


class _Map(BaseModel):
    source: str = Field(alias="from")
    to: str
    reason: str
    never: list[str]


class _Mapped(BaseModel):
    predictions: _Map
    targets: _Map
    images_left_out: NonNegativeInt
    share_left_out: FiniteFloat


class _Metrics(BaseModel):
    task: TaskName
    data: str
    data_version: str
    split: str
    space: str
    n: PositiveInt
    score: FiniteFloat | None = None
    kl_truth: FiniteFloat | None = None
    measures: dict[str, FiniteFloat | None]
    truth_measures: dict[str, FiniteFloat] | None = None
    trained_on: str
    seen: NonNegativeInt
    mapped: _Mapped | None


class _Stored(BaseModel):
    format: Literal[1]
    system: str
    digest: str
    data: DataConfig
    rated: bool
    metrics: _Metrics
    predictions: dict[str, list[str] | list[FiniteFloat]]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        about, task = self.metrics, TASKS[self.metrics.task]
        if about.space not in KNOWN_SPACES:
            raise ValueError(f"unknown space {about.space[:60]!r}; known: {', '.join(KNOWN_SPACES)}")
        columns = task.columns(KNOWN_SPACES[about.space])
        lengths = {len(each) for each in self.predictions.values()}
        if list(self.predictions) != ["id", *columns] or lengths != {about.n}:
            raise ValueError(f"predictions need id and {', '.join(columns)}, {about.n} of each")
        rows = np.array([self.predictions[name] for name in columns], dtype=float).T
        if task.wrong_stored(rows).any():
            raise ValueError(f"predictions: {task.stored_refusal.format(space=about.space)}")
        perfect = np.full((1, len(columns)), 1 / len(columns))
        if missing := task.measure(perfect, perfect).keys() - about.measures.keys():
            raise ValueError(f"measures lack {', '.join(sorted(missing))}")
        return self


def save_evaluation(file: Path, result: Result) -> None:
    """Write results to a file that does not exist yet, whole or not at all.

    Raises:
        RunError: It exists, or the disk refuses.
    """
    refuse_existing(file)
    frame = result.predictions
    document = {
        "format": 1,
        "system": result.system,
        "digest": result.digest,
        "data": None if result.data is None else result.data.model_dump(mode="json"),
        "rated": result.rated,
        "metrics": dict(result.metrics),
        "predictions": {
            str(name): [str(each) for each in column] if name == "id" else column.astype(float).round(DIGITS).tolist()
            for name, column in frame.items()
        },
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, (json.dumps(document, allow_nan=False) + "\n").encode())


def read_evaluation(file: Path) -> Result:
    """Read what :func:`save_evaluation` wrote.

    Raises:
        StudyError: It is something else, or damaged.
    """
    try:
        document = parse_json(read_bytes(file), file)
        stored = _Stored.model_validate(document)
    except RunError as error:
        raise StudyError(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:3])
        raise StudyError(
            f"{file}: no stored evaluation ({place}{': ' if place else ''}{first['msg']}); "
            f"`python -m fisa evaluate RUN --out {file.name}` makes one"
        ) from None
    frame = pd.DataFrame(stored.predictions)
    frame = frame.astype({label: np.float32 for label in frame.columns if label != "id"})
    return Result(stored.system, stored.digest, document["metrics"], frame, None, stored.data, str(file), stored.rated)
