"""Shared fixtures: small trained runs on drawn scenes and on files, and a cache folder of the test session's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import TINY, TINY_CNN, TINY_FISA
from trees import emotion6

from fisa.config import RunConfig
from fisa.explain.grading import complete
from fisa.training import train


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep packed images out of the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FISA_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """A folder with two runs of two epochs on planted-tiny: ``fisa`` (graded, mapped) and ``cnn``. Read only."""
    folder = tmp_path_factory.mktemp("runs")
    for name, model in (("fisa", TINY_FISA), ("cnn", TINY_CNN)):
        config = RunConfig.model_validate({"name": name, "model": model, **TINY})
        complete(train(config, folder / name))
    return folder


@pytest.fixture(scope="session")
def photograph_runs(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """A folder with two runs of one epoch, ``fisa`` and ``cnn``, on an Emotion6 tree of 60 files. Read only."""
    tree, folder = tmp_path_factory.mktemp("emotion6"), tmp_path_factory.mktemp("runs")
    emotion6(tree, each=10)
    for name, model in (("fisa", TINY_FISA), ("cnn", TINY_CNN)):
        data = {"name": "emotion6", "root": str(tree), "image_size": 32}
        document = {"name": name, "model": model, "data": data, "training": {"epochs": 1, "batch_size": 16}}
        complete(train(RunConfig.model_validate(document), folder / name))
    return folder
