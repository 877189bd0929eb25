"""The bench of the studio in a browser, at its smallest, and what it says where it cannot be made."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fisa.bench import BenchError, Settings, run_bench
from fisa.ui import timing_app
from fisa.ui.timing_app import INTERACTIONS, bench_app

QUICK = ("explain.emotion", "explain.new", "gallery.page", "map.lasso")


@pytest.mark.slow
def test_it_times_clicks_and_counts_what_was_computed_again(
    chromium: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tuple(each for each in INTERACTIONS if each.name in QUICK)
    monkeypatch.setattr(timing_app, "INTERACTIONS", chosen)
    monkeypatch.setattr(timing_app, "PAGES", ("explain",))
    with ThreadPoolExecutor(1) as alone:  # Playwright refuses a second browser in the thread that has one
        report = alone.submit(run_bench, [bench_app], Settings(images=2, rounds=2)).result()
    costs = {each.name: each for each in report.costs}
    names = [f"app.{name}{end}" for name in QUICK for end in ("", ".seconds")]
    assert list(costs) == [*names, "app.computed"]
    for name in QUICK:
        over, seconds = costs[f"app.{name}"], costs[f"app.{name}.seconds"]
        assert seconds.value == pytest.approx(over.of) and seconds.limit == 1 and seconds.to == 1
        assert over.of > 0 and over.to > 0
    assert costs["app.computed"].value == 1


def test_without_playwright_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(BenchError, match=r"^bench app: needs Playwright and Chromium; run pip install"):
        run_bench([bench_app], Settings())


def test_outside_the_repository_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(timing_app, "APP", tmp_path / "none.py")
    with pytest.raises(BenchError, match=r"none\.py: the pages are not beside the library"):
        run_bench([bench_app], Settings())
