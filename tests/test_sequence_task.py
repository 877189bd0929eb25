"""Runs of sequences: trained, stored, resumed, evaluated and compared as those of images are, and refused as those."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fisa import evaluation
from fisa.config import ConfigError, RunConfig, load_config
from fisa.datasets import DataError, open_dataset
from fisa.datasets.planted.oracles import truth_of
from fisa.datasets.sequences import SequenceSet, sequence_inputs
from fisa.distances import kl
from fisa.evaluation import EvaluationError, evaluate_run, predict_packed, target_of
from fisa.explain.grading import complete
from fisa.runs import Run, RunError, load_run
from fisa.sequence_measures import SEQUENCE_METRICS
from fisa.studies import columns_of, comparison_table, format_table
from fisa.studies import speed as speeds
from fisa.training import launch, prepare, train
from fisa.training.batches import batches
from fisa.training.loop import Loop

ROOT = Path(__file__).parents[1]
LABELS = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")


def config(name: str = "steps", **options: Any) -> RunConfig:
    model = {"name": "multimodal_sequence", "backbone": {"name": "plain", "width": 8, "depth": 0}, "text": 16}
    small = {"size": 8, "width": 12, "layers": 1, "series": ["weather"], **options.pop("model", {})}
    return RunConfig.model_validate(
        {
            "name": name,
            "task": "sequence",
            "data": {"name": "planted-sequences-tiny", "image_size": 40},
            "model": {**model, **small},
            "objective": {"kl": 1, "vector": 1, "fine": 1},
            "training": {"epochs": 2, "batch_size": 6},
            **options,
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Run:
    made = train(config(), tmp_path_factory.mktemp("runs") / "steps")
    complete(made)
    return load_run(made.path)


def test_what_is_stored(run: Run) -> None:
    data = open_dataset("planted-sequences-tiny", split="test", image_size=40)
    assert isinstance(data, SequenceSet)
    frame = run.predictions
    vectors = [f"vector_{label}" for label in LABELS]
    assert list(frame) == ["id", "step", *LABELS, *vectors, "fine"] and len(frame) == 80
    assert list(frame["id"]) == list(data.manifest["id"]) and list(frame["step"]) == list(data.manifest["step"])
    assert (frame[vectors] >= 0).all(axis=None) and frame["fine"].isin(range(24)).all()
    metrics = run.metrics
    assert (metrics["task"], metrics["n"], metrics["steps"]) == ("sequence", 8, 80)
    assert list(metrics["measures"]) == list(SEQUENCE_METRICS)
    error = kl(truth_of(data.manifest), frame[list(LABELS)].to_numpy(float)).mean()
    assert metrics["kl_truth"] == pytest.approx(error, rel=1e-4) == metrics["measures"]["step_kl"]
    assert list(run.history) == ["epoch", "seconds", "train_loss", "validation_kl", "lr"]
    assert run.provenance["data"]["images"] == {"train": 16, "validation": 8, "test": 8} and run.map is None


def test_its_speed_is_that_of_steps_beside_as_many_images_of_cnn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: dict[str, int] = {}

    def interleave(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, np.ndarray]:
        rows.update((name, call().distribution[..., 0].numel()) for name, call in calls.items())
        return {"cnn": np.full(rounds, 0.25), "own": np.full(rounds, 1.0)}

    monkeypatch.setattr(speeds, "interleave", interleave)
    assert speeds.relative_speed(run) == 0.25 and rows == {"cnn": 32, "own": 32}
    monkeypatch.undo()
    assert speeds.relative_speed(run) > 0


def test_evaluation_gives_what_was_stored(run: Run) -> None:
    data = evaluation.open_test_split(run)
    summary, predictions = evaluate_run(run, data)
    pd.testing.assert_frame_equal(predictions, run.predictions, rtol=1e-4, atol=1e-5)
    assert summary["measures"] == pytest.approx(run.metrics["measures"], rel=1e-4)


def test_resumed_is_never_interrupted(run: Run, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(epoch: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(config(), tmp_path / "steps", on_epoch=stop)
    resumed = train(config(), tmp_path / "steps", resume=True)
    pd.testing.assert_frame_equal(resumed.predictions, run.predictions)
    assert resumed.provenance["resumed"] == 1


def test_table(run: Run, tmp_path: Path) -> None:
    other = train(config("blind", model={"frames": False, "series": []}), tmp_path / "blind")
    table = comparison_table([run, other])
    assert table["system"].to_list()[:5] == ["constant", "previous", "frame", "weather", "truth"]
    assert set(table["system"][5:]) == {"steps", "blind"} and {"score", "step_gap", "step_gap_low"} < set(table)
    truth = table[table["system"] == "truth"].iloc[0]
    assert truth["score"] == 1 and truth["step_kl"] == 0
    # The truth ranks steps by a degree, which may lead in one step and not in another: its AUC falls short of 1.
    assert all(truth[key] == 1 for key in SEQUENCE_METRICS if key not in ("step_kl", "step_auc", "separation"))
    worst, best = (table[table["kind"] == "run"].iloc[place] for place in (0, 1))
    assert worst["step_gap"] == pytest.approx(worst["step_kl"] - best["step_kl"]) and np.isnan(best["step_gap"])
    assert list(columns_of(table)) == ["score", "step_gap", *SEQUENCE_METRICS]
    text = format_table(table, "markdown")
    assert "8 sequences of 80 steps" in text and "Change F1" in text


def test_frames_of_a_sequence_move_alike() -> None:
    prepared = prepare(config())
    split, settings = prepared.train, prepared.config.training
    whole = next(batches(split, settings, np.random.default_rng(3)))
    still = settings.model_copy(update={"flip": False, "shift": 0})
    plain = next(batches(split, still, np.random.default_rng(3)))
    assert isinstance(whole.images, dict) and isinstance(plain.images, dict)
    assert whole.target.shape == (6, 10, 8) and set(whole.images) == set(plain.images)
    moved = {name for name in whole.images if not whole.images[name].equal(plain.images[name])}
    assert moved == {"frames"}
    # What stands still from one frame to the next does so after the move: the difference is moved as a whole.
    shares = [batch.weight for batch in batches(split, settings, np.random.default_rng(3), lambda n: slice(0, n // 2))]
    assert shares[0] == 0.5


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_epoch_is_chosen_by_the_labels_that_were_taught(shuffled: bool) -> None:
    chosen = config(training={"epochs": 1, "shuffle_labels": shuffled})
    prepared = prepare(chosen)
    loop = Loop(launch(chosen), prepared)
    epoch = loop.advance()
    data = prepared.splits["validation"]
    predicted = predict_packed(prepared.model.eval(), prepared.validation.images)
    errors = [kl(rows, predicted).mean() for rows in (prepared.validation.target.reshape(-1, 8), target_of(data))]
    assert epoch.validation == pytest.approx(errors[0], rel=1e-4)
    assert (errors[0] == pytest.approx(errors[1])) == (not shuffled)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": {"text": 5}}, "has vectors of 16 of text vectors of 5 numbers; set model.text: 16"),
        ({"model": {"series": ["tide"]}}, r"the series tide; set model.series: \[market, traffic, weather\]"),
    ],
)
def test_what_the_data_lack_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        prepare(config(**changes))


def test_labels_of_sequences_of_other_lengths_are_not_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = config(training={"epochs": 1, "batch_size": 6, "shuffle_labels": True})
    prepare(shuffled)  # all of one length
    whole = sequence_inputs(open_dataset("planted-sequences-tiny", split="train", image_size=40), 40)
    exists = whole.exists.copy()
    exists[0, -1] = False
    monkeypatch.setattr("fisa.training.preparation.inputs_of", lambda *args: replace(whole, exists=exists))
    with pytest.raises(ConfigError, match="shuffle_labels gives a sequence the labels of another"):
        prepare(shuffled)


def test_images_and_sequences_are_not_confused() -> None:
    with pytest.raises(DataError, match=r"planted-tiny holds single images; set data.name: planted-sequences"):
        prepare(config(data={"name": "planted-tiny", "image_size": 40}))
    images = RunConfig.model_validate(
        {"name": "x", "model": {"name": "cnn"}, "data": {"name": "planted-sequences-tiny", "image_size": 40}}
    )
    with pytest.raises(DataError, match=r"holds sequences; set task: sequence and model\.name: multimodal_sequence"):
        prepare(images)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "distribution"}, "belong together"),
        ({"objective": {"kl": 1, "metric": 1}}, r"objective.metric is for single images|per_emotion"),
        ({"training": {"per_emotion": 2}}, "per_emotion is for single images"),
    ],
)
def test_configurations_that_do_not_fit(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        config(**changes)
    with pytest.raises(ValueError, match="need task: sequence"):
        RunConfig.model_validate({"name": "x", "objective": {"fine": 1}})


def test_a_run_of_sequences_takes_no_image(run: Run) -> None:
    for ask in (run.predict, run.output):
        with pytest.raises(RunError, match="predicts the steps of sequences, not single images; evaluate it"):
            ask([np.zeros((8, 8, 3), dtype=np.uint8)])
    with pytest.raises(EvaluationError, match="predicts sequences, but planted-tiny holds images"):
        evaluate_run(run, open_dataset("planted-tiny"))


def test_the_shipped_configuration_fits_its_data() -> None:
    shipped = load_config(ROOT / "configs" / "multimodal-sequence.yaml")
    tiny = shipped.data.model_copy(update={"name": "planted-sequences-tiny"})
    assert prepare(shipped.model_copy(update={"data": tiny})).train.target.shape == (16, 10, 8)
