"""Maps in print: dots where the map has them, in the colours and shapes of the screen, on one scale."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from fisa.emotions import MIKELS8
from fisa.figures import FigureError, Scale, embedding_map, paper

FIRST = pd.DataFrame({"id": ["a", "b", "c"], "x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 0.0]})
SECOND = FIRST.assign(x=[5.0, 4.0, 3.0])
LABELS = ["awe", "fear", "awe"]


def dots(figure: Figure, panel: int = 0) -> list[PathCollection]:
    return [each for each in figure.axes[panel].collections if isinstance(each, PathCollection)]


def test_each_map_has_its_dots_in_the_looks_of_their_emotions() -> None:
    figure = paper.embedding_maps({"FC": FIRST, "Sentiment vector": SECOND}, LABELS, MIKELS8)
    assert [axes.get_title() for axes in figure.axes] == ["FC", "Sentiment vector"]
    for panel, table in enumerate((FIRST, SECOND)):
        found = {str(each.get_label()): each for each in dots(figure, panel)}
        assert set(found) == {"fear", "awe"}
        np.testing.assert_allclose(np.asarray(found["fear"].get_offsets()), [[table["x"][1], 1.0]])
        np.testing.assert_allclose(np.asarray(found["awe"].get_offsets()), table[["x", "y"]].to_numpy()[[0, 2]])
    colour = MIKELS8.colours[MIKELS8.index("fear")].lstrip("#")
    drawn = np.asarray(found["fear"].get_facecolor())[0, :3] * 255
    np.testing.assert_allclose(drawn, [int(colour[at : at + 2], 16) for at in (0, 2, 4)], atol=0.5)
    assert len(found["fear"].get_paths()[0].vertices) != len(found["awe"].get_paths()[0].vertices)  # other shapes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fear", "awe"]  # wheel order
    assert figure.get_label() == "Maps of 3 images by FC and Sentiment vector: 1 fear and 2 awe."
    assert all(paper.to_bytes(figure, form) for form in paper.FORMS)


def test_numbers_have_one_scale_with_the_ends_of_the_screen() -> None:
    gaps = np.array([-0.2, 0.1, 0.4])
    scale = Scale("error of a less that of b", 0.0)
    figure = paper.embedding_maps({"FC": FIRST, "SV": SECOND}, gaps, None, scale, "one")
    # 98 % of |gaps|: between .2 and .4 at 1.96 of 2 steps, .4 - .04 * .2 = .392; both ends as far from 0.
    screen = embedding_map(FIRST, gaps, scale=scale).data[0].marker
    for panel in (0, 1):
        (drawn,) = dots(figure, panel)
        assert drawn.get_clim() == pytest.approx((-0.392, 0.392))
        assert (screen.cmin, screen.cmax) == pytest.approx(drawn.get_clim())
        assert np.asarray(drawn.get_array()).tolist() == gaps.tolist()
    assert figure.axes[-1].get_xlabel() == "error of a less that of b; 33% of them lie beyond"
    (drawn,) = dots(paper.embedding_maps({"FC": FIRST}, np.array([1.0, 2.0, 3.0])))
    assert drawn.get_clim()[0] == 1.0 and drawn.get_cmap()(0.0)[:3] != drawn.get_cmap()(1.0)[:3]


def test_many_dots_become_pixels() -> None:
    chance = np.random.default_rng(0)
    many = pd.DataFrame({"id": [f"i{place}" for place in range(2001)], "x": chance.random(2001), "y": 0.0})
    assert all(each.get_rasterized() for each in dots(paper.embedding_maps({"FC": many}, chance.random(2001))))
    few = many.iloc[:2000]
    assert not any(each.get_rasterized() for each in dots(paper.embedding_maps({"FC": few}, chance.random(2000))))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(FigureError, match="expected 1 to 4, got 0"):
        paper.embedding_maps({}, LABELS, MIKELS8)
    with pytest.raises(FigureError, match="the same images in each"):
        paper.embedding_maps({"FC": FIRST, "SV": SECOND.assign(id=["a", "c", "b"])}, LABELS, MIKELS8)
    with pytest.raises(FigureError, match="'joy' is not an emotion"):
        paper.embedding_maps({"FC": FIRST}, ["awe", "joy", "awe"], MIKELS8)
    with pytest.raises(FigureError, match="map"):
        paper.embedding_maps({"FC": FIRST.assign(x=[0.0, np.nan, 1.0])}, LABELS, MIKELS8)
