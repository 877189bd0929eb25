"""StyleEDL: attention of two orders, the drawn graph and the mixture worked by hand; gradients; eight images."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from tiny import memorised, overfit

from fisa.config import PlainBackboneConfig, StyleEdlConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.models.style_edl import DynamicGraph, HighOrderAttention, Style, StyleEdl

IMAGES = torch.randn(2, 3, 24, 24, generator=torch.manual_seed(1))
TINY = {"gram_width": 4, "style_width": 4, "grid": 2}


def build(**options: Any) -> StyleEdl:
    torch.manual_seed(0)
    config = StyleEdlConfig(name="style_edl", backbone=PlainBackboneConfig(width=8), **{**TINY, **options})
    model = build_model(config, MIKELS8).eval()
    assert isinstance(model, StyleEdl)
    return model


def test_attention_of_two_orders_by_hand() -> None:
    attention = HighOrderAttention(channels=1, order=2)
    with torch.no_grad():
        for parameter, value in zip(attention.parameters(), (1.0, 2.0, 3.0, 1.0, 0.5), strict=True):
            parameter.fill_(value)
    # x = 2. First order: 1 * 2 = 2, back times 1: sigmoid 2. Second: (2 * 2) (3 * 2) = 24, back times .5: sigmoid 12.
    expected = 2 * (1 / (1 + math.exp(-2)) + 1 / (1 + math.exp(-12))) / 2
    assert attention(torch.full((1, 1, 1, 1), 2.0)).item() == pytest.approx(expected)
    # x = -2: the first order is cut off at 0, whose sigmoid is 1/2; the second is a square and stays.
    expected = -2 * (1 / 2 + 1 / (1 + math.exp(-12))) / 2
    assert attention(torch.full((1, 1, 1, 1), -2.0)).item() == pytest.approx(expected)


def test_style_does_not_see_the_scale_of_its_matrices() -> None:
    torch.manual_seed(0)
    style, grams = Style(stages=2, gram_width=3, style_width=4), [torch.rand(2, 3, 3), torch.rand(2, 3, 3)]
    assert style(grams).shape == (2, 4)
    torch.testing.assert_close(style([100 * gram for gram in grams]), style(grams), atol=1e-3, rtol=1e-3)


def test_a_graph_convolution_by_hand() -> None:
    convolve = DynamicGraph(classes=2, width=1)
    with torch.no_grad():
        for parameter in convolve.parameters():
            parameter.zero_()
        convolve.static.weight.fill_(1)
        convolve.dynamic.weight.fill_(2)
        convolve.draw.bias.copy_(
            torch.tensor([0.0, math.log(3)])
        )  # every node takes 1/4 of the first, 3/4 of the second
        nodes, graph = convolve(torch.tensor([[[4.0], [-10.0]]]), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
    # Along the fixed graph: -3 and -10, of which a fifth is added: 4 - .6 = 3.4, -10 - 2 = -12.
    # Along the drawn one, for both: .25 * 3.4 - .75 * 12 = -8.15; a fifth, -1.63; twice, and a fifth again: -.652.
    assert graph[0].tolist() == [pytest.approx([0.25, 0.75])] * 2
    assert nodes.flatten().tolist() == pytest.approx([-0.652, -0.652])


def test_the_prediction_is_a_mixture_of_branches_and_graph() -> None:
    # Mean plus w times the maximum of each emotion's map, softmax, the mean of the branches: with the graph's share 0.
    model = build(mixture=1.0, maximum=0.5)
    maps = []
    for layer in model.to_maps:
        layer.register_forward_hook(lambda module, inputs, output: maps.append(output))
    output = model(IMAGES)
    scores = [each.mean((2, 3)) + 0.5 * each.amax((2, 3)) for each in maps]
    expected = (scores[0].softmax(1) + scores[1].softmax(1)) / 2
    torch.testing.assert_close(output.distribution, expected)
    torch.testing.assert_close(output.logits.softmax(1), output.distribution)
    alone, half = build(mixture=0.0, maximum=0.5)(IMAGES), build(mixture=0.5, maximum=0.5)(IMAGES)
    torch.testing.assert_close(half.distribution, (expected + alone.distribution) / 2)


def test_what_it_says_besides() -> None:
    model = build()
    model.fit_labels(np.random.default_rng(0).dirichlet(np.ones(8), 10))
    output = model(torch.randn(2, 3, 40, 40))  # another size of image fits the same graph
    assert output.extras["graph"].shape == (2, 8, 8)
    torch.testing.assert_close(output.extras["graph"].sum(2), torch.ones(2, 8))
    # All eight were named in each image, so every emotion goes with every other: .2 / 7 each.
    torch.testing.assert_close(output.extras["static_graph"][0], torch.full((8, 8), 0.2 / 7).fill_diagonal_(0.8))
    assert output.extras["gram_3"].shape == (2, 4, 4) and output.extras["class_maps"].shape == (2, 8, 5, 5)


def test_every_parameter_gets_a_gradient() -> None:
    model = build().train()
    model(IMAGES).logits.square().sum().backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


def test_it_overfits_eight_images() -> None:
    model = {"name": "style_edl", "backbone": {"name": "plain", "width": 8}, **TINY}
    assert memorised(overfit(model, 200)) < 0.05
