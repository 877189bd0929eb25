"""Scenes of Planted Affect: what is drawn at random, what never varies, and what a counterfactual keeps."""

import dataclasses
import math
from itertools import combinations

import numpy as np
import pytest
import scipy.stats

from fisa.datasets.planted import draw_scene, sampling
from fisa.datasets.planted.labels import scene_logits, softmax
from fisa.datasets.planted.latents import PRESENT, RESERVED_TRIPLES, subset_probabilities
from fisa.datasets.planted.motifs import KINDS
from fisa.datasets.planted.render import visible_fractions

PAIRS = list(combinations(range(8), 2))


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
