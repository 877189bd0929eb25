"""Likeness of heads, drawn."""

import numpy as np
import pytest

from fisa.figures import FigureError, head_similarity

CELLS = np.array([[1.0, 0.25, -0.5], [0.25, 1.0, 0.0], [-0.5, 0.0, 1.0]])


def test_heads_count_from_one_and_the_scale_is_that_of_the_kind() -> None:
    figure = head_similarity(CELLS, "pattern")
    (trace,) = figure.data
    assert np.asarray(trace.z).tolist() == CELLS.tolist() and list(trace.x) == list(trace.y) == ["1", "2", "3"]
    assert (trace.zmin, trace.zmax) == (-1, 1)
    assert head_similarity(np.abs(CELLS), "cka", "dark").data[0].zmin == 0
    assert "the most alike are head 1 and head 2, 0.25" in figure.layout.meta["alt"]
    assert "One head alone" in head_similarity(np.ones((1, 1)), "cka").layout.meta["alt"]


@pytest.mark.parametrize("values", [np.ones((2, 3)), np.full((2, 2), np.nan)])
def test_what_is_no_matrix_of_heads_is_refused(values: np.ndarray) -> None:
    with pytest.raises(FigureError):
        head_similarity(values, "cka")
    with pytest.raises(FigureError, match="unknown kind"):
        head_similarity(CELLS, "cosine")  # type: ignore[arg-type]
