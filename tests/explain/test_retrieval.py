"""Retrieval: rankings worked by hand, scikit-learn's average precision, chance by trying."""

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.config import RunConfig
from fisa.datasets import Sample, open_dataset
from fisa.emotions import EKMAN6, MIKELS8, RATINGS, EmotionSpace, score_space
from fisa.evaluation import prediction_frame, summarise
from fisa.explain import embeddings, retrieval
from fisa.explain.embeddings import are_kept, embeddings_of
from fisa.explain.retrieval import (
    RetrievalError,
    Score,
    average_precision,
    criteria,
    expected_average_precision,
    marks_of,
    retrieve,
    search,
)
from fisa.models import build_model
from fisa.runs import NewRun, Run, load_run, save_run
from fisa.studies.stored import load_table


@dataclass(frozen=True)
class Images:
    """A data set of which only the labels matter."""

    target: np.ndarray
    space: EmotionSpace = EKMAN6
    name: str = "photographs"
    split: str = "test"
    version: str = "v1"

    @property
    def manifest(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.target, columns=list(self.space.labels))
        return frame.assign(id=[f"image{n}" for n in range(len(frame))], path=None, split="test", votes=0)

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: int) -> Sample:
        raise AssertionError("only labels are needed")


def labelled(*labels: str, space: EmotionSpace = EKMAN6) -> Images:
    return Images(np.eye(len(space))[[space.index(label) for label in labels]], space)


def test_four_images_by_hand() -> None:
    # On a line at 0, 1, 3, 7: joy, fear, joy, sadness. Nearest first: 0 -> 1, 2, 3; 1 -> 0, 2, 3; 2 -> 1, 0, 3;
    # 3 -> 2, 1, 0.
    data = labelled("joy", "fear", "joy", "sadness")
    places = np.array([[0.0], [1.0], [3.0], [7.0]])
    found = search("fc", places, places, data, data, 2, "euclidean", True)
    assert found.neighbours.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert found.distances.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]
    # By emotion only the two of joy have another: it is second of three for both, so that precision at 2 and average
    # precision are 1/2. In a random order it is at place 1, 2 or 3: (1 + 1/2 + 1/3)/3; and first or second: 1/3 each.
    emotion = found.scores["emotion"]
    assert emotion.queries == 2
    assert emotion.mean_average_precision.value == pytest.approx(1 / 2)
    assert emotion.precision.value == pytest.approx(1 / 2)
    assert emotion.mean_average_precision_chance == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert emotion.precision_chance == pytest.approx(1 / 3)
    # By polarity: fear and sadness, third for fear (1/3, none of the first two), second for sadness (1/2).
    polarity = found.scores["polarity"]
    assert polarity.queries == 4
    assert polarity.mean_average_precision.value == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert polarity.precision.value == pytest.approx((1 / 2 + 1 / 2 + 0 + 1 / 2) / 4)
    assert found.hits["polarity"].tolist() == [[False, True], [False, False], [False, True], [False, True]]


def test_vectors_that_point_one_way_have_collapsed() -> None:
    data = labelled("joy", "fear", "joy")
    found = search("fc", *[np.array([[1.0, 0], [0, 2], [0, 0]])] * 2, data, data, 1, "euclidean", True)
    # Unit vectors (1, 0) and (0, 1), and none: their mean is (1/3, 1/3), its square 2/9.
    assert found.likeness == pytest.approx(2 / 9) and not found.collapsed
    near = np.array([[1, 0.01], [1, 0.02], [5, 0.05]])
    found = search("fc", near, near, data, data, 1, "euclidean", True)
    assert 1 - 1e-4 < found.likeness <= 1 and found.collapsed


def test_a_gallery_of_others_keeps_every_image() -> None:
    queries, gallery = labelled("joy"), labelled("joy", "fear")
    found = search("fc", np.zeros((1, 1)), np.array([[0.0], [5.0]]), queries, gallery, 10, "euclidean", False)
    assert found.neighbours.tolist() == [[0, 1]] and found.scores["emotion"].precision.value == 0.5
    assert found.scores["emotion"].mean_average_precision.value == 1


def test_cosine_compares_directions() -> None:
    data = labelled("joy", "joy", "fear")
    rows = np.array([[1.0, 0.0], [9.0, 0.0], [0.0, 1.0]])
    assert search("fc", rows, rows, data, data, 1, "cosine", True).neighbours[0].tolist() == [1]
    assert search("fc", rows, rows, data, data, 1, "euclidean", True).neighbours[0].tolist() == [2]


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(2, 8))
def test_average_precision_is_scikit_learns(seed: int, size: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    distances = np.sort(random.integers(0, steps, (4, size)), axis=1).astype(float)  # with many ties
    relevant = random.random((4, size)) < 0.4
    for value, row, right in zip(average_precision(distances, relevant), distances, relevant, strict=True):
        if right.any():
            assert value == pytest.approx(average_precision_score(right, -row))
        else:
            assert np.isnan(value)


def test_chance_is_the_mean_over_random_orders() -> None:
    random = np.random.default_rng(0)
    size, relevant = 12, np.array([1, 4, 12])
    tried = np.zeros((20_000, 3))
    for column, count in enumerate(relevant):
        rows = np.argsort(random.random((len(tried), size)), axis=1) < count
        tried[:, column] = average_precision(np.tile(np.arange(size, dtype=float), (len(tried), 1)), rows)
    np.testing.assert_allclose(expected_average_precision(relevant, size), tried.mean(0), atol=0.005)


def test_marks_hold_ties_and_polarities() -> None:
    # Positive, neither, negative: joy and fear tie, so that the image counts as both.
    target = np.array([[0, 0, 0.5, 0.5, 0, 0], [0, 0, 0, 0, 0.4, 0.6]])
    data = Images(target)
    assert marks_of(data, "emotion").tolist() == [
        [False, False, True, True, False, False],
        [False, False, False, False, False, True],
    ]
    assert marks_of(data, "polarity").tolist() == [[True, False, True], [False, True, False]]
    assert criteria(MIKELS8) == ("emotion", "polarity") and criteria(score_space(5)) == ("emotion",)


def test_drawn_scenes_count_by_the_truth() -> None:
    data = open_dataset("planted-tiny")
    truth = data.manifest[[f"truth_{label}" for label in MIKELS8.labels]].to_numpy()
    np.testing.assert_array_equal(marks_of(data, "emotion").argmax(1), truth.argmax(1))
    assert (marks_of(data, "emotion").sum(1) == 1).all()


def test_refusals() -> None:
    one = labelled("joy")
    with pytest.raises(RetrievalError, match="photographs test has too few images to retrieve any"):
        search("fc", np.zeros((1, 1)), np.zeros((1, 1)), one, one, 1, "euclidean", True)
    apart = labelled("joy", "fear")
    with pytest.raises(RetrievalError, match="no image has another of its emotion"):
        search("fc", np.zeros((2, 1)), np.zeros((2, 1)), apart, apart, 1, "euclidean", True)
    with pytest.raises(RetrievalError, match="the fc of an image is not finite"):
        search("fc", np.full((2, 1), np.nan), np.zeros((2, 1)), apart, apart, 1, "euclidean", True)


def save(folder: Path, model: dict[str, Any], name: str = "x") -> Run:
    """A run of fresh weights over planted-tiny."""
    torch.manual_seed(0)
    config = RunConfig.model_validate(
        {
            "name": name,
            "data": {"name": "planted-tiny", "image_size": 32},
            "model": {**model, "backbone": {"name": "plain", "width": 8}},
        }
    )
    data = open_dataset("planted-tiny", split="test", image_size=32)
    uniform = np.full((len(data), 8), 1 / 8)
    history = pd.DataFrame({"epoch": [1], "seconds": [0.5], "train_loss": [2.0], "validation_kl": [1.0], "lr": [0.1]})
    state = build_model(config.model, MIKELS8).state_dict()
    new = NewRun(config, MIKELS8, state, history, summarise(data, uniform), prediction_frame(data, uniform), {})
    return save_run(folder / "run", new)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"name": "cnn"}, {"fc": 8}),
        ({"name": "fisa", "dim": 16, "heads": 4, "attention_width": 8}, {"class_features": 8 * 16}),
        ({"name": "sentiment_metric", "gram_width": 4}, {"fc": 8, "sentiment_vector": 3 * 10}),
        ({"name": "sentiment_metric", "gram_width": 4, "embedding": "logits"}, {"fc": 8, "sentiment_vector": 3 * 10}),
        ({"name": "dbc_ldl", "bits": 5}, {"fc": 5}),
    ],
    ids=["cnn", "fisa", "sentiment_vector", "logits", "dbc_ldl"],
)
def test_each_system_has_its_embeddings(model: dict[str, Any], expected: dict[str, int], tmp_path: Path) -> None:
    run = save(tmp_path, model)
    found = retrieve(run, k=3)
    assert {name: each.dimensions for name, each in found.items()} == expected
    for each in found.values():
        assert each.neighbours.shape == each.distances.shape == (60, 3)
        assert not (each.neighbours == np.arange(60)[:, None]).any()
        assert all(isinstance(score, Score) for score in each.scores.values())


def test_vectors_are_those_of_the_run_and_computed_once(photograph_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(photograph_runs / "cnn")
    root = run.config.data.root
    assert root is not None
    data = open_dataset("emotion6", root)
    first = embeddings_of(run, data)
    rows = [run.output([data[index].image]).features[0].numpy() for index in range(3)]
    np.testing.assert_allclose(first["fc"][:3], rows, atol=1e-5)
    assert are_kept(run, data)
    monkeypatch.setattr(embeddings, "model_inputs", None)
    np.testing.assert_array_equal(embeddings_of(run, data)["fc"], first["fc"])
    assert list(embeddings_of(run, data)) == list(first)


def test_a_cache_that_is_damaged_or_cannot_be_written_is_passed_over(
    photograph_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(photograph_runs / "cnn")
    root = run.config.data.root
    assert root is not None
    data = open_dataset("emotion6", root)
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    first = embeddings_of(run, data)["fc"]
    (file,) = (tmp_path / "cache" / "embeddings").iterdir()
    file.write_bytes(b"\x00 not what it was")
    np.testing.assert_allclose(embeddings_of(run, data)["fc"], first, atol=1e-6)
    (tmp_path / "none").write_text("a file where the folder should be")
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "none"))
    np.testing.assert_allclose(embeddings_of(run, data)["fc"], first, atol=1e-6)


def printed(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["retrieve", *map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_command_prints_every_embedding_with_chance(tmp_path: Path) -> None:
    run = save(tmp_path, {"name": "sentiment_metric", "gram_width": 4})
    table = pd.read_csv(io.StringIO(printed(run.path, "--k", 4, "--format", "csv")))
    assert list(zip(table["embedding"], table["by"], strict=True)) == [
        (name, by) for name in ("fc", "sentiment_vector") for by in ("emotion", "polarity")
    ]
    score = retrieve(run, 4)["sentiment_vector"].scores["emotion"]
    row = table.iloc[2]
    assert row["mAP"] == pytest.approx(score.mean_average_precision.value)
    assert [row["precision@4 low"], row["precision@4 high"]] == pytest.approx(
        [score.precision.low, score.precision.high]
    )
    text = printed(run.path, "--by", "polarity", "--gallery", "train", "--distance", "cosine")
    assert text.count("polarity |") == 2 and "emotion |" not in text and "the training images, 160 of them" in text
    assert run.digest in text and "by the true distribution" in text


def test_several_runs_stand_in_one_table_from_worst_to_best_and_are_kept(tmp_path: Path) -> None:
    metric = save(tmp_path / "a", {"name": "sentiment_metric", "gram_width": 4}, "metric")
    plain = save(tmp_path / "b", {"name": "cnn"}, "plain")
    folder = tmp_path / "kept"
    text = printed(metric.path, plain.path, "--k", 4, "--untrained", "--store", folder)
    table = load_table(folder).set_index("system")
    names = ["metric FC", "metric SV", "plain FC", "untrained FC", "untrained SV"]
    assert table.index[0] == "random order" and sorted(table.index[1:]) == names and all(name in text for name in names)
    found = retrieve(metric, 4)
    for name, key in (("metric FC", "fc"), ("metric SV", "sentiment_vector")):
        for by, score in found[key].scores.items():
            row, average = table.loc[name], score.mean_average_precision
            columns = [f"map_{by}", f"map_{by}_low", f"map_{by}_high", f"precision_{by}"]
            assert list(row[columns]) == pytest.approx(
                [average.value, average.low, average.high, score.precision.value]
            )
            assert table.loc["random order", f"map_{by}"] == pytest.approx(score.mean_average_precision_chance)
    ranked = table["map_emotion"].iloc[1:]
    assert ranked.is_monotonic_increasing
    gaps = (ranked - ranked.iloc[-1]).iloc[:-1]  # a paired difference is that of the means
    np.testing.assert_allclose(table["map_gap"].loc[gaps.index], gaps, atol=1e-9)
    queries = pd.read_parquet(folder / "predictions.parquet")
    kept = found["sentiment_vector"].precisions["polarity"]
    np.testing.assert_allclose(queries["metric SV by polarity"], kept, rtol=1e-6)
    assert (
        f"metric FC {metric.digest}" in text and "fresh weights" in text and "untrained FC " + metric.digest not in text
    )
    assert "by emotion" not in printed(metric.path, plain.path, "--by", "polarity").split("\n")[0]
    copied = shutil.copytree(metric.path, tmp_path / "copy")
    assert "| copy FC" in printed(metric.path, copied) and "| run FC" in printed(metric.path, copied)


def test_runs_of_one_name_and_of_other_images_are_refused(tmp_path: Path, photograph_runs: Path) -> None:
    run = save(tmp_path / "a", {"name": "cnn"}, "cnn")
    fresh = shutil.copytree(run.path, tmp_path / "untrained")
    assert "Provenance: run untrained" in printed(fresh)
    for arguments, said in (
        ((fresh, "--untrained"), "its name 'untrained' is taken"),
        ((run.path, run.path), "its name 'cnn' is taken; copy it to a folder of another name"),
        ((run.path, photograph_runs / "fisa"), "runs of different test images cannot be compared"),
        ((run.path, "--store", tmp_path), "nothing is overwritten"),
    ):
        done = CliRunner().invoke(app, ["retrieve", *map(str, arguments)])
        assert done.exit_code == 1 and said in done.stderr and done.stdout == ""


def test_data_without_emotions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = save(tmp_path, {"name": "cnn"})
    rated = Images(np.empty((3, 0)), RATINGS, "oasis")
    monkeypatch.setattr(retrieval, "open_data", lambda config, splits, progress: {"test": rated})
    done = CliRunner().invoke(app, ["retrieve", str(run.path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "run: oasis has no emotions by which its images could be retrieved\n"


def test_train_as_gallery_and_progress(photograph_runs: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = retrieve(load_run(photograph_runs / "fisa"), 5, "train", "cosine", lambda *step: seen.append(step))
    (each,) = found.values()
    assert len(each.gallery_ids) == 42 and len(each.ids) == 12 and not set(each.ids) & set(each.gallery_ids)
    assert (12, 12) in seen
