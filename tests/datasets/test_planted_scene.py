"""Scenes of Planted Affect: what is drawn at random, what never varies, and what a counterfactual keeps."""

import dataclasses
import hashlib
import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from fisa.datasets import DATASETS, DataError, open_dataset
from fisa.datasets.planted import PRESETS, VERSION, PlantedDataset, draw_scene, sampling
from fisa.datasets.planted.labels import scene_logits, softmax
from fisa.datasets.planted.latents import PRESENT, RESERVED_TRIPLES, draw_latents, subset_probabilities
from fisa.datasets.planted.motifs import KINDS
from fisa.datasets.planted.oracles import strengths_of, truth_of
from fisa.datasets.planted.render import visible_fractions
from fisa.emotions import MIKELS8

ROOT = Path(__file__).parents[2]
PAIRS = list(combinations(range(8), 2))


@pytest.fixture(scope="module")
def manifest():
    return PlantedDataset("planted", "train").manifest


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(index, "train") for index in range(150)]


class TestSubsets:
    def test_probabilities_sum_to_one(self) -> None:
        assert sum(subset_probabilities().values()) == pytest.approx(1.0)

    def test_sizes_are_as_stated(self) -> None:
        probabilities = subset_probabilities()
        for count, share in PRESENT.items():
            assert sum(p for subset, p in probabilities.items() if len(subset) == count) == pytest.approx(share)

    def test_pairs_co_occur_equally_often(self) -> None:
        probabilities = subset_probabilities()
        shares = [sum(p for subset, p in probabilities.items() if {i, j} <= set(subset)) for i, j in PAIRS]
        # Each pair: (sum of share times pairs in a scene) / 28
        expected = sum(share * math.comb(count, 2) for count, share in PRESENT.items()) / 28
        np.testing.assert_allclose(shares, expected, rtol=1e-6)

    def test_emotions_are_present_equally_often(self) -> None:
        probabilities = subset_probabilities()
        shares = [sum(p for subset, p in probabilities.items() if k in subset) for k in range(8)]
        np.testing.assert_allclose(shares, sum(n * share for n, share in PRESENT.items()) / 8, rtol=1e-6)

    def test_no_subset_is_all_but_impossible(self) -> None:
        probabilities = subset_probabilities()
        assert min(probabilities.values()) > 1e-3

    def test_no_pair_lies_in_two_reserved_triples(self) -> None:
        pairs = [frozenset(pair) for triple in RESERVED_TRIPLES for pair in combinations(triple, 2)]
        assert len(pairs) == len(set(pairs))


class TestManifest:
    def test_columns(self, manifest) -> None:
        labels = list(MIKELS8.labels)
        assert list(manifest.columns) == [
            *("id", "path", "split", "votes"),
            *labels,
            *(f"truth_{label}" for label in labels),
            *(f"strength_{label}" for label in labels),
            *("brightness", "saturation"),
        ]
        assert len(manifest) == 24000
        assert manifest["id"].is_unique
        assert manifest["path"].isna().all()
        assert set(manifest["split"]) == {"train"}
        assert set(manifest["votes"]) == {10}

    def test_degrees_are_votes_over_raters(self, manifest) -> None:
        degrees = manifest[list(MIKELS8.labels)].to_numpy()
        np.testing.assert_allclose(degrees.sum(axis=1), 1.0)
        np.testing.assert_allclose(degrees * 10, np.round(degrees * 10), atol=1e-9)

    def test_truth_follows_from_the_other_columns(self, manifest) -> None:
        logits = scene_logits(strengths_of(manifest), *manifest[["brightness", "saturation"]].to_numpy().T)
        np.testing.assert_allclose(truth_of(manifest), softmax(logits), atol=1e-12)

    def test_votes_are_drawn_from_the_truth(self, manifest) -> None:
        # Pearson's statistic summed over scenes: each has expectation C - 1 = 7 and a variance not far from 2 * 7.
        truth, degrees = truth_of(manifest), manifest[list(MIKELS8.labels)].to_numpy()
        pearson = (10 * (degrees - truth) ** 2 / truth).sum(axis=1)
        assert abs(pearson.mean() - 7) < 5 * pearson.std() / math.sqrt(len(pearson))

    def test_two_emotions_are_always_absent(self, manifest) -> None:
        absent = (strengths_of(manifest) == 0).sum(axis=1)
        assert absent.min() >= 2

    def test_strengths_are_in_range(self, manifest) -> None:
        strengths = strengths_of(manifest)
        shown = strengths[strengths > 0]
        assert shown.min() >= 0.5
        assert shown.max() <= 1.5

    def test_pairs_co_occur_equally_often(self, manifest) -> None:
        present = strengths_of(manifest) > 0
        counts = [int((present[:, i] & present[:, j]).sum()) for i, j in PAIRS]
        assert min(counts) > 600
        assert scipy.stats.chisquare(counts).pvalue > 1e-3

    @pytest.mark.parametrize("split", ["train", "validation", "iid"])
    def test_reserved_triples_never_occur(self, split: str) -> None:
        present = strengths_of(PlantedDataset("planted", split).manifest) > 0
        for triple in RESERVED_TRIPLES:
            assert not present[:, sorted(triple)].all(axis=1).any()

    def test_every_other_triple_occurs(self, manifest) -> None:
        present = strengths_of(manifest) > 0
        for triple in combinations(range(8), 3):
            assert present[:, list(triple)].all(axis=1).any() == (frozenset(triple) not in RESERVED_TRIPLES)

    def test_strength_is_independent_of_palette_and_of_others(self, manifest) -> None:
        strengths = strengths_of(manifest)
        for k in range(8):
            shown = strengths[:, k] > 0
            for other in ("brightness", "saturation"):
                assert abs(np.corrcoef(strengths[shown, k], manifest.loc[shown, other])[0, 1]) < 0.08
        for i, j in PAIRS:
            both = (strengths[:, i] > 0) & (strengths[:, j] > 0)
            assert abs(np.corrcoef(strengths[both, i], strengths[both, j])[0, 1]) < 0.15

    def test_palette_is_standardised(self, manifest) -> None:
        palette = manifest[["brightness", "saturation"]].to_numpy()
        assert np.abs(palette).max() <= 2.0
        np.testing.assert_allclose(palette.mean(axis=0), 0.0, atol=0.05)
        np.testing.assert_allclose(palette.std(axis=0), 1.0, atol=0.08)  # a little below 1 for the clipping

    def test_row_agrees_with_the_drawn_scene(self, manifest) -> None:
        dataset = PlantedDataset("planted", "train")
        for index in (0, 17, 7999):
            scene, row = dataset.scene(index), manifest.iloc[index]
            np.testing.assert_array_equal(scene.strengths, row[[f"strength_{k}" for k in MIKELS8.labels]].astype(float))
            np.testing.assert_allclose(scene.distribution, row[[f"truth_{k}" for k in MIKELS8.labels]].astype(float))
            np.testing.assert_allclose(scene.votes / 10, row[list(MIKELS8.labels)].astype(float))
            assert (scene.brightness, scene.saturation) == (row["brightness"], row["saturation"])

    def test_splits_share_no_scene(self) -> None:
        seen: set[bytes] = set()
        for split in ("train", "validation", "iid"):
            strengths = strengths_of(PlantedDataset("planted", split).manifest)
            rows = {row.tobytes() for row in strengths}
            assert len(rows) == len(strengths)
            assert not rows & seen
            seen |= rows


class TestScene:
    def test_is_reproducible_alone(self, scenes) -> None:
        again = draw_scene(31, "train")
        first = scenes[31]
        for field in dataclasses.fields(first):
            np.testing.assert_equal(getattr(again, field.name), getattr(first, field.name))

    def test_presets_share_their_scenes(self) -> None:
        one, other = draw_scene(5, "iid", "planted"), draw_scene(5, "iid", "planted-small")
        assert one.motifs == other.motifs
        np.testing.assert_array_equal(one.votes, other.votes)

    def test_figures_are_what_they_say(self, scenes) -> None:
        for scene in scenes:
            assert 1 <= len(scene.distractors) <= 3
            for motif in scene.motifs:
                assert motif.kind in KINDS[motif.emotion][:2]  # the third kind is kept back
            assert all(distractor.emotion == -1 for distractor in scene.distractors)
            for figure in scene.motifs + scene.distractors:
                assert 0.5 <= figure.strength <= 1.5
                assert 0 < figure.x < 1
                assert 0 < figure.y < 1
                assert 0.15 < figure.size < 0.32
                assert all(0 <= channel <= 1 for channel in figure.colour)

    def test_most_scenes_have_two_to_four_motifs(self, scenes) -> None:
        counts = np.array([len(scene.motifs) for scene in scenes])
        assert ((counts >= 2) & (counts <= 4)).mean() > 0.6
        assert any(len({m.emotion for m in scene.motifs}) < len(scene.motifs) for scene in scenes)

    def test_order_is_back_to_front(self, scenes) -> None:
        for scene in scenes:
            figures = scene.motifs + scene.distractors
            assert sorted(scene.order) == list(range(len(figures)))
            heights = [figures[number].y for number in scene.order]
            assert heights == sorted(heights)

    def test_every_motif_can_be_seen(self, scenes) -> None:
        for scene in scenes:
            visible = visible_fractions(scene.motifs + scene.distractors, scene.order)
            assert visible[: len(scene.motifs)].min() >= 0.75

    def test_some_motifs_are_partly_hidden(self, scenes) -> None:
        least = [
            visible_fractions(scene.motifs + scene.distractors, scene.order)[: len(scene.motifs)].min()
            for scene in scenes
        ]
        assert 0.15 < np.mean(np.array(least) < 0.9) < 0.5

    def test_colours_and_places_tell_no_emotion(self) -> None:
        drawn = [draw_scene(index, "train") for index in range(150, 400)]
        motifs = [motif for scene in drawn for motif in scene.motifs]
        emotions = np.array([motif.emotion for motif in motifs])
        looks = np.array([(*motif.colour, motif.x, motif.y, motif.size, motif.tilt, motif.flip) for motif in motifs])
        for column in looks.T:
            assert scipy.stats.f_oneway(*(column[emotions == k] for k in range(8))).pvalue > 1e-3
            assert abs(np.corrcoef(column, [motif.strength for motif in motifs])[0, 1]) < 0.12

    def test_occlusion_never_touches_a_label(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = draw_scene(8, "train")
        refusals = iter([True] * 4)

        def strict(figures, order):
            return visible_fractions(figures, order) * (0.0 if next(refusals, False) else 1.0)

        monkeypatch.setattr(sampling, "visible_fractions", strict)
        moved = draw_scene(8, "train")
        assert [motif.x for motif in moved.motifs] != [motif.x for motif in plain.motifs]
        for field in ("strengths", "logits", "distribution", "votes"):
            np.testing.assert_array_equal(getattr(moved, field), getattr(plain, field))
        assert moved.palette == plain.palette
        assert [motif.colour for motif in moved.motifs] == [motif.colour for motif in plain.motifs]

    def test_a_layout_that_never_fits_still_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sampling, "visible_fractions", lambda figures, order: np.zeros(len(figures)))
        assert draw_scene(8, "train").motifs


class TestCounterfactuals:
    def test_one_motif_less(self, scenes) -> None:
        scene = next(s for s in scenes if len(s.motifs) == 3 and len({m.emotion for m in s.motifs}) == 3)
        gone = scene.motifs[1].emotion
        other = scene.without(1)
        assert other.motifs == (scene.motifs[0], scene.motifs[2])
        assert (other.distractors, other.palette) == (scene.distractors, scene.palette)
        expected = np.where(np.arange(8) == gone, 0.0, scene.strengths)
        np.testing.assert_array_equal(other.strengths, expected)
        np.testing.assert_allclose(other.logits, scene_logits(expected, scene.brightness, scene.saturation))
        np.testing.assert_allclose(other.distribution, softmax(other.logits))
        assert other.votes.sum() == 0  # nobody was asked

    def test_order_of_the_others_stays(self, scenes) -> None:
        for scene in scenes[:40]:
            figures = scene.motifs + scene.distractors
            for gone in range(len(scene.motifs)):
                other = scene.without(gone)
                left = other.motifs + other.distractors
                before = [figures[number] for number in scene.order if number != gone]
                assert [left[number] for number in other.order] == before

    def test_one_of_two_motifs_of_an_emotion(self, scenes) -> None:
        def doubled(scene):
            emotions = [motif.emotion for motif in scene.motifs]
            return next((k for k in emotions if emotions.count(k) == 2), None)

        scene = next(s for s in scenes if doubled(s) is not None)
        emotion = doubled(scene)
        first, second = (m for m, motif in enumerate(scene.motifs) if motif.emotion == emotion)
        assert scene.without(first).strengths[emotion] == pytest.approx(scene.motifs[second].strength)
        assert scene.without_emotion(emotion).strengths[emotion] == 0.0
        assert len(scene.without_emotion(emotion).motifs) == len(scene.motifs) - 2

    def test_nothing_left(self, scenes) -> None:
        scene = next(s for s in scenes if len(s.motifs) == 1)
        np.testing.assert_allclose(
            scene.without(0).logits, scene_logits(np.zeros(8), scene.brightness, scene.saturation)
        )

    def test_what_is_not_there_cannot_be_left_out(self, scenes) -> None:
        scene = scenes[0]
        absent = int(np.flatnonzero(scene.strengths == 0)[0])
        with pytest.raises(IndexError, match="has motifs 0 to"):
            scene.without(len(scene.motifs))
        with pytest.raises(IndexError, match="has motifs 0 to"):
            scene.without(-1)
        with pytest.raises(ValueError, match="shows no motif"):
            scene.without_emotion(absent)


class TestDataset:
    def test_sample(self) -> None:
        dataset = open_dataset("planted-small", split="validation", image_size=40)
        sample = dataset[3]
        assert sample.image.shape == (40, 40, 3)
        assert sample.image.dtype == np.uint8
        np.testing.assert_allclose(sample.target, dataset.manifest.loc[3, list(MIKELS8.labels)].astype(float))

    @pytest.mark.parametrize("name", PRESETS)
    def test_every_preset_is_a_data_set(self, name: str) -> None:
        sizes = PRESETS[name]
        assert name in DATASETS
        for split in ("train", "validation", "iid"):
            dataset = open_dataset(name, split=split)
            assert isinstance(dataset, PlantedDataset)
            assert (dataset.name, dataset.split, dataset.space) == (name, split, MIKELS8)
            assert (len(dataset), dataset.image_size) == (sizes.count(split), sizes.image_size)

    def test_published_sizes(self) -> None:
        sizes = {name: dataclasses.astuple(PRESETS[name]) for name in ("planted", "planted-small")}
        assert sizes == {"planted": (24000, 1000, 2000, 128), "planted-small": (4000, 1000, 2000, 96)}

    def test_test_is_iid(self) -> None:
        test, iid = (PlantedDataset("planted", split) for split in ("test", "iid"))
        assert test.split == "iid"
        assert test.version == iid.version

    def test_iteration_ends(self) -> None:
        dataset = PlantedDataset("planted-tiny", "validation", image_size=8)
        with pytest.raises(IndexError, match="scenes 0 to"):
            dataset[len(dataset)]
        with pytest.raises(IndexError, match="scenes 0 to"):
            dataset[-1]

    def test_version_follows_what_the_labels_depend_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def version(*args: object, **options: object) -> str:
            return PlantedDataset(*args, **options).version  # type: ignore[arg-type]

        base = version("planted", "train")
        others = {version("planted", "iid"), version("planted-small", "train"), version("planted", "train", votes=5)}
        assert len(others | {base}) == 4
        assert version("planted", "train", image_size=32) == base
        monkeypatch.setattr("fisa.datasets.planted.dataset.VERSION", VERSION + "x")
        assert version("planted", "train") != base

    def test_votes(self) -> None:
        few, many = (PlantedDataset("planted-tiny", "iid", votes=votes).manifest for votes in (5, 50))
        labels = list(MIKELS8.labels)
        np.testing.assert_array_equal(truth_of(few), truth_of(many))
        # More raters only add to the first ones.
        assert (many[labels].to_numpy() * 50 - few[labels].to_numpy() * 5 > -1e-9).all()

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: open_dataset("plant"), "unknown data set 'plant'; there are planted, "),
            (lambda: open_dataset("planted", split="dev"), "no split 'dev'; there are train, validation, iid, test"),
            (lambda: open_dataset("planted", root="photos"), "drawn, not read: leave its root away"),
            (lambda: open_dataset("planted", image_size=0), "image_size must be at least 1, not 0"),
            (lambda: PlantedDataset("big"), "unknown planted preset 'big'"),
            (lambda: PlantedDataset(votes=0), "votes must be at least 1, not 0"),
            (lambda: draw_scene(4000, "train", "planted-small"), "scenes 0 to 3999 in its train split, not 4000"),
            (lambda: draw_scene(-1), "scenes 0 to 1999 in its iid split, not -1"),
            (lambda: draw_scene(0, votes=0), "votes must be at least 1, not 0"),
        ],
    )
    def test_refusals_are_one_clear_sentence(self, call, message: str) -> None:
        with pytest.raises(DataError) as refusal:
            call()
        assert message in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fisa.datasets import open_dataset\n"
        "from fisa.datasets.planted import oracles\n"
        "dataset = open_dataset('planted-tiny', split='test', image_size=24)\n"
        "assert dataset[0].image.shape == (24, 24, 3) and len(dataset.manifest)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_published_labels_have_not_changed() -> None:
    """Guards published data: results on another sampler do not compare.

    A golden on purpose. If it fails you changed which labels a scene has: set VERSION in presets.py to a new value,
    and put the new digest here beside it.
    """
    rounded = []
    for split in ("train", "validation", "iid"):
        for index in range(20):
            latents = draw_latents(index, split)
            motifs = [(motif.emotion, motif.kind, round(motif.strength, 9)) for motif in latents.motifs]
            rounded.append((motifs, round(latents.brightness, 9), round(latents.saturation, 9)))
    votes = [draw_scene(index, "iid").votes.tolist() for index in range(5)]
    digest = hashlib.sha256(repr((rounded, votes)).encode()).hexdigest()[:16]
    assert (VERSION, digest) == ("2", "676c464d12ca1e9d")
