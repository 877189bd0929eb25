"""A run folder after many accidents: a clear refusal or what was stored, and never code that hides in it."""

import json
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.runs import NewRun, RunError, load_run, save_run
from fisa.runs.files import digest_of
from fisa.runs.format import DIGESTS, OPTIONAL, REQUIRED, write_digests

FILES = (*REQUIRED, *OPTIONAL, DIGESTS)
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as small as one can be, with every file."""
    torch.manual_seed(0)
    config = RunConfig.model_validate(
        {"name": "cnn", "data": {"image_size": 32}, "model": {"name": "cnn", "backbone": {"name": "plain", "width": 8}}}
    )
    labels = list(MIKELS8.labels)
    predictions = pd.DataFrame(np.full((3, 8), 1 / 8), columns=labels)
    predictions.insert(0, "id", ["a", "b", "c"])
    history = pd.DataFrame({"epoch": [1], "seconds": [0.5], "train_loss": [2.0], "validation_kl": [1.0], "lr": [0.1]})
    splits = pd.DataFrame({"id": ["a", "b", "c"], "split": ["test"] * 3})
    state = build_model(config.model, MIKELS8).state_dict()
    new = NewRun(config, MIKELS8, state, history, {"n": 3, "score": 0.5}, predictions, {"receptive_field": 45}, splits)
    run = save_run(tmp_path_factory.mktemp("mutations") / "run", new)
    run.add_grades({"localisation": {"hit": 0.5}})
    run.add_map(pd.DataFrame({"id": ["a"], "x": [0.0], "y": [1.0]}))
    return run.path


def everything(path: Path) -> list[Any]:
    """All that the program gets from a run: what it reads, and what it predicts."""
    run = load_run(path)
    tables = [run.history, run.predictions, run.splits, run.map]
    read = [run.provenance, run.config.model_dump(), run.metrics, run.grades, run.digest]
    return [
        *read,
        *(table.to_dict() for table in tables if table is not None),
        run.predict([IMAGE]).distribution.tolist(),
    ]


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.marker), "w")


def flip(content: bytes, chance: random.Random) -> bytes:
    place, bit = chance.randrange(len(content)), chance.randrange(8)
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def blank(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    count = min(chance.randint(1, 64), len(content) - start)
    return content[:start] + bytes(count) + content[start + count :]


def lengthen(content: bytes, chance: random.Random) -> bytes:
    return content + chance.choice([b"\n", b" ", b"\0", b"}", b"PK\x03\x04", chance.randbytes(40)])


def swap(content: bytes, chance: random.Random) -> bytes:
    low, middle, high = sorted(chance.choices(range(len(content) + 1), k=3))
    return content[:low] + content[middle:high] + content[low:middle] + content[high:]


def rekey(content: bytes, chance: random.Random) -> bytes:
    """Remove a line, or let it stand twice: a key of JSON or YAML, a row of CSV."""
    lines = content.split(b"\n")
    place = chance.randrange(len(lines))
    return b"\n".join(lines[:place] + [lines[place]] * chance.choice([0, 2]) + lines[place + 1 :])


def mutated(path: Path, name: str, chance: random.Random, trap: bytes) -> bytes:
    content = (path / name).read_bytes()
    other = (path / chance.choice(FILES)).read_bytes()
    kinds: list[Callable[[], bytes]] = [lambda: trap, lambda: content + trap, lambda: other, lambda: b""]
    kinds += [lambda kind=kind: kind(content, chance) for kind in (flip, cut, blank, lengthen, swap, rekey) * 2]  # type: ignore[misc]
    return chance.choice(kinds)()


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutations(count: int, original: Path, tmp_path: Path) -> None:
    path, marker, chance = Path(shutil.copytree(original, tmp_path / "run")), tmp_path / "marker", random.Random(0)
    trap, expected = pickle.dumps(Trap(marker)), everything(original)
    refused = 0
    for number in range(count):
        name = FILES[number % len(FILES)]
        (path / name).write_bytes(mutated(original, name, chance, trap))
        try:
            assert everything(path) == expected, f"mutation {number} of {name} was not seen"
        except RunError as error:
            refused += 1
            assert "\n" not in str(error) and str(path) in str(error) and len(str(error)) < 500
        assert not marker.exists(), f"mutation {number}: code in {name} was run"
        shutil.copy(original / name, path / name)
    # What is left is the same file (a swap of nothing, a file in its own place) or white space in digests.json.
    assert refused > 0.9 * count
    assert everything(path) == expected


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_refused(name: str, original: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(original, tmp_path / "run"))
    (path / name).unlink()
    with pytest.raises(RunError, match=name):
        load_run(path)


@pytest.mark.parametrize("name", (*REQUIRED, *OPTIONAL))
def test_a_pickle_with_the_right_digest_is_not_opened_either(name: str, original: Path, tmp_path: Path) -> None:
    path, marker = Path(shutil.copytree(original, tmp_path / "run")), tmp_path / "marker"
    for trap in (pickle.dumps(Trap(marker)), pickle.dumps(Trap(marker), protocol=0)):
        (path / name).write_bytes(trap)
        write_digests(path, {file: digest_of((path / file).read_bytes()) for file in (*REQUIRED, *OPTIONAL)})
        with pytest.raises(RunError, match=name):
            everything(path)
    assert not marker.exists()
    pickle.loads(trap).close()  # the trap itself works
    assert marker.exists()


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "history.csv", "metrics.json", "provenance.json"])
def test_a_mutation_that_was_listed_anew_is_refused_or_read_but_never_a_crash(
    name: str, original: Path, tmp_path: Path
) -> None:
    """The content has to speak for itself; what is refused is refused by name."""
    path, chance = Path(shutil.copytree(original, tmp_path / "run")), random.Random(name)
    for _ in range(40):
        (path / name).write_bytes(mutated(original, name, chance, b"\x80\x04."))
        write_digests(path, {file: digest_of((path / file).read_bytes()) for file in (*REQUIRED, *OPTIONAL)})
        try:
            assert all(np.isfinite(everything(path)[-1][0]))
        except RunError as error:
            assert name in str(error) or "config.yaml" in str(error) or "run format" in str(error)


def test_the_listing_survives_another_layout(original: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(original, tmp_path / "run"))
    document = json.loads((path / DIGESTS).read_text())
    (path / DIGESTS).write_text(json.dumps(document, indent=7, sort_keys=True))
    assert everything(path) == everything(original)
