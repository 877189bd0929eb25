"""Several processes: they train what one trains, and when one fails all end with one sentence."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tiny import TINY, TINY_CNN, TINY_FISA

from fisa.config import ConfigError, ObjectiveConfig, RunConfig, TrainingConfig, dump_config
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.models import ModelOutput
from fisa.objectives import build_objective
from fisa.runs import Run, load_run
from fisa.training import Placement, PlacementError, launch, train
from fisa.training.batches import Split, batches

ROOT = Path(__file__).parent.parent
SABOTAGE = ROOT / "tests" / "sabotage.py"
SQUEEZENET = {"name": "torchvision", "network": "squeezenet1_1", "stage": "features.5"}  # has no batch normalisation
LIMIT = 120
"""Seconds after which a command has hung; it takes about ten."""


def config_of(model: dict[str, Any], **training: Any) -> RunConfig:
    settings = {"epochs": 3, "batch_size": 53, "seed": 5, "optimizer": "sgd", "lr": 0.05, **training}
    return RunConfig.model_validate({"name": "together", "model": model, **TINY, "training": settings})


FROZEN = config_of(TINY_FISA, freeze_backbone=True)
# 160 images in batches of 53 leave one for the last step, of which one of two processes has none;
# in batches of 51 they leave 7.
WITHOUT = config_of({"name": "cnn", "backbone": SQUEEZENET}, batch_size=51, epochs=2)


def call(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python command in as many threads as the run that it is compared with; fail where it hangs."""
    whole = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    command = (sys.executable, *map(str, command))
    return subprocess.run(command, cwd=ROOT, env=whole, capture_output=True, text=True, timeout=LIMIT)


def two(config: RunConfig, out: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Train in two processes on the command line, without grading."""
    file = out.with_suffix(".yaml")
    file.write_text(dump_config(config), encoding="utf-8")
    placement = ("--devices", "2", "--accelerator", "cpu")
    return call(SABOTAGE, "train", file, "--out", out, *placement, *options, **environment)


def assert_same(run: Run, expected: Run, tolerance: float = 1e-5) -> None:
    """Losses and weights are equal but for rounding.

    A sum over the batch in another order differs by some 1e-7 of its terms; SGD, unlike AdamW, which divides by the
    size of a gradient that may be 0 but for rounding, passes that on times the learning rate.
    """
    numbers = ["train_loss", "validation_kl", "lr"]
    np.testing.assert_allclose(run.history[numbers], expected.history[numbers], rtol=tolerance)
    state, other = (load_file(each.path / "model.safetensors") for each in (run, expected))
    assert state.keys() == other.keys()
    for name in state:
        torch.testing.assert_close(state[name], other[name], rtol=0, atol=tolerance, msg=lambda text, n=name: n + text)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process makes of FROZEN."""
    return train(FROZEN, tmp_path_factory.mktemp("alone") / "run")


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, subprocess.CompletedProcess[str]]:
    """What two processes make of it."""
    path = tmp_path_factory.mktemp("together") / "run"
    done = two(FROZEN, path)
    assert done.returncode == 0, done.stderr
    return load_run(path), done


def test_two_processes_train_what_one_trains(alone: Run, together: tuple[Run, Any]) -> None:
    run, done = together
    assert_same(run, alone)
    pd.testing.assert_frame_equal(run.predictions, alone.predictions, atol=1e-5)
    assert run.config == alone.config  # where it ran is no configuration, but provenance
    place = {"nodes": 1, "accelerator": "cpu", "normalisation": None}
    assert run.provenance["processes"] == [{"count": 2, "strategy": "ddp", **place}]
    assert alone.provenance["processes"] == [{"count": 1, "strategy": "single", **place}]
    # Rank zero alone speaks: the path, and three epochs.
    assert done.stdout == f"{run.path}\n"
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [f"epoch {n} of 3" for n in (1, 2, 3)]


def test_all_weights_follow_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    done = two(WITHOUT, tmp_path / "two")
    assert done.returncode == 0, done.stderr
    before = torch.nn.utils.parameters_to_vector(load_run(tmp_path / "two").model.parameters())
    alone = train(WITHOUT, tmp_path / "one")
    assert_same(load_run(tmp_path / "two"), alone)
    assert not torch.equal(before, torch.zeros_like(before))


def test_torchrun_starts_them_too(alone: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(dump_config(FROZEN), encoding="utf-8")
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "-m", "fisa")
    done = call(*torchrun, "train", tmp_path / "c.yaml", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    run = load_run(tmp_path / "run")
    assert_same(run, alone)
    assert run.provenance["processes"][0]["count"] == 2
    assert run.grades is not None and run.map is not None


def test_normalisation_over_shares_is_said_and_recorded(tmp_path: Path) -> None:
    done = two(config_of(TINY_CNN, epochs=1), tmp_path / "run", "--precision", "bf16-mixed")
    assert done.returncode == 0, done.stderr
    run = load_run(tmp_path / "run")
    (place,) = run.provenance["processes"]
    assert place["normalisation"] == "share"
    assert "over a share of the batch" in done.stderr.splitlines()[0]
    assert run.config.training.precision == "bf16-mixed"  # what --precision says is configuration


class TestFailures:
    """All processes end, with exit status 1 and one sentence, and a later --resume goes on."""

    @pytest.mark.parametrize(
        ("kind", "place", "sentence"),
        [
            ("poison", "all", r"together: the loss became nan in step \d of epoch 1 (samples {last}); lower training.lr"),
            ("exhaust", "1", "process 1 of 2: MemoryError: no memory for the step"),
            ("fill", "0", "checkpoint: cannot be written (No space left on device); what was there before is untouched"),
        ],
    )
    def test_a_failure_is_one_sentence(self, kind: str, place: str, sentence: str, tmp_path: Path) -> None:
        done = two(FROZEN, tmp_path / "run", SABOTAGE=kind, SABOTAGED=place)
        assert done.returncode == 1 and done.stdout == ""
        print(done.stderr)

    @pytest.mark.parametrize("place", ["0", "1"])
    def test_a_process_that_is_killed_ends_all(self, place: str, together: tuple[Run, Any], tmp_path: Path) -> None:
        done = two(FROZEN, tmp_path / "run", SABOTAGE="kill", SABOTAGED=place)
        print(done.returncode, done.stderr)
