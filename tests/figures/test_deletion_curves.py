"""Deletion and insertion as curves."""

import numpy as np
import pytest

from fisa.figures import FigureError, deletion_curves

SHARES = np.array([0.0, 0.5, 1.0])
FALLING, RISING, CHANCE = np.array([3.0, 0.0, 0.0]), np.array([0.0, 3.0, 3.0]), np.array([3.0, 1.5, 0.0])


def test_each_curve_has_a_line_of_its_own_and_its_mean_in_words() -> None:
    figure = deletion_curves(SHARES, FALLING, RISING, (CHANCE, CHANCE[::-1]), "Grad-CAM", (-1, 4))
    drawn = {trace.name: (tuple(trace.y), trace.line.dash) for trace in figure.data}
    assert drawn["deletion"] == ((3, 0, 0), "solid") and drawn["insertion"] == ((0, 3, 3), "dash")
    assert drawn["deletion, random orders"][1] == drawn["insertion, random orders"][1] == "dot"
    assert figure.layout.yaxis.range == (-1, 4)
    alt = figure.layout.meta["alt"]  # means: 3 / 3, 6 / 3 and 4.5 / 3
    assert "by Grad-CAM" in alt and "deletion +1.00, insertion +2.00, deletion, random orders +1.50" in alt


@pytest.mark.parametrize("bad", [np.zeros(2), np.array([0.0, np.nan, 0.0])])
def test_other_lengths_and_holes_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(FigureError, match="deletion"):
        deletion_curves(SHARES, bad, RISING, (CHANCE, CHANCE))
    with pytest.raises(FigureError, match="no step"):
        deletion_curves(*[np.zeros(0)] * 3, (np.zeros(0), np.zeros(0)))
