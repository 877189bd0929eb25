"""The planted label model, against its equations worked by hand or written out as plain loops."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fisa.datasets.planted.labels import (
    AFFINITY,
    BETA,
    PAD_LOADING,
    cast_votes,
    combined_strengths,
    palette_logits,
    scene_logits,
    softmax,
)
from fisa.emotions import MIKELS8

AMUSEMENT, AWE, CONTENTMENT, EXCITEMENT, ANGER, DISGUST, FEAR, SADNESS = range(8)
STRENGTHS = st.lists(st.floats(0.5, 1.5), min_size=1, max_size=4)


class TestAffinity:
    def test_shape_and_diagonal(self) -> None:
        assert AFFINITY.shape == (8, 8)
        assert not np.diag(AFFINITY).any()

    def test_enough_entries_are_planted(self) -> None:
        assert np.count_nonzero(AFFINITY) >= 24

    def test_half_are_negative(self) -> None:
        assert (AFFINITY < 0).sum() == (AFFINITY > 0).sum()

    def test_three_magnitudes_from_a_half(self) -> None:
        magnitudes = set(np.abs(AFFINITY[AFFINITY != 0]).tolist())
        assert len(magnitudes) == 3
        assert min(magnitudes) >= 0.5

    def test_pairs_of_opposite_sign(self) -> None:
        assert np.count_nonzero(np.triu(AFFINITY * AFFINITY.T) < 0) >= 6

    def test_every_emotion_acts_and_is_acted_on(self) -> None:
        assert (AFFINITY != 0).any(axis=0).all()
        assert (AFFINITY != 0).any(axis=1).all()

    def test_cannot_be_changed_by_accident(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            AFFINITY[0, 1] = 3.0


class TestLogits:
    def test_worked_by_hand(self) -> None:
        s = np.zeros(8)
        s[[FEAR, DISGUST]] = 1.0, 0.5
        # fear: 2.4 * 1 - .7 * 1 * .5 = 2.05 (disgust dampens fear); disgust: 2.4 * .5 + .7 * .5 * 1 = 1.55
        expected = np.zeros(8)
        expected[[FEAR, DISGUST]] = 2.05, 1.55
        np.testing.assert_allclose(scene_logits(s, 0.0, 0.0), expected, atol=1e-12)

    @given(st.lists(st.sampled_from([0.0, 0.5, 0.8, 1.5]), min_size=8, max_size=8), st.floats(-2, 2), st.floats(-2, 2))
    def test_the_equation_term_by_term(self, strengths: list[float], b: float, c: float) -> None:
        gamma = palette_logits(b, c)
        expected = [
            BETA * strengths[i]
            + gamma[i]
            + sum(AFFINITY[i, j] * strengths[i] * strengths[j] for j in range(8) if j != i)
            for i in range(8)
        ]
        np.testing.assert_allclose(scene_logits(np.array(strengths), b, c), expected, atol=1e-12)

    def test_rows_are_computed_alone(self) -> None:
        rng = np.random.default_rng(0)
        s, b, c = rng.uniform(size=(5, 8)), rng.normal(size=5), rng.normal(size=5)
        together = scene_logits(s, b, c)
        for row in range(5):
            np.testing.assert_allclose(together[row], scene_logits(s[row], b[row], c[row]), atol=1e-12)

    def test_nothing_acts_on_or_from_an_absent_emotion(self) -> None:
        s = np.zeros(8)
        s[FEAR] = 1.2
        np.testing.assert_allclose(scene_logits(s, 0.0, 0.0), BETA * s)


class TestPalette:
    @given(st.floats(-2, 2), st.floats(-2, 2))
    def test_centred_over_emotions(self, b: float, c: float) -> None:
        assert palette_logits(b, c).sum() == pytest.approx(0.0, abs=1e-12)

    def test_is_linear_without_offset(self) -> None:
        mixed = 0.4 * palette_logits(1.0, 0.0) - 1.1 * palette_logits(0.0, 1.0)
        np.testing.assert_allclose(palette_logits(0.4, -1.1), mixed, atol=1e-12)
        assert not palette_logits(0.0, 0.0).any()

    def test_valdez_and_mehrabian(self) -> None:
        # P = .69B + .22S, A = -.31B + .60S, D = -.76B + .32S; then each emotion's loadings, then centring
        b, c = 1.5, -0.5
        pad = (0.69 * b + 0.22 * c, -0.31 * b + 0.60 * c, -0.76 * b + 0.32 * c)
        raw = [sum(weight * value for weight, value in zip(row, pad, strict=True)) for row in PAD_LOADING.tolist()]
        np.testing.assert_allclose(palette_logits(b, c), np.array(raw) - sum(raw) / 8, atol=1e-12)

    def test_bright_is_pleasant_and_saturated_is_exciting(self) -> None:
        positive = np.array(MIKELS8.polarity) > 0
        bright = palette_logits(1.0, 0.0)
        assert bright[positive].mean() > bright[~positive].mean()
        saturated = palette_logits(0.0, 1.0)
        assert saturated[EXCITEMENT] > saturated[CONTENTMENT]
        assert saturated[ANGER] > saturated[SADNESS]


class TestCombinedStrengths:
    def test_worked_by_hand(self) -> None:
        # awe: 1.5 (1 - (1 - 1/1.5)(1 - .75/1.5)) = 1.5 (1 - 1/3 * 1/2) = 1.25; fear alone keeps its .9
        combined = combined_strengths([AWE, FEAR, AWE], [1.0, 0.9, 0.75])
        expected = np.zeros(8)
        expected[[AWE, FEAR]] = 1.25, 0.9
        np.testing.assert_allclose(combined, expected, atol=1e-12)
        assert (combined[expected == 0] == 0).all()  # exactly: absence is tested by equality

    def test_no_motif(self) -> None:
        assert not combined_strengths([], []).any()

    @given(STRENGTHS)
    def test_between_the_strongest_and_the_limit(self, strengths: list[float]) -> None:
        combined = combined_strengths([DISGUST] * len(strengths), strengths)[DISGUST]
        assert max(strengths) - 1e-12 <= combined <= 1.5

    @given(STRENGTHS)
    def test_order_does_not_matter(self, strengths: list[float]) -> None:
        emotions = [SADNESS] * len(strengths)
        backwards = combined_strengths(emotions, strengths[::-1])
        np.testing.assert_allclose(backwards, combined_strengths(emotions, strengths), atol=1e-12)


def test_softmax_is_scipys() -> None:
    logits = np.random.default_rng(1).normal(scale=300, size=(6, 8))
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, axis=1), atol=1e-15)


class TestVotes:
    P = softmax(np.array([1.2, -3.0, 0.0, 0.4, 2.0, -0.5, 0.1, -1.0]))

    @pytest.mark.parametrize("votes", [1, 5, 10, 15, 50])
    def test_every_rater_votes_once(self, votes: int) -> None:
        cast = cast_votes(self.P, np.random.default_rng(3), votes)
        assert cast.shape == (8,)
        assert cast.dtype == np.int64
        assert cast.sum() == votes

    def test_frequencies_are_the_distribution(self) -> None:
        cast = cast_votes(self.P, np.random.default_rng(4), 20_000)
        assert scipy.stats.chisquare(cast, self.P * 20_000).pvalue > 1e-3

    def test_more_raters_only_add(self) -> None:
        few, many = (cast_votes(self.P, np.random.default_rng(5), votes) for votes in (5, 50))
        assert (many >= few).all()

    def test_certainty(self) -> None:
        certain = np.eye(8)[SADNESS]
        assert cast_votes(certain, np.random.default_rng(6), 7).tolist() == [0, 0, 0, 0, 0, 0, 0, 7]

    def test_rounding_of_the_sum_loses_no_vote(self) -> None:
        almost = np.full(8, math.nextafter(1 / 8, 0.0)) * (1 - 1e-9)
        assert cast_votes(almost, np.random.default_rng(7), 5_000).sum() == 5_000
