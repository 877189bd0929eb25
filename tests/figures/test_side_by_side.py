"""What stands side by side is at one scale: maps, their differences, matrices, and the errors of two runs."""

import numpy as np
import pytest

from fisa.emotions import MIKELS8
from fisa.figures import FigureError, attention_overlay, error_dots, error_scatter, paper, regridded, signed_overlay
from fisa.figures.points import POINTS_AT_MOST

GREY = np.full((4, 4, 3), 100, np.uint8)
PICTURE = np.full((64, 64, 3), 128, np.uint8)


def test_maps_of_one_top_are_covered_in_proportion() -> None:
    half, full = (attention_overlay(GREY, np.full((2, 2), value), "#ff0000", 0.8, top=0.4) for value in (0.2, 0.4))
    # red: 100 + 155 * .8 * share; share 1/2 and 1
    assert (half[..., 0] == 162).all() and (full[..., 0] == 224).all()
    assert (attention_overlay(GREY, np.full((2, 2), 0.2), "#ff0000", 0.8) == full).all()  # by itself: its own largest


def test_signed_maps_of_one_strength_are_covered_in_proportion() -> None:
    up = np.array([0xC2, 0x59, 0x0A])
    shown = signed_overlay(GREY, np.full((2, 2), 0.1), "light", 1.0, strong=0.4)
    np.testing.assert_allclose(shown[0, 0], 100 + (up - 100) / 4, atol=0.5)


def test_a_coarse_map_comes_to_the_finest_grid_with_its_sum() -> None:
    coarse, fine = np.array([[0.0, 0.8]]), np.full((2, 4), 0.1)
    first, second = regridded([coarse, fine])
    # The row [0, .8] on four cells: 0, .2, .6, .8 (see test_overlays), twice; the sum 3.2 becomes .8 again.
    np.testing.assert_allclose(first, [[0, 0.05, 0.15, 0.2]] * 2, atol=1e-6)
    assert second.tolist() == fine.tolist() and first.sum() == pytest.approx(0.8)
    (alone,) = regridded([coarse])
    assert alone.tolist() == coarse.tolist()
    assert regridded([np.zeros((1, 1)), fine])[0].sum() == 0


def test_large_scatter_is_binned_and_every_image_has_its_dot() -> None:
    chance, count = np.random.default_rng(0), POINTS_AT_MOST + 4000
    a, b = chance.gamma(2, 0.2, (2, count))
    ids = [f"s{place}" for place in range(count)]
    figure = error_scatter(a, b, ids, ("one", "<b>%{x}</b>"))
    shown = [str(name) for trace in figure.data if trace.customdata is not None for name in trace.customdata]
    hovers = [text for trace in figure.data if trace.hovertext is not None for text in trace.hovertext]
    assert len(shown) < POINTS_AT_MOST and f"binned to {len(shown)} points" in figure.layout.meta["alt"]
    assert f"one on {int((a < b).sum())}" in figure.layout.meta["alt"].replace(" closer", "")
    stands = [int(text.split("stands for ")[1].split()[0]) if "stands for" in text else 1 for text in hovers]
    assert sum(stands) == count and "<br>one " in hovers[0] and "&lt;b&gt;" in hovers[0]
    dots = error_dots(a, b, ids)
    assert set(dots) == set(shown) and list(dots.index) == ids
    closer = dict(zip(ids, a < b, strict=True))
    assert all(closer[name] == closer[dot] for name, dot in dots.items())  # a dot stands for images of its outcome


def test_small_scatter_says_both_errors_and_rings_and_dims() -> None:
    a, b = np.array([0.1, 0.5, 0.3]), np.array([0.2, 0.4, 0.3])
    figure = error_scatter(a, b, ["p", "q", "r"], ("x%{y}", "y"), "light", "q", "lasso", ["p"])
    traces = [trace for trace in figure.data if trace.customdata is not None]
    # A name is text, never a field of plotly's template.
    assert traces[0].hovertemplate == "%{customdata}<br>x%&#123;y} %{x:.3g}<br>y %{y:.3g}<extra></extra>"
    assert [list(trace.selectedpoints) for trace in traces] == [[0], [], []]
    rings = [trace for trace in figure.data if trace.marker.symbol == "circle-open"]
    assert rings and all((list(trace.x), list(trace.y)) == ([0.5], [0.4]) for trace in rings)
    assert figure.layout.dragmode == "lasso"
    odd = error_scatter(a, b, ["<i>", "q", "r"], ("x", "y"))
    assert odd.data[1].hovertext[0] == "&lt;i&gt;<br>x 0.1<br>y 0.2" and odd.data[1].customdata[0] == "<i>"
    assert error_dots(a, b, ["p", "q", "r"]).to_dict() == {"p": "p", "q": "q", "r": "r"}


def test_printed_maps_share_a_scale_and_their_differences_another() -> None:
    maps = {"a": np.array([[0.8, 0.0]] * 2), "b": np.array([[0.2, 0.0]] * 2), "c": np.array([[0.8, 0.4]] * 2)}
    figure = paper.maps(PICTURE, maps, "awe")
    shown = {axes.get_title(): np.asarray(axes.images[0].get_array(), float) for axes in figure.axes if axes.images}
    assert list(shown) == ["image", "a", "b", "c", "b − a", "c − a"]
    _, a, b, c, less, more = shown.values()
    assert a[0, 0].sum() == c[0, 0].sum() < b[0, 0].sum()  # .8 as dark in one run as in the other, .2 lighter
    assert less[0, 0, 0] < less[0, 0, 2] and more[0, -1, 0] > more[0, -1, 2]  # blue where b looks less, orange
    ends = [axes.get_xlim() for axes in figure.axes if not axes.images and axes.get_xlabel()]
    assert ends[0] == pytest.approx((0, 0.8), abs=1e-6) and ends[1] == pytest.approx((-0.6, 0.6), abs=1e-6)
    assert len([axes for axes in paper.maps(PICTURE, {"a": maps["a"]}, "awe").axes if axes.images]) == 2
    with pytest.raises(FigureError, match="one size"):
        paper.maps(PICTURE, {"a": np.ones((2, 2)), "b": np.ones((3, 3))}, "awe")
    with pytest.raises(FigureError, match="none negative"):
        paper.maps(PICTURE, {"a": -np.ones((2, 2))}, "awe")
    with pytest.raises(FigureError, match="one run or more"):
        paper.maps(PICTURE, {}, "awe")


def test_printed_matrices_share_a_scale_and_their_differences_another() -> None:
    values = {"a": np.full((8, 8), 1.0), "b": np.full((8, 8), 3.0), "c": np.full((8, 8), 0.5)}
    figure = paper.matrices(values, MIKELS8, "effect")
    images = {axes.get_title(): axes.images[0] for axes in figure.axes if axes.images and axes.get_title()}
    assert list(images) == ["a", "b", "c", "b − a", "c − a"]
    assert {images[name].get_clim() for name in "abc"} == {(-1.0, 3.0)}  # 2 to both sides of 1
    assert {images[name].get_clim() for name in ("b − a", "c − a")} == {(-2.0, 2.0)}
    assert np.asarray(images["c − a"].get_array())[0, 0] == -0.5
    alone = paper.matrices({"a": values["a"]}, MIKELS8, "effect")
    assert [axes.get_title() for axes in alone.axes if axes.images and axes.get_title()] == ["a"]
    with pytest.raises(FigureError, match="one run or more"):
        paper.matrices({}, MIKELS8)


@pytest.mark.parametrize("width", ["one", "two"])
def test_printed_figures_of_four_runs_can_be_written(width: paper.Width) -> None:
    chance = np.random.default_rng(0)
    maps = {f"a run with a long name {place}": chance.random((6, 6)) for place in range(4)}
    matrices = {name: chance.normal(size=(8, 8)) for name in maps}
    for figure in (paper.maps(PICTURE, maps, "awe", 1.5, width), paper.matrices(matrices, MIKELS8, width=width)):
        content = paper.to_bytes(figure, "svg", {"run": "a (digest 1)"}).decode()
        assert "a (digest 1)" in content and figure.get_label()
