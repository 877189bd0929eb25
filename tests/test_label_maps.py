"""Maps between label spaces: distributions stay distributions, and what is not defensible is refused by name."""

import numpy as np
import pytest

from fisa.emotions import AFFECTNET8, EKMAN6, EKMAN7, MIKELS8, POLARITY3, SPACES, score_space
from fisa.label_maps import MAPS, LabelMapError, find_map


@pytest.mark.parametrize("each", MAPS.values(), ids=lambda each: f"{each.source.name}-{each.target.name}")
def test_every_map_gives_distributions(each) -> None:  # type: ignore[no-untyped-def]
    rows = np.random.default_rng(0).dirichlet(np.ones(len(each.source)), 50)
    mapped = each.apply(rows)
    assert mapped.shape == (50, len(each.target)) and (mapped >= 0).all()
    np.testing.assert_allclose(mapped.sum(1), 1)
    assert each.goes_to.keys() == set(each.source.labels) and each.reason
    assert set(each.matrix.sum(0)) <= {0, 1}  # no share is counted twice


def test_mikels_by_polarity() -> None:
    # Columns amusement, awe, contentment, excitement | anger, disgust, fear, sadness: .1 + .2 + .1 + .1 are positive.
    row = [[0.1, 0.2, 0.1, 0.1, 0.0, 0.1, 0.3, 0.1]]
    np.testing.assert_allclose(find_map(MIKELS8, POLARITY3).apply(row), [[0.5, 0.0, 0.5]])


def test_affectnet_without_contempt() -> None:
    # neutral .1, happiness .3, contempt .2; the rest .8: joy .3/.8, neutral .1/.8, anger .4/.8.
    row = np.zeros((1, 8))
    for label, share in {"neutral": 0.1, "happiness": 0.3, "contempt": 0.2, "anger": 0.4}.items():
        row[0, AFFECTNET8.index(label)] = share
    seven = dict(zip(EKMAN7.labels, find_map(AFFECTNET8, EKMAN7).apply(row)[0], strict=True))
    assert seven == pytest.approx(
        {"joy": 0.375, "neutral": 0.125, "anger": 0.5, "disgust": 0, "fear": 0, "sadness": 0, "surprise": 0}
    )
    six = find_map(AFFECTNET8, EKMAN6).apply(row)
    np.testing.assert_allclose(six, find_map(EKMAN7, EKMAN6).apply(find_map(AFFECTNET8, EKMAN7).apply(row)))


def test_a_row_of_which_nothing_is_left_says_nothing() -> None:
    neutral, joy = np.eye(7)[EKMAN7.index("neutral")], np.eye(7)[EKMAN7.index("joy")]
    mapped = find_map(EKMAN7, EKMAN6).apply([neutral, joy])
    assert np.isnan(mapped[0]).all()
    np.testing.assert_array_equal(mapped[1], np.eye(6)[EKMAN6.index("joy")])


def test_a_space_maps_to_itself_as_it_is() -> None:
    np.testing.assert_array_equal(find_map(MIKELS8, MIKELS8).matrix, np.eye(8))


def test_what_is_not_defensible_is_refused_with_the_maps_there_are() -> None:
    with pytest.raises(LabelMapError) as refused:
        find_map(AFFECTNET8, MIKELS8)
    assert str(refused.value) == (
        "no defensible map leads from affectnet8 to mikels8; from affectnet8 maps lead to polarity3, ekman7, ekman6"
    )
    with pytest.raises(LabelMapError, match="from scores10 to scores5; none leads from scores10"):
        find_map(score_space(10), SPACES["scores5"])


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \[N, 8\], distributions over mikels8"):
        find_map(MIKELS8, POLARITY3).apply([[0.5, 0.5]])
