"""Results of a study whose every number is worked by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fisa.config import RunConfig
from fisa.datasets import open_dataset
from fisa.evaluation import summarise, truth_of
from fisa.studies.results import RUN_COLUMNS, StudyResults

CONFIG = {"data": {"name": "planted-tiny", "test": "fresh-7"}}
DATA = open_dataset("planted-tiny", split="fresh-7")
TRUTH = truth_of(DATA)


def predictions(weight: float) -> np.ndarray:
    """The truth mixed with the uniform distribution."""
    assert TRUTH is not None
    return (1 - weight) * TRUTH + weight / 8


def study(weights: dict[str, list[float]], **changes: Any) -> StudyResults:
    """A study on the 60 fresh scenes of planted-tiny: for each system the predictions of its seeds."""
    rows, parts, configs, first = [], [], {}, {}
    for system, of_seeds in weights.items():
        model = {"name": "fisa"} if system.startswith("fisa") else {"name": "cnn"}
        configs[system] = RunConfig.model_validate({"name": system, "model": model, **CONFIG})
        for seed, weight in enumerate(of_seeds):
            where = f"cells/{system}/seed-{seed}"
            row = dict(zip(RUN_COLUMNS, (where, system, None, seed, 0, "finished", ""), strict=True))
            metrics = summarise(DATA, predictions(weight))
            first = first or metrics
            row |= {"config": "c", "run": f"r{seed}", "parameters": 1000, "seconds": 60.0 + seed, "epochs": 2}
            row |= {"best_epoch": 2, "validation": 0.1, "n": 60, "n_train": 160, "data_version": DATA.version}
            rows.append(row | {key: metrics[key] for key in ("score", "kl_truth")} | metrics["measures"])
            part = pd.DataFrame(predictions(weight), columns=list(DATA.space.labels))
            parts.append(part.assign(id=DATA.manifest["id"], where=where))
    history = pd.DataFrame({"where": ["cells/fisa/seed-0"], "epoch": [1], "seconds": [3.5], "validation": [0.25]})
    whole = StudyResults(
        name="tiny",
        reference="fisa",
        systems=tuple(weights),
        runs=pd.DataFrame(rows),
        history=history,
        predictions=pd.concat(parts, ignore_index=True),
        configs=configs,
        metrics=first,
        choices={},
        looks=({"when": "2026-11-21T10:00:00+00:00", "what": "cells/fisa/seed-0"},),
        speeds={"fisa": 0.8, "cnn": 1.0},
    )
    return replace(whole, **changes)


WEIGHTS = {"fisa": [0.1, 0.2], "cnn": [0.5, 0.7], "other": [0.15]}
