"""Fixtures that open the studio without a browser."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit
from graded_runs import store_by_hand
from offering import noted
from streamlit.testing.v1 import AppTest

from fisa.runs import load_run
from fisa.ui.export import Offer

ROOT = Path(__file__).parents[2]
Visit = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Put the main module back, for which Streamlit puts the app: the processes of later tests would import it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty artifacts folder that the studio reads; fill it in the test."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    monkeypatch.setenv("FISA_ARTIFACTS", str(folder))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return folder


@pytest.fixture
def nothing_known(own_cache: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder, no runs and no FISA_DATA, and nothing remembered of another test."""
    monkeypatch.delenv("FISA_DATA", raising=False)
    monkeypatch.setattr("fisa.ui.datasets_pictures.THUMBNAIL", 32)  # pixels; large scenes take long to draw
    streamlit.cache_data.clear()


@pytest.fixture
def full(tiny_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the two small runs, as the studio's artifacts."""
    monkeypatch.setenv("FISA_ARTIFACTS", str(tiny_runs))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return tiny_runs


@pytest.fixture
def visit() -> Visit:
    """Open a page of the studio as a link does: ``visit("explain", run="fisa", image="iid-00003")``."""

    def open_page(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=240)
        for name, value in {**query, "page": page}.items():
            app.query_params[name] = value
        return app.run()

    return open_page


@pytest.fixture
def graded(shelf: Path, tiny_runs: Path) -> Path:
    """The two small runs; ``fisa`` graded by hand on iid and on rendering, where its attention loses 0.2."""
    for name in ("fisa", "cnn"):
        shutil.copytree(tiny_runs / name, shelf / name)
    run = load_run(shelf / "fisa")
    store_by_hand(run)
    store_by_hand(run, "rendering", 0.2)
    return shelf


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """What pages offer for download."""
    return noted(monkeypatch)
