"""Label spaces: wheel geometry, colours and refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fisa.emotions import AFFECTNET8, MIKELS8, SPACES, score_space


def test_the_wheel_of_mikels() -> None:
    names = [MIKELS8.labels[index] for index in MIKELS8.wheel]
    assert names == ["fear", "sadness", "disgust", "anger", "amusement", "contentment", "awe", "excitement"]
    steps = MIKELS8.wheel_steps()
    # Fear and excitement close the wheel; fear and amusement lie opposite.
    assert steps[MIKELS8.index("fear"), MIKELS8.index("excitement")] == 1
    assert steps[MIKELS8.index("fear"), MIKELS8.index("amusement")] == 4
    assert (steps == steps.T).all() and (np.diag(steps) == 0).all() and steps.max() == 4


def test_angles_follow_the_wheel_clockwise_from_the_top() -> None:
    assert MIKELS8.angles[MIKELS8.index("fear")] == 0
    assert MIKELS8.angles[MIKELS8.index("sadness")] == pytest.approx(math.pi / 4)


@pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)
def test_every_space_tells_its_labels_apart(space) -> None:  # type: ignore[no-untyped-def]
    for field in (space.labels, space.colours, space.markers):
        assert len(set(field)) == len(space)
    assert sorted(np.round(space.angles, 9)) == pytest.approx(2 * math.pi * np.arange(len(space)) / len(space))


def test_opposite_polarities_fill_opposite_halves_of_the_wheel() -> None:
    around = [MIKELS8.polarity[index] for index in MIKELS8.wheel]
    assert around == [-1] * 4 + [1] * 4


def test_unknown_labels_and_impossible_spaces_are_refused() -> None:
    with pytest.raises(KeyError, match="unknown emotion 'bored'"):
        MIKELS8.index("bored")
    with pytest.raises(ValueError, match="needs 8 entries"):
        replace(MIKELS8, polarity=(1,))
    with pytest.raises(ValueError, match="wheel must name every label once"):
        replace(MIKELS8, wheel=(0, 0, 1, 2, 3, 4, 5, 6))
    with pytest.raises(ValueError, match="no wheel"):
        SPACES["ekman6"].wheel_steps()


def test_scores_are_ordered_without_wheel_or_polarity() -> None:
    space = score_space(5)
    assert (space.name, space.labels) == ("scores5", ("1", "2", "3", "4", "5"))
    assert space.wheel == () and set(space.polarity) == {0}
    assert SPACES["scores5"] == space
    for levels in (2, 11):
        with pytest.raises(ValueError, match=f"a score of {levels} levels; expected 3 to 10"):
            score_space(levels)


def test_expressions_stand_in_the_order_of_their_codes() -> None:
    # AffectNet: 0 neutral, 1 happiness, 2 sadness, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt.
    assert [AFFECTNET8.index(label) for label in ("neutral", "happiness", "anger", "contempt")] == [0, 1, 6, 7]


def test_the_circle_puts_polarity_on_its_first_axis() -> None:
    circle = MIKELS8.circle()
    np.testing.assert_allclose(np.hypot(*circle.T), 1)
    assert (np.sign(circle[:, 0]) == MIKELS8.polarity).all()
    # Contentment and awe are the inner two of the four positive emotions: half a step, 22.5 degrees, to either side.
    for label, degrees in (("contentment", -22.5), ("awe", 22.5), ("excitement", 67.5), ("fear", 112.5)):
        x, y = circle[MIKELS8.index(label)]
        assert math.degrees(math.atan2(y, x)) == pytest.approx(degrees)


def test_a_circle_needs_a_wheel_with_sides() -> None:
    with pytest.raises(ValueError, match="has no wheel"):
        SPACES["ekman6"].circle()
    with pytest.raises(ValueError, match="lie on no side of its wheel"):
        replace(MIKELS8, polarity=(0,) * 8).circle()
