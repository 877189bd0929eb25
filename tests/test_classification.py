"""Single labels: scikit-learn for the standard measures, worked by hand for the wheel and polarity."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import trees
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from tiny import TINY_CNN
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.classification import classify, dominant, one_hot
from fisa.config import RunConfig
from fisa.emotions import EKMAN6, MIKELS8, POLARITY3, EmotionSpace, score_space
from fisa.evaluation import as_json
from fisa.runs import load_run
from fisa.studies import errors_in_words, format_confusion
from fisa.training import train


def rows(space: EmotionSpace, *labels: str) -> np.ndarray:
    return np.eye(len(space))[[space.index(label) for label in labels]]


def test_errors_on_the_wheel_and_by_polarity() -> None:
    # Around the wheel: fear, sadness, disgust, anger, amusement, contentment, awe, excitement.
    target = rows(MIKELS8, "fear", "fear", "fear", "fear", "awe", "awe")
    predicted = rows(MIKELS8, "fear", "sadness", "excitement", "amusement", "awe", "contentment")
    found = classify(target, predicted, MIKELS8)
    # Four errors: fear to sadness 1 step, to excitement 1, to amusement 4, awe to contentment 1.
    assert found.steps is not None and found.steps.tolist() == [0.75, 0, 0, 0.25]
    # Any label has two at each of 1, 2 and 3 steps and one at 4, of seven wrong ones.
    assert found.steps_chance == pytest.approx([2 / 7, 2 / 7, 2 / 7, 1 / 7])
    # Kept: sadness and contentment. Of seven wrong labels three have the polarity of the true one.
    assert found.same_polarity == 0.5 and found.same_polarity_chance == pytest.approx(3 / 7)
    assert found.accuracy.value == pytest.approx(2 / 6) and found.n == 6 and found.tied == 0
    # Found: 1 of 4 of fear, 1 of 2 of awe.
    assert found.balanced_accuracy == pytest.approx((1 / 4 + 1 / 2) / 2)
    # F1 of fear 2/(2 + 3), of awe 2/(2 + 1); sadness, excitement, amusement, contentment occur and have 0.
    assert found.macro_f1 == pytest.approx((2 / 5 + 2 / 3) / 6)
    fear, sadness = MIKELS8.index("fear"), MIKELS8.index("sadness")
    assert (found.confusion[fear, fear], found.confusion[fear, sadness]) == (1, 1) and found.confusion.sum() == 6
    # Of the four images of fear one is found; of a label that no image has, nothing is taken for anything.
    np.testing.assert_array_equal(found.shares[fear, [fear, sadness]], [1 / 4, 1 / 4])
    np.testing.assert_array_equal(found.shares.sum(1), found.confusion.any(1))


def test_chance_weighs_each_true_label_by_its_errors() -> None:
    # Ekman: four negative labels, joy alone, surprise alone. An error on anger keeps the polarity by chance in 3 of 5
    # cases, one on joy never; of three errors two are on anger.
    target = rows(EKMAN6, "anger", "anger", "joy")
    found = classify(target, rows(EKMAN6, "fear", "joy", "surprise"), EKMAN6)
    assert found.same_polarity == pytest.approx(1 / 3)
    assert found.same_polarity_chance == pytest.approx((2 * 3 / 5 + 0) / 3)
    assert found.steps is None and found.steps_chance is None  # no wheel


@pytest.mark.parametrize("space", [MIKELS8, POLARITY3], ids=lambda space: space.name)
def test_standard_measures_are_scikit_learns(space: EmotionSpace) -> None:
    random = np.random.default_rng(3)
    true, guess = random.integers(0, len(space), (2, 400))
    guess = np.where(random.random(400) < 0.4, true, guess)
    found = classify(np.eye(len(space))[true], np.eye(len(space))[guess], space)
    assert found.accuracy.value == pytest.approx(accuracy_score(true, guess))
    assert found.macro_f1 == pytest.approx(f1_score(true, guess, average="macro"))
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(true, guess))
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high


def test_guessing_evenly_among_wrong_labels_gives_chance() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 8, 40_000)
    guess = (true + random.integers(1, 8, len(true))) % 8
    found = classify(np.eye(8)[true], np.eye(8)[guess], MIKELS8)
    np.testing.assert_allclose(found.steps, found.steps_chance, atol=0.01)  # type: ignore[arg-type]
    assert found.same_polarity == pytest.approx(found.same_polarity_chance, abs=0.01)


def test_tied_labels_are_left_out_and_counted() -> None:
    target = np.array([[0.5, 0.5, 0], [0, 0, 1], [0.2, 0.3, 0.5]])
    found = classify(target, np.eye(3)[[0, 2, 0]], POLARITY3)
    assert (found.n, found.tied, found.accuracy.value) == (2, 1, 0.5)
    assert dominant(target).tolist() == [[True, True, False], [False, False, True], [False, False, True]]
    assert not one_hot(target) and one_hot(np.eye(3)) and not one_hot(np.empty((0, 3)))


def test_without_errors_or_polarity_there_is_nothing_to_say() -> None:
    right = classify(np.eye(8), np.eye(8), MIKELS8)
    assert right.steps is None and right.same_polarity is None and right.macro_f1 == 1
    scores = classify(np.eye(3), np.eye(3)[[1, 2, 0]], score_space(3))
    assert scores.same_polarity is None


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no image has one dominant label"):
        classify(np.full((2, 8), 1 / 8), np.full((2, 8), 1 / 8), MIKELS8)
    with pytest.raises(ValueError, match=r"expected two \[N, 8\], got \(2, 6\) and \(2, 6\)"):
        classify(np.eye(6)[:2], np.eye(6)[:2], MIKELS8)


def test_the_interval_draws_whole_groups() -> None:
    # 100 groups of 5 images, right or wrong as a whole: a fifth of the independent images, so sqrt(5) = 2.2 as wide.
    true, right = np.arange(500) % 8, np.repeat(np.arange(100) % 2 == 0, 5)
    target, guess = np.eye(8)[true], np.eye(8)[np.where(right, true, (true + 1) % 8)]
    tied = np.full((1, 8), 1 / 8)  # left out, and its group with it
    target, guess = np.concatenate([tied, target]), np.concatenate([tied, guess])
    groups = np.array(["z", *(f"g{place // 5}" for place in range(500))])
    alone, together = (classify(target, guess, MIKELS8, each).accuracy for each in (None, groups))
    assert alone.value == together.value == 0.5
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(5**0.5, rel=0.15)


def test_words_and_table() -> None:
    target = rows(MIKELS8, "fear", "fear", "awe")
    labels = as_json(classify(target, rows(MIKELS8, "fear", "sadness", "anger"), MIKELS8))
    assert errors_in_words(labels) == (
        "2 of 3 images; by steps on the wheel 50% at 1 (by chance 29%), 0% at 2 (by chance 29%), "
        "50% at 3 (by chance 29%), 0% at 4 (by chance 14%); 50% keep the polarity (by chance 43%)"
    )
    lines = format_confusion(labels, MIKELS8, "markdown").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert cells[0][:3] == ["true", "fear", "sadness"]  # wheel order
    assert cells[2][:4] == ["fear", "1", "1", "0"]
    assert json.loads(json.dumps(labels, allow_nan=False)) == labels
    alone = as_json(classify(target[:1], target[:1], MIKELS8))  # of one image no interval is known
    assert alone["accuracy"] == {"value": 1.0, "low": None, "high": None}


def test_data_of_one_label_have_them_in_run_and_tables(tmp_path: Path) -> None:
    trees.classes(tmp_path / "fi", each=4)
    document = {
        "name": "fi",
        "data": {"name": "fi", "root": str(tmp_path / "fi"), "image_size": 32},
        "model": TINY_CNN,
        "training": {"epochs": 1, "batch_size": 8},
    }
    run = train(RunConfig.model_validate(document), tmp_path / "run")
    labels = load_run(run.path).metrics["single_labels"]
    assert labels["accuracy"]["value"] == pytest.approx(run.metrics["measures"]["accuracy"])
    assert np.sum(labels["confusion"]) == run.metrics["n"]
    done = CliRunner().invoke(app, ["evaluate", str(run.path)])
    assert done.exit_code == 0 and "| true" in done.stdout and "errors of run: " in done.stdout
    assert "Macro F1 ↑" in done.stdout and f"{labels['macro_f1']:.3f}" in done.stdout
    table = CliRunner().invoke(app, ["report", str(run.path), "--format", "csv"])
    assert f",{labels['macro_f1']}," in table.stdout and io.StringIO(table.stdout).readline().count("macro_f1") == 1


def test_votes_have_none(photograph_runs: Path) -> None:
    assert load_run(photograph_runs / "cnn").metrics["single_labels"] is None
