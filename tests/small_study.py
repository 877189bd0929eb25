"""A study that trains in seconds: two systems, two trials each, three cells."""

import json
from pathlib import Path
from typing import Any

from tiny import TINY_CNN, TINY_FISA

TRAINING = {"batch_size": 32, "lr": 0.01}
STUDY: dict[str, Any] = {
    "name": "tiny",
    "data": {"name": "planted-tiny", "image_size": 32, "test": "fresh-7"},
    "epochs": 2,
    "search": {"trials": 2, "epochs": 1, "space": [{"training.lr": 0.01}, {"training.lr": 0.001}]},
    "systems": {
        "fisa": {"config": {"model": TINY_FISA, "training": TRAINING}, "seeds": [0, 1]},
        "cnn": {"config": {"model": TINY_CNN, "training": TRAINING}},
    },
}
CELLS = ["cells/fisa/seed-0", "cells/cnn/seed-0", "cells/fisa/seed-1"]
TRIALS = ["trials/fisa/1", "trials/cnn/1", "trials/fisa/2", "trials/cnn/2"]


def written(folder: Path, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "study.yaml"
    file.write_text(json.dumps(STUDY | changes), encoding="utf-8")
    return file
