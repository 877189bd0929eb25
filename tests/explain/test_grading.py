"""Explanation grades against cases worked by hand and against a model that is right by construction."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fisa.datasets.planted import AFFINITY, PlantedDataset
from fisa.explain import counterfactuals, grading, localisation
from fisa.explain.counterfactuals import absent_gauge, own_mask
from fisa.explain.localisation import grade_localisation, hit, upsample
from fisa.explain.recovery import auroc, grade_effects, grade_recovery
from fisa.runs import load_run


def test_hit_averages_ties() -> None:
    mask = np.array([[True, False], [False, False]])
    assert hit(np.array([[2.0, 1], [1, 1]]), mask) == 1
    assert hit(np.array([[1.0, 2], [1, 1]]), mask) == 0
    assert hit(np.array([[2.0, 2], [2, 1]]), mask) == pytest.approx(1 / 3)


def test_upsampling_is_bilinear_with_aligned_cells() -> None:
    # Two cells (0, 1) on four pixels: pixel centres at 1/4, 3/4, 5/4, 7/4 of a cell; the ends repeat the edge.
    up = upsample(np.array([[[0.0, 1.0], [0.0, 1.0]]]), 4)
    np.testing.assert_allclose(up[0, 0], [0, 0.25, 0.75, 1])


def test_own_mask_joins_the_motifs_of_one_emotion() -> None:
    scene: Any = SimpleNamespace(motifs=[SimpleNamespace(emotion=e) for e in (3, 5, 3)])
    ids = np.array([[0, 1, 2], [3, -1, 0]])
    assert own_mask(ids, scene, 3).tolist() == [[False, True, False], [True, False, False]]


def test_the_absent_gauge_by_hand() -> None:
    # Absent emotions moved by 1 and 3: what softmax cannot see is their mean, 2.
    gauged = absent_gauge(np.array([5.0, 1.0, 3.0]), np.array([False, True, True]))
    assert gauged.tolist() == [3, -1, 1]


def test_auroc_by_hand() -> None:
    # Positives 3 and 1 against 2 and 1: of four pairs, 3 > 2, 3 > 1, 1 < 2 and one tie: 2.5 / 4.
    assert auroc(np.array([3.0, 2, 1, 1]), np.array([True, False, True, False])) == 0.625
    assert auroc(np.array([1.0, 2]), np.array([True, True])) == 0.5


@dataclass
class Drawn:
    image: Any
    ids: Any = None


class PlantedTruth:
    """A "run" whose contributions are the planted effects, each source column shifted by a constant."""

    config = SimpleNamespace(data=SimpleNamespace(image_size=8))

    def __init__(self, scale: float = 1.0, noise: float = 0.0) -> None:
        self.scale, self.noise = scale, noise
        self.random = np.random.default_rng(0)

    def output(self, scenes: list[Any]) -> Any:
        strengths = np.stack([scene.strengths for scene in scenes])
        effects = self.scale * AFFINITY * strengths[:, :, None] * strengths[:, None, :]
        shifted = effects + 7.0 * strengths[:, None, :] + self.noise * self.random.standard_normal(effects.shape)
        contributions = torch.from_numpy(np.stack([shifted / 2, shifted / 2], axis=1))  # two heads
        logits = contributions.sum((1, 3))
        return SimpleNamespace(contributions=contributions, logits=logits, features=logits)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "render", lambda scene, size: Drawn(scene))


@pytest.mark.usefixtures("undrawn")
def test_planted_effects_are_recovered_whatever_the_softmax_shift() -> None:
    scenes = PlantedDataset("planted-small", "iid").scene
    grade = grade_recovery(PlantedTruth(scale=0.5), scenes, 300)  # type: ignore[arg-type]
    assert grade is not None
    assert grade["r"] == pytest.approx(1) and grade["r_all"] == pytest.approx(1) and grade["sign"] == 1
    assert grade["slope"] == pytest.approx(0.5)
    assert grade["n"] == np.count_nonzero(AFFINITY)
    assert grade["auroc"] == 1 and grade["intervals"]["slope"] == pytest.approx([0.5, 0.5])
    ceiling = {"r": 1, "slope": 1, "r_all": 1, "sign": 1, "auroc": 1}  # the true logits hold the planted effects
    assert grade["ceiling"] == pytest.approx(ceiling)


@pytest.mark.usefixtures("undrawn")
def test_noise_lowers_the_grade_and_widens_its_interval() -> None:
    scenes = PlantedDataset("planted-small", "iid").scene
    clean, noisy = (grade_recovery(PlantedTruth(noise=noise), scenes, 100) for noise in (0.1, 5.0))  # type: ignore[arg-type]
    assert clean is not None and noisy is not None
    assert noisy["r"] < 0.9 < clean["r"]
    assert noisy["high"] - noisy["low"] > clean["high"] - clean["low"]


@pytest.mark.usefixtures("undrawn")
def test_contributions_that_never_cross_recover_nothing() -> None:
    scenes = PlantedDataset("planted-small", "iid").scene
    grade = grade_recovery(PlantedTruth(scale=0.0), scenes, 50)  # type: ignore[arg-type]
    assert grade is not None
    assert (grade["r"], grade["r_all"], grade["low"], grade["high"], grade["slope"]) == pytest.approx((0, 0, 0, 0, 0))


def test_a_resample_that_lacks_a_pair_has_no_point_of_it() -> None:
    # One planted pair in the first scene, estimated right, another in the second, with the wrong sign. A quarter of the
    # resamples hold the second alone: none of their signs is right. As many hold the first alone: all are.
    effects = np.full((2, 4, 8, 8), np.nan)
    (i, k), (j, m) = (places[:2] for places in np.nonzero(AFFINITY))
    effects[0, :, i, j] = AFFINITY[i, j]
    effects[1, :, k, m] = -AFFINITY[k, m], -AFFINITY[k, m], AFFINITY[k, m], AFFINITY[k, m]
    grade = grade_effects(effects)
    assert grade is not None and grade["sign"] == 0.5 and grade["n"] == 2
    assert grade["intervals"]["sign"] == [0, 1] and grade["ceiling"]["sign"] == 1


def test_scenes_without_a_planted_pair_have_no_grade() -> None:
    effects = np.full((3, 4, 8, 8), np.nan)
    assert grade_effects(effects) is None
    i, j = np.argwhere((AFFINITY == 0) & ~np.eye(8, dtype=bool))[0]
    effects[:, :, i, j] = 0.5
    assert grade_effects(effects) is None


class Pointing:
    """A "run" whose maps are the visible masks of each emotion, or of the next one."""

    config = SimpleNamespace(data=SimpleNamespace(image_size=64), model=None)
    space = range(8)


@pytest.mark.parametrize(("offset", "expected"), [(0, 1.0), (1, 0.0)])
def test_maps_that_point_at_their_motifs_get_one_and_at_others_zero(
    monkeypatch: pytest.MonkeyPatch, offset: int, expected: float
) -> None:
    data = PlantedDataset("planted-tiny", "iid", 64)
    known: dict[bytes, np.ndarray] = {}

    def render(scene: Any, size: int) -> Any:
        rendering = localisation_render(scene, size)
        present = sorted({motif.emotion for motif in scene.motifs})
        maps = np.zeros((8, size, size), np.float32)
        for place, emotion in enumerate(present):
            maps[emotion] = own_mask(rendering.ids, scene, present[(place + offset) % len(present)])
        known[rendering.image.tobytes()] = maps
        return rendering

    localisation_render = localisation.render
    monkeypatch.setattr(localisation, "render", render)
    monkeypatch.setattr(localisation, "untrained", lambda _: None)
    run: Any = Pointing()
    run.model = None
    run.output = lambda images, model: SimpleNamespace(
        attention=torch.from_numpy(np.stack([known[image.tobytes()] for image in images]))
    )
    grade = grade_localisation(run, data.scene, 30)
    assert grade is not None and grade["hit"] == expected
    # The area baseline is the mean share of the image; a mask's lift is the inverse of its own area.
    assert 0.01 < grade["baselines"]["area"] < 0.15
    if offset == 0:
        assert grade["lift"] > 1 / grade["baselines"]["area"]  # mean of inverses over inverse of the mean
        assert grade["baselines"]["other_emotion"] == 0
        assert grade["lift"] == pytest.approx(grade["ceiling"]["lift"])  # all of the map lies on the mask


def test_scenes_of_one_emotion_alone_have_no_unit(tiny_runs: Path) -> None:
    run, scenes = load_run(tiny_runs / "fisa"), PlantedDataset("planted-tiny", "iid", 64).scene
    alone = next(index for index in range(60) if len({motif.emotion for motif in scenes(index).motifs}) == 1)
    assert grade_localisation(run, lambda _: scenes(alone), 2) is None
    assert grade_recovery(run, lambda _: scenes(alone), 2) is None


def test_systems_without_maps_or_contributions_have_no_grade(tiny_runs: Path) -> None:
    grades = load_run(tiny_runs / "cnn").grades
    assert grades is not None and grades["localisation"] is None and grades["contributions"] is None


def test_for_what_a_system_lacks_no_scene_is_drawn(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "render", None)
    monkeypatch.setattr(localisation, "render", None)
    grades = grading.grade(load_run(tiny_runs / "cnn"))
    assert grades is not None and grades["localisation"] is None and grades["contributions"] is None


def test_grades_of_a_trained_run_are_complete(tiny_runs: Path) -> None:
    grades = load_run(tiny_runs / "fisa").grades
    assert grades is not None
    assert grades["localisation"]["low"] <= grades["localisation"]["hit"] <= grades["localisation"]["high"]
    assert -1 <= grades["contributions"]["low"] <= grades["contributions"]["high"] <= 1
