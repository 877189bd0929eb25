"""Gram matrices as figures: what is drawn, said and refused."""

import numpy as np
import pytest

from fisa.figures import FigureError, gram

VALUES = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])


def test_every_entry_is_drawn_from_zero_to_the_largest() -> None:
    figure = gram(VALUES, "stage <1>", "dark")
    (heatmap,) = figure.data
    np.testing.assert_array_equal(heatmap.z, VALUES)
    assert (heatmap.zmin, heatmap.zmax) == (0, 4)
    assert figure.layout.yaxis.autorange == "reversed"  # the first channel stands on top, as in the table
    assert figure.layout.title.text == "stage &lt;1&gt;"


def test_it_says_how_many_channels_respond() -> None:
    assert gram(VALUES).layout.meta["alt"] == "Gram matrix of 3 channels, 2 of which respond; largest entry 4."


def test_a_silent_stage_can_be_drawn() -> None:
    assert gram(np.zeros((2, 2))).data[0].zmax == 1


@pytest.mark.parametrize("wrong", [np.ones((2, 3)), -VALUES, np.full((2, 2), np.nan), np.ones(3)])
def test_refusals(wrong: np.ndarray) -> None:
    with pytest.raises(FigureError, match="Gram matrix"):
        gram(wrong)
