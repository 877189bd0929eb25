"""Edits as links write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fisa.emotions import MIKELS8
from fisa.explain.baselines import BASELINES
from fisa.explain.edits import (
    STANDS,
    Cover,
    Edit,
    EditError,
    Feature,
    Remove,
    Scale,
    Silence,
    Swap,
    join_edits,
    parse_edit,
    split_edits,
)

EMOTIONS = st.sampled_from(MIKELS8.labels)
SIDES = st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(
        lambda across, down, fill: Cover(across[0], down[0], across[1], down[1], fill),
        SIDES, SIDES, st.sampled_from(list(BASELINES)),
    ),
    st.builds(Remove, EMOTIONS, st.none() | st.integers(1, 9)),
    st.builds(Silence, st.integers(1, 64)),
    st.builds(Feature, EMOTIONS, st.sampled_from(STANDS)),
    st.lists(EMOTIONS, min_size=2, max_size=2, unique=True).map(lambda pair: Swap(*pair)),
    st.builds(Scale, EMOTIONS, EMOTIONS, st.floats(-10, 10)),
)  # fmt: skip


@given(st.lists(EDITS, max_size=6))
def test_what_is_written_is_read_as_the_same(edits: list[Edit]) -> None:
    assert [parse_edit(part) for part in split_edits(join_edits(edits))] == edits


def test_edits_are_written_as_their_module_says() -> None:
    edits = [
        Cover(0.1, 0.2, 0.5, 1),
        Silence(3),
        Feature("fear", "zero"),
        Scale("fear", "awe", 0.5),
        Swap("fear", "awe"),
    ]
    assert join_edits(edits) == "cover:0.1,0.2,0.5,1;silence:3;feature:fear,zero;scale:fear<-awe,0.5;swap:fear,awe"
    assert parse_edit("cover:0.1,0.2,0.5,1,mean") == Cover(0.1, 0.2, 0.5, 1, "mean")
    assert parse_edit("feature:fear") == Feature("fear", "absent")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected one of cover, remove, silence, feature, swap, scale"),
        ("paint:red", "expected one of cover"),
        ("cover:0,0,1", "expected cover:LEFT,TOP,RIGHT,BOTTOM"),
        ("cover:0,0,1,1,mean,mean", "expected cover:LEFT,TOP,RIGHT,BOTTOM"),
        ("cover:0,0,one,1", "expected cover:LEFT,TOP,RIGHT,BOTTOM"),
        ("cover:0.5,0,0.5,1", "needs 0 <= left < right <= 1"),
        ("cover:0,0,1,1.01", "needs 0 <= left < right <= 1"),
        ("cover:0,nan,1,1", "needs 0 <= left < right <= 1"),
        ("cover:0,0,1,1,red", "can be filled with blur, mean, black"),
        ("silence:two", "expected silence:HEAD"),
        ("silence:1,2", "expected silence:HEAD"),
        ("feature:fear,one", "may stand absent, mean, zero"),
        ("remove:fear,two", "expected remove:EMOTION"),
        ("remove:fear,1,2", "expected remove:EMOTION"),
        ("remove:fear,0", "motifs are counted from 1"),
        ("swap:fear", "expected swap:EMOTION,EMOTION"),
        ("swap:fear,fear", "exchanges an emotion with itself"),
        ("scale:fear,2", "expected scale:EMOTION<-EMOTION,FACTOR"),
        ("scale:fear<-awe,inf", "must lie between -10 and 10"),
        ("scale:fear<-awe,nan", "must lie between -10 and 10"),
    ],
)
def test_what_is_no_edit_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(EditError, match=re.escape(why)) as error:
        parse_edit(text)
    assert repr(text)[:10] in str(error.value)


def test_a_box_covers_the_pixels_between_its_sides_and_at_least_one() -> None:
    # Of 8 pixels a side, .25 to .5 are the columns 2 and 3; a hair at the lower right corner is the last pixel.
    assert Cover(0.25, 0, 0.5, 1).pixels(8) == (slice(0, 8), slice(2, 4))
    assert Cover(0.999, 0.999, 1, 1).pixels(8) == (slice(7, 8), slice(7, 8))
