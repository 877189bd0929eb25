"""Grades and deletion curves in print: places, intervals, what is hollow, words for those who cannot see, refusals."""

import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from graded_rows import CURVES, DOTS
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fisa.figures import FigureError, grade_curves, grade_dots, paper

SHARES = np.array([0.0, 0.5, 1.0])
FALLING, RISING, CHANCE = np.array([3.0, 0.0, 0.0]), np.array([0.0, 3.0, 3.0]), np.array([3.0, 1.5, 0.0])


def texts(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(paper.to_bytes(figure, "svg"))
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_dots_stand_in_the_order_and_at_the_places_of_the_screen() -> None:
    figure = paper.grade_dots(DOTS, "Faithfulness", 0.8, "a note")
    (axes,) = figure.axes
    # By the better of the two runs attention (0.9) comes before Grad-CAM (0.7), then baseline and ceiling.
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Attention", "Grad-CAM", "Same", "Own change"]
    first, second = [each for each in axes.collections if isinstance(each, PathCollection) and each.get_offsets().size]
    # Two runs share a row's 0.7: a quarter of it to either side of the middle, 0.175.
    np.testing.assert_allclose(first.get_offsets(), [[0.6, 1.825], [0.5, -0.175], [1, 2.825], [0.7, 0.825]])
    np.testing.assert_allclose(second.get_offsets(), [[0.9, 0.175]])
    faces = [to_hex(face) for face in first.get_facecolors()]
    assert [face == "#ffffff" for face in faces] == [True, False, True, False]  # baseline and ceiling are hollow
    assert len({len(each.get_paths()[0].vertices) for each in (first, second)}) == 2  # runs differ in shape, too
    ends = [group.lines[2][0].get_segments() for group in axes.containers]
    np.testing.assert_allclose([ends[0][1][:, 0], ends[0][3][:, 0]], [[0.4, 0.7], [0.65, 0.75]])
    np.testing.assert_allclose(ends[1][0][:, 0], [0.8, 0.95])
    assert [len(each) for each in ends[0]] == [0, 2, 0, 2]  # without an interval no line
    (goal,) = [line for line in axes.lines if list(line.get_xdata()) == [0.8, 0.8] and line.get_linestyle() == "--"]
    assert goal is not None
    assert {"goal 0.8", "Faithfulness", "a note", "a<b", "c", "Own change"} <= set(texts(figure))
    alone = texts(paper.grade_dots(DOTS[DOTS["run"] == "c"], "Hit"))
    assert "c" not in alone and not any(text.startswith("goal") for text in alone)  # one run needs no legend


def test_curves_follow_the_order_of_splits_with_the_looks_of_the_screen() -> None:
    figure = paper.grade_curves(CURVES, "Hit")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["iid", "rendering"]
    long, short = axes.containers
    # Two lines are set 0.15 apart around each split, so that their intervals can be told apart.
    assert list(long.lines[0].get_xdata()) == pytest.approx([-0.075, 0.925])
    assert list(short.lines[0].get_xdata()) == pytest.approx([0.075])
    assert list(long.lines[0].get_ydata()) == [0.9, 0.6]
    np.testing.assert_allclose(long.lines[2][0].get_segments()[0][:, 1], [0.8, 0.95])
    assert (long.lines[0].get_marker(), short.lines[0].get_marker()) == ("o", "s")
    assert (long.lines[0].get_linestyle(), short.lines[0].get_linestyle()) == ("-", "--")
    assert long.lines[2][0].get_linestyle() == short.lines[2][0].get_linestyle() == [(0, None)]  # intervals are whole
    assert {"Attention", "x", "Hit"} <= set(texts(figure))


def test_the_words_are_those_of_the_screen() -> None:
    assert paper.grade_dots(DOTS, "Hit").get_label() == grade_dots(DOTS, "Hit").layout.meta["alt"]
    assert paper.grade_curves(CURVES, "Hit").get_label() == grade_curves(CURVES, "Hit").layout.meta["alt"]


def test_more_lines_than_colours_differ_in_dash_and_shape_and_long_names_fit() -> None:
    splits = [f"a split of a long name {number}" for number in range(9)]
    rows = pd.DataFrame(
        [(f"{number} " + "x" * 60, split, number / 12, None, None) for number in range(12) for split in splits],
        columns=CURVES.columns,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where nothing is left for the axes
        figure = paper.grade_curves(rows, "Hit", "one")
        assert any("…" in text for text in texts(figure))
        shown = paper.grade_dots(DOTS.assign(subject=DOTS["subject"] + "x" * 60, run="y" * 60), "Hit")
        assert any("…" in text for text in texts(shown))
    lines = [group.lines[0] for group in figure.axes[0].containers]
    looks = {(line.get_color(), line.get_marker(), str(line._dash_pattern)) for line in lines}
    assert len(looks) == 12
    assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {30}


@pytest.mark.parametrize("draw", [paper.grade_dots, paper.grade_curves])
def test_nothing_and_no_numbers_are_refused(draw: object) -> None:
    rows = DOTS.assign(line="a", split="iid")
    for wrong in (rows.head(0), rows.assign(value=float("nan"))):
        with pytest.raises(FigureError, match="grades: expected at least one"):
            draw(wrong, "Hit")  # type: ignore[operator]
    with pytest.raises(FigureError, match="unknown width"):
        draw(rows, "Hit", width="three")  # type: ignore[operator]


@pytest.mark.parametrize(("width", "rows", "across"), [("one", 3, 2), ("two", 2, 4)])
def test_deletion_has_a_panel_a_method_on_one_scale(width: paper.Width, rows: int, across: int) -> None:
    curves = {f"method {number}": (FALLING - number, RISING) for number in range(5)}
    figure = paper.deletion_curves(SHARES, curves, (CHANCE, CHANCE[::-1]), "awe (logit)", width)
    assert figure.axes[0].get_gridspec().get_geometry() == (rows, across)
    panels = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title() for axes in panels] == list(curves)
    assert len({axes.get_ylim() for axes in panels}) == 1
    deletion, insertion, *random = panels[2].lines
    assert list(deletion.get_ydata()) == [1, -2, -2] and list(insertion.get_ydata()) == [0, 3, 3]
    assert list(deletion.get_xdata()) == [0, 0.5, 1]
    assert [list(line.get_ydata()) for line in random] == [[3, 1.5, 0], [0, 1.5, 3]]
    assert deletion.get_linestyle() == "-" and len({str(line._dash_pattern) for line in panels[2].lines}) == 3
    shown = texts(figure)
    # Means: (3 + 0 + 0) / 3 - 2, and 6 / 3.
    assert "method 2 −1.00 and +2.00" in figure.get_label()
    assert {"deletion", "insertion", "random orders", "awe (logit)", "share of the image"} <= set(shown)
    assert shown.count("100%") == min(across, 5)  # below the last panel of each column


@pytest.mark.parametrize("bad", [np.zeros(2), np.array([0.0, np.nan, 0.0])])
def test_other_lengths_and_holes_are_refused(bad: np.ndarray) -> None:
    whole = (CHANCE, CHANCE)
    with pytest.raises(FigureError, match="insertion, Grad-CAM"):
        paper.deletion_curves(SHARES, {"Grad-CAM": (FALLING, bad)}, whole, "awe")
    with pytest.raises(FigureError, match="deletion, random orders"):
        paper.deletion_curves(SHARES, {"Grad-CAM": (FALLING, RISING)}, (bad, CHANCE), "awe")
    for shares, curves in ((np.zeros(0), {"a": (np.zeros(0), np.zeros(0))}), (SHARES, {})):
        with pytest.raises(FigureError, match="at least one method and one step"):
            paper.deletion_curves(shares, curves, whole, "awe")
