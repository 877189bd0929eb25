"""Conditions: their text there and back, what passes, which one to loosen, and the order of images."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fisa.language import using
from fisa.slices import (
    Among,
    Condition,
    FilterError,
    Within,
    loosened,
    parse,
    parse_condition,
    passing,
    ranked,
    write,
)

TABLE = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "predicted": ["fear", "awe", "fear", "awe"],
        "entropy": [0.5, 1.2, 2.0, 2.1],
        "tag": [("good", "x"), (), ("x",), ()],
    }
)

columns = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
ends = st.floats(allow_nan=False, allow_infinity=False)
amongs = st.builds(
    lambda column, values: Among(column, tuple(values)),
    columns,
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True),
)
ranges = st.builds(lambda column, pair: Within(column, *sorted(pair)), columns, st.tuples(ends, ends))
halves = st.builds(
    lambda column, end, up: Within(column, end) if up else Within(column, None, end), columns, ends, st.booleans()
)


@given(st.lists(amongs | ranges | halves, max_size=5))
def test_text_reads_back_as_what_it_was_written_from(conditions: list[Condition]) -> None:
    assert parse(write(conditions)) == tuple(conditions)


def test_text_is_short_and_readable() -> None:
    conditions = (Among("predicted", ("fear", "awe")), Within("entropy", 1.2, 2.08), Within("error", 0.5))
    assert write(conditions) == "predicted=fear,awe;entropy=1.2-2.08;error>0.5"
    assert write([Among("tag", ("1-2",))]) == "tag=1%2D2"  # no range
    assert write([Within("valence", -0.5, -0.25)]) == "valence=-0.5--0.25"


@pytest.mark.parametrize(
    "text", ["fear", "predicted", "predicted=", "=fear", "error>", "error>much", "entropy=2-1", "error>1e999", "a=,;"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "abcd"),
        ("predicted=fear", "ac"),
        ("predicted=fear,awe", "abcd"),
        ("entropy=1.2-2", "bc"),  # both ends count
        ("entropy>1.2", "cd"),  # the end does not
        ("entropy<2", "ab"),
        ("tag=x", "ac"),
        ("tag=good,other", "a"),
        ("predicted=fear;entropy>1", "c"),
        ("predicted=joy", ""),
    ],
)
def test_rows_that_pass(text: str, ids: str) -> None:
    assert "".join(TABLE["id"][passing(TABLE, parse(text))]) == ids


@pytest.mark.parametrize("text", ["size>1", "predicted>1", "entropy=high"])
def test_a_condition_that_does_not_fit_the_table_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        passing(TABLE, parse(text))


def test_the_condition_that_gives_most_when_left_out_comes_first() -> None:
    # Fear is a, c; above 2.05 is d; tagged x is a, c. Without the second condition two pass, without others none.
    found = loosened(TABLE, parse("predicted=fear;entropy>2.05;tag=x"))
    assert [(condition.column, count) for condition, count in found] == [("entropy", 2), ("predicted", 0), ("tag", 0)]


def test_words_name_every_condition() -> None:
    words = [condition.words() for condition in parse("predicted=fear,awe;entropy=1.2-2;error>0.5;error<2")]
    assert words == ["predicted fear or awe", "entropy 1.2 to 2", "error above 0.5", "error below 2"]


def test_words_are_translated_and_what_links_carry_is_not() -> None:
    text = "predicted=fear,awe;entropy=1.2-2;error>0.5;tag=fear"
    with using("zh_Hans"):
        conditions = parse(text)
        said = [condition.words() for condition in conditions]
        assert said == ["预测为恐惧或敬畏", "熵 1.2 至 2", "误差 > 0.5", "标签记号为fear"]  # a tag is the person's own
        assert write(conditions) == text


def test_escaped_values_are_read_as_people_type_them() -> None:
    assert parse_condition(" tag=a b ") == Among("tag", ("a b",))
    assert parse_condition("tag=50%25") == Among("tag", ("50%",))


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, float("nan")]), min_size=1, max_size=30), st.booleans())
def test_order_is_that_of_pandas_with_ties_by_number(values: list[float], falling: bool) -> None:
    table = pd.DataFrame({"error": values})
    expected = table.sort_values("error", ascending=not falling, kind="stable", na_position="last").index
    assert np.array_equal(ranked(table, "error", falling), expected)
