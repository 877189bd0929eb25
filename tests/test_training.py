"""Training: the run folder it leaves, choice on validation, repeatability, refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import TINY, TINY_CNN

from fisa.config import ConfigError, RunConfig, TrainingConfig, parse_config
from fisa.datasets import DataError, open_dataset
from fisa.datasets.planted import PlantedDataset
from fisa.distances import kl
from fisa.emotions import EKMAN6, MIKELS8
from fisa.evaluation import target_of
from fisa.models import build_model
from fisa.models.backbones import measured_receptive_field
from fisa.runs import RunError, load_run, working
from fisa.training import TrainingError, build_optimizer, build_schedule, prepare, train
from fisa.training.batches import augment, draw_moves
from fisa.training.transfer import initialise

LABELS = list(open_dataset("planted-tiny").space.labels)


def tiny(**training: object) -> RunConfig:
    return RunConfig.model_validate(
        {"name": "t", "model": TINY_CNN, **TINY, "training": {**TINY["training"], **training}}
    )


def test_a_run_holds_what_it_should(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    assert list(run.history["epoch"]) == [1, 2]
    assert run.metrics["n"] == 60 and run.metrics["split"] == "iid"
    np.testing.assert_allclose(run.predictions[LABELS].sum(axis=1), 1, atol=1e-5)
    assert run.provenance["receptive_field"] == measured_receptive_field(run.model.backbone)  # type: ignore[arg-type]
    # Ascending votes of the training split, from the data itself.
    votes = target_of(open_dataset("planted-tiny", split="train")).sum(0)
    assert run.provenance["vote_order"] == np.argsort(votes, kind="stable").tolist()


def test_stored_predictions_are_those_of_the_stored_weights(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    data = open_dataset("planted-tiny", split="test", image_size=64)
    again = run.predict([data[index].image for index in range(5)]).distribution
    np.testing.assert_allclose(again, run.predictions[LABELS].to_numpy()[:5], atol=1e-5)


def test_the_weights_kept_are_those_of_the_best_validation_epoch(tmp_path: Path) -> None:
    run = train(tiny(epochs=4, lr=0.05, schedule="constant"), tmp_path / "run")
    validation = open_dataset("planted-tiny", split="validation", image_size=64)
    predicted = run.predict([validation[index].image for index in range(len(validation))]).distribution
    error = kl(target_of(validation), predicted).mean()
    assert error == pytest.approx(run.history["validation_kl"].min(), abs=1e-4)
    assert run.provenance["best_epoch"] == run.history["validation_kl"].idxmin() + 1


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path: Path) -> None:
    first, again, other = (
        train(tiny(epochs=1, seed=seed), tmp_path / name) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    assert first.digest == again.digest != other.digest


def test_the_last_epoch_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    settings = {"epochs": 3, "lr": 0.2, "schedule": "constant"}  # so far too high that the last is not the best
    best, last = (train(tiny(**settings, keep=keep), tmp_path / keep) for keep in ("best", "last"))
    assert best.provenance["best_epoch"] < last.provenance["best_epoch"] == 3
    pd.testing.assert_series_equal(best.history["validation_kl"], last.history["validation_kl"])
    validation = open_dataset("planted-tiny", split="validation", image_size=64)
    predicted = last.predict([validation[index].image for index in range(len(validation))]).distribution
    error = kl(target_of(validation), predicted).mean()
    assert error == pytest.approx(last.history["validation_kl"].iloc[-1], abs=1e-4)
    with pytest.raises(ConfigError, match="keep: last does not heed"):
        parse_config("name: t\ntraining: {keep: last, patience: 2}", "t.yaml")


def test_patience_stops_early(tmp_path: Path) -> None:
    # A rate of 1e-9 changes nothing that matters, so normalisation drift apart no epoch improves for long.
    run = train(tiny(epochs=30, lr=1e-9, patience=2, schedule="constant"), tmp_path / "run")
    assert len(run.history) < 30
    assert len(run.history) - run.provenance["best_epoch"] == 2


def test_nothing_overwrites_a_run(tmp_path: Path, tiny_runs: Path) -> None:
    before = (tiny_runs / "cnn" / "model.safetensors").read_bytes()
    with pytest.raises(RunError, match="already exists"):
        train(tiny(), tiny_runs / "cnn")
    assert (tiny_runs / "cnn" / "model.safetensors").read_bytes() == before


def test_an_image_too_small_for_the_backbone_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    resnet = {"name": "cnn", "backbone": {"name": "torchvision", "network": "squeezenet1_1", "stage": "features"}}
    config = RunConfig.model_validate({"name": "t", "data": {"name": "planted-tiny", "image_size": 8}, "model": resnet})
    with pytest.raises(ConfigError, match="cannot take 8 px images"):
        prepare(config)


@pytest.mark.parametrize("size", [1, 3])  # 160 images are 53 times 3 and 1
def test_a_single_image_without_a_variance_is_refused_before_anything_is_written(size: int) -> None:
    def config(**training: object) -> RunConfig:
        data = {"name": "planted-tiny", "image_size": 8}
        training = {"batch_size": size, **training}
        return RunConfig.model_validate({"name": "t", "data": data, "model": TINY_CNN, "training": training})

    with pytest.raises(ConfigError, match=f"t: 160 images in batches of {size} leave one with a single image"):
        prepare(config())
    for fits in (config(batch_size=4), config(freeze_backbone=True)):
        state = prepare(fits).model.state_dict()
        assert int(state["backbone.body.0.1.num_batches_tracked"]) == 0  # it was tried on a copy


def test_a_diverging_loss_names_the_sample_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(tiny())
    target = prepared.train.target.copy()
    target[7, 2] = np.nan  # only this sample's own loss is not finite
    poisoned = replace(prepared, train=replace(prepared.train, target=target))
    monkeypatch.setattr("fisa.training.prepare", lambda config, progress: poisoned)
    name = prepared.train.ids[7]
    with pytest.raises(TrainingError, match=rf"the loss became nan in step \d of epoch 1 \(samples {name}\); lower"):
        train(tiny(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_validation_that_is_no_number_names_the_sample_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = iter([False, True])

    def predict(model: torch.nn.Module, images: np.ndarray, **_: object) -> np.ndarray:
        rows = np.full((len(images), 8), 1 / 8)
        if next(predictions):
            rows[[3, 5]] = np.nan
        return rows

    monkeypatch.setattr("fisa.training.loop.predict_packed", predict)
    ids = open_dataset("planted-tiny", split="validation").manifest["id"]
    with pytest.raises(TrainingError, match=rf"not finite of epoch 2 \(samples {ids[3]}, {ids[5]}\)"):
        train(tiny(), tmp_path / "run")
    assert list(pd.read_csv(tmp_path / "run" / "training" / "history.csv")["epoch"]) == [1]
    with working(tmp_path / "run", resume=True) as workspace:
        assert len(workspace.load().document["history"]) == 1


@pytest.mark.parametrize("degree", [float("nan"), -0.1, 3.0])
def test_a_target_that_is_no_distribution_names_the_sample(degree: float, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_dataset("planted-tiny", split="validation").manifest
    table.loc[4, "awe"] = degree
    monkeypatch.setattr(PlantedDataset, "manifest", property(lambda self: table))
    with pytest.raises(DataError, match=f"the description degrees of sample '{table['id'][4]}' are no distribution"):
        prepare(tiny())


def test_shuffled_labels_are_the_same_ones_elsewhere() -> None:
    straight, shuffled = prepare(tiny()), prepare(tiny(shuffle_labels=True))
    for split in ("train", "validation"):
        before, after = getattr(straight, split).target, getattr(shuffled, split).target
        assert sorted(before.tolist()) == sorted(after.tolist())
        assert (before != after).any(1).mean() > 0.5
        np.testing.assert_array_equal(getattr(straight, split).images, getattr(shuffled, split).images)
    np.testing.assert_array_equal(target_of(straight.splits["test"]), target_of(shuffled.splits["test"]))
    np.testing.assert_array_equal(shuffled.train.target, prepare(tiny(shuffle_labels=True)).train.target)


def test_progress_counts_every_step(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    epochs: list[int] = []
    train(tiny(), tmp_path / "run", lambda *step: seen.append(step), lambda epoch: epochs.append(epoch.epoch))
    # 160 images in batches of 32 are 5 steps an epoch; images are packed from the cache by then.
    assert [step for step in seen if step[1] == 10] == [(step, 10) for step in range(1, 11)]
    assert epochs == [1, 2]


def test_augmentation_moves_and_mirrors_but_invents_nothing() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, size=(50, 6, 6, 3), dtype=np.uint8)
    moved = augment(images, *draw_moves(50, np.random.default_rng(1), flip=True, shift=0), shift=0)
    kept = (moved == images).all((1, 2, 3))
    mirrored = (moved == images[:, :, ::-1]).all((1, 2, 3))
    assert (kept | mirrored).all() and 10 < mirrored.sum() < 40
    shifted = augment(images, *draw_moves(50, np.random.default_rng(1), flip=False, shift=1), shift=1)
    inner = [np.roll(images, (-dy, -dx), (1, 2))[:, 1:-1, 1:-1] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert all(any((shifted[n, 1:-1, 1:-1] == place[n]).all() for place in inner) for n in range(50))


@pytest.mark.parametrize("name", ["adamw", "adamax", "sgd"])
def test_weight_decay_spares_biases_and_norms(name: str) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = build_optimizer(model, TrainingConfig(optimizer=name, weight_decay=0.1))  # type: ignore[arg-type]
    decayed = [tuple(p.shape) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]]
    assert decayed == [(4, 3, 3, 3)]


@pytest.mark.parametrize(
    ("schedule", "first", "last"), [("cosine", 0.1, 0.0), ("constant", 0.1, 0.1), ("onecycle", 0.01, 0.0)]
)
def test_schedules(schedule: str, first: float, last: float) -> None:
    settings = TrainingConfig(lr=0.1, schedule=schedule)  # type: ignore[arg-type]
    optimizer = build_optimizer(torch.nn.Linear(1, 1), settings)
    scheduler = build_schedule(optimizer, settings, steps=10)
    rates = [scheduler.get_last_lr()[0]]
    for _ in range(10):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    assert rates[0] == pytest.approx(first) and rates[-1] == pytest.approx(last, abs=1e-6)
    assert max(rates) <= 0.1 + 1e-12


def test_a_frozen_backbone_stays_as_it_was(tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in prepare(tiny()).model.state_dict().items()}
    after = train(tiny(freeze_backbone=True, epochs=1), tmp_path / "run").model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Weights, biases and the running statistics of normalisation alike: only the classifier learnt.
    assert changed == {"classifier.weight", "classifier.bias"}


def test_mixed_precision_trains_and_stores_float32(tmp_path: Path) -> None:
    run, plain = (train(tiny(precision=kind, epochs=1), tmp_path / kind) for kind in ("bf16-mixed", "32-true"))
    assert run.provenance["precision"] == "bf16-mixed" and plain.provenance["precision"] == "32-true"
    assert {tensor.dtype for tensor in run.model.state_dict().values()} == {torch.float32, torch.int64}
    # Eight bits of significand: near the plain loss, and not the same.
    ours, theirs = run.history["train_loss"][0], plain.history["train_loss"][0]
    assert ours != theirs and ours == pytest.approx(theirs, rel=0.05)


def test_a_training_begins_with_the_weights_that_fit(tmp_path: Path, tiny_runs: Path) -> None:
    source = load_run(tiny_runs / "cnn")
    model = prepare(tiny()).model
    assert initialise(model, [source], tiny().model, MIKELS8) == {"run": "cnn", "digest": source.digest, "left": []}
    state = source.model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    fewer = build_model(tiny().model, EKMAN6, pretrained=False)
    drawn = fewer.state_dict()["classifier.bias"].clone()
    told = initialise(fewer, [source], tiny().model, EKMAN6)
    assert told["left"] == ["classifier.weight", "classifier.bias"]
    assert torch.equal(fewer.state_dict()["classifier.bias"], drawn)
    assert torch.equal(fewer.backbone.body[0][0].weight, source.model.backbone.body[0][0].weight)  # type: ignore[index]


def test_another_backbone_is_refused(tmp_path: Path, tiny_runs: Path) -> None:
    wide = RunConfig.model_validate(tiny().model_dump() | {"model": {"name": "cnn", "backbone": {"name": "plain"}}})
    with pytest.raises(TrainingError, match=r"cnn: its backbone is another one \(backbone\..* does not fit\)"):
        train(wide, tmp_path / "run", init_from=[load_run(tiny_runs / "cnn")])
    assert list(tmp_path.iterdir()) == []
