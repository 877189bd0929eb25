"""How far an image lies from the training images: by hand, kept once, and what it says of noise."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import save_untrained

from fisa.datasets import DataError, PlantedDataset
from fisa.explain import familiarity as module
from fisa.explain.familiarity import (
    FAR,
    Familiarity,
    Reference,
    familiarity,
    features_of,
    is_kept,
    reference_of,
    whitening_of,
)
from fisa.images import decode_square
from fisa.runs import Run, load_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tiny_runs: Path, cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The small run, with a cache that has the packed images and no reference yet."""
    unfinished = shutil.ignore_patterns("*.unfinished")  # another test may be writing there
    shutil.copytree(cache_folder / "packed", tmp_path / "cache" / "packed", ignore=unfinished)
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    return load_run(tiny_runs / "fisa")


def test_the_share_of_nearer_images_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # References at angles 0, 0.1 and 0.2: chords are 2 sin(angle / 2), so the second nearest of angle 1 is at 0.9.
    monkeypatch.setattr(module, "K", 2)
    angles = np.array([0.0, 0.1, 0.2])
    references = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    reference = Reference(references, np.eye(2, dtype=np.float32), np.array([0.1, 0.2, 0.5, 0.9]))
    asked = np.array([[np.cos(1), np.sin(1)], [1, 0]], np.float32)
    far, near = reference.judge(asked)
    assert far.distance == pytest.approx(2 * np.sin(0.45)) and far.nearer == 0.75  # 0.87: only 0.9 lies farther
    assert near.distance == pytest.approx(2 * np.sin(0.05), rel=1e-4) and near.nearer == 0
    assert far.held_out == 4


def test_distances_count_in_units_of_the_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    # Twice as near along the first axis, which is halved: 0.6 from the nearest becomes 0.3; along the second 0.6 stays.
    monkeypatch.setattr(module, "K", 1)
    whitening = np.diag([0.5, 1.0]).astype(np.float32)
    reference = Reference(np.zeros((2, 2), np.float32), whitening, np.array([0.4, 0.5]))
    along, across = reference.judge(np.array([[0.6, 0], [0, 0.6]], np.float32))
    assert (along.distance, along.nearer) == (pytest.approx(0.3), 0.0)
    assert (across.distance, across.nearer) == (pytest.approx(0.6), 1.0)


def test_whitened_images_spread_alike_in_every_direction() -> None:
    # Of 20,000 images shrinking changes next to nothing, so that the covariance comes to the identity.
    mixing = np.array([[3.0, 1.0, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.3]])
    features = (np.random.default_rng(0).normal(size=(20_000, 3)) @ mixing).astype(np.float32)
    whitened = features @ whitening_of(features)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(3), atol=0.1)


def test_images_that_are_all_alike_give_finite_distances() -> None:
    alike = np.full((12, 4), 0.5, np.float32)
    whitening = whitening_of(alike)
    assert np.isfinite(whitening).all()
    (found,) = Reference(alike, whitening, np.zeros(3)).judge(np.array([[1, 0, 0, 0]], np.float32))
    assert np.isfinite(found.distance) and found.far


def test_far_begins_at_the_99th_percentile() -> None:
    assert FAR == 0.99
    assert Familiarity(0.5, 0.99, 500).far and not Familiarity(0.5, 0.989, 500).far


def test_a_feature_vector_by_hand() -> None:
    # Two channels of 2 x 2 places: (1, 3, 1, 3) has mean 2 and deviation 1, (2, 2, 2, 2) mean 2 and deviation 0. A
    # deeper map of one place has mean 5 and deviation 0, so that its part is (1, 0).
    one = torch.tensor([[[1.0, 3], [1, 3]], [[2, 2], [2, 2]]])
    backbone = SimpleNamespace(
        stages=lambda images: [one.expand(len(images), -1, -1, -1), torch.full((len(images), 1, 1, 1), 5.0)]
    )
    model = SimpleNamespace(backbone=backbone)
    found = features_of(SimpleNamespace(model=model), np.zeros((3, 8, 8, 3), np.uint8))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, np.tile(np.array([2, 2, 1, 0, 3, 0]) / 3, (3, 1)), rtol=1e-6)  # 4 + 4 + 1 = 9


def test_the_reference_is_computed_once_and_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, int]] = []
    assert not is_kept(run)
    reference = reference_of(run, lambda done, total: said.append((done, total)))
    # 160 training and 40 validation scenes, in batches of 64: 64, 128, 160, then 200.
    assert said == [(64, 200), (128, 200), (160, 200), (200, 200)]
    numbers = 2 * sum(run.model.backbone.stage_channels)  # mean and deviation of every channel of every map
    assert reference.features.shape == (160, numbers) and len(reference.distances) == 40
    assert (np.diff(reference.distances) >= 0).all() and is_kept(run)
    monkeypatch.setattr(module, "features_of", None)
    again = reference_of(run)
    np.testing.assert_array_equal(again.features, reference.features)
    np.testing.assert_array_equal(again.whitening, reference.whitening)
    np.testing.assert_array_equal(again.distances, reference.distances)


def test_images_that_are_not_packed_are_drawn_alike(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFERENCES", 12)
    monkeypatch.setattr(module, "HELD_OUT", 3)
    packed = reference_of(run)
    shutil.rmtree(os.environ["FISA_CACHE"])
    np.testing.assert_allclose(reference_of(run).features, packed.features, atol=1e-6)
    assert len(packed.features) == 12


def test_a_training_image_is_near_and_noise_is_far(run: Run) -> None:
    scenes = PlantedDataset("planted-tiny", "iid", 64)
    noise = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    own = familiarity(run, [scenes[index].image for index in range(20)])
    assert sum(found.far for found in own) <= 4
    assert all(found.far for found in familiarity(run, list(noise)))


def test_files_are_compared_as_the_model_sees_them(photograph_runs: Path) -> None:
    run = load_run(photograph_runs / "cnn")
    reference = reference_of(run)
    splits = run.splits
    assert splits is not None and len(reference.features) == (splits["split"] == "train").sum()
    file = Path(str(run.config.data.root)) / "images"
    first = next(iter(sorted(path for path in file.rglob("*.jpg"))))
    square = decode_square(first, run.config.data.image_size)
    (found,) = familiarity(run, [square])
    assert found.held_out == (splits["split"] == "validation").sum()


def test_data_that_are_gone_are_refused(photograph_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(photograph_runs / "cnn")
    gone = run.config.data.model_copy(update={"root": "/nowhere"})
    monkeypatch.setattr(run, "config", run.config.model_copy(update={"data": gone}))
    with pytest.raises(DataError, match="/nowhere"):
        familiarity(run, [np.zeros((8, 8, 3), np.uint8)])


def test_any_system_on_images_has_features(tmp_path: Path) -> None:
    run = save_untrained(tmp_path / "run")
    assert features_of(run, np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 2 * sum(run.model.backbone.stage_channels))


@pytest.mark.slow
def test_the_shipped_run_knows_its_scenes_and_not_photographs() -> None:
    run = load_run(ROOT / "artifacts" / "fisa")
    scenes = PlantedDataset(run.config.data.name, "iid", run.config.data.image_size)
    own = familiarity(run, [scenes[index].image for index in range(200)])
    assert sum(found.far for found in own) <= 10  # 1 % by construction; at most 5 % of 200
    noise = np.random.default_rng(0).integers(0, 256, (50, 96, 96, 3), dtype=np.uint8)
    assert all(found.far for found in familiarity(run, list(noise)))
    files = sorted((ROOT.parent / "shared" / "data" / "oasis" / "images").glob("*.jpg"))[:100]
    if not files:
        pytest.skip("no photographs of OASIS beside this repository")
    photographs: list[Any] = [decode_square(file, run.config.data.image_size) for file in files]
    assert sum(found.far for found in familiarity(run, photographs)) >= 90  # 99 % when it was measured
