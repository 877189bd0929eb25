"""FISA in training: what of its options gets a gradient, and that they overfit eight images."""

from typing import Any

import pytest
import torch
from test_fisa import run_model
from tiny import TARGET, memorised, overfit

from fisa.config import ObjectiveConfig
from fisa.emotions import MIKELS8
from fisa.models.output import ModelOutput
from fisa.objectives import build_objective

WITHOUT = {"evidence": False, "null_position": False}
AS_DRAFTED = {"score": "dot", "effect": "literal", "readout": "joint", "output": "sigmoid", **WITHOUT}


@pytest.mark.parametrize(
    ("options", "cancelling"),
    [
        ({}, set()),  # a null value starts at zero but has a gradient; the bias of a key does not cancel here
        # What is added to the scores of all places leaves their softmax, and only evidence and null see it.
        (WITHOUT, {"semantic.scorer.to_score.bias"}),
        (AS_DRAFTED, {"semantic.scorer.to_width.bias"}),
        ({"semantic_attention": "class_maps"}, set()),
        ({"semantic_attention": "class_maps", **WITHOUT}, {"semantic.scorer.to_scores.bias"}),
        ({"semantic_attention": "channel", **WITHOUT}, set()),
        ({"semantic_attention": "none", **WITHOUT}, set()),
        ({"normalised": True}, set()),
        ({"second_order": 3}, set()),
        ({"normalised": True, "second_order": 3, "projection": "per_class"}, set()),
        ({"score": "dot"}, set()),
        ({"heads": 0}, set()),
        ({"layers": 2}, set()),
        ({"effect": "half"}, set()),
        ({"effect": "separate"}, set()),
        ({"effect": "softmax"}, {"layers.0.key.bias"}),  # likewise, of the scores of all emotions
        ({"readout": "shared", "output": "sigmoid"}, set()),
        ({"label_embedding": "words", "label_vectors_trained": True}, set()),
        ({"null_trained": False}, {"semantic.null_logit"}),
    ],
    ids=str,
)
def test_every_parameter_gets_a_gradient(options: dict[str, object], cancelling: set[str]) -> None:
    model, _ = run_model(**options)
    output = model.double().train()(torch.randn(4, 3, 48, 48, dtype=torch.float64))
    evidence = 0.0 if output.evidence is None else output.evidence.square().sum()
    (output.logits.square().sum() + evidence).backward()
    found = {
        name: 0.0 if parameter.grad is None else float(parameter.grad.abs().max())
        for name, parameter in model.named_parameters()
    }
    # What cancels is rounded to 1e-16 of the largest; a second layer, in which features are alike at first, has 1e-11.
    assert {name for name, size in found.items() if size < 1e-13 * max(found.values())} == cancelling


TINY = {"name": "fisa", "backbone": {"name": "plain", "width": 8}, "dim": 16, "heads": 4, "attention_width": 8}


@pytest.mark.parametrize(
    "options",
    [
        {},
        AS_DRAFTED,
        {"semantic_attention": "channel", **WITHOUT},
        {"semantic_attention": "class_maps"},
        {"semantic_attention": "none", **WITHOUT},
        {"normalised": True},
        {"second_order": 3},
    ],
    ids=str,
)
def test_it_overfits_eight_images(options: dict[str, Any]) -> None:
    found = {**TINY, **options}
    evidence = 1 if found.get("evidence", True) else 0
    assert memorised(overfit(found, 100, {"kl": 1, "evidence": evidence})) < 0.05


def test_as_drafted_it_lowers_its_own_loss_on_eight_images() -> None:
    # Not in KL: an EMD of what comes before normalisation hardly minds whether an emotion has .04 or nothing.
    config = ObjectiveConfig(kl=0, emd=0.95, density=0.05, emd_on="raw")
    loss = build_objective(config, [1] * 8, MIKELS8)
    output = overfit({**TINY, **AS_DRAFTED}, 200, config.model_dump(mode="json"), lr=5e-3)
    uniform = torch.full((8, 8), 1 / 8)
    even = loss(ModelOutput(logits=uniform, distribution=uniform, raw=uniform, features=uniform), TARGET)["total"]
    assert loss(output, TARGET)["total"] < even / 3
