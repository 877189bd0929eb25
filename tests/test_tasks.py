"""The task valence_arousal, from a folder of photographs to a run, its table, and what refuses it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import trees
from tiny import RATED, TINY_CNN, TINY_FISA
from typer.testing import CliRunner

from fisa.__main__ import app
from fisa.config import ConfigError, RunConfig, dump_config, parse_config
from fisa.datasets import DataError, open_splits
from fisa.emotions import DIMENSIONS, MIKELS8, RATINGS
from fisa.evaluation import EvaluationError, evaluate_run
from fisa.explain import explain
from fisa.explain.grading import complete
from fisa.models import MODELS, RATERS, ModelOutput, build_model
from fisa.objectives import build_objective
from fisa.ratings import evaluate_ratings
from fisa.runs import Run, RunError, load_run
from fisa.studies import comparison_tables, format_table
from fisa.tasks import TASKS
from fisa.training import import_state, prepare, train

THEMES = [f"Theme{chr(65 + number)}" for number in range(10)]
RUNNER = CliRunner()


def config_of(root: Path, model: dict[str, Any] = TINY_CNN, **sections: Any) -> RunConfig:
    training = {"epochs": 2, "batch_size": 8, "lr": 0.01, **sections.pop("training", {})}
    data = {"name": "oasis", "root": str(root), "image_size": 16, **sections.pop("data", {})}
    return RunConfig.model_validate(
        {"name": "rated", "model": model, "data": data, "training": training, **RATED, **sections}
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oasis")
    trees.oasis(folder, THEMES)
    return folder


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    done = train(config_of(root), tmp_path_factory.mktemp("runs") / "rated")
    complete(done)
    return load_run(done.path)


def test_a_run_predicts_and_stores_ratings(run: Run, root: Path) -> None:
    assert list(run.predictions.columns) == ["id", *DIMENSIONS]
    assert run.space.labels == () and run.provenance["space"] == "ratings"
    assert list(run.history) == ["epoch", "seconds", "train_loss", "validation_mse", "lr"]
    test = open_splits("oasis", root)["test"]
    target, predicted = (table[list(DIMENSIONS)].to_numpy() for table in (test.manifest, run.predictions))
    expected = evaluate_ratings(target, predicted)
    assert {key: value for key, value in run.metrics["measures"].items() if value is not None} == pytest.approx(
        {key: value for key, value in expected.items() if np.isfinite(value)}, abs=1e-6
    )
    images = [test[index].image for index in range(len(test))]
    found = run.predict(images)
    assert found.ratings is not None and found.distribution.shape == (len(test), 0)
    np.testing.assert_allclose(found.ratings, predicted, atol=1e-5)
    explained = explain(run, images[0])
    assert explained.prediction.ratings is not None
    np.testing.assert_allclose(explained.prediction.ratings[0], predicted[0], atol=1e-5)


def test_the_constant_is_the_mean_of_the_training_ratings(run: Run, root: Path) -> None:
    splits = open_splits("oasis", root)
    mean = splits["train"].manifest[list(DIMENSIONS)].to_numpy().mean(0)
    assert run.metrics["constant"] == pytest.approx(mean.tolist())
    assert run.metrics["constant_measures"]["ccc_valence"] == pytest.approx(0, abs=1e-9)
    assert run.metrics["constant_measures"]["pearson_valence"] is None
    assert run.metrics["ranges"] == {"valence": [1.0, 7.0], "arousal": [1.0, 7.0]}


def test_the_epoch_is_chosen_by_the_squared_error_on_validation(root: Path, tmp_path: Path) -> None:
    run = train(config_of(root, training={"epochs": 4, "lr": 0.05, "schedule": "constant"}), tmp_path / "run")
    data = open_splits("oasis", root)["validation"]
    predicted = run.predict([data[index].image for index in range(len(data))]).ratings
    error = np.mean((data.manifest[list(DIMENSIONS)].to_numpy() - predicted) ** 2)
    assert error == pytest.approx(run.history["validation_mse"].min(), rel=1e-4)
    assert run.provenance["best_epoch"] == run.history["validation_mse"].idxmin() + 1


def test_a_theme_is_never_on_two_sides_of_a_fold(root: Path) -> None:
    tested: list[str] = []
    for number in range(1, 5):
        prepared = prepare(config_of(root, data={"fold": [number, 4]}))
        groups = [set(split.manifest["group"]) for split in prepared.splits.values()]
        assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
        tested += prepared.splits["test"].manifest["id"].to_list()
    assert sorted(tested) == sorted(open_splits("oasis", root, ("all",))["all"].manifest["id"])


@pytest.mark.parametrize("name", RATERS)
def test_every_rater_trains_by_ratings_and_is_loaded_again(name: str, root: Path, tmp_path: Path) -> None:
    model = TINY_FISA if name == "fisa" else {**TINY_CNN, "name": name}
    done = train(config_of(root, model), tmp_path / "run")
    images = [np.full((16, 16, 3), value, dtype=np.uint8) for value in (0, 120)]
    output = load_run(done.path).output(images)
    assert output.ratings is not None and output.ratings.shape == (2, 2) and output.logits.shape == (2, 0)


def test_every_parameter_of_a_rater_gets_a_gradient() -> None:
    # Else several processes would wait for it.
    for name in RATERS:
        model = TINY_FISA if name == "fisa" else {**TINY_CNN, "name": name}
        config = RunConfig.model_validate({"name": "x", "model": model, **RATED})
        system = build_model(config.model, RATINGS, ratings=True)
        output = system(torch.randn(4, 3, 24, 24), explain=False)
        assert output.ratings is not None
        output.ratings.square().sum().backward()
        assert [key for key, each in system.named_parameters() if each.grad is None] == []


def test_fisa_says_where_its_unnamed_features_look(root: Path) -> None:
    config = RunConfig.model_validate({"name": "x", "model": {**TINY_FISA, "latent": 3}, **RATED})
    system = build_model(config.model, RATINGS, ratings=True).eval()
    output = system(torch.randn(2, 3, 24, 24))
    assert output.attention is None and output.extras["latent_attention"].shape[:2] == (2, 3)
    assert output.extras["latent_interaction"].shape == (2, 4, 3, 3)
    quick = system(torch.randn(2, 3, 24, 24), explain=False)
    assert quick.extras == {}


def test_the_ratings_of_fisa_are_the_same_with_and_without_an_explanation() -> None:
    for heads in (0, 4):
        config = RunConfig.model_validate({"name": "x", "model": {**TINY_FISA, "heads": heads}})
        system = build_model(config.model, MIKELS8, ratings=True).eval()
        images = torch.randn(2, 3, 24, 24)
        with torch.no_grad():
            torch.testing.assert_close(system(images).ratings, system(images, explain=False).ratings)


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {*RATERS, "multimodal_sequence"}))
def test_other_systems_name_those_that_can(name: str, root: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{name} cannot predict valence and arousal; set model\.name to fisa, cnn"):
        prepare(config_of(root, {**TINY_CNN, "name": name}))


def test_a_system_that_cannot_rate_is_named_before_data_without_ratings() -> None:
    # On other data it would be refused all the same, and objective.ratings, which this message names, mends both.
    config = RunConfig.model_validate(
        {"name": "x", "data": {"name": "planted-tiny"}, "model": {**TINY_CNN, "name": "ssdl"}, **RATED}
    )
    with pytest.raises(ConfigError, match=r"^ssdl cannot predict valence and arousal; .* or objective\.ratings to 0$"):
        prepare(config)


def test_a_run_is_tabled_with_its_kind_and_never_with_distributions(run: Run, tiny_runs: Path, root: Path) -> None:
    rated, distributions = comparison_tables([run, load_run(tiny_runs / "cnn")])
    assert list(rated["system"]) == ["constant", "rated"] and list(rated["kind"]) == ["baseline", "run"]
    assert "kl" not in rated and "ccc_mean" not in distributions
    row = rated.iloc[1]
    assert row["rmse_mean_low"] < row["rmse_mean"] < row["rmse_mean_high"]
    text = format_table(rated, "markdown")
    assert "CCC mean ↑" in text and "RMSE is 3 times as large" in text and "2 groups of images" in text
    for form in ("latex", "html", "csv"):
        assert "rated" in format_table(rated, form)  # type: ignore[arg-type]


def test_two_runs_stand_from_worst_to_best_with_their_gap(run: Run, root: Path, tmp_path: Path) -> None:
    other = train(config_of(root, training={"seed": 5, "epochs": 1}), tmp_path / "other")
    (table,) = comparison_tables([run, other])
    runs = table[table["kind"] == "run"]
    first, second = runs["ccc_mean"]
    assert first <= second
    assert runs["ccc_gap"].iloc[0] == pytest.approx(first - second) and np.isnan(runs["ccc_gap"].iloc[1])


class TestUnrated:
    """A folder with a list in which one image is not rated."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        header = ("image", *MIKELS8.labels, "valence (1 to 9)", "arousal (1 to 9)")
        rows = [(f"{n}.png", *trees.votes(30)[n], 1 + n % 9, "" if n == 3 else 9 - n % 9) for n in range(30)]
        trees.manifest(tmp_path / "data", header, rows)
        return tmp_path / "data"

    def config(self, root: Path, **sections: Any) -> RunConfig:
        data = {"name": "folder", **sections.pop("data", {})}
        return config_of(root, data=data, **sections)

    def test_is_refused_by_name_or_left_out_and_counted(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"1 images have no valence and arousal, '3\.png' first; rate them, or"):
            prepare(self.config(root))
        done = train(self.config(root, data={"skip_bad": True}), tmp_path / "run")
        assert sum(done.provenance["data"]["images"].values()) == 29
        assert done.provenance["data"]["left_out"] == {"images without valence and arousal": 1}
        assert done.metrics["n"] == len(done.predictions) == load_run(done.path).metrics["n"]

    def test_emotions_and_ratings_are_learned_together(self, root: Path, tmp_path: Path) -> None:
        both = {"kl": 0.5, "ratings": 2}
        rated = train(self.config(root, data={"skip_bad": True}, objective=both), tmp_path / "rated")
        assert list(rated.predictions) == ["id", *DIMENSIONS] and rated.space.labels == MIKELS8.labels
        told = train(self.config(root, data={"skip_bad": True}, objective=both, task="distribution"), tmp_path / "told")
        assert list(told.predictions) == ["id", *MIKELS8.labels]
        for run in (rated, told):
            found = load_run(run.path).predict([np.zeros((9, 9, 3), dtype=np.uint8)])
            assert found.ratings is not None and found.distribution.sum() == pytest.approx(1)

    def test_the_loss_is_the_weighted_sum(self) -> None:
        config = RunConfig.model_validate(
            {"name": "x", "objective": {"kl": 0.5, "ratings": 2, "ratings_valence": 0.75}}
        )
        objective = build_objective(config.objective, [1] * 8, MIKELS8)
        uniform = torch.full((1, 8), 1 / 8)
        output = ModelOutput(uniform, uniform, uniform, uniform, ratings=torch.tensor([[0.5, 0.0]]))
        # KL 0; squared errors .25 and 1, weighted .75 and .25: .4375; twice that is the loss.
        found = objective(output, uniform, torch.tensor([[1.0, 1.0]]))
        assert found["ratings"].item() == pytest.approx(0.4375) and found["total"].item() == pytest.approx(0.875)


def test_concordance_as_a_loss_is_one_less_the_measure() -> None:
    rng = np.random.default_rng(0)
    target, predicted = rng.uniform(-1, 1, (2, 30, 2))
    config = RunConfig.model_validate(
        {"name": "x", **RATED, "objective": {"kl": 0, "ratings": 1, "ratings_loss": "ccc"}}
    )
    objective = build_objective(config.objective, [], RATINGS)
    nothing = torch.zeros(30, 0)
    output = ModelOutput(nothing, nothing, nothing, nothing, ratings=torch.from_numpy(predicted).requires_grad_())
    loss = objective(output, nothing, torch.from_numpy(target))["total"]
    assert loss.item() == pytest.approx(1 - evaluate_ratings(target, predicted)["ccc_mean"], abs=1e-5)
    assert config.objective.compares_images


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"task": "valence_arousal"}, r"needs objective\.ratings"),
        ({"objective": {"kl": 0, "ratings": 1}}, "task distribution needs a term that learns emotions"),
    ],
)
def test_a_task_that_nothing_learns_is_refused(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RunConfig.model_validate({"name": "x", **sections})


def test_data_without_ratings_and_balance_by_emotion_are_refused(root: Path) -> None:
    drawn = RunConfig.model_validate({"name": "x", "model": TINY_CNN, "data": {"name": "planted-tiny"}, **RATED})
    with pytest.raises(DataError, match="planted-tiny does not rate valence and arousal"):
        prepare(drawn)
    with pytest.raises(ConfigError, match=r"training\.per_emotion is 2, and no emotions are learned"):
        prepare(config_of(root, training={"per_emotion": 2}))


def test_evaluation_refuses_data_without_ratings(run: Run) -> None:
    with pytest.raises(EvaluationError, match="which not every image of planted-tiny has"):
        evaluate_run(run, open_splits("planted-tiny", None, ("test",))["test"])


def test_a_configuration_of_before_there_were_tasks_means_what_it_meant() -> None:
    config = RunConfig.model_validate({"name": "x"})
    old = dump_config(config).replace("task: distribution\n", "")
    assert "task" not in old and parse_config(old, "old") == config and config.task == "distribution"


def test_stored_ratings_outside_their_range_are_refused(run: Run, tmp_path: Path) -> None:
    from fisa.runs.files import digest_of
    from fisa.runs.format import read_digests, write_digests

    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    run.predictions.assign(valence=1.5).to_parquet(copy / "predictions.parquet", index=False)
    digests = read_digests(copy)
    write_digests(copy, {**digests, "predictions.parquet": digest_of((copy / "predictions.parquet").read_bytes())})
    with pytest.raises(RunError, match=r"predictions\.parquet: a rating is not in -1 to 1"):
        _ = load_run(copy).predictions


def test_weights_from_elsewhere_become_a_rated_run(run: Run, root: Path, tmp_path: Path) -> None:
    again = import_state(run.path / "model.safetensors", config_of(root), tmp_path / "imported")
    pd.testing.assert_frame_equal(again.predictions, run.predictions)
    assert again.metrics == run.metrics and list(again.history) == list(run.history)


class TestCommands:
    def test_predict_has_a_column_for_each_rating(self, run: Run, root: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_text("no image")
        done = RUNNER.invoke(app, ["predict", str(run.path), str(root / "images"), str(tmp_path / "bad.jpg")])
        assert done.exit_code == 1
        lines = done.stdout.splitlines()
        assert lines[0] == "path,valence,arousal,refused" and len(lines) == 1 + 30 + 1
        assert lines[-1].startswith(f"{tmp_path / 'bad.jpg'},,,")
        first = open_splits("oasis", root, ("all",))["all"]
        rows = {Path(line.split(",")[0]).name: line.split(",")[1] for line in lines[1:31]}
        expected = run.predict([first[0].image]).ratings
        assert expected is not None
        assert float(rows[Path(first.manifest["path"][0]).name]) == pytest.approx(expected[0, 0], abs=1e-5)

    def test_predict_writes_them_to_a_file(self, run: Run, root: Path, tmp_path: Path) -> None:
        out = tmp_path / "p.parquet"
        done = RUNNER.invoke(app, ["predict", str(run.path), str(root / "images"), "--out", str(out)])
        assert done.exit_code == 0, done.stderr
        frame = pd.read_parquet(out)
        assert list(frame) == ["path", *DIMENSIONS, "refused"] and len(frame) == 30
        assert frame[list(DIMENSIONS)].abs().max(axis=None) <= 1

    def test_evaluate_report_and_explain_speak_of_ratings(self, run: Run, root: Path) -> None:
        for arguments in (["evaluate", str(run.path), "--split", "validation"], ["report", str(run.path)]):
            done = RUNNER.invoke(app, arguments)
            assert done.exit_code == 0, done.stderr
            assert "CCC valence" in done.stdout and "constant" in done.stdout and "KL" not in done.stdout
        done = RUNNER.invoke(app, ["explain", str(run.path), "oasis:test:0"])
        assert done.exit_code == 0 and '"valence": ' in done.stdout and '"rated": [' in done.stdout
        assert '"label"' not in done.stdout

    def test_train_names_its_validation_number(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "c.yaml").write_text(dump_config(config_of(root, training={"epochs": 1})), encoding="utf-8")
        done = RUNNER.invoke(app, ["train", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "run")])
        assert done.exit_code == 0, done.stderr
        assert "validation mean squared error" in done.stderr
        assert load_run(tmp_path / "run").map is not None


def test_every_task_states_its_history_column() -> None:
    assert [task.history[3] for task in TASKS.values()] == ["validation_kl", "validation_mse", "validation_kl"]
