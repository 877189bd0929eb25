"""The loss that has maps point at what they rest on."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tiny import TINY_CNN, TINY_FISA
from torch import Tensor, nn

from fisa.config import ConfigError, ObjectiveConfig, RunConfig
from fisa.models import ModelOutput
from fisa.training import prepare
from fisa.training.batches import batches
from fisa.training.loop import Loop
from fisa.training.placement import launch
from fisa.training.pointing import Pointing, evaluating

SIDE, CELLS = 16, 4
"""Of the image and of the map: a cell is a square of 4 px."""


class Counting(nn.Module):
    """A system whose evidence for its first emotion is the sum of weights over the image's cells, of their means."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights
        self.norm = nn.BatchNorm2d(3)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        self.seen.append(images)
        self.norm(images)
        cells = nn.functional.avg_pool2d(images[:, :1], SIDE // CELLS)[:, 0]
        evidence = torch.stack([(cells * self.weights).sum((1, 2)), torch.zeros(len(images))], 1)
        return ModelOutput(evidence, evidence.softmax(1), evidence.sigmoid(), evidence, evidence=evidence)


@dataclass
class Case:
    """Two images, a system, and targets that name its first emotion alone."""

    model: Counting
    images: Tensor
    target: Tensor


def case(seed: int = 0) -> Case:
    torch.manual_seed(seed)
    images = torch.rand(2, 3, SIDE, SIDE)
    return Case(Counting(torch.rand(CELLS, CELLS)), images, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))


def config(**changes: float) -> ObjectiveConfig:
    return ObjectiveConfig(
        **{"pointing": 1.0, "pointing_share": 1.0, "pointing_patch": 0.25, "pointing_reach": 0.5, **changes}
    )


def drops(one: Case) -> Tensor:
    """What covering each cell with the blurred image takes from the evidence, [B, CELLS, CELLS], by another way."""
    # A patch of 4 px is blurred by a square that reaches 4 px each way: the mean of 9 x 9 px, or of those that exist.
    found = torch.zeros(len(one.images), CELLS, CELLS)
    for image, out in zip(one.images, found, strict=True):
        for row in range(CELLS):
            for column in range(CELLS):
                inside = image[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                blurred = [
                    image[0, max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].mean()
                    for y in range(4 * row, 4 * row + 4)
                    for x in range(4 * column, 4 * column + 4)
                ]
                out[row, column] = one.model.weights[row, column] * (inside.mean() - torch.stack(blurred).mean())
    return found


def loss(one: Case, maps: Tensor, **changes: float) -> Tensor:
    attention = torch.stack([maps, torch.full_like(maps, 1 / CELLS**2)], 1)
    nothing = torch.zeros(len(maps), 2)
    output = ModelOutput(nothing, nothing, nothing, nothing, attention=attention)
    return Pointing(config(**changes))(one.model, one.images, output, one.target)


@pytest.mark.parametrize("seed", range(4))
def test_a_map_that_follows_what_covering_takes_away_costs_nothing(seed: int) -> None:
    # KL(wanted || shares) is 0 where map = softmax(drops / T), whichever places are drawn.
    one = case(seed)
    maps = (drops(one) / 0.08).flatten(1).softmax(1).view(-1, CELLS, CELLS)
    assert loss(one, maps).item() == pytest.approx(0, abs=1e-6)
    # Any other order costs: here the places are the same and the map says the contrary.
    contrary = (-drops(one) / 0.08).flatten(1).softmax(1).view(-1, CELLS, CELLS)
    assert loss(one, contrary).item() > 0.01


def test_a_system_without_evidence_is_asked_for_its_logit() -> None:
    one = case()
    whole = one.model.forward
    one.model.forward = lambda images, explain=True: replace(whole(images), evidence=None)  # type: ignore[method-assign]
    maps = (drops(one) / 0.08).flatten(1).softmax(1).view(-1, CELLS, CELLS)
    assert loss(one, maps).item() == pytest.approx(0, abs=1e-6)


def test_the_temperature_says_how_sharply() -> None:
    one = case()
    maps = (drops(one) / 0.5).flatten(1).softmax(1).view(-1, CELLS, CELLS)
    assert loss(one, maps, pointing_temperature=0.5).item() == pytest.approx(0, abs=1e-6)
    assert loss(one, maps, pointing_temperature=0.05).item() > 0.01


def test_learning_moves_the_peak_to_what_the_evidence_rests_on() -> None:
    one = case()
    one.model.weights = torch.zeros(CELLS, CELLS)
    one.model.weights[1, 2] = 4.0
    one.images[:] = 0
    one.images[:, :, 4:8, 8:12] = 1  # the cell of row 1 and column 2
    scores = torch.zeros(2, CELLS, CELLS)
    scores[:, 2, 1] = 1.0  # where the map peaks at first
    scores.requires_grad_(True)
    optimizer = torch.optim.SGD([scores], lr=1.0)
    for _ in range(60):
        optimizer.zero_grad()
        loss(one, scores.flatten(1).softmax(1).view(-1, CELLS, CELLS)).backward()
        optimizer.step()
    assert scores.flatten(1).argmax(1).tolist() == [1 * CELLS + 2] * 2


def test_only_the_share_of_the_batch_is_covered_and_nothing_is_learned_from_it() -> None:
    one = case()
    one.images.requires_grad_(True)
    scores = torch.zeros(2, CELLS, CELLS, requires_grad=True)
    loss(one, scores.flatten(1).softmax(1).view(-1, CELLS, CELLS), pointing_share=0.5, pointing_places=3).backward()
    (seen,) = one.model.seen
    assert seen.shape == (1 * (1 + 3), 3, SIDE, SIDE)  # one of two images, as it is and covered in three places
    assert torch.equal(seen[0], one.images[0])
    assert one.images.grad is None and scores.grad is not None
    assert scores.grad[0].abs().sum() > 0 and scores.grad[1].abs().sum() == 0


def test_the_system_stays_in_its_mode_and_keeps_its_statistics() -> None:
    one = case()
    one.model.train()
    one.model.norm.eval()  # as that of a frozen backbone is
    before = one.model.norm.running_mean.clone()  # type: ignore[union-attr]
    loss(one, torch.full((2, CELLS, CELLS), 1 / CELLS**2))
    assert one.model.training and not one.model.norm.training
    one.model.norm.train()
    loss(one, torch.full((2, CELLS, CELLS), 1 / CELLS**2))
    assert one.model.norm.training
    assert torch.equal(one.model.norm.running_mean, before)  # type: ignore[arg-type]


def test_the_mode_comes_back_after_an_error() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    model[0].eval()
    with pytest.raises(KeyError), evaluating(model):
        assert not model[1].training
        raise KeyError
    assert model.training and model[1].training and not model[0].training


def tiny(model: dict[str, object]) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": str(model["name"]),
            "data": {"name": "planted-tiny", "image_size": 32},
            "model": model,
            "objective": {"pointing": 0.5},
            "training": {"epochs": 1, "batch_size": 32},
        }
    )


def test_a_system_without_maps_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"objective\.pointing compares attention maps .* such as fisa"):
        prepare(tiny(TINY_CNN))


def test_a_map_of_one_place_is_refused() -> None:
    one_place = {"data": tiny(TINY_FISA).data.model_copy(update={"image_size": 8})}
    with pytest.raises(ConfigError, match="compares the places of a map, and here a map has a single one"):
        prepare(tiny(TINY_FISA).model_copy(update=one_place))


def test_the_loss_of_a_training_has_it() -> None:
    config = tiny(TINY_FISA)
    without = config.model_copy(update={"objective": config.objective.model_copy(update={"pointing": 0.0})})
    found = {}
    for each in (config, without):
        prepared = prepare(each)
        (batch, *_) = batches(prepared.train, each.training, np.random.default_rng(0))
        torch.manual_seed(5)  # the same places, here and below
        found[each.objective.pointing] = Loop(launch(each), prepared).step(0, batch)
    model = prepare(config).model.eval()  # as it is before an epoch begins
    output = model(batch.images, explain=False)
    torch.manual_seed(5)
    own = Pointing(config.objective)(model, batch.images, output, batch.target)
    assert own.item() > 0
    assert found[0.5] - found[0.0] == pytest.approx(0.5 * own.item(), rel=1e-3)
