"""The constant of real data: worked by hand, measured on every fold, and kept where the data are gone."""

import shutil
from math import log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import written
from studying import here

from fisa.studies import comparison_table
from fisa.studies.constant import constant_measures
from fisa.studies.folder import StudyFolder
from fisa.studies.runner import run_study
from fisa.studies.summary import load_results
from fisa.studies.tables import study_table
from fisa.tasks import open_data

FOLDS = 3
BACKBONE = {"name": "features", "dimensions": 4}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train one system on three folds of vectors, each with all of its degree on one of two emotions in turn."""
    root = tmp_path_factory.mktemp("constant")
    labels = np.zeros((60, 7))
    labels[np.arange(60), np.arange(60) % 2] = 1
    np.savez(root / "vectors.npz", features=np.random.default_rng(0).normal(size=(60, 4)), labels=labels)
    file = written(
        root / "study",
        data={"name": "features", "root": str(root / "vectors.npz"), "stratify": False},
        folds=FOLDS,
        search=None,
        epochs=1,
        systems={"cnn": {"config": {"model": {"name": "cnn", "backbone": BACKBONE}}}},
    )
    assert not run_study(file, root / "out", here).failures
    return root


def share(study: Path, fold: int, split: str) -> float:
    """Return the share of images of a split that show the first emotion: those of odd rows, counted from 1."""
    config = StudyFolder(study / "out").run(f"cells/cnn/seed-0-fold-{fold}").config
    rows = [int(name.removeprefix("row ")) for name in open_data(config, (split,))[split].manifest["id"]]
    return float(np.mean([row % 2 == 1 for row in rows]))


def test_a_run_says_what_the_mean_of_its_training_images_reaches(study: Path) -> None:
    # Of one-hot degrees KL(p || q) is -ln of the degree predicted for the emotion that is shown. A test split of which
    # the share s shows the first has, with a constant (m, 1 - m), the mean -s ln m - (1 - s) ln(1 - m).
    for fold in range(1, FOLDS + 1):
        metrics = StudyFolder(study / "out").run(f"cells/cnn/seed-0-fold-{fold}").metrics
        mean, own = share(study, fold, "train"), share(study, fold, "test")
        assert metrics["constant"][:2] == pytest.approx([mean, 1 - mean]) and not any(metrics["constant"][2:])
        assert metrics["constant_measures"]["kl"] == pytest.approx(-own * log(mean) - (1 - own) * log(1 - mean))


def test_a_study_has_the_mean_over_its_folds_as_its_first_row(study: Path) -> None:
    cells = [StudyFolder(study / "out").run(f"cells/cnn/seed-0-fold-{fold}") for fold in range(1, FOLDS + 1)]
    values = [cell.metrics["constant_measures"]["kl"] for cell in cells]
    table = study_table(load_results(study / "out"))
    row = table.iloc[0]
    assert (row["system"], row["kind"]) == ("constant", "baseline") and list(table["system"]) == ["constant", "cnn"]
    assert row["kl"] == pytest.approx(np.mean(values)) and row["kl_std"] == pytest.approx(np.std(values, ddof=1))
    assert any("constant: the mean distribution of the training images" in note for note in table.attrs["notes"])


def test_a_summary_keeps_it_without_the_data(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "out/summary", tmp_path / "shipped")
    with_data = study_table(load_results(study / "out"))
    (study / "vectors.npz").rename(study / "away.npz")
    try:
        shipped = study_table(load_results(tmp_path / "shipped"))
        assert constant_measures(load_results(study / "out")) == []
    finally:
        (study / "away.npz").rename(study / "vectors.npz")
    pd.testing.assert_series_equal(shipped.iloc[0][["system", "kl"]], with_data.iloc[0][["system", "kl"]])


def test_data_of_another_version_have_no_constant(study: Path) -> None:
    results = load_results(study / "out")
    other = results.runs.assign(data_version="another")
    assert constant_measures(type(results)(**{**vars(results), "runs": other})) == []


def test_runs_on_real_data_stand_below_their_constant(study: Path) -> None:
    run = StudyFolder(study / "out").run("cells/cnn/seed-0-fold-1")
    table = comparison_table([run])
    assert list(table["system"]) == ["constant", run.name] and list(table["kind"]) == ["baseline", "run"]
    assert table["kl"].iloc[0] == pytest.approx(run.metrics["constant_measures"]["kl"])
    assert any("constant: the mean distribution" in note for note in table.attrs["notes"])
