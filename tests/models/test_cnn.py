"""The baselines without emotion-wise features: worked by hand, gradients, eight images."""

import math
from typing import Any

import pytest
import torch
from tiny import memorised, overfit
from torch import Tensor, nn

from fisa.config import CnnConfig, CnnMlpConfig, PlainBackboneConfig
from fisa.emotions import EKMAN6
from fisa.models import build_model
from fisa.models.backbones import Backbone
from fisa.models.cnn import Cnn
from fisa.models.system import System

SMALL = PlainBackboneConfig(width=12)


def build(name: str) -> System:
    torch.manual_seed(0)
    config = CnnConfig(name="cnn", backbone=SMALL) if name == "cnn" else CnnMlpConfig(name="cnn_mlp", backbone=SMALL)
    return build_model(config, EKMAN6).eval()


class Through(Backbone):
    """Takes an image of two channels for its feature map."""

    channels = 2

    def forward(self, images: Tensor) -> Tensor:
        return images


@pytest.mark.parametrize("name", ["cnn", "cnn_mlp"])
def test_they_say_that_they_have_no_explanation(name: str) -> None:
    output = build(name)(torch.randn(2, 3, 32, 32))
    assert output.logits.shape == (2, 6)
    assert output.attention is None and output.contributions is None and output.interaction is None


def test_a_linear_classifier_by_hand() -> None:
    # Channels (1, 3) and (5, -7) have the means 2 and -1. Logits 2 * 2 + 1 * -1 = 3 and 0 + 3 - ln 3: e^3 is three
    # times the other, so 3/4 and 1/4.
    model = Cnn(Through(), classes=2).eval()
    with torch.no_grad():
        model.classifier.weight.copy_(torch.tensor([[2.0, 1.0], [0.0, 0.0]]))
        model.classifier.bias.copy_(torch.tensor([0.0, 3 - math.log(3)]))
    output = model(torch.tensor([[1.0, 3.0], [5.0, -7.0]]).view(1, 2, 1, 2))
    assert output.features.tolist() == [[2, -1]] and output.logits[0, 0].item() == 3
    assert output.distribution[0].tolist() == pytest.approx([0.75, 0.25])


def test_a_hidden_layer_by_hand() -> None:
    # Means 2 and -1 again. Hidden: 2 - 1 + 1/2 = 3/2, and 2 * 2 - 5 * 1 = -1, which ReLU makes 0. Logits 2 * 3/2 = 3,
    # whatever the 9, and 3 - ln 3: 3/4 and 1/4.
    model = Cnn(Through(), classes=2, hidden=2).eval()
    (layer,) = (each for each in model.hidden.modules() if isinstance(each, nn.Linear))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 1.0], [2.0, 5.0]]))
        layer.bias.copy_(torch.tensor([0.5, 0.0]))
        model.classifier.weight.copy_(torch.tensor([[2.0, 9.0], [0.0, 9.0]]))
        model.classifier.bias.copy_(torch.tensor([0.0, 3 - math.log(3)]))
    output = model(torch.tensor([[1.0, 3.0], [5.0, -7.0]]).view(1, 2, 1, 2))
    assert output.features.tolist() == [[2, -1]] and output.logits[0, 0].item() == 3
    assert output.distribution[0].tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("name", ["cnn", "cnn_mlp"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = build(name).train()
    model(torch.randn(4, 3, 32, 32)).logits.square().sum().backward()
    assert [key for key, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


@pytest.mark.parametrize("model", [{"name": "cnn"}, {"name": "cnn_mlp", "hidden": 16}], ids=str)
def test_they_overfit_eight_images(model: dict[str, Any]) -> None:
    assert memorised(overfit({**model, "backbone": {"name": "plain", "width": 8}}, 150)) < 0.05
