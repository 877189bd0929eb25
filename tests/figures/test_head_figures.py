"""Likeness of heads, drawn for the screen and for print."""

import itertools
import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from plotly.colors import hex_to_rgb

from fisa.figures import PALETTES, FigureError, Theme, head_similarity, paper
from fisa.figures.theme import colour_at, contrast

CELLS = np.array([[1.0, 0.25, -0.5], [0.25, 1.0, 0.0], [-0.5, 0.0, 1.0]])


def test_heads_count_from_one_and_the_scale_is_that_of_the_kind() -> None:
    figure = head_similarity(CELLS, "pattern")
    trace, *written = figure.data
    assert np.asarray(trace.z).tolist() == CELLS.tolist() and list(trace.x) == list(trace.y) == [1, 2, 3]
    texts = {(x, y): text for each in written for x, y, text in zip(each.x, each.y, each.text, strict=True)}
    assert len(texts) == 9 and texts[1, 3] == "−0.50" and texts[2, 1] == "0.25"
    assert figure.layout.yaxis.range == (3.5, 0.5)  # head 1 on top
    assert (trace.zmin, trace.zmax) == (-1, 1)
    assert head_similarity(np.abs(CELLS), "cka", "dark").data[0].zmin == 0
    assert "the most alike are head 1 and head 2, 0.25" in figure.layout.meta["alt"]
    assert "One head alone" in head_similarity(np.ones((1, 1)), "cka").layout.meta["alt"]


def test_many_heads_have_colours_alone_and_every_few_are_named() -> None:
    figure = head_similarity(np.eye(32), "cka")
    assert len(figure.data) == 1 and figure.layout.xaxis.dtick == figure.layout.yaxis.dtick == 2
    assert len(head_similarity(np.eye(16), "cka").data) > 1
    axes = paper.head_similarity(np.eye(32), "cka").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()][:3] == ["1", "4", "7"] and not axes.texts


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("kind", ["pattern", "cka"])
def test_numbers_reach_aa_contrast_on_their_cells(theme: Theme, kind: Literal["pattern", "cka"]) -> None:
    values = np.linspace(-1 if kind == "pattern" else 0, 1, 64).reshape(8, 8)
    heatmap, *written = head_similarity((values + values.T) / 2, kind, theme).data
    scale = PALETTES[theme].diverging if kind == "pattern" else PALETTES[theme].sequential
    for each in written:
        for x, y in zip(each.x, each.y, strict=True):
            share = (heatmap.z[y - 1][x - 1] - heatmap.zmin) / (1 - heatmap.zmin)
            assert contrast(hex_to_rgb(each.textfont.color), colour_at(scale, share)) >= 4.5


@pytest.mark.parametrize("draw", [head_similarity, paper.head_similarity], ids=["screen", "print"])
@pytest.mark.parametrize("values", [np.ones((2, 3)), np.full((2, 2), np.nan), np.ones((0, 0))])
def test_what_is_no_matrix_of_heads_is_refused(draw: Callable[..., object], values: np.ndarray) -> None:
    with pytest.raises(FigureError, match="likeness of heads"):
        draw(values, "cka")
    with pytest.raises(FigureError, match="unknown kind"):
        draw(CELLS, "cosine")


def test_in_print_a_number_bears_its_sign_and_the_scale_is_that_of_the_screen() -> None:
    figure = paper.head_similarity(CELLS, "pattern")
    axes, bar = figure.axes
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), CELLS)  # heads stay in their order
    assert image.get_clim() == (-1, 1) and bar.get_xlabel() == "correlation of the mean matrices"
    # By columns and rows, head 1 first; of two decimals the leading 0 is left out, and so is the sign of 0.
    written = ["+1.0", "+.25", "−.50", "+.25", "+1.0", "0", "−.50", "0", "+1.0"]
    assert [text.get_text() for text in axes.texts] == written
    assert [text.get_position() for text in axes.texts[:3]] == [(0, 0), (1, 0), (2, 0)]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "2", "3"]
    assert axes.get_ylim() == (2.5, -0.5)  # head 1 on top
    assert bar.get_xticks().tolist() == [-1, -0.5, 0, 0.5, 1]  # more would touch
    assert "the most alike are head 1 and head 2, 0.25" in figure.get_label()
    varying = paper.head_similarity(np.abs(CELLS), "cka", "two").axes
    assert varying[0].images[0].get_clim() == (0, 1) and "linear CKA" in varying[1].get_xlabel()
    assert [text.get_text() for text in varying[0].texts[:3]] == ["1.00", ".25", ".50"]


def test_in_print_many_heads_have_hatches_for_numbers_and_any_number_fits_the_column() -> None:
    cells = np.eye(13)
    cells[0, 12] = cells[12, 0] = -0.3
    cells[0, 1] = cells[1, 0] = -0.05  # too near to 0 for a hatch, which begins at a tenth of the scale
    (axes, _) = paper.head_similarity(cells, "pattern").axes
    hatched = [patch.get_xy() for patch in axes.patches if patch.get_gid() == "below"]
    assert not axes.texts and hatched == [(11.5, -0.5), (-0.5, 11.5)]
    for count, width in itertools.product((1, 4, 13), paper.WIDTHS):
        figure = paper.head_similarity(np.eye(count), "cka", width)
        assert figure.get_size_inches()[0] * 25.4 == pytest.approx(paper.WIDTHS[width])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # matplotlib warns where nothing is left for the axes
            assert paper.to_bytes(figure, "svg").startswith(b"<?xml")
