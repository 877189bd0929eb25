"""``explain`` says of an image that is not of the run's own data when it lies far from what the run was trained on."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from graded_runs import store_by_hand
from PIL import Image
from typer.testing import CliRunner, Result

from fisa.__main__ import app
from fisa.datasets import DataError
from fisa.explain.familiarity import Familiarity
from fisa.runs import Run, load_run


def explain(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    file = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file)
    return file


def test_noise_is_far_and_a_scene_of_the_run_is_not_compared(
    tiny_runs: Path, noise: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = explain(tiny_runs / "fisa", noise)
    assert result.exit_code == 0 and json.loads(result.stdout)["image"] == str(noise)
    said = "lies far from what fisa was trained on, 100.0% of 40 held-out images lie nearer"
    assert result.stderr.startswith(f"{noise}: {said}")
    familiar = json.loads(result.stdout)["familiarity"]
    assert (familiar["nearer"], familiar["held_out"], familiar["far"]) == (1, 40, True) and familiar["distance"] > 0
    attributed = explain(tiny_runs / "fisa", noise, "--method", "contributions", "--target", "fear")
    assert said in attributed.stderr and json.loads(attributed.stdout)["familiarity"] == familiar
    monkeypatch.setattr("fisa.explain.familiarity.reference_of", None)
    for split in ("iid", "test", "validation", "train"):
        own = explain(tiny_runs / "fisa", f"planted-tiny:{split}:3")
        assert "trained on" not in own.stderr and json.loads(own.stdout)["familiarity"] is None


def test_a_shift_of_the_runs_own_scenes_is_looked_at(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def judged(_run: Run, images: Sequence[np.ndarray], _progress: object) -> list[Familiarity]:
        asked.append(len(images))
        return [Familiarity(distance=12.5, nearer=0.995, held_out=200)]

    monkeypatch.setattr("fisa.commands.explain.familiarity", judged)
    result = explain(tiny_runs / "fisa", "planted-tiny:palette:5")
    assert result.exit_code == 0 and asked == [1]
    assert result.stderr.startswith("planted-tiny:palette:5: lies far from what fisa was trained on, 99.5% of 200")
    assert json.loads(result.stdout)["familiarity"] == {"distance": 12.5, "nearer": 0.995, "held_out": 200, "far": True}


def test_without_the_training_images_it_says_why(tiny_runs: Path, noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise DataError("/photos: no such folder; check the path")

    monkeypatch.setattr("fisa.explain.familiarity.open_data", gone)
    result = explain(tiny_runs / "fisa", noise)
    assert result.exit_code == 0 and json.loads(result.stdout)["distribution"]
    assert json.loads(result.stdout)["familiarity"] is None
    assert "cannot be said (/photos: no such folder; check the path)" in result.stderr


def test_a_method_that_fails_a_sanity_check_is_told(tiny_runs: Path, tmp_path: Path) -> None:
    run = load_run(shutil.copytree(tiny_runs / "fisa", tmp_path / "fisa"))
    store_by_hand(run)
    asked = (run.path, "planted-tiny:iid:3", "--target", "fear", "--method")
    assert "grad_cam: fails the sanity check by shuffled weights on this run" in explain(*asked, "grad_cam").stderr
    assert "sanity" not in explain(*asked, "attention").stderr
