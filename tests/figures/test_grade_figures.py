"""Grades as dots and curves: places, intervals, words for those who cannot see them, and refusals."""

import pytest
from graded_rows import CURVES, DOTS

from fisa.figures import FigureError, Theme, grade_curves, grade_dots

THEMES: tuple[Theme, ...] = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_methods_stand_first_and_the_best_on_top(theme: Theme) -> None:
    figure = grade_dots(DOTS, "Faithfulness", 0.8, theme)
    # By the better of the two runs attention (0.9) comes before Grad-CAM (0.7), then baseline and ceiling.
    assert list(figure.layout.yaxis.ticktext) == ["Attention", "Grad-CAM", "Same", "Own change"]
    first, second = figure.data
    # Two runs share a row's 0.7: a quarter of it to either side of the middle, 0.175.
    assert list(first.y) == pytest.approx([1.825, -0.175, 2.825, 0.825])
    assert list(second.y) == pytest.approx([0.175])
    assert list(first.marker.symbol) == ["circle-open", "circle", "circle-open", "circle"]
    assert first.error_x.arrayminus[1] == pytest.approx(0.1) and first.error_x.array[1] == pytest.approx(0.2)
    assert first.name == "a&lt;b" and figure.layout.showlegend
    (goal,) = figure.layout.shapes
    assert goal.x0 == goal.x1 == 0.8
    assert "Attention of a<b 0.500 (0.400 to 0.700)" in figure.layout.meta["alt"]
    assert "Own change of a<b 1.000," in figure.layout.meta["alt"]


@pytest.mark.parametrize("theme", THEMES)
def test_curves_follow_the_order_of_splits(theme: Theme) -> None:
    figure = grade_curves(CURVES, "Hit", None, theme)
    assert list(figure.layout.xaxis.ticktext) == ["iid", "rendering"]
    long, short = figure.data
    # Two lines are set 0.15 apart around each split, so that their intervals can be told apart.
    assert list(long.x) == pytest.approx([-0.075, 0.925]) and list(short.x) == pytest.approx([0.075])
    assert list(long.y) == [0.9, 0.6] and not figure.layout.shapes
    assert long.line.dash != short.line.dash and long.marker.symbol != short.marker.symbol
    assert figure.layout.meta["alt"].startswith(
        "Line chart of Hit over 2 splits: Attention from 0.90 on iid to 0.60 on rendering and x from 0.10 on iid"
    )


@pytest.mark.parametrize("draw", [grade_dots, grade_curves])
def test_nothing_and_no_numbers_are_refused(draw: object) -> None:
    rows = DOTS.assign(line="a", split="iid")
    for wrong in (rows.head(0), rows.assign(value=float("nan"))):
        with pytest.raises(FigureError, match="grades: expected at least one"):
            draw(wrong, "Hit")  # type: ignore[operator]
