"""app.py itself: what it is started with, what it leaves to workers, and the bench that times its pages."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from fisa.bench import BenchError, Settings, run_bench
from fisa.ui import timing
from fisa.ui.timing import bench_pages

Visit = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("form", [["--artifacts", "{}"], ["--artifacts={}"]])
def test_artifacts_can_be_named_on_the_command_line(
    form: list[str], shelf: Path, full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISA_ARTIFACTS", str(shelf))
    monkeypatch.setattr(sys, "argv", ["app.py", *(part.format(full) for part in form)])
    assert visit("metrics").sidebar.selectbox[0].options == ["fisa", "cnn"]


def test_a_worker_process_imports_the_app_and_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(streamlit, "navigation", drawn.append)
    runpy.run_path(str(ROOT / "app.py"), run_name="__mp_main__")
    assert drawn == []


@pytest.mark.slow
def test_the_bench_times_every_page(full: Path) -> None:
    report = run_bench([bench_pages], Settings(rounds=1))
    assert [each.name for each in report.costs] == [
        f"page.{page}.{when}" for page in timing.PAGES for when in ("again", "first")
    ]
    assert all(each.value > 0 for each in report.costs)


def test_the_bench_refuses_a_page_that_fails(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "APP", full / "none.py")
    with pytest.raises(BenchError, match=r"none\.py: the pages are not beside the library"):
        run_bench([bench_pages], Settings(rounds=1))
