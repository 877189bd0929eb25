"""Run folders: what does not fit is refused by name, and nothing is half-written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fisa.runs import REQUIRED, RunError, free_path, list_runs, load_run


@pytest.fixture
def copy(tiny_runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_runs / "fisa", tmp_path / "copy"))


def test_predict_takes_any_number_of_images_of_any_size(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    random = np.random.default_rng(0)
    images = [
        random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in [(5, 9), (1, 1), (200, 64)]
    ]
    prediction = run.predict(images, batch_size=2)
    assert prediction.labels == run.space.labels
    np.testing.assert_allclose(prediction.distribution.sum(1), 1)
    np.testing.assert_allclose(run.predict(images[2:]).distribution[0], prediction.distribution[2], atol=1e-6)
    assert run.predict([]).distribution.shape == (0, 8)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RunError, match=name):
        load_run(copy)


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        load_run(tmp_path / "nowhere")


def test_weights_that_do_not_fit_are_refused(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    state["readout.weight"] = torch.zeros(8, 3)
    save_file(state, copy / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors: these weights do not fit"):
        load_run(copy).model  # noqa: B018


@pytest.mark.parametrize("content", [b"", b"\x80\x04not weights", b"\xff" * 100])
def test_broken_weights_are_refused(copy: Path, content: bytes) -> None:
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors"):
        load_run(copy).model  # noqa: B018


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.yaml", "name: x\nmodle: {}\n", "unknown key 'modle'"),
        ("config.yaml", ": :\n-", "not valid YAML"),
        ("provenance.json", "[]", "expected a JSON object"),
        ("provenance.json", "{", "cannot be read as JSON"),
        ("provenance.json", '{"format": 99}', "run format 99"),
        ("provenance.json", '{"format": 1, "space": "klingon"}', "unknown emotion space 'klingon'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(copy: Path, name: str, content: str, complaint: str) -> None:
    (copy / name).write_text(content)
    with pytest.raises(RunError, match=complaint):
        load_run(copy)


@pytest.mark.parametrize("name", ["history.csv", "predictions.parquet", "metrics.json", "map.parquet", "grades.json"])
def test_a_broken_table_is_refused_by_name(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\x00\x01")
    run = load_run(copy)
    with pytest.raises(RunError, match=name):
        getattr(run, name.split(".")[0])


def test_the_digest_follows_the_content(copy: Path, tiny_runs: Path) -> None:
    assert load_run(copy).digest == load_run(tiny_runs / "fisa").digest
    (copy / "config.yaml").write_text((copy / "config.yaml").read_text().replace("seed: 0", "seed: 1"))
    assert load_run(copy).digest != load_run(tiny_runs / "fisa").digest


def test_grades_and_map_can_be_added_later(copy: Path) -> None:
    run = load_run(copy)
    run.add_grades({"localisation": None})
    assert json.loads((copy / "grades.json").read_text()) == run.grades == {"localisation": None}
    assert not [path for path in copy.iterdir() if path.name.startswith(".")]


def test_listing_takes_run_folders_only(tiny_runs: Path, tmp_path: Path) -> None:
    assert [path.name for path in list_runs(tiny_runs)] == ["cnn", "fisa"]
    assert list_runs(tmp_path / "nowhere") == []
    (tmp_path / "notes").mkdir()
    assert list_runs(tmp_path) == []


def test_free_path_counts_up(tmp_path: Path) -> None:
    assert free_path(tmp_path, "fisa").name == "fisa-1"
    (tmp_path / "fisa-1").mkdir()
    assert free_path(tmp_path, "fisa").name == "fisa-2"
