"""EmotionGCN: graphs and a convolution worked by hand, refusals, gradients, eight images."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from tiny import memorised, overfit

from fisa.config import ConfigError, EmotionGcnConfig, PlainBackboneConfig
from fisa.emotions import EKMAN6, MIKELS8, EmotionSpace
from fisa.models import build_model
from fisa.models.emotion_gcn import EmotionGcn
from fisa.models.label_relations import reweighted_graph

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(1))


def build(space: EmotionSpace = MIKELS8, **options: Any) -> EmotionGcn:
    torch.manual_seed(0)
    model = build_model(
        EmotionGcnConfig(name="emotion_gcn", backbone=PlainBackboneConfig(width=8), **options), space
    ).eval()
    assert isinstance(model, EmotionGcn)
    return model


def test_a_reweighted_graph_by_hand() -> None:
    # Row a shares .2 between b and c by 1 : 3, row b has c alone, row c none and keeps all; the diagonal is not read.
    weights = np.array([[9, 1, 3], [0, 9, 5], [0, 0, 9]], dtype=float)
    np.testing.assert_allclose(reweighted_graph(weights, 0.2), [[0.8, 0.05, 0.15], [0, 0.8, 0.2], [0, 0, 1]])


def test_the_graph_of_the_wheel_by_hand() -> None:
    # sigma 1: neighbours at 1, 1, 2, 2, 3, 3, 4 steps share .2.
    model = build(graph="wheel", neighbours=0.2)
    before = model.graph.clone()
    total = 2 * math.exp(-1 / 2) + 2 * math.exp(-2) + 2 * math.exp(-9 / 2) + math.exp(-8)
    fear, sadness = MIKELS8.index("fear"), MIKELS8.index("sadness")
    assert before[fear, fear].item() == pytest.approx(0.8)
    assert before[fear, sadness].item() == pytest.approx(0.2 * math.exp(-1 / 2) / total)
    model.fit_labels(np.eye(8))
    assert torch.equal(model.graph, before)


def test_the_graph_of_the_data_has_edges_from_the_threshold_on() -> None:
    # Awe and fear go together in one of two images with either, sadness with awe in one of three; the threshold is 1/2.
    named = np.zeros((4, 8))
    awe, fear, sadness = (MIKELS8.index(name) for name in ("awe", "fear", "sadness"))
    named[0, [awe, fear]] = named[1, [fear]] = named[2, [awe, sadness]] = named[3, [sadness]] = 1
    named[:, sadness][1] = 1
    model = build(threshold=0.5, neighbours=0.4)
    assert torch.equal(model.graph, torch.eye(8))  # before it has seen labels
    model.fit_labels(named)
    assert model.graph[awe].tolist() == pytest.approx([0, 0.6, 0, 0, 0, 0, 0.2, 0.2])
    assert model.graph[sadness, awe].item() == 0 and model.graph[sadness, sadness].item() == pytest.approx(1)
    assert "graph" in model.state_dict()


def test_two_convolutions_by_hand() -> None:
    # Two emotions that share their rows half and half, embeddings 3 and -1, all weights 1: the mean is 1 for both, and
    # stays 1; the classifiers are (1, ..., 1), so that both logits are the sum of the pooled features.
    space = EmotionSpace("two", ("a", "b"), (1, -1), (0, 1), ("#000000",) * 2, ("x",) * 2)
    model = build(space, graph="wheel", neighbours=0.5, embedding=1, hidden=1)
    with torch.no_grad():
        model.labels.copy_(torch.tensor([[3.0], [-1.0]]))
        model.first.weight.fill_(1)
        model.second.weight.fill_(1)
        output = model(IMAGES)
    torch.testing.assert_close(output.extras["classifiers"][0], torch.ones(2, 8))
    torch.testing.assert_close(output.logits, output.features.sum(1, keepdim=True).expand(2, 2))
    # Below 0 a fifth is left: embeddings -3 and 1 have mean -1.
    with torch.no_grad():
        model.labels.copy_(torch.tensor([[-3.0], [1.0]]))
        torch.testing.assert_close(model(IMAGES).extras["classifiers"][1], torch.full((2, 8), -0.2))


def test_pooling_by_maximum() -> None:
    model = build(pool="max")
    torch.testing.assert_close(model(IMAGES).features, model.backbone(IMAGES).amax((2, 3)))


def test_labels_without_a_wheel_are_refused_by_its_graph_alone() -> None:
    with pytest.raises(
        ConfigError, match=r"emotion_gcn needs a wheel, but the labels ekman6 have none; set model\.graph"
    ):
        build(EKMAN6, graph="wheel")
    assert build(EKMAN6)(IMAGES).distribution.shape == (2, 6)


def test_every_parameter_gets_a_gradient() -> None:
    model = build().train()
    model(IMAGES).logits.square().sum().backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


@pytest.mark.parametrize("graph", ["data", "wheel"])
def test_it_overfits_eight_images(graph: str) -> None:
    model = {"name": "emotion_gcn", "backbone": {"name": "plain", "width": 8}, "graph": graph, "hidden": 16}
    assert memorised(overfit(model, 200)) < 0.03
