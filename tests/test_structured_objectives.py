"""Terms of SSDL and CSR: orders, groups, sparsity and the emotion circle, worked by hand; gradients; descent."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from fisa.config import ConfigError, ObjectiveConfig
from fisa.emotions import EKMAN6, EKMAN7, MIKELS8, score_space
from fisa.models import ModelOutput
from fisa.objectives import build_objective
from fisa.objectives.circular import progressive_circular
from fisa.objectives.structured import polarity_groups, polarity_order, sparsity


def row(**degrees: float) -> torch.Tensor:
    """A distribution over Mikels' emotions, [1, 8]."""
    filled = [degrees.get(label, 0.0) for label in MIKELS8.labels]
    return torch.tensor([filled], dtype=torch.float64)


def output_of(distribution: torch.Tensor) -> ModelOutput:
    return ModelOutput(logits=distribution, distribution=distribution, raw=distribution, features=distribution)


def term(name: str, target: torch.Tensor, predicted: torch.Tensor, **options: Any) -> float:
    objective = build_objective(ObjectiveConfig(**{"kl": 0, name: 1, **options}), [1] * 8, MIKELS8).eval()
    return float(objective(output_of(predicted), target)[name])


def test_one_polarity_has_no_distance_to_another() -> None:
    with pytest.raises(ConfigError, match="polarity_emd compares polarities, and all labels of scores5 have one"):
        build_objective(ObjectiveConfig(polarity_emd=1), [1] * 5, score_space(5))


def test_the_order_by_polarity() -> None:
    assert polarity_order(MIKELS8).tolist() == list(MIKELS8.wheel)
    assert [EKMAN7.labels[column] for column in polarity_order(EKMAN7)] == [
        *("anger", "disgust", "fear", "sadness"),
        *("surprise", "neutral", "joy"),
    ]
    # Anger and amusement are neighbours in it, column order has three emotions between: one CDF difference of 1.
    assert term("emd", row(anger=1), row(amusement=1), emd_order="polarity", emd_r=1) == pytest.approx(1 / 8)
    build_objective(ObjectiveConfig(emd=1, emd_order="polarity"), [1] * 6, EKMAN6)  # needs no wheel


def test_groups_sum_each_polarity() -> None:
    assert polarity_groups(EKMAN6).tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]
    target, predicted = row(fear=0.5, anger=0.3, awe=0.2), row(sadness=0.4, joy=0, awe=0.1, amusement=0.5)
    # Negative mass .8 against .4: CDF differences (.4, 0).
    assert term("polarity_emd", target, predicted, emd_r=1) == pytest.approx(0.4 / 2)
    assert term("polarity_emd", target, predicted) == pytest.approx(math.sqrt(0.16 / 2))
    assert term("polarity_emd", target, row(disgust=0.8, excitement=0.2)) == pytest.approx(0)


def test_sparsity_by_hand() -> None:
    target, predicted = torch.tensor([[0.75, 0.25, 0, 0]]), torch.tensor([[0.25, 0.25, 0.25, 0.25]])
    assert sparsity(target, predicted, "support").tolist() == [0.5]
    # The uniform prediction spreads fully, 1, times the largest degree; a single emotion does not spread.
    assert sparsity(target, predicted, "intensity").tolist() == pytest.approx([0.75])
    assert sparsity(target, torch.tensor([[0.0, 1, 0, 0]]), "intensity").tolist() == pytest.approx([0], abs=1e-3)
    # (1/2, 1/2): sum of roots sqrt 2, of sqrt 4 at most: (sqrt 2 - 1) / (2 - 1).
    halves = sparsity(target, torch.tensor([[0.5, 0.5, 0, 0]]), "intensity")
    assert halves.tolist() == pytest.approx([0.75 * (math.sqrt(2) - 1)], abs=1e-3)
    wrong = row(fear=0.5, awe=0.5)
    assert term("sparsity", row(fear=1), wrong, kl=1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # Fear at 112.5 degrees, awe at 22.5: a right angle. First coordinates cos: P = (1 + cos) / 2.
        ({}, ((math.cos(math.radians(22.5)) - math.cos(math.radians(112.5))) / 2) ** 2 + (math.pi / 2) ** 2),
        ({"progressive_polarity": "hard"}, 1 + (math.pi / 2) ** 2),
    ],
)
def test_a_single_emotion_against_another_by_hand(options: dict[str, Any], expected: float) -> None:
    assert term("progressive", row(fear=1), row(awe=1), **options) == pytest.approx(expected)


def test_intensity_weighs_the_loss() -> None:
    # Fear and awe in equal parts, at a right angle: a vector of length cos 45 degrees, at 67.5; that is excitement.
    target = row(fear=0.5, awe=0.5)
    assert term("progressive", target, row(excitement=1), progressive_polarity="hard") == pytest.approx(0, abs=1e-12)
    # Against sadness, 90 degrees on, of the other polarity.
    worse = term("progressive", target, row(sadness=1), progressive_polarity="hard")
    assert worse == pytest.approx(math.sqrt(0.5) * (1 + (math.pi / 2) ** 2))


def test_the_shorter_way_around() -> None:
    # Contentment and awe are 45 degrees apart, but lie at either side of the cut, which is the middle of the positive.
    target, predicted = row(contentment=1), row(awe=1)
    assert term("progressive", target, predicted) == pytest.approx((math.pi / 4) ** 2)
    assert term("progressive", target, predicted, progressive_angle="raw") == pytest.approx((7 * math.pi / 4) ** 2)


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_gradients_of_the_circle(soft: bool, wrapped: bool) -> None:
    rng = np.random.default_rng(0)
    circle = torch.from_numpy(MIKELS8.circle())
    target = torch.from_numpy(rng.dirichlet(np.ones(8), 4)) @ circle
    predicted = torch.from_numpy(rng.dirichlet(np.ones(8), 4)).requires_grad_()
    assert gradcheck(lambda q: progressive_circular(target, q @ circle, soft, wrapped), predicted)
    # The uniform distribution has no angle, in value and slope; so has a target that points nowhere.
    uniform = torch.full((2, 8), 1 / 8, dtype=torch.float64, requires_grad=True)
    points = torch.stack([target[0], torch.zeros(2, dtype=torch.float64)])
    progressive_circular(points, uniform @ circle, soft, wrapped).sum().backward()
    assert uniform.grad is not None and torch.isfinite(uniform.grad).all()


def test_a_hard_polarity_has_no_slope_and_a_soft_one_has() -> None:
    circle, target = torch.from_numpy(MIKELS8.circle()), row(awe=1) @ torch.from_numpy(MIKELS8.circle())
    for soft in (True, False):
        # Straight opposite of the target: its angle has slope 0 along the radius, which is where q moves.
        predicted = (-0.5 * target).requires_grad_()
        progressive_circular(target, predicted, soft).sum().backward()
        assert predicted.grad is not None
        along = float((predicted.grad * target).sum())
        assert (along < -1e-3) if soft else along == pytest.approx(0, abs=1e-9)
    assert circle.shape == (8, 2)


@pytest.mark.parametrize("options", [{"emd": 1, "emd_order": "polarity", "polarity_emd": 1}, {"progressive": 0.5}])
def test_descent_reaches_the_target(options: dict[str, Any]) -> None:
    target = torch.from_numpy(np.random.default_rng(3).dirichlet(np.ones(8), 6))
    objective = build_objective(ObjectiveConfig(kl=1, **options), [1] * 8, MIKELS8)
    logits = torch.zeros(6, 8, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 300)
    for _ in range(300):
        adam.zero_grad()
        objective(output_of(logits.softmax(dim=1)), target)["total"].backward()
        adam.step()
        schedule.step()
    assert (logits.softmax(dim=1) - target).abs().max() < 0.02


def test_a_circle_needs_a_wheel() -> None:
    with pytest.raises(ConfigError, match=r"objective\.progressive needs a wheel, but the labels ekman6 have none"):
        build_objective(ObjectiveConfig(progressive=1), [1] * 6, EKMAN6)
