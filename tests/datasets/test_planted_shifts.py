"""Shifts of Planted Affect: each differs from training in one thing, and no older split moved for it."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.config import DataConfig
from fisa.datasets import DataError, open_configured, open_dataset
from fisa.datasets.planted import PlantedDataset, draw_scene, render
from fisa.datasets.planted.latents import RESERVED_TRIPLES, draw_latents
from fisa.datasets.planted.motifs import KINDS, UNSEEN_KINDS
from fisa.datasets.planted.oracles import strengths_of, truth_of
from fisa.datasets.planted.presets import SHIFTS
from fisa.datasets.planted.render import visible_fractions
from fisa.datasets.planted.shifts import CLUTTER, SHIFTED, beyond_training, outer_fifth

LEVELS = [f"clutter-{level}" for level in range(4)]


def manifest(split: str) -> pd.DataFrame:
    return PlantedDataset("planted", split).manifest


def looks(split: str, index: int) -> object:
    """All that a picture is made of, rounded so that another processor gives the same."""
    scene = draw_scene(index, split)
    figures = [
        (g.kind, g.emotion, *(round(v, 9) for v in (g.strength, g.x, g.y, g.size, g.tilt, *g.colour)), g.flip, g.detail)
        for g in (*scene.motifs, *scene.distractors)
    ]
    palette = scene.palette
    light = round(palette.hue, 9), round(palette.light, 9)
    return figures, scene.order, palette.style, palette.seed, *light, scene.votes.tolist()


def test_older_splits_have_not_moved() -> None:
    """Artifacts and studies rest on them. The digests were taken before there were shifts."""
    older = ("train", "validation", "iid", "fresh-1")
    drawn = [looks(split, index) for split in older for index in range(8)]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest()[:16] == "ff0e0a6d0c6c44e2"
    versions = {
        "planted": ("eb5bcf3dac88", "342beb9071dd", "b5c841e0c72d", "b6dd7b894658"),
        "planted-small": ("459dd8359814", "b4bd9d22263e", "c40f8f8d9ea4", "1135465e2de9"),
        "planted-tiny": ("838da364abec", "af6f262cc0ae", "742a96f6debe", "3d808d3ac136"),
    }
    assert {name: tuple(PlantedDataset(name, split).version for split in older) for name in versions} == versions
    digests = {"validation": "42c5f4549e9879b5", "iid": "2a85663633501e0c"}
    for split, digest in digests.items():
        text = manifest(split).round(9).to_csv(index=False)
        assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_every_shift_is_drawn_otherwise() -> None:
    assert SHIFTED.keys() == SHIFTS.keys()


@pytest.mark.parametrize("split", SHIFTS)
def test_opens_by_name_like_any_split(split: str) -> None:
    dataset = open_dataset("planted-tiny", split=split, image_size=32)
    assert (dataset.split, len(dataset)) == (split, 60)
    assert dataset[0].image.shape == (32, 32, 3)
    np.testing.assert_allclose(dataset.manifest.loc[0, list(dataset.space.labels)].astype(float), dataset[0].target)
    assert dataset.manifest["id"][7] == f"{split}-00007"
    assert dataset.version not in {PlantedDataset("planted-tiny", other).version for other in ("iid", "train")}


def test_a_configuration_may_test_on_a_shift() -> None:
    opened = open_configured(DataConfig(name="planted-tiny", test="rendering"), ("test",))
    assert opened["test"].split == "rendering"


def test_an_unknown_split_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(DataError, match=r"no split 'clutter-4'; there are train, .*rendering, .*clutter-3, and fresh"):
        PlantedDataset("planted", "clutter-4")


class TestRendering:
    def test_every_drawing_is_one_that_training_never_shows(self) -> None:
        for index in range(200):
            assert {motif.kind for motif in draw_latents(index, "rendering").motifs} == {2}
        for index in range(1000):
            assert {motif.kind for motif in draw_latents(index, "train").motifs} <= {0, 1}
        shown = {motif.kind for index in range(20) for motif in draw_scene(index, "rendering").motifs}
        assert shown <= set(UNSEEN_KINDS) and len(shown) > 5

    def test_nothing_else_is_otherwise(self) -> None:
        # Presence, strengths and palette have the means of iid, within five standard errors of 2,000 scenes each.
        ours, iid = manifest("rendering"), manifest("iid")
        for column in ("strength_awe", "strength_fear", "brightness", "saturation"):
            error = np.hypot(ours[column].std(), iid[column].std()) / np.sqrt(2000)
            assert abs(ours[column].mean() - iid[column].mean()) < 5 * error


class TestTriple:
    def test_shows_a_reserved_triple_and_nothing_else(self) -> None:
        shown = [frozenset(np.flatnonzero(row)) for row in strengths_of(manifest("triple")) > 0]
        counts = [shown.count(triple) for triple in RESERVED_TRIPLES]
        assert sum(counts) == 2000
        assert min(counts) > 330  # 400 expected, standard deviation 18

    def test_training_holds_every_pair_of_it_but_never_the_three(self) -> None:
        present = strengths_of(PlantedDataset("planted-small", "train").manifest) > 0
        for triple in RESERVED_TRIPLES:
            first, second, third = sorted(triple)
            assert not (present[:, first] & present[:, second] & present[:, third]).any()
            for one, other in ((first, second), (first, third), (second, third)):
                assert (present[:, one] & present[:, other]).sum() > 100


class TestStrength:
    def test_the_map_by_hand(self) -> None:
        # .5 -> .5; .75 lies halfway to 1, .55 halfway to .6; 1 -> 1.4; 1.25 -> 1.45; 1.5 -> 1.5.
        mapped = [outer_fifth(value) for value in (0.5, 0.75, 1.0, 1.25, 1.5)]
        assert mapped == pytest.approx([0.5, 0.55, 1.4, 1.45, 1.5])

    def test_no_motif_is_of_middling_strength(self) -> None:
        strengths = np.array([m.strength for i in range(500) for m in draw_latents(i, "strength").motifs])
        weak, strong = (strengths <= 0.6), (strengths >= 1.4)
        assert (weak | strong).all()
        assert 0.4 < weak.mean() < 0.6
        assert strengths.min() >= 0.5 and strengths.max() <= 1.5

    def test_training_has_few_such_scenes(self) -> None:
        # Two motifs: a fifth of the range squared, 4 %; a scene of one: 20 %. So about a tenth in all.
        drawn = [[m.strength for m in draw_latents(i, "train").motifs] for i in range(2000)]
        assert np.mean([all(s <= 0.6 or s >= 1.4 for s in scene) for scene in drawn]) < 0.08


class TestPalette:
    def test_lies_beyond_all_of_training(self) -> None:
        ours = manifest("palette")[["brightness", "saturation"]].to_numpy()
        assert np.abs(ours).min() >= 2.1 and np.abs(ours).max() <= 2.7
        train = PlantedDataset("planted-small", "train").manifest
        assert np.abs(train[["brightness", "saturation"]].to_numpy()).max() <= 2
        assert 0.2 < ((ours[:, 0] > 0) & (ours[:, 1] > 0)).mean() < 0.3

    def test_keeps_signs(self) -> None:
        assert [beyond_training(value) for value in (-2.0, -1.0, 0.5)] == pytest.approx([-2.7, -2.4, 2.25])

    def test_pictures_are_not_blank(self) -> None:
        for index in range(4):
            assert render(draw_scene(index, "palette"), 48).image.std() > 20


class TestClutter:
    def test_levels_show_the_same_scenes_with_more_about_them(self) -> None:
        for index in range(3):
            scenes = [draw_scene(index, level) for level in LEVELS]
            full = scenes[-1]
            for scene, count in zip(scenes, CLUTTER, strict=True):
                assert len(scene.distractors) == count
                assert scene.motifs == full.motifs and scene.distractors == full.distractors[:count]
                assert scene.palette == full.palette
                np.testing.assert_array_equal(scene.votes, full.votes)
                assert sorted(scene.order) == list(range(len(scene.motifs) + count))
                heights = [(*scene.motifs, *scene.distractors)[number].y for number in scene.order]
                assert heights == sorted(heights)

    def test_truth_and_votes_are_those_of_every_level(self) -> None:
        first, last = (PlantedDataset("planted-tiny", level).manifest for level in (LEVELS[0], LEVELS[-1]))
        np.testing.assert_array_equal(truth_of(first), truth_of(last))
        assert first["id"][3] == "clutter-0-00003"

    def test_motifs_can_be_seen_among_it(self) -> None:
        least = []
        for index in range(20):
            scene = draw_scene(index, LEVELS[-1])
            seen = visible_fractions((*scene.motifs, *scene.distractors), scene.order)
            least.append(seen[: len(scene.motifs)].min())
        assert np.mean(np.array(least) < 0.75) <= 0.1 and min(least) > 0.6

    def test_the_pictures_differ_in_distractors_and_their_shadows_alone(self) -> None:
        bare, full = (render(draw_scene(0, level), 96) for level in (LEVELS[0], LEVELS[1]))
        moved = (bare.image != full.image).any(axis=2)
        assert moved[full.ids < 0].mean() > 0.95
        assert moved.mean() < 0.5


@pytest.mark.parametrize("split", ["triple", "strength", "palette"])
def test_strength_and_palette_tell_nothing_of_each_other(split: str) -> None:
    table = manifest(split)
    strengths = strengths_of(table)
    for emotion in range(8):
        shown = strengths[:, emotion] > 0
        for other in ("brightness", "saturation"):
            # Five standard errors of a correlation of as many scenes.
            assert abs(np.corrcoef(strengths[shown, emotion], table.loc[shown, other])[0, 1]) < 5 / np.sqrt(shown.sum())


def test_kinds_are_numbered_as_the_shift_takes_them() -> None:
    assert tuple(kinds[2] for kinds in KINDS.values()) == UNSEEN_KINDS


def test_data_show_opens_them_by_name() -> None:
    result = CliRunner().invoke(app, ["data", "show", "planted-tiny", "--split", "rendering", "--split", "clutter-3"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2].split() == ["rendering", "clutter-3"]
    assert PlantedDataset("planted-tiny", "rendering").version in result.stdout
