"""Two-level attention: a mask and an attention worked by hand, the ablations, gradients, eight images of both tasks."""

import math
from typing import Any

import pytest
import torch
from tiny import RATED, memorised, overfit

from fisa.config import ConfigError, RunConfig, TwoLevelAttentionConfig
from fisa.emotions import MIKELS8, RATINGS, EmotionSpace
from fisa.models import build_model
from fisa.models.two_level_attention import MaskBranch, SecondLevel, TwoLevelAttention
from fisa.objectives import build_objective

OPTIONS = {"width": 8, "hidden": 8, "mask_width": 8, "backbone": {"name": "plain", "width": 8}}
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.manual_seed(1))


def build(space: EmotionSpace = MIKELS8, ratings: bool = False, **options: Any) -> TwoLevelAttention:
    torch.manual_seed(0)
    config = TwoLevelAttentionConfig.model_validate({"name": "two_level_attention", **OPTIONS, **options})
    model = build_model(config, space, ratings=ratings)
    assert isinstance(model, TwoLevelAttention)
    return model.eval()


def test_a_mask_by_hand() -> None:
    # One channel, one pool, every 3x3 convolution passing its middle on: a map of 2x2 becomes its maximum, 3, which
    # interpolation spreads over 2x2; the last layer doubles it less 6: sigmoid(0) = 1/2 everywhere.
    branch = MaskBranch(1, 1, 1)
    with torch.no_grad():
        for layer in (branch.enter, branch.leave, *branch.down, *branch.up):
            assert isinstance(layer, torch.nn.Conv2d) and layer.bias is not None
            layer.weight.zero_()
            layer.bias.zero_()
            layer.weight[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1
        branch.leave.weight.fill_(2)
        branch.leave.bias.fill_(-6)  # type: ignore[union-attr]
        mask = branch(torch.tensor([[[[1.0, 0.0], [3.0, -2.0]]]]))
    assert mask.tolist() == [[[[0.5, 0.5], [0.5, 0.5]]]]


def test_attention_over_stages_by_hand() -> None:
    # A plain RNN whose states are the tanh of its inputs alone, forwards and backwards: h = (tanh x, tanh x). Scores
    # ln 3 tanh(x) / tanh(1) for x = 0 and 1 are 0 and ln 3, weights 1/4 and 3/4, so s = 3/4 tanh(1) twice.
    level = SecondLevel(2, 1, 1, "attention", "rnn")
    with torch.no_grad():
        for name, value in level.rnn.named_parameters():
            value.fill_(1.0 if name.startswith("weight_ih") else 0.0)
        level.mix.weight.copy_(torch.tensor([[1.0, 0.0]]))
        level.mix.bias.zero_()
        inner = math.tanh(math.tanh(1))
        level.score.weight.fill_(math.log(3) / inner)
        vector, weights = level(torch.tensor([[[0.0], [1.0]]]))
    assert weights is not None and weights[0].tolist() == pytest.approx([0.25, 0.75])
    assert vector[0].tolist() == pytest.approx([0.75 * math.tanh(1)] * 2)


def test_masks_gate_what_the_stages_say_and_stay_between_0_and_1() -> None:
    model = build()
    output = model(IMAGES)
    assert [output.extras[f"mask_{place}"].shape[1:] for place in (1, 2, 3)] == [(8, 8), (8, 8), (4, 4)]
    for place in (1, 2, 3):
        mask = output.extras[f"mask_{place}"]
        assert (mask > 0).all() and (mask < 1).all()
    # A mask of 0 leaves a map as it is: (1 + M) T. Without the first level the prediction is then the same.
    with torch.no_grad():
        for branch in model.masks:
            assert isinstance(branch, MaskBranch) and branch.leave.bias is not None
            branch.leave.bias.fill_(-1e4)
        model.project.eval()
        closed = model(IMAGES).logits
        model.masks = torch.nn.ModuleList()
        torch.testing.assert_close(closed, model(IMAGES).logits)


def test_the_stages_weigh_one_together() -> None:
    weights = build().forward(IMAGES).extras["stage_attention"]
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert weights.shape == (2, 3)


@pytest.mark.parametrize("kind", ["attention", "rnn", "none"])
@pytest.mark.parametrize("first", [True, False])
def test_either_attention_can_be_left_away(kind: str, first: bool) -> None:
    model = build(second_level=kind, first_level=first)
    extras = model(IMAGES).extras
    assert ("mask_1" in extras) == first and ("stage_attention" in extras) == (kind == "attention")
    assert hasattr(model.second, "rnn") == (kind != "none")
    assert not list(model.masks) if not first else len(model.masks) == 3
    assert model(IMAGES, explain=False).extras == {}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("multi_task", ["joint", "separate", "two_stage"])
def test_every_parameter_gets_a_gradient(cell: str, multi_task: str) -> None:
    for space in (MIKELS8, RATINGS):
        if multi_task == "two_stage" and space is RATINGS:
            continue
        model = build(space, ratings=True, cell=cell, multi_task=multi_task).train()
        output = model(IMAGES, explain=False)
        assert output.ratings is not None and output.ratings.shape == (2, 2)
        (output.ratings.square().sum() + output.logits.square().sum()).backward()
        assert [name for name, each in model.named_parameters() if each.grad is None] == []


def test_separate_ratings_share_no_second_level_and_two_stage_reads_the_emotions() -> None:
    separate = build(ratings=True, multi_task="separate")
    output = separate(IMAGES)
    assert {"stage_attention_valence", "stage_attention_arousal"} <= output.extras.keys()
    assert output.ratings is not None
    output.ratings[:, 0].sum().backward()
    arousal = separate.own["arousal"].parameters()  # type: ignore[index]
    assert all(each.grad is None or not each.grad.any() for each in arousal)
    for multi_task, reads in (("two_stage", True), ("joint", False)):
        model = build(ratings=True, multi_task=multi_task)
        before = model(IMAGES).ratings
        with torch.no_grad():
            model.classifier.bias[0] += 5  # type: ignore[union-attr, operator, index]
            assert torch.allclose(before, model(IMAGES).ratings) != reads  # type: ignore[arg-type]


def test_two_stages_without_emotions_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.multi_task is two_stage, which reads ratings from emotions"):
        build(RATINGS, ratings=True, multi_task="two_stage")


def test_it_is_plain_torch_without_hooks_or_batch_statistics_of_its_own() -> None:
    model = build(ratings=True)
    own = [module for name, module in model.named_modules() if not name.startswith("backbone")]
    assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in own)
    model(IMAGES)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_map_of_one_place_is_not_pooled_away() -> None:
    assert build()(torch.randn(1, 3, 8, 8)).logits.isfinite().all()


def test_it_overfits_eight_images() -> None:
    output = overfit({"name": "two_level_attention", **OPTIONS}, 200)
    assert memorised(output) < 0.02


@pytest.mark.parametrize("multi_task", ["joint", "separate"])
def test_it_overfits_the_ratings_of_eight_images(multi_task: str) -> None:
    torch.manual_seed(3)
    model = {"name": "two_level_attention", **OPTIONS, "multi_task": multi_task}
    config = RunConfig.model_validate({"name": "x", "model": model, **RATED})
    system = build_model(config.model, RATINGS, ratings=True).train()
    objective = build_objective(config.objective, [], RATINGS)
    images, ratings, nothing = torch.randn(8, 3, 24, 24), torch.rand(8, 2) * 2 - 1, torch.zeros(8, 0)
    optimizer = torch.optim.Adam(system.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        objective(system(images), nothing, ratings)["total"].backward()
        optimizer.step()
    with torch.no_grad():
        error = objective(system.eval()(images), nothing, ratings)["total"].item()
    # The constant's error is the variance, about a third.
    assert error < 0.01
