"""Valence and arousal by cross-validation: colours, formula, ridge, trained systems, and the command."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from PIL import Image
from tiny import RATED, TINY_CNN
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.config import RunConfig, dump_config
from fisa.ratings import evaluate_ratings
from fisa.runs import load_run
from fisa.studies import StudyError, format_table
from fisa.studies.colours import colour_statistics, formula_ratings, lab, ridge_ratings
from fisa.studies.ratings import (
    CALIBRATED,
    CONSTANT,
    RIDGE,
    STATED,
    Folds,
    Trained,
    open_folds,
    ratings_table,
    simple_predictions,
    trained_predictions,
    usable,
)
from fisa.studies.stored import load_table

REAL = Path(__file__).parents[2] / "shared" / "data" / "oasis"
THEMES = [f"Theme{chr(65 + number)}" for number in range(10)]
CONFIG = {
    "name": "tiny",
    "model": TINY_CNN,
    "data": {"name": "oasis", "image_size": 16},
    "training": {"epochs": 1, "batch_size": 16},
    **RATED,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oasis")
    trees.oasis(folder, THEMES)
    return folder


@pytest.fixture(scope="module")
def folds(root: Path) -> Folds:
    return open_folds("oasis", root, 5)


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((6, 9, 3), colour, dtype=np.uint8)


# CIELAB of sRGB's primaries at D50, from Lindbloom's calculator, to the whole numbers that eight bits hold.
@pytest.mark.parametrize(
    ("colour", "expected"),
    [((255, 0, 0), (54, 81, 70)), ((0, 0, 255), (30, 68, -112)), ((255, 255, 255), (100, 0, 0))],
)
def test_lab(colour: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(lab(flat(colour))[0, 0], expected, atol=1)


def test_colour_statistics_begin_with_brightness_and_chroma_and_do_not_depend_on_size() -> None:
    red = colour_statistics(flat((255, 0, 0)))
    assert red[:2] == pytest.approx([54, np.hypot(81, 70)], abs=1)
    assert red[4:8] == pytest.approx([0, 0, 0, 0], abs=1e-6)  # a flat colour has no spread
    assert red[20:32].max() == pytest.approx(1) and len(red) == 33  # and one hue
    tiles = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    small, large = (np.asarray(tiles.resize((side, side), Image.Resampling.NEAREST)) for side in (128, 512))
    np.testing.assert_allclose(colour_statistics(large)[:2], colour_statistics(small)[:2], atol=2)
    assert np.isfinite(colour_statistics(flat((0, 0, 0)))).all()


def test_the_formula_by_hand() -> None:
    # Brightness -1, 1 and saturation 0, 0 (no spread): scores of pleasure -.69, .69, of arousal .31, -.31.
    statistics = np.zeros((3, 33))
    statistics[:, 0] = [-1, 1, 2]
    train, test, target = np.array([0, 1]), np.array([2]), np.array([[0.0, 0.0], [0.4, 0.4]])
    # Mean .2, standard deviation .2: a score of 2 * .69 is two deviations off, .2 + 2 * .2 in valence, the other way
    # in arousal. By least squares the slope of arousal turns around.
    stated = formula_ratings(statistics, train, target, test, calibrated=False)
    assert stated[0] == pytest.approx([0.6, -0.2])
    assert formula_ratings(statistics, train, target, test, calibrated=True)[0] == pytest.approx([0.6, 0.6])


def test_ridge_finds_what_is_linear_and_knows_nothing_of_the_test_rows() -> None:
    rng = np.random.default_rng(1)
    statistics = rng.normal(size=(60, 5))
    target = np.column_stack([0.3 * statistics[:, 0], -0.2 * statistics[:, 1]])
    train, test = np.arange(40), np.arange(40, 60)
    found = ridge_ratings(statistics, train, target[train], test, train // 4)
    np.testing.assert_allclose(found, target[test], atol=0.02)
    one = ridge_ratings(statistics, train, target[train], test[:1], train // 4)
    np.testing.assert_allclose(one, found[:1])


def test_every_image_is_tested_once_with_its_whole_theme(folds: Folds) -> None:
    assert sorted(np.unique(folds.number)) == [1, 2, 3, 4, 5]
    assert folds.whole.manifest.assign(fold=folds.number).groupby("group")["fold"].nunique().max() == 1


def test_simple_predictions_know_nothing_of_their_fold(folds: Folds) -> None:
    found = simple_predictions(folds)
    assert list(found) == [CONSTANT, STATED, CALIBRATED, RIDGE]
    for number in range(1, 6):
        rest = folds.target[folds.number != number].mean(0)
        np.testing.assert_allclose(found[CONSTANT][folds.number == number], np.broadcast_to(rest, (6, 2)))
    assert all((abs(values) <= 1).all() for values in found.values())


def test_the_table_measures_all_folds_together(folds: Folds) -> None:
    found = simple_predictions(folds)
    table = ratings_table(folds, found)
    assert table["system"][0] == CONSTANT and set(table["system"]) == set(found)
    row = table.set_index("system").loc[RIDGE]
    expected = evaluate_ratings(folds.target, found[RIDGE])
    assert row["rmse_valence"] == pytest.approx(expected["rmse_valence"])
    assert row["rmse_mean_low"] <= row["rmse_mean"] <= row["rmse_mean_high"]
    text = format_table(table, "markdown")
    assert "10 groups of images" in text and "less the constant's" in text and "; runs" not in text


def test_differences_from_a_chosen_system_are_told_and_an_unknown_one_refused_before_training(folds: Folds) -> None:
    simple = simple_predictions(folds)
    whole, half = folds.target, (folds.target + simple[CONSTANT]) / 2  # errs by nothing, and by half the constant's
    trained = {
        name: Trained(values, "0" * 16, parameters=1, seconds=1.0, speed=1.0)
        for name, values in (("whole", whole), ("half", half))
    }
    notes = ratings_table(folds, simple, trained, against="whole").attrs["notes"]
    (told,) = (note for note in notes if "that of whole" in note)
    constant = evaluate_ratings(folds.target, simple[CONSTANT])["rmse_mean"]
    assert told.startswith(f"RMSE mean of half less that of whole: {constant / 2:+.3f} [")
    assert not any("that of" in note for note in ratings_table(folds, simple, trained).attrs["notes"])
    config = RunConfig.model_validate(CONFIG)
    with pytest.raises(StudyError, match="--against other: no configuration has this name; choose tiny"):
        usable([config], "other")


def test_runs_of_all_folds_are_taken_up_again_and_those_of_others_refused(
    folds: Folds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RunConfig.model_validate(CONFIG)
    trained = trained_predictions(config, folds, tmp_path)
    for number in range(1, 6):
        run = load_run(tmp_path / f"tiny-fold-{number}")
        assert run.config.data.fold == (number, 5)
        np.testing.assert_allclose(trained.predicted[folds.number == number], run.predictions[["valence", "arousal"]])
    assert trained.speed > 0
    seconds = {"cnn": np.array([1.0, 3.0, 9.0]), "own": np.array([1.0, 2.0, 3.0])}  # the ratios are 1, 1.5 and 3
    monkeypatch.setattr("fisa.studies.speed.interleave", lambda *_: seconds)
    monkeypatch.delattr("fisa.studies.ratings.train")
    again = trained_predictions(config, folds, tmp_path)
    np.testing.assert_array_equal(again.predicted, trained.predicted)
    assert again.digest == trained.digest and len(trained.digest) == 16
    runs = [load_run(tmp_path / f"tiny-fold-{number}") for number in range(1, 6)]
    assert again.parameters == sum(each.numel() for each in runs[0].model.parameters())
    assert again.seconds == pytest.approx(sum(run.provenance["seconds"] for run in runs) / 5)
    assert again.speed == 1.5
    other = config.model_copy(update={"training": config.training.model_copy(update={"seed": 1})})
    with pytest.raises(StudyError, match="tiny-fold-1: is of another configuration"):
        trained_predictions(other, folds, tmp_path)


def test_another_task_is_refused(folds: Folds, tmp_path: Path) -> None:
    config = RunConfig.model_validate({"name": "x", "model": TINY_CNN})
    with pytest.raises(StudyError, match="x: its task is distribution; set task: valence_arousal"):
        trained_predictions(config, folds, tmp_path)


def test_the_command_writes_table_and_predictions(root: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(dump_config(RunConfig.model_validate(CONFIG)), encoding="utf-8")
    arguments = ["ratings", "oasis", str(root), "--folds", "3", "--config", str(tmp_path / "tiny.yaml")]
    arguments += ["--runs", str(tmp_path / "runs"), "--predictions", str(tmp_path / "p.csv")]
    out, kept = tmp_path / "table.md", tmp_path / "kept"
    arguments += ["--store", str(kept)]
    done = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert done.exit_code == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert all(name in text for name in (CONSTANT, STATED, RIDGE, "tiny", "split 3 folds"))
    frame = pd.read_csv(tmp_path / "p.csv")
    assert len(frame) == 30 and {"id", "fold", "rated valence", "tiny arousal"} <= set(frame)
    again = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert again.exit_code == 1 and "already exists" in again.stderr
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1 and "name another --store" in again.stderr

    told = CliRunner().invoke(app, ["report", str(kept)])
    assert told.exit_code == 0 and told.stdout == text  # with its notes and what each system costs
    assert "parameters" in text and "images/s ÷ cnn" in text and "less the constant's" in text
    stored = load_table(kept).set_index("system")
    assert stored.loc["tiny", "fold_seconds"] > 0 and np.isnan(stored.loc[RIDGE, "parameters"])
    assert pd.read_parquet(kept / "predictions.parquet").columns.tolist() == frame.columns.tolist()
    page = CliRunner().invoke(app, ["report", str(kept), "--html", str(tmp_path / "page.html")])
    assert page.exit_code == 1 and "is no run folder" in page.stderr
    twice = CliRunner().invoke(app, [*arguments[:7], "--config", str(tmp_path / "tiny.yaml")])
    assert twice.exit_code == 1 and "two configurations are named tiny" in twice.stderr
    drawn = CliRunner().invoke(app, ["ratings", "planted-tiny", str(root)])
    assert drawn.exit_code == 1 and "does not rate valence and arousal" in drawn.stderr


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real OASIS is not beside this clone")
def test_colours_say_next_to_nothing_of_real_photographs() -> None:
    folds = open_folds("oasis", REAL, 5)
    assert len(folds.whole) == 467
    found = simple_predictions(folds)
    constant, ridge, stated = (
        evaluate_ratings(folds.target, found[name])["rmse_mean"] for name in (CONSTANT, RIDGE, STATED)
    )
    # The constant is about the standard deviation; colours gain next to nothing on it across themes.
    assert constant == pytest.approx(folds.target.std(0).mean(), rel=0.03)
    assert abs(ridge - constant) < 0.02 and stated > constant + 0.05
