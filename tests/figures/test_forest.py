"""Differences with intervals: what is drawn is what was given, and what is certain stands apart."""

import numpy as np
import pytest

from fisa.figures import FigureError, forest

NAMES = ["cnn", "<b>old</b>", "fisa-h0"]
VALUES = np.array([0.2, -0.1, 0.01])
LOW, HIGH = np.array([0.1, -0.3, -0.02]), np.array([0.4, -0.05, 0.03])


def test_a_row_for_each_by_what_its_interval_says() -> None:
    figure = forest(NAMES, VALUES, LOW, HIGH, "KL less that of fisa")
    rows = {trace.name: trace for trace in figure.data}
    assert list(rows) == ["higher", "lower", "interval holds 0"]
    assert list(rows["higher"].y) == ["cnn"] and list(rows["interval holds 0"].y) == ["fisa-h0"]
    # .4 - .2 to the right of cnn's .2, .2 - .1 to the left.
    assert rows["higher"].error_x.array == pytest.approx([0.2])
    assert rows["higher"].error_x.arrayminus == pytest.approx([0.1])
    assert list(figure.layout.yaxis.categoryarray)[-1] == "cnn"  # plotly counts upwards: the first is on top
    assert "<b>" not in str(rows["lower"].y)
    assert "higher: cnn" in figure.layout.meta["alt"] and "interval holds 0: fisa-h0" in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    ("names", "low"), [([], LOW[:0]), (NAMES, LOW + 1), (NAMES, np.array([np.nan, 0, 0])), (NAMES[:2], LOW)]
)
def test_what_cannot_be_drawn_is_refused(names: list[str], low: np.ndarray) -> None:
    with pytest.raises(FigureError):
        forest(names, VALUES[: len(names)], low, HIGH[: len(names)], "KL")
