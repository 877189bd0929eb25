"""Pixels to what models take and back, exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictures import PATTERN

from fisa.images import denormalise, normalise

pytestmark = pytest.mark.filterwarnings("error")


class TestNormalise:
    def test_by_hand(self):
        # Red: (255/255 - 0.485) / 0.229, 0 - 0.456 / 0.224, 0 - 0.406 / 0.225.
        batch = normalise(np.array([[[[255, 0, 0]]]], np.uint8))
        assert batch.dtype == np.float32 and batch.shape == (1, 3, 1, 1)
        assert batch.ravel() == pytest.approx([0.515 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rel=1e-6)

    def test_axes(self):
        batch = normalise(PATTERN[None])
        assert batch.shape == (1, 3, 24, 32)
        assert batch.transpose(0, 2, 3, 1).flags.c_contiguous  # channels_last: no model has to change the layout
        assert batch[0, 1, 5, 7] == pytest.approx((PATTERN[5, 7, 1] / 255 - 0.456) / 0.224, rel=1e-5)

    def test_every_level_survives_the_round_trip(self):
        levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None, None], 3, axis=3)
        assert np.array_equal(denormalise(normalise(levels)), levels)

    @given(arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), st.just(3))))
    def test_exact_inverse(self, batch):
        assert np.array_equal(denormalise(normalise(batch)), batch)

    def test_values_beyond_black_and_white_are_clipped(self):
        assert denormalise(np.array([[[[99]], [[-99]], [[0]]]], np.float32)).tolist() == [[[[255, 0, 104]]]]

    @pytest.mark.parametrize("batch", [np.zeros((1, 3, 4, 4), np.uint8), np.zeros((1, 4, 4, 3)), PATTERN])
    def test_only_uint8_batches_are_normalised(self, batch):
        with pytest.raises(ValueError, match="expected uint8"):
            normalise(batch)

    @pytest.mark.parametrize("batch", [np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 3, 4, 4), np.uint8)])
    def test_only_float_batches_are_denormalised(self, batch):
        with pytest.raises(ValueError, match="expected float"):
            denormalise(batch)
