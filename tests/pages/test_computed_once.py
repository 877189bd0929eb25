"""What one visitor's pages computed is not computed again for the next one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fisa.ui import counted

Visit = Callable[..., AppTest]
DEAR = {"run", "dataset", "samples", "explanation", "attribution", "map", "retrieval", "heads", "gaps", "tables"}
OPENED = ("explain", "gallery", "compare", "interactions", "map", "retrieval", "metrics")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where computations are written down, with every cache empty."""
    monkeypatch.setenv(counted.FILE, str(tmp_path / "computed"))
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path / "computed"


def test_the_second_visitor_computes_nothing(full: Path, visit: Visit, written: Path) -> None:
    for page in OPENED:
        assert not visit(page, run="fisa", against="cnn", image="iid-00003").exception
    computed, again = counted.read_counts(written)
    assert set(computed) >= DEAR
    assert again == {}
    for page in OPENED:
        visit(page, run="fisa", against="cnn", image="iid-00003")
    assert counted.read_counts(written) == (computed, {})


def test_calls_count_by_what_caches_tell_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @counted.counted("sum")
    def add(first: int, _second: object) -> int:
        time.sleep(0.001)
        return first + 1

    assert add(1, "not written") == 2  # nobody asks
    monkeypatch.setenv(counted.FILE, str(tmp_path / "computed"))
    assert counted.read_counts(tmp_path / "computed") == ({}, {})
    for first in (1, 2, 1):
        add(first, object())  # the second is no part of the key
    assert counted.read_counts(tmp_path / "computed") == ({"sum": 3}, {"sum": 1})
    assert counted.read_seconds(tmp_path / "computed", {"sum"}) > 0 == counted.read_seconds(tmp_path / "computed", {})
