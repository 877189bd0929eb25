"""JCDL, SSDL and CSR: one network, worked by hand, with what each says besides; gradients; eight images."""

import math
from typing import Any

import pytest
import torch
from tiny import memorised, overfit
from torch import nn

from fisa.config import ConfigError, CsrConfig, JcdlConfig, PlainBackboneConfig, SsdlConfig
from fisa.emotions import EKMAN6, MIKELS8, EmotionSpace
from fisa.models import System, build_model
from fisa.models.csr import Csr
from fisa.models.pooled import PooledClassifier

SMALL = PlainBackboneConfig(width=8)
IMAGES = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(1))
BACKBONE = {"name": "plain", "width": 8}


def build(name: str, space: EmotionSpace = MIKELS8, **options: Any) -> System:
    torch.manual_seed(0)
    config = {"jcdl": JcdlConfig, "ssdl": SsdlConfig, "csr": CsrConfig}[name]
    return build_model(config(name=name, backbone=SMALL, **options), space).eval()


def test_two_hidden_layers_by_hand() -> None:
    model = build("jcdl", hidden=2)
    assert isinstance(model, PooledClassifier)
    with torch.no_grad():
        pooled = model.backbone(IMAGES).mean((2, 3))
        first, second = (layer for layer in model.hidden if isinstance(layer, nn.Linear))
        hidden = (pooled @ first.weight.T + first.bias).clamp_min(0)
        hidden = (hidden @ second.weight.T + second.bias).clamp_min(0)
        expected = (hidden @ model.classifier.weight.T + model.classifier.bias).softmax(1)
        torch.testing.assert_close(model(IMAGES).distribution, expected)


def test_dropout_acts_in_training_alone_also_without_hidden_layers() -> None:
    for options in ({}, {"hidden_layers": 0}):
        model = build("jcdl", dropout=0.9, **options)
        assert torch.equal(model(IMAGES).logits, model(IMAGES).logits)
        model.train()
        model.backbone.eval()
        assert not torch.equal(model(IMAGES).logits, model(IMAGES).logits)


def test_ssdl_says_how_much_falls_to_each_polarity() -> None:
    output = build("ssdl", EKMAN6)(IMAGES)
    # ekman6: anger, disgust, fear, sadness are negative, surprise neither, joy positive.
    q = output.distribution
    expected = torch.stack([q[:, 0] + q[:, 1] + q[:, 2] + q[:, 4], q[:, 5], q[:, 3]], dim=1)
    torch.testing.assert_close(output.extras["polarity"], expected)


def test_csr_places_a_prediction_on_the_circle_by_hand() -> None:
    model = build("csr")
    assert isinstance(model, Csr)
    awe, contentment = (MIKELS8.index(name) for name in ("awe", "contentment"))
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.fill_(-50)
        model.classifier.bias[awe] = model.classifier.bias[contentment] = 50
        # Half awe, half contentment: 22.5 degrees to either side of the positive middle, so (cos 22.5, 0).
        output = model(IMAGES[:1])
    intensity = math.cos(math.pi / 8)
    assert output.extras["emotion_vector"][0].tolist() == pytest.approx([intensity, 0], abs=1e-6)
    assert output.extras["intensity"].item() == pytest.approx(intensity)
    assert output.extras["angle"].item() == pytest.approx(0, abs=1e-6)


def test_what_can_be_computed_from_the_labels_is_not_stored() -> None:
    names = set(build("jcdl", hidden_layers=0).state_dict())
    assert set(build("csr").state_dict()) == names
    assert set(build("ssdl", hidden_layers=0).state_dict()) == names


def test_csr_refuses_labels_without_a_wheel() -> None:
    with pytest.raises(ConfigError, match="model csr needs a wheel, but the labels ekman6 have none; take"):
        build("csr", EKMAN6)


@pytest.mark.parametrize("name", ["jcdl", "ssdl", "csr"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = build(name).train()
    model(torch.randn(16, 3, 16, 16, generator=torch.manual_seed(2))).logits.square().sum().backward()
    assert [key for key, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


@pytest.mark.parametrize(
    ("model", "objective"),
    [
        ({"name": "jcdl", "hidden": 32, "dropout": 0.1}, {"kl": 0.7, "ce": 0.3}),
        (
            {"name": "ssdl", "hidden": 32, "dropout": 0.1},
            {"kl": 1, "emd": 0.5, "emd_order": "polarity", "polarity_emd": 0.5, "sparsity": 0.1},
        ),
        ({"name": "csr", "dropout": 0.1}, {"kl": 1, "progressive": 0.1}),
    ],
    ids=lambda value: value.get("name"),
)
def test_they_overfit_eight_images(model: dict[str, Any], objective: dict[str, Any]) -> None:
    # What cross-entropy adds to the distance from the target, tests/models/test_ew_mtcnn.py works out: .02.
    assert memorised(overfit({**model, "backbone": BACKBONE}, 200, objective)) < 0.08
