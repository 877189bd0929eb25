"""Deletion and insertion, shuffled weights and stability, on models whose answers are known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from families import answer, family
from tiny import TINY_FISA
from torch import Tensor, nn

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.explain import stability, unlearned
from fisa.explain.deletion import RANDOM_ORDERS, STEPS, areas, cells_of, curves, grade_deletion, subject
from fisa.explain.targets import Target
from fisa.models import ModelOutput, build_model

SIZE = 4


class Brightness(nn.Module):
    """The logit of emotion 1 is the sum of all pixels and channels; the others are 0."""

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        logits = torch.zeros(len(images), 8)
        logits[:, 1] = images.sum((1, 2, 3))
        return ModelOutput(logits, logits.softmax(-1), logits, logits)


def guest() -> Any:
    return SimpleNamespace(model=Brightness(), space=MIKELS8)


def test_cells_part_the_image() -> None:
    assert (cells_of(4) == np.arange(16).reshape(4, 4)).all()
    cells = cells_of(96)
    assert (np.bincount(cells.ravel()) == 36).all() and len(np.unique(cells)) == 256
    assert set(np.bincount(cells_of(40).ravel())) == {4, 6, 9}  # 2 or 3 pixels a side


def bright_scene() -> tuple[Any, Any]:
    """White on the left, where the motif of emotion 1 is, black on the right, where that of 6 is."""
    ids = np.full((SIZE, SIZE), 2, np.int16)
    ids[:, :2] = 1
    one = family(ids, (1, 6))
    one.image[:, :2], one.image[:, 2:] = 255, 0
    moved = np.zeros((2, 8))
    moved[0, 1], moved[1, 1] = 5, -5
    return one, answer(moved)


def test_the_area_of_a_deletion_by_hand() -> None:
    one, said = bright_scene()
    left_first = np.zeros((SIZE, SIZE))
    left_first[:, :2] = 1
    chosen = subject(one, said, 1, {"left": left_first, "right": -left_first}, seed=0)
    found = areas(guest(), chosen, "mean")
    # Half of the image is white (w), half black (b), the fill their mean. Of 16 cells, round(1.6 n) go: 2, 3, 5, 6, 8,
    # 10, 11, 13, 14. White ones first: each of the first 8 takes (w - b) / 2 away, each after them gives it back.
    gone = np.array([2, 3, 5, 6, 8, 10, 11, 13, 14])
    assert len(gone) == STEPS - 1
    white, black = ((level - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225] for level in (1, 0))
    half, whole = float((white - black).sum()) / 2, 8 * float((white + black).sum())
    taken = np.minimum(gone, 16 - gone) * half
    assert found["left"][0] == pytest.approx(whole - taken.mean(), rel=1e-5)
    assert found["right"][0] == pytest.approx(whole + taken.mean(), rel=1e-5)
    assert found["left"][1] == pytest.approx(whole + taken.mean(), rel=1e-5)  # insertion brings white back first
    assert len(found) == 3 + RANDOM_ORDERS


def test_the_curves_of_an_image_by_hand() -> None:
    run = guest()
    run.config = SimpleNamespace(data=SimpleNamespace(image_size=SIZE))
    image = bright_scene()[0].image
    left_first = np.repeat([[1.0, 1.0, 0.0, 0.0]], SIZE, axis=0)
    found = curves(run, image, {"left": left_first, "right": -left_first}, Target("logit", 1), fill="mean")
    # As above, with both ends: at none of 16 cells gone, and at all of them, white and black sum alike.
    gone = np.array([0, 2, 3, 5, 6, 8, 10, 11, 13, 14, 16])
    white, black = ((level - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225] for level in (1, 0))
    whole = 8 * float((white + black).sum())
    taken = np.minimum(gone, 16 - gone) * float((white - black).sum()) / 2
    np.testing.assert_allclose(found["left"].shares, gone / 16)
    np.testing.assert_allclose(found["left"].deletion, whole - taken, rtol=1e-5)
    np.testing.assert_allclose(found["left"].insertion, whole + taken, rtol=1e-5)
    np.testing.assert_allclose(found["right"].deletion, whole + taken, rtol=1e-5)
    # A random order takes as much white as black in the mean, whichever way; what is inserted was not yet deleted.
    np.testing.assert_allclose(found["random"].deletion + found["random"].insertion, 2 * whole, rtol=1e-5)
    assert set(found) == {"left", "right", "random"}


def test_the_order_of_the_oracle_gets_one_and_its_reverse_falls_below_chance() -> None:
    one, said = bright_scene()
    oracle = np.where(one.ids == 1, 5 / 8, -5 / 8)
    chosen = [subject(one, said, 1, {"oracle too": oracle, "reverse": -oracle}, seed) for seed in range(4)]
    found = grade_deletion(guest(), chosen)
    assert {key[:2] for key in found} == {(way, fill) for way in ("deletion", "insertion") for fill in ("blur", "mean")}
    for (_, _, name), interval in found.items():
        assert interval.value == pytest.approx(1) if name == "oracle too" else interval.value < 0


def test_shuffled_weights_are_the_same_numbers_elsewhere() -> None:
    config = RunConfig.model_validate({"name": "fisa", "model": TINY_FISA})
    model = build_model(config.model, MIKELS8).eval()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    other = dict(unlearned.shuffled(model).named_parameters())
    again = dict(unlearned.shuffled(model).named_parameters())
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) and torch.equal(other[name], again[name])
        assert torch.equal(weight.flatten().sort().values, other[name].flatten().sort().values)
    assert not torch.equal(other["layers.0.query.weight"], before["layers.0.query.weight"])


def test_untrained_weights_come_from_their_seed_and_touch_no_other() -> None:
    run: Any = SimpleNamespace(config=RunConfig.model_validate({"name": "fisa", "model": TINY_FISA}), space=MIKELS8)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, again, other = (unlearned.untrained(run, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.query.weight"], other["layers.0.query.weight"])


def test_stability_undoes_the_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.zeros((8, 8), np.int16)
    ids[2:4, 2:4], ids[5:, 5:] = 1, 2
    one = family(ids, (1, 6))

    def brightness(run: Any, images: list[np.ndarray], *_: Any, **__: Any) -> list[Any]:
        return [SimpleNamespace(values=image.astype(float).sum(2)) for image in images]

    monkeypatch.setattr(stability, "attribute_batch", brightness)
    map_ = one.image.astype(float).sum(2)
    found = stability.grade_stability(SimpleNamespace(), [(one, 1)] * 2, [map_] * 2, "any")  # type: ignore[arg-type]
    assert found["shift"].value == 1 and 0.9 < found["noise"].value < 1
    backwards = stability.grade_stability(SimpleNamespace(), [(one, 1)] * 2, [-map_] * 2, "any")  # type: ignore[arg-type]
    assert backwards["shift"].value == -1
