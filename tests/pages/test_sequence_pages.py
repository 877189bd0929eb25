"""What the pages show of a run of sequences: Explain by steps, Metrics as a table, elsewhere one clear line."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from offering import check_figures, table_of
from streamlit.testing.v1 import AppTest

from fisa.config import RunConfig
from fisa.datasets import open_dataset
from fisa.datasets.sequences import SequenceSet
from fisa.runs import load_run
from fisa.training import train
from fisa.ui.export import Offer
from fisa.ui.steps import courses_of

Visit = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    return re.sub(r"\\(?=\W)", "", "\n".join(str(element.value) for kind in kinds for element in kind))


@pytest.fixture(scope="module")
def sequence_runs(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("sequences")
    for seed, name in enumerate(("first", "second")):
        config = RunConfig.model_validate(
            {
                "name": name,
                "task": "sequence",
                "data": {"name": "planted-sequences-tiny", "image_size": 40},
                "model": {"name": "multimodal_sequence", "frames": False, "text": 16, "width": 8, "layers": 1},
                "training": {"epochs": 1, "seed": seed},
            }
        )
        train(config, folder / name)
    return folder


@pytest.fixture
def studio(sequence_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISA_ARTIFACTS", str(sequence_runs))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return sequence_runs


@pytest.mark.parametrize("page", ["home", "explain", "compare", "map", "metrics", "images"])
def test_a_page_opens_without_a_failure(page: str, studio: Path, visit: Visit) -> None:
    app = visit(page, run="first")
    assert not app.exception and not app.error and not app.warning
    if page in ("compare", "map", "images"):
        assert "predicts sequences, not single images" in words(app)


def test_explain_walks_through_sequences(studio: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("explain", run="first", image="test-0001")
    text = words(app)
    assert not app.exception and "test-0001" in text and "10 steps, 3 changes" in text
    (sort,) = (box for box in app.selectbox if box.label == "Sorted by")
    assert sort.options == ["Number", "Error, worst first"]
    offer = offers[0]
    assert offer.about["sequence"] == "test-0001" and offer.name == "first-test-0001"
    check_figures(offer, ("course",))
    steps = table_of(offer, "steps")
    labels = load_run(studio / "first").space.labels
    for which in ("truth", "first"):
        np.testing.assert_allclose(steps[[f"{label} ({which})" for label in labels]].sum(axis=1), 1, atol=1e-5)
    assert len(steps) == 10 and (steps["KL"] > 0).all() and steps["true"].nunique() >= 2
    assert not visit("explain", run="first", sort="entropy").warning  # an order that runs of images have


def test_metrics_shows_their_table(studio: Path, visit: Visit) -> None:
    text = words(visit("metrics", run="first"))
    assert "planted-sequences-tiny test" in text and "8 test sequences" in text


def test_a_run_called_truth_does_not_take_the_place_of_the_truth() -> None:
    dataset = open_dataset("planted-sequences-tiny")
    assert isinstance(dataset, SequenceSet)
    known, predicted = np.eye(8)[:2], np.eye(8)[2:4]
    found = courses_of("truth", dataset, known, predicted)
    assert list(found) == ["truth", "run truth"] and found["truth"] is known and found["run truth"] is predicted
    assert list(courses_of("first", dataset, known, predicted)) == ["truth", "first"]
