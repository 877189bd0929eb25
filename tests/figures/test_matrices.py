"""Interaction matrices: values, scales, selection, text contrast; and the waterfall of contributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plotly.colors import hex_to_rgb

from fisa.emotions import MIKELS8, EmotionSpace
from fisa.figures import FigureError, Theme, contribution_bars, matrix, matrix_grid, matrix_table
from fisa.figures.theme import PALETTES, colour_at, contrast, width_of

THEMES: tuple[Theme, ...] = ("light", "dark")
MOODS = EmotionSpace(
    "moods", ("calm", "<b>x</b>", "sad"), (1, 0, -1), (), ("#e69f00", "#56b4e9", "#009e73"), ("circle", "star", "x")
)
TURNED = EmotionSpace("turned", ("a", "b", "c"), (1, 0, -1), (2, 0, 1), MOODS.colours, MOODS.markers)
CELLS = np.array([[0.5, -0.25, 0.0], [1.5, 0.1, -2.0], [0.0, 0.0, 0.05]])


def cells_of(figure: object) -> object:
    """The invisible markers over the heatmap."""
    (trace,) = [trace for trace in figure.data if trace.type == "scatter" and trace.customdata is not None]  # type: ignore[attr-defined]
    return trace


def texts_of(figure: object) -> list[str]:
    """What stands in the cells, row by row."""
    return [text for *_, text in sorted(written(figure))]


def written(figure: object) -> list[tuple[int, int, str]]:
    """Row, column and text of every cell that is written."""
    return [cell for trace in writing(figure) for cell in zip(trace.y, trace.x, trace.text, strict=True)]  # type: ignore[attr-defined]


def writing(figure: object) -> list[object]:
    """The traces of numbers, one for each ink."""
    return [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("theme", THEMES)
def test_matrix_shows_rows_and_columns_in_wheel_order(theme: Theme) -> None:
    figure = matrix(CELLS, TURNED, kind="contribution", theme=theme)
    # Wheel order c, a, b: first row is row c of CELLS, [0, 0, .05], with its columns turned the same way.
    assert figure.data[0].z.tolist() == [[0.05, 0.0, 0.0], [0.0, 0.5, -0.25], [-2.0, 1.5, 0.1]]
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == ["c", "a", "b"]
    assert matrix_table(CELLS, TURNED).loc["b", "a"] == 1.5  # row b receives from column a
    assert matrix_table(CELLS, TURNED).to_numpy().tolist() == figure.data[0].z.tolist()


def test_selection_carries_label_indices_at_the_cell_of_that_value() -> None:
    figure = matrix(CELLS, TURNED)
    markers = cells_of(figure)
    assert len(markers.customdata) == 9  # type: ignore[attr-defined]
    for x, y, (i, j) in zip(markers.x, markers.y, markers.customdata, strict=True):  # type: ignore[attr-defined]
        assert figure.data[0].z[y][x] == CELLS[i, j]
    assert markers.marker.opacity == 0 and markers.unselected.marker.opacity == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "middle"), [("effect", 1.0), ("contribution", 0.0), ("difference", 0.0), ("relation", 0.0)]
)
def test_diverging_scale_is_centred(kind: str, middle: float) -> None:
    axis = matrix(CELLS, MOODS, kind=kind).layout.coloraxis  # type: ignore[arg-type]
    reach = np.abs(CELLS - middle).max()  # effect: |-2 - 1| = 3; the others: 2
    assert axis.cmid == middle
    assert (axis.cmin, axis.cmax) == (middle - reach, middle + reach)


@pytest.mark.parametrize("theme", THEMES)
def test_middle_of_the_diverging_scale_is_quiet_and_its_ends_are_not(theme: Theme) -> None:
    surface = hex_to_rgb(PALETTES[theme].surface)
    scale = PALETTES[theme].diverging
    assert contrast(colour_at(scale, 0.5), surface) < 1.2
    assert min(contrast(colour_at(scale, end), surface) for end in (0, 1)) > 4.5
    blue, orange = colour_at(scale, 0), colour_at(scale, 1)
    assert blue[2] > blue[0] and orange[0] > orange[2]


@pytest.mark.parametrize("theme", THEMES)
def test_sequential_scale_starts_near_the_page_and_is_monotone_in_luminance(theme: Theme) -> None:
    surface = hex_to_rgb(PALETTES[theme].surface)
    steps = [contrast(colour_at(PALETTES[theme].sequential, share), surface) for share in np.linspace(0, 1, 21)]
    assert steps == sorted(steps)
    assert steps[0] < 1.5 and steps[-1] > 10


def test_sequential_scale_starts_at_zero() -> None:
    axis = matrix(np.full((3, 3), 1 / 3), MOODS, kind="interaction").layout.coloraxis
    assert (axis.cmin, axis.cmax, axis.cmid) == (0.0, 1 / 3, None)


def test_limit_makes_two_figures_share_a_scale() -> None:
    first = matrix(CELLS, MOODS, kind="effect", limit=0.5).layout.coloraxis
    second = matrix(np.ones((3, 3)), MOODS, kind="effect", limit=0.5).layout.coloraxis
    assert (first.cmin, first.cmax) == (second.cmin, second.cmax) == (0.5, 1.5)


def test_matrix_of_zeros_has_a_scale() -> None:
    axis = matrix(np.zeros((3, 3)), MOODS).layout.coloraxis
    assert axis.cmin < 0 < axis.cmax


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_limit_that_is_not_positive_is_refused(limit: float) -> None:
    with pytest.raises(FigureError, match="limit must be a positive number"):
        matrix(CELLS, MOODS, limit=limit)


def test_cells_hold_their_numbers_signed_and_short() -> None:
    # "-" would be the short hyphen; the figure writes the true minus.
    assert texts_of(matrix(CELLS, MOODS)) == ["+.50", "−.25", "0", "+1.5", "+.10", "−2.0", "0", "0", "+.05"]
    assert texts_of(matrix(1 + CELLS / 10, MOODS, kind="effect"))[:2] == ["1.05", ".97"]  # .975 to even
    assert texts_of(matrix(CELLS / 100, MOODS))[3:6] == ["+.015", "+.001", "−.020"]
    assert texts_of(matrix(100 * CELLS, MOODS))[3:6] == ["+150", "+10", "−200"]
    assert texts_of(matrix(10 * CELLS, MOODS))[3:6] == ["+15.0", "+1.0", "−20.0"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", ["effect", "interaction", "contribution", "difference", "relation"])
def test_numbers_reach_aa_contrast_on_their_cells(theme: Theme, kind: str) -> None:
    space = MIKELS8
    values = np.linspace(0 if kind == "interaction" else -1, 1, 64).reshape(8, 8) + (kind == "effect")
    figure = matrix(values, space, kind=kind, limit=0.8, theme=theme)  # type: ignore[arg-type]
    scale = PALETTES[theme].sequential if kind == "interaction" else PALETTES[theme].diverging
    low, high = figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax
    assert {(row, column) for row, column, _ in written(figure)} == set(np.ndindex(8, 8))
    for trace in writing(figure):
        assert trace.unselected.textfont.color == trace.textfont.color  # a click on a cell dims no number
        for row, column in zip(trace.y, trace.x, strict=True):
            share = np.clip((figure.data[0].z[row][column] - low) / (high - low), 0, 1)
            assert contrast(hex_to_rgb(trace.textfont.color), colour_at(scale, share)) >= 4.5


def test_many_emotions_leave_the_cells_without_text() -> None:
    count = 13
    space = EmotionSpace(
        "many", tuple(f"e{i}" for i in range(count)), (0,) * count, (), ("#e69f00",) * count, ("star",) * count
    )
    assert texts_of(matrix(np.zeros((count, count)), space)) == []


def test_highlight_frames_the_cell_of_these_labels() -> None:
    (frame,) = matrix(CELLS, TURNED, highlight=(1, 0)).layout.shapes  # row b, column a; wheel order c, a, b
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, 1.5, 2.5)
    with pytest.raises(FigureError, match=r"highlight \(3, 0\) is outside the 3 x 3"):
        matrix(CELLS, TURNED, highlight=(3, 0))


def test_labels_and_title_with_markup_are_shown_as_text() -> None:
    figure = matrix(CELLS, MOODS, title="<i>head</i>")
    assert figure.layout.title.text == "&lt;i&gt;head&lt;/i&gt;"
    assert figure.layout.xaxis.ticktext[1] == "&lt;b&gt;x&lt;/b&gt;"
    assert cells_of(figure).hovertext[1] == "&lt;b&gt;x&lt;/b&gt; → calm: −0.25"  # type: ignore[attr-defined]


def test_alternative_text_names_the_strongest_pairs_as_giver_to_receiver() -> None:
    alt = matrix(CELLS, MOODS, title="head 2").layout.meta["alt"]
    assert alt == (
        "head 2: contribution matrix of 3 emotions; strongest: "
        "sad to <b>x</b> −2.00, calm to <b>x</b> +1.50, calm to calm +0.50."
    )
    single = matrix(np.array([[2.0]]), EmotionSpace("one", ("calm",), (1,), (), ("#e69f00",), ("circle",)))
    assert "calm to calm +2.00" in single.layout.meta["alt"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (np.where(CELLS == 0.1, np.nan, CELLS), "contribution matrix: 1 of 9 values are NaN or infinite"),
        (CELLS[:2], r"expected shape \[3, 3\], got \[2, 3\]"),
        (CELLS[0], r"got \[3\]"),
    ],
)
def test_unusable_matrices_are_refused(values: np.ndarray, complaint: str) -> None:
    with pytest.raises(FigureError, match=complaint):
        matrix(values, MOODS)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(FigureError, match="unknown kind of matrix 'heat'; choose effect"):
        matrix(CELLS, MOODS, kind="heat")  # type: ignore[arg-type]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("heads", "columns"), [(1, 1), (8, 4), (16, 4)])
def test_grid_has_one_panel_a_head_on_one_scale(theme: Theme, heads: int, columns: int) -> None:
    values = np.random.default_rng(heads).normal(size=(heads, 8, 8))
    figure = matrix_grid(values, MIKELS8, "contribution", theme)
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(maps) == heads
    assert {trace.coloraxis for trace in maps} == {"coloraxis"}
    assert figure.layout.coloraxis.cmax == -figure.layout.coloraxis.cmin == np.abs(values).max()
    assert len({axis.domain for axis in figure.select_xaxes()}) == columns
    order = list(MIKELS8.wheel)
    assert np.array_equal(maps[-1].z, values[-1][np.ix_(order, order)])


def test_grid_selection_carries_head_row_and_column() -> None:
    values = np.arange(27.0).reshape(3, 3, 3)
    figure = matrix_grid(values, TURNED, "difference")
    for trace in (t for t in figure.data if t.customdata is not None):
        (panel,) = [t for t in figure.data if t.type == "heatmap" and t.xaxis == trace.xaxis]
        for x, y, (h, i, j) in zip(trace.x, trace.y, trace.customdata, strict=True):
            assert panel.z[y][x] == values[h, i, j]


def test_grid_says_what_is_strongest_in_the_mean_of_the_heads() -> None:
    values = np.zeros((2, 3, 3))
    values[:, 0, 2] = 1.0, -0.5  # mean .25
    values[:, 1, 0] = 2.0, -2.0  # mean 0, though the largest in either head
    assert "2 heads; strongest in their mean: sad to calm +0.25" in matrix_grid(values, MOODS).layout.meta["alt"]


def test_grid_without_heads_or_with_nan_is_refused() -> None:
    with pytest.raises(FigureError, match="there is no head to draw"):
        matrix_grid(np.zeros((0, 3, 3)), MOODS)
    with pytest.raises(FigureError, match="18 values are NaN"):
        matrix_grid(np.stack([CELLS, CELLS * np.nan]), MOODS, "effect")


@pytest.mark.parametrize("theme", THEMES)
def test_contributions_go_from_bias_to_logit(theme: Theme) -> None:
    figure = contribution_bars(np.array([0.5, -0.25, 1.0]), -0.2, 1.05, MOODS, 0, theme)  # -.2 + .5 - .25 + 1 = 1.05
    (trace,) = figure.data
    assert list(trace.x) == [-0.2, 1.0, 0.5, -0.25, 1.05]  # bias, by falling size, total
    assert list(trace.measure) == ["relative"] * 4 + ["total"]
    assert list(trace.customdata) == [None, 2, 0, 1, None]
    assert list(figure.layout.yaxis.ticktext) == ["bias", "sad", "calm (itself)", "&lt;b&gt;x&lt;/b&gt;", "<b>calm</b>"]
    assert list(trace.text) == ["−0.20", "+1.00", "+0.50", "−0.25", "+1.05"]
    assert "bias −0.20; largest sad +1.00, calm (itself) +0.50" in figure.layout.meta["alt"]


@settings(max_examples=25)
@given(
    arrays(float, 8, elements=st.floats(-5, 5)),
    st.floats(-5, 5),
    st.floats(-50, 50),
    st.integers(0, 7),
)
def test_bars_always_sum_to_the_logit(row: np.ndarray, bias: float, logit: float, emotion: int) -> None:
    (trace,) = contribution_bars(row, bias, logit, MIKELS8, emotion).data
    assert trace.x[-1] == logit
    assert sum(trace.x[:-1]) == pytest.approx(logit, rel=2e-3, abs=2e-3)
    assert ("not shown" in "".join(trace.hovertext)) == (len(trace.x) == 11)


def test_rest_of_other_heads_is_a_bar_of_its_own() -> None:
    (trace,) = contribution_bars(np.array([0.5, 0.0, 0.0]), 0.0, 2.0, MOODS, 1).data
    assert trace.x[-2] == 1.5 and trace.hovertext[-2] == "not shown: +1.5000"


def test_float32_rounding_makes_no_rest() -> None:
    row = np.random.default_rng(0).normal(size=8).astype(np.float32)
    (trace,) = contribution_bars(row, 0.3, float(row.sum() + np.float32(0.3)), MIKELS8, 1).data
    assert len(trace.x) == 10


def test_unusable_contributions_are_refused() -> None:
    with pytest.raises(FigureError, match="contributions: 1 of 3 values are NaN"):
        contribution_bars(np.array([0.0, np.nan, 0.0]), 0.0, 0.0, MOODS, 0)
    with pytest.raises(FigureError, match="bias and logit: 1 of 2"):
        contribution_bars(np.zeros(3), 0.0, float("inf"), MOODS, 0)
    with pytest.raises(FigureError, match="emotion 3 is outside 'moods', which has 3"):
        contribution_bars(np.zeros(3), 0.0, 0.0, MOODS, 3)


def test_confusion_reads_true_to_predicted_and_says_the_largest_errors() -> None:
    shares = 0.6 * np.eye(8)
    fear, sadness = MIKELS8.index("fear"), MIKELS8.index("sadness")
    shares[fear, sadness] = 0.4
    figure = matrix(shares, MIKELS8, "", "confusion", 1.0)
    assert figure.layout.coloraxis.cmin == 0 and figure.layout.coloraxis.cmax == 1
    assert "strongest: fear taken for sadness 0.40" in figure.layout.meta["alt"]
    said = [text for trace in figure.data for text in (trace.hovertext or ())]
    assert "fear taken for sadness: 0.40" in said
    assert any("rows are true, columns predicted" in note.text for note in figure.layout.annotations)


def test_transfer_reads_from_the_true_to_the_predicted_emotion() -> None:
    mass = np.zeros((8, 8))
    fear, sadness = MIKELS8.index("fear"), MIKELS8.index("sadness")
    mass[fear, sadness] = 0.04
    figure = matrix(mass, MIKELS8, "", "transfer")
    assert figure.layout.coloraxis.cmin == 0 and figure.layout.coloraxis.cmax == 0.04
    assert "strongest: fear to sadness 0.040" in figure.layout.meta["alt"]
    assert "fear → sadness: 0.040" in [text for trace in figure.data for text in (trace.hovertext or ())]


def test_names_of_a_usual_width_get_fixed_margins_and_long_ones_are_left_to_plotly() -> None:
    usual = matrix(np.eye(8), MIKELS8).layout
    # "contentment", 11 letters of 0.54 x 12 px: 71.28 px, and 12 beside them; above, at 60 degrees, 71.28 sin 60 + 16.
    assert usual.margin.l == pytest.approx(83.28) and usual.margin.t == pytest.approx(77.73, abs=0.01)
    assert not usual.xaxis.automargin and not usual.yaxis.automargin
    colours, markers = ("#e69f00",) * 3, ("star",) * 3
    long = EmotionSpace("long", ("a" * 27, "b", "c"), (0,) * 3, (), colours, markers)  # 27 x 6.48 px = 175 px
    axes = matrix(np.eye(3), long).layout
    assert axes.yaxis.automargin is None and axes.template.layout.yaxis.automargin  # the theme's: as much as they need


def test_chinese_names_are_as_wide_as_high() -> None:
    assert width_of(["敬畏", "awe"], 10) == pytest.approx(21)  # 2 x 1.05 x 10 px; three letters of 5.4 px are less
