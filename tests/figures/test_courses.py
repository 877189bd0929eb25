"""Emotions over time: what is drawn, said and refused."""

import numpy as np
import pytest

from fisa.emotions import POLARITY3
from fisa.figures import FigureError, emotion_course, paper

TRUE = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
FOUND = np.array([[0.6, 0.2, 0.2], [0.2, 0.2, 0.6], [0.2, 0.2, 0.6]])


def test_courses_stand_one_above_the_other_with_their_changes() -> None:
    series = {"weather": (np.array([-0.5, 1.5]), np.array([1.0, -1.0])), "none": (np.empty(0), np.empty(0))}
    figure = emotion_course(POLARITY3, {"truth": TRUE, "run": FOUND}, series, "dark")
    areas = [trace for trace in figure.data if trace.stackgroup]
    assert len(areas) == 6 and len(figure.data) == 7 and figure.data[-1].name == "weather"
    by_name = {(trace.name, trace.stackgroup): trace.y for trace in areas}
    np.testing.assert_allclose(by_name["negative", "course 1"], TRUE[:, 2])
    np.testing.assert_allclose(by_name["positive", "course 2"], FOUND[:, 0])
    # The truth changes before step 2, the prediction before step 1.
    assert [(shape.x0, shape.yref) for shape in figure.layout.shapes] == [(1.5, "y domain"), (0.5, "y2 domain")]


def test_it_says_what_leads_and_from_when() -> None:
    alt = emotion_course(POLARITY3, {"truth": TRUE, "run": FOUND}).layout.meta["alt"]
    assert alt == (
        "Emotions over 3 steps. truth: positive from step 0, then negative from step 2; "
        "run: positive from step 0, then negative from step 1."
    )


def test_in_print_every_band_has_its_shape_where_it_is_widest() -> None:
    series = {"weather": (np.array([0.5, 1.5]), np.array([1.0, -1.0]))}
    figure = paper.course(POLARITY3, {"truth": TRUE, "run": FOUND}, series)
    assert figure.get_label() == emotion_course(POLARITY3, {"truth": TRUE, "run": FOUND}).layout.meta["alt"]
    truth, found, weather = figure.axes
    places = {each.get_gid(): each.get_offsets()[0].tolist() for each in truth.collections if each.get_gid()}
    # Bottom up positive, neither, negative: widest at step 0 (.8 from 0), 1 (.2 from .7) and 2 (.8 from .2).
    expected = {"positive": [0, 0.4], "neither": [1, 0.8], "negative": [2, 0.6]}
    assert places == {name: pytest.approx(place) for name, place in expected.items()}
    changes = [[line.get_xdata()[0] for line in panel.lines] for panel in (truth, found)]
    assert changes == [[1.5], [0.5]]
    assert weather.get_ylabel() == "series" and weather.lines[0].get_xdata().tolist() == [0.5, 1.5]
    assert {paper.to_bytes(figure, form)[:4] for form in paper.FORMS} == {b"<?xm", b"\x89PNG", b"%PDF"}


@pytest.mark.parametrize("courses", [{}, {"a": TRUE, "b": TRUE[:2]}, {"a": 2 * TRUE}])
def test_refusals(courses: dict[str, np.ndarray]) -> None:
    with pytest.raises(FigureError):
        emotion_course(POLARITY3, courses)
    with pytest.raises(FigureError):
        paper.course(POLARITY3, courses)
