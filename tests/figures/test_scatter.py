"""The map of a data set, errors of two runs, and training curves."""

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest

from fisa.emotions import MIKELS8
from fisa.figures import FigureError, Scale, Theme, dots_of, embedding_map, error_scatter, history
from fisa.figures.points import POINTS_AT_MOST

THEMES: tuple[Theme, ...] = ("light", "dark")
POINTS = pd.DataFrame({"id": ["p", "q", "r", "<b>s</b>"], "x": [0.0, 1.0, 2.0, 3.0], "y": [3.0, 2.0, 1.0, 0.0]})
EMOTIONS = ["awe", "fear", "awe", "joy"]
EMOTIONS_HERE = ["awe", "fear", "awe", "anger"]


def traces(figure: object) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data if trace.customdata is not None}  # type: ignore[attr-defined]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("values", [["awe", "fear", "awe", "anger"], np.array([1, 6, 1, 4])], ids=["labels", "indices"])
def test_map_groups_points_by_emotion_with_colour_shape_and_id(theme: Theme, values: object) -> None:
    found = traces(embedding_map(POINTS, values, MIKELS8, None, theme))  # type: ignore[arg-type]
    assert list(found) == ["fear", "anger", "awe"]  # wheel order, only what occurs
    awe = found["awe"]
    assert awe.type == "scattergl"  # type: ignore[attr-defined]
    assert list(awe.customdata) == ["p", "r"] and list(awe.x) == [0.0, 2.0] and list(awe.y) == [3.0, 1.0]  # type: ignore[attr-defined]
    assert (awe.marker.color, awe.marker.symbol) == (MIKELS8.colours[1], MIKELS8.markers[1])  # type: ignore[attr-defined]
    assert awe.marker.opacity is None and awe.opacity is None  # seen through, it would be too near to the page


def test_map_of_numbers_has_a_continuous_scale_and_every_id() -> None:
    (trace,) = embedding_map(POINTS, np.array([0.1, 0.2, 0.3, 0.4])).data
    np.testing.assert_allclose(trace.marker.color, [0.1, 0.2, 0.3, 0.4])
    assert trace.marker.showscale and list(trace.customdata) == list(POINTS["id"])


def test_map_of_other_strings_needs_no_space() -> None:
    found = traces(embedding_map(POINTS, ["train", "test", "train", "<i>"]))
    assert list(found) == ["&lt;i&gt;", "test", "train"]
    assert len({trace.marker.symbol for trace in found.values()}) == 3  # type: ignore[attr-defined]


def test_map_rings_the_selected_image_and_ignores_one_it_lacks() -> None:
    rings = [t for t in embedding_map(POINTS, [0.0] * 4, selected="q").data if t.customdata is None]
    assert rings and all((list(t.x), list(t.y)) == ([1.0], [2.0]) for t in rings)
    assert len(embedding_map(POINTS, [0.0] * 4, selected="z").data) == 1


def test_map_shows_ids_with_markup_as_text_but_hands_them_over_as_they_are() -> None:
    (trace,) = embedding_map(POINTS, [0.5] * 4).data
    assert trace.hovertext[3] == "&lt;b&gt;s&lt;/b&gt;<br>0.5"
    assert trace.customdata[3] == "<b>s</b>"


def test_large_map_is_binned_and_every_image_is_counted_once() -> None:
    rng = np.random.default_rng(0)
    count = POINTS_AT_MOST + 5000
    points = pd.DataFrame(rng.normal(size=(count, 2)), columns=["x", "y"]).assign(id=[f"s{i}" for i in range(count)])
    emotion = rng.integers(0, 8, count)
    figure = embedding_map(points, emotion, MIKELS8)
    shown = [(t.name, i, h) for t in figure.data for i, h in zip(t.customdata, t.hovertext, strict=True)]
    assert len(shown) < POINTS_AT_MOST
    assert all(MIKELS8.labels[emotion[int(i[1:])]] == name for name, i, _ in shown)
    stands = [int(h.split("stands for ")[1].split()[0]) if "stands for" in h else 1 for _, _, h in shown]
    assert sum(stands) == count
    assert f"Map of {count} images, binned to {len(shown)} points" in figure.layout.meta["alt"]


def test_binned_numbers_are_means_of_their_cell() -> None:
    count = POINTS_AT_MOST + 2
    points = pd.DataFrame({"id": [str(i) for i in range(count)], "x": 0.0, "y": 0.0})
    points.loc[count - 1, ["x", "y"]] = 1.0, 1.0
    values = np.zeros(count)
    values[0], values[-1] = count - 1, 7.0
    (trace,) = embedding_map(points, values).data
    assert sorted(trace.marker.color) == [1.0, 7.0]  # (count - 1) / (count - 1), and the one far away


@pytest.mark.parametrize("theme", THEMES)
def test_differences_diverge_from_their_middle_as_far_to_both_ends(theme: Theme) -> None:
    figure = embedding_map(POINTS, np.array([-0.1, 0.4, 0.2, 0.0]), theme=theme, scale=Scale("<b>gap</b>", 0.0))
    marker = figure.data[0].marker
    # The 98 % quantile of 0, .1, .2, .4 lies at place 2.94: .2 + .94 * .2.
    assert marker.cmax == pytest.approx(0.388) and marker.cmin == -marker.cmax
    assert marker.colorscale[3][1] != marker.colorscale[0][1] and marker.colorscale[3][0] == 0.5
    assert marker.colorbar.title.text == "&lt;b&gt;gap&lt;/b&gt;; 25% of them lie beyond"
    assert "coloured by <b>gap</b>" in figure.layout.meta["alt"]


def test_one_number_far_out_does_not_take_the_colours_of_all() -> None:
    points = pd.DataFrame({"id": [str(n) for n in range(200)], "x": range(200), "y": 0.0})
    values = np.r_[np.linspace(0, 1, 199), 1000.0]
    marker = embedding_map(points, values, scale=Scale("error")).data[0].marker
    assert (marker.cmin, marker.cmax) == (0.0, pytest.approx(np.quantile(values, 0.98)))
    assert marker.colorbar.title.text == "error; 2% of them lie beyond"
    same = embedding_map(POINTS, [0.5] * 4).data[0].marker
    assert same.cmin is None and same.cmax is None  # no range that plotly could divide by


def test_what_is_not_selected_is_dimmed() -> None:
    found = traces(embedding_map(POINTS, EMOTIONS_HERE, MIKELS8, among=["r", "q", "gone"]))
    kept = {name: [trace.customdata[i] for i in trace.selectedpoints] for name, trace in found.items()}  # type: ignore[attr-defined]
    assert kept == {"fear": ["q"], "anger": [], "awe": ["r"]}
    assert all(trace.unselected.marker.opacity < 0.3 for trace in found.values())  # type: ignore[attr-defined]


def test_new_images_are_stars_with_their_names_and_no_dot_of_the_data() -> None:
    placed = pd.DataFrame({"id": ["<my> dog.jpg"], "x": [1.5], "y": [2.5]})
    figure = embedding_map(POINTS, [0.0] * 4, placed=placed)
    star = figure.data[-1]
    assert (star.marker.symbol, list(star.x), list(star.y), list(star.text)) == (
        "star", [1.5], [2.5], ["&lt;my&gt; dog.jpg"],
    )  # fmt: skip
    assert star.customdata is None and "Placed on it: <my> dog.jpg." in figure.layout.meta["alt"]


def test_dots_show_every_image_once_and_each_that_it_stands_for() -> None:
    assert dots_of(POINTS, [0.0] * 4).to_dict() == {name: name for name in POINTS["id"]}
    rng = np.random.default_rng(0)
    count = POINTS_AT_MOST + 5000
    points = pd.DataFrame(rng.normal(size=(count, 2)), columns=["x", "y"]).assign(id=[f"s{i}" for i in range(count)])
    emotion = rng.integers(0, 8, count)
    dots = dots_of(points, emotion, MIKELS8)
    figure = embedding_map(points, emotion, MIKELS8)
    stands = {
        i: int(h.split("stands for ")[1].split()[0]) if "stands for" in h else 1
        for t in figure.data
        for i, h in zip(t.customdata, t.hovertext, strict=True)
    }
    assert len(dots) == count and dots.value_counts().to_dict() == stands


def test_ten_thousand_points_are_sent_as_typed_arrays() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.normal(size=(10_000, 2)), columns=["x", "y"])
    points["id"] = [f"iid-{number:05d}" for number in range(10_000)]
    text = pio.to_json(embedding_map(points, rng.random(10_000)), validate=False)
    # 4 bytes for each of x, y and colour in base64, 12 for each id: 280 kB; and the theme.
    assert text.count('"bdata"') >= 3 and len(text) < 340_000


@pytest.mark.parametrize(
    ("points", "values", "complaint"),
    [
        (POINTS.drop(columns="y"), [0.0] * 4, "column y is missing"),
        (POINTS, [0.0] * 3, "one colour for each"),
        (POINTS[:0], [], "at least one point"),
        (POINTS.assign(x=[0, 1, 2, np.nan]), [0.0] * 4, "map: 1 of 8 values are NaN"),
        (POINTS, [0.0, np.nan, 1.0, 2.0], "map colours: 1 of 4 values are NaN"),
    ],
)
def test_unusable_maps_are_refused(points: pd.DataFrame, values: list[float], complaint: str) -> None:
    with pytest.raises(FigureError, match=complaint):
        embedding_map(points, values)


@pytest.mark.parametrize("values", [EMOTIONS, [0, 1, 2, 8], [0, 1, 2, -1]], ids=["label", "index", "negative"])
def test_emotion_outside_the_space_is_refused(values: list[object]) -> None:
    with pytest.raises(FigureError, match="is not an emotion of 'mikels8'"):
        embedding_map(POINTS, values, MIKELS8)


@pytest.mark.parametrize("theme", THEMES)
def test_error_scatter_splits_by_who_is_closer(theme: Theme) -> None:
    a, b = np.array([0.1, 0.5, 0.3, 0.2]), np.array([0.2, 0.4, 0.3, 0.9])
    figure = error_scatter(a, b, ["p", "q", "r", "s"], ("fisa", "<b>cnn</b>"), theme)
    found = {name: list(trace.customdata) for name, trace in traces(figure).items()}  # type: ignore[attr-defined]
    assert found == {"fisa closer: 2": ["p", "s"], "&lt;b&gt;cnn&lt;/b&gt; closer: 1": ["q"], "equal: 1": ["r"]}
    assert list(traces(figure)["fisa closer: 2"].x) == [0.1, 0.2]  # type: ignore[attr-defined]
    assert list(traces(figure)["fisa closer: 2"].y) == [0.2, 0.9]  # type: ignore[attr-defined]
    assert all(trace.marker.color.startswith("#") for trace in traces(figure).values())  # opaque
    assert "fisa closer on 2, <b>cnn</b> closer on 1 and equal on 1" in figure.layout.meta["alt"]


def test_error_scatter_draws_the_diagonal_across_equal_axes() -> None:
    figure = error_scatter(np.array([0.1, 2.0]), np.array([0.2, 0.4]), ["p", "q"], ("a", "b"))
    diagonal = figure.data[0]
    assert list(diagonal.x) == list(diagonal.y) == list(figure.layout.xaxis.range) == list(figure.layout.yaxis.range)
    assert diagonal.x[0] <= 0.1 and diagonal.x[1] >= 2.0


def test_error_scatter_of_equal_zeros_has_a_range() -> None:
    low, high = error_scatter(np.zeros(2), np.zeros(2), ["p", "q"], ("a", "b")).layout.xaxis.range
    assert low <= 0 < high


def test_unusable_errors_are_refused() -> None:
    with pytest.raises(FigureError, match="errors of 'b': 1 of 2 values are NaN"):
        error_scatter(np.zeros(2), np.array([0, np.nan]), ["p", "q"], ("a", "b"))
    with pytest.raises(FigureError, match=r"errors of 'b': expected shape \[2\], got \[3\]"):
        error_scatter(np.zeros(2), np.zeros(3), ["p", "q"], ("a", "b"))
    with pytest.raises(FigureError, match="got 1 for 2"):
        error_scatter(np.zeros(2), np.zeros(2), ["p"], ("a", "b"))


@pytest.mark.parametrize("theme", THEMES)
def test_history_draws_both_curves_and_marks_the_best_epoch(theme: Theme) -> None:
    table = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "validation_kl": [0.5, 0.2, 0.3]})
    loss, kl, best = history(table, theme).data
    assert list(loss.y) == [3.0, 2.0, 1.0] and list(kl.y) == [0.5, 0.2, 0.3]
    assert loss.yaxis != kl.yaxis  # different units
    assert (list(best.x), list(best.y), best.marker.symbol) == ([2], [0.2], "star")
    assert "from 0.5000 to its best 0.2000 at epoch 2" in history(table).layout.meta["alt"]


def test_history_leaves_a_gap_where_training_diverged() -> None:
    table = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, np.inf], "validation_kl": [np.nan, np.nan]})
    figure = history(table)
    assert np.isnan(figure.data[0].y[1]) and len(figure.data) == 2
    assert "no finite validation KL" in figure.layout.meta["alt"]


def test_history_before_the_first_epoch_says_so() -> None:
    figure = history(pd.DataFrame(columns=["epoch", "train_loss", "validation_kl"]))
    assert "no epoch is finished yet" in figure.layout.meta["alt"]
    assert any("no epoch is finished yet" in note.text for note in figure.layout.annotations)


def test_history_without_a_column_is_refused() -> None:
    with pytest.raises(FigureError, match="column train_loss and validation_kl is missing"):
        history(pd.DataFrame({"epoch": [1]}))
