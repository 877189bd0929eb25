"""Explanations of single images: shapes, axioms, and the link to the model's prediction."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fisa.bench import Settings
from fisa.bench.subjects import untrained_runs
from fisa.explain import explain, explain_batch
from fisa.runs import load_run

RANDOM = np.random.default_rng(0)
PHOTO = RANDOM.integers(0, 256, (70, 90, 3), dtype=np.uint8)


def test_axioms_of_an_explanation(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    found = explain(run, PHOTO)
    assert found.attention is not None and found.null is not None and found.interaction is not None
    assert found.effect is not None and found.contributions is not None and found.bias is not None
    assert found.attention.shape == (8, 8, 8) and found.interaction.shape == (4, 8, 8)
    np.testing.assert_allclose(found.attention.sum((1, 2)) + found.null, 1, atol=1e-5)
    np.testing.assert_allclose(found.interaction.sum(2), 1, atol=1e-5)
    np.testing.assert_allclose(found.interaction, found.effect / found.effect.sum(2, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(found.bias + found.contributions.sum((0, 2)), found.logits, atol=1e-4)
    softmax = np.exp(found.logits) / np.exp(found.logits).sum()
    np.testing.assert_allclose(found.distribution, softmax, atol=1e-5)
    np.testing.assert_allclose(found.distribution, run.predict([PHOTO]).distribution[0], atol=1e-7)


def test_a_batch_explains_as_single_images_do(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    other = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    both = explain_batch(run, [PHOTO, other])
    for together, alone in zip(both, (explain(run, PHOTO), explain(run, other)), strict=True):
        np.testing.assert_allclose(together.attention, alone.attention, atol=1e-5)  # type: ignore[arg-type]
        np.testing.assert_allclose(together.contributions, alone.contributions, atol=1e-4)  # type: ignore[arg-type]


def test_many_images_pass_through_the_model_a_batch_at_a_time(tiny_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load_run(tiny_runs / "fisa")
    images = list(RANDOM.integers(0, 256, (5, 64, 64, 3), dtype=np.uint8))
    expected = run.predict(images).distribution
    sizes: list[int] = []
    output = run.output
    monkeypatch.setattr(run, "output", lambda some, model=None: sizes.append(len(some)) or output(some, model))
    found = explain_batch(run, images, batch_size=2)
    assert sizes == [2, 2, 1]
    np.testing.assert_allclose(np.concatenate([each.prediction.distribution for each in found]), expected, atol=1e-6)


def test_a_run_on_a_network_of_torchvision_is_explained_first_thing() -> None:
    # Its receptive field is measured by a gradient while the model is built.
    with untrained_runs(Settings(backbone="resnet18:layer1", image_size=32)) as runs:
        found = explain(runs["fisa"], PHOTO)
    assert found.attention is not None and found.attention.shape == (8, 8, 8)


def test_a_system_without_explanations_says_none(tiny_runs: Path) -> None:
    found = explain(load_run(tiny_runs / "cnn"), PHOTO)
    assert found.attention is None and found.contributions is None and found.effect is None and found.bias is None
    assert found.logits.shape == (8,)


def test_explaining_changes_nothing_in_the_shared_model(tiny_runs: Path) -> None:
    run = load_run(tiny_runs / "fisa")
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    explain(run, PHOTO)
    assert not run.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)])
def test_extreme_shapes_are_explained(tiny_runs: Path, shape: tuple[int, int, int]) -> None:
    found = explain(load_run(tiny_runs / "fisa"), np.zeros(shape, np.uint8))
    assert np.isfinite(found.logits).all()
