"""Shared fixtures: small trained runs on drawn scenes and on files, and a cache folder of the test session's own."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# The workers of pytest-xdist share the processors, and the processes that tests start inherit this. Libraries read it
# as they are imported, so it stands before the imports below.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from tiny import TINY, TINY_CNN, TINY_FISA
from trees import emotion6

from fisa.config import RunConfig
from fisa.decoding import available_processors
from fisa.explain.grading import complete
from fisa.training import train

# No example has a time limit: a busy machine is no failure.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

MOST_WORKERS = 4  # each holds about half a GiB, and many tests start processes of their own


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers ``-n auto`` takes: none for files that are named one by one, which start sooner here."""
    files_alone = all(Path(argument.partition("::")[0]).is_file() for argument in config.args)
    processors = available_processors()
    # One more than there are processors: tests in a browser wait for it.
    return 0 if files_alone or processors == 1 else min(processors + 1, MOST_WORKERS)


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the worker processes of a test session have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def cache_folder(common_folder: Path) -> Iterator[Path]:
    """Keep packed images out of the user's own cache."""
    folder = common_folder / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FISA_CACHE", str(folder))
        patch.setenv("FISA_STUDIO_HOME", str(common_folder / "home"))
        yield folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own."""
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def tiny_runs(common_folder: Path, cache_folder: Path) -> Path:
    """A folder with two runs of two epochs on planted-tiny: ``fisa`` (graded, mapped) and ``cnn``. Read only."""
    return _made_once(common_folder / "tiny-runs", _train_on_scenes)


@pytest.fixture(scope="session")
def photograph_runs(common_folder: Path, cache_folder: Path) -> Path:
    """A folder with two runs of one epoch, ``fisa`` and ``cnn``, on an Emotion6 tree of 60 files. Read only."""
    return _made_once(common_folder / "photograph-runs", _train_on_files)


def _made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Let the first worker that asks fill ``folder``, while the others wait."""
    made = folder.with_name(f"{folder.name}-made")
    with FileLock(folder.with_name(f"{folder.name}-lock")):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
            make(folder)
            made.touch()
    return folder


def _train_on_scenes(folder: Path) -> None:
    for name, model in (("fisa", TINY_FISA), ("cnn", TINY_CNN)):
        config = RunConfig.model_validate({"name": name, "model": model, **TINY})
        complete(train(config, folder / name))


def _train_on_files(folder: Path) -> None:
    tree = folder.with_name("emotion6")
    shutil.rmtree(tree, ignore_errors=True)
    emotion6(tree, each=10)
    for name, model in (("fisa", TINY_FISA), ("cnn", TINY_CNN)):
        data = {"name": "emotion6", "root": str(tree), "image_size": 32}
        document = {"name": name, "model": model, "data": data, "training": {"epochs": 1, "batch_size": 16}}
        complete(train(RunConfig.model_validate(document), folder / name))
