"""Sentiment constraints: relations, hinges and samplings worked by hand on six points, gradients, the configuration."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from fisa.config import ConfigError, ObjectiveConfig, RunConfig
from fisa.emotions import EKMAN6, MIKELS8
from fisa.models import ModelOutput
from fisa.objectives import build_objective
from fisa.objectives.metric import hinge, relations, sentiment_constraints, squared_distances, triplet_constraint

# Two images of emotion 0 and one each of 1 (its polarity), 2 and 3 (the opposite), 4 (neither).
EMOTION = torch.tensor([0, 0, 1, 2, 3, 4])
POLARITY = torch.tensor([1, 1, 1, -1, -1, 0])
# Points on a line at 0, 1, 3, 6, 10 and 100, with the plain difference as distance.
LINE = torch.tensor([0.0, 1, 3, 6, 10, 100])
DISTANCE = (LINE[:, None] - LINE[None, :]).abs()


def output_with(features: torch.Tensor) -> ModelOutput:
    uniform = torch.full((len(features), 8), 1 / 8)
    return ModelOutput(logits=uniform, distribution=uniform, raw=uniform, features=features)


def test_relations_by_hand() -> None:
    same, related, opposite = relations(EMOTION, POLARITY)
    assert same.nonzero().tolist() == [[0, 1], [1, 0]]
    assert related.nonzero().tolist() == [[0, 2], [1, 2], [2, 0], [2, 1], [3, 4], [4, 3]]
    assert opposite[0].tolist() == [False, False, False, True, True, False]
    assert not opposite[5].any() and not related[5].any()


def test_distances_by_hand() -> None:
    # Unit vectors at right angles are 2 apart, squared; opposite ones 4; length does not count.
    points = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [3.0, 0.0]])
    expected = [[0, 2, 4, 0], [2, 0, 2, 2], [4, 2, 0, 4], [0, 2, 4, 0]]
    torch.testing.assert_close(squared_distances(points), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize(
    ("sampling", "margin", "expected"),
    [
        # Only anchors 0 and 1 have a near and a far image: 1 and 2, at 1 and 3; and 0 and 2, at 1 and 2.
        ("semi_hard", 4, (1 - 3 + 4 + 1 - 2 + 4) / 2),
        ("random", 4, (1 - 3 + 4 + 1 - 2 + 4) / 2),
        ("hard", 4, (1 - 3 + 4 + 1 - 2 + 4) / 2),
        ("hard", 1.5, (0 + 1 - 2 + 1.5) / 2),
        # A margin of 1.5 leaves the far image of anchor 1 (1 beyond the near one), not that of anchor 0 (2 beyond).
        ("facenet", 1.5, 0.5),
        ("facenet", 0.5, 0),
    ],
)
def test_the_first_constraint_by_hand(sampling: Any, margin: float, expected: float) -> None:
    same, related, _ = relations(EMOTION, POLARITY)
    assert hinge(DISTANCE, same, related, margin, sampling).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        # Anchor 0: near 2 at 3; far 3, 4 at 6, 10. Anchor 1: near 2 at 2; far at 5, 9. Anchor 2: near 0, 1 at 3, 2; far
        # at 3, 7. Anchor 3: near 4 at 4; far 0, 1, 2 at 6, 5, 3. Anchor 4: near 3 at 4; far at 10, 9, 7. Margin 2.
        # hard: [3-6+2] = 0, [2-5+2] = 0, [3-3+2] = 2, [4-3+2] = 3, [4-7+2] = 0.
        ("hard", 5 / 5),
        # facenet, nearest far one that is farther by less than 2: only (2; 1, 3) by 1 and (3; 4, 1) by 1.
        ("facenet", (2 - 3 + 2 + 4 - 5 + 2) / 2),
    ],
)
def test_the_second_constraint_by_hand(sampling: Any, expected: float) -> None:
    _, related, opposite = relations(EMOTION, POLARITY)
    assert hinge(DISTANCE, related, opposite, 2.0, sampling).item() == pytest.approx(expected)


def test_random_far_images_are_drawn_from_all_that_are_allowed() -> None:
    # Anchor 2's two near and two far images, margin 10: the mean over four equally likely pairs is
    # (3 + 2) / 2 - (3 + 7) / 2 + 10 = 7.5.
    near, far = torch.zeros(6, 6, dtype=torch.bool), torch.zeros(6, 6, dtype=torch.bool)
    near[2, [0, 1]], far[2, [3, 4]] = True, True
    torch.manual_seed(0)
    for sampling, count in (("random", 4), ("semi_hard", 3)):
        seen = [round(hinge(DISTANCE, near, far, 10.0, sampling).item(), 3) for _ in range(400)]  # type: ignore[arg-type]
        assert len(set(seen)) == count  # each pair by itself; or the mean of two far draws: 3+3, 3+7, 7+7
        assert np.mean(seen) == pytest.approx(7.5, abs=0.3)


def test_both_constraints_and_the_triplet_are_sums_of_hinges() -> None:
    same, related, opposite = relations(EMOTION, POLARITY)
    both = hinge(DISTANCE, same, related, 3.0, "hard") + hinge(DISTANCE, related, opposite, 2.0, "hard")
    assert sentiment_constraints(DISTANCE, EMOTION, POLARITY, 3.0, 2.0, "hard").item() == pytest.approx(both.item())
    # Triplet: for anchors 0 and 1 the nearest of any other emotion is image 2, at 3 and 2: [1-3+3], [1-2+3].
    assert triplet_constraint(DISTANCE, EMOTION, 3.0, "hard").item() == pytest.approx(1.5)


@pytest.mark.parametrize("sampling", ["semi_hard", "random", "hard", "facenet"])
def test_gradients(sampling: Any) -> None:
    embedding = torch.randn(6, 3, dtype=torch.float64, generator=torch.manual_seed(0)).requires_grad_()

    def loss(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)  # the same draws for every difference quotient
        return sentiment_constraints(squared_distances(x), EMOTION, POLARITY, 0.5, 0.5, sampling)

    assert gradcheck(loss, embedding)
    alone = torch.randn(1, 3, requires_grad=True)
    nothing = sentiment_constraints(squared_distances(alone), EMOTION[:1], POLARITY[:1], 0.5, 0.5, sampling)
    nothing.backward()
    assert nothing.item() == 0 and alone.grad is not None and not alone.grad.any()


def test_the_objective_divides_distances_by_one_more_than_the_steps() -> None:
    # Fear twice in one place, sadness (one step) at a right angle, amusement (four steps) opposite.
    emotions = [MIKELS8.index(name) for name in ("fear", "fear", "sadness", "amusement")]
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    target = torch.eye(8)[emotions]
    options = {"kl": 0, "metric": 2, "metric_alpha1": 0.19, "metric_alpha2": 0.2, "metric_sampling": "hard"}
    objective = build_objective(ObjectiveConfig(**options), [1] * 8, MIKELS8)
    # D: 0 between the two; to sadness 2 / (1 + 1) = 1; to amusement 4 / (1 + 4) = .8; between sadness and amusement,
    # five steps or three, 2 / (1 + 3) = .5. First: [0 - 1 + .19] = 0. Second: fear twice [1 - .8 + .2] = .4, and
    # sadness, whose farthest related is 1 away: [1 - .5 + .2] = .7; amusement has no related. Mean (.4 + .4 + .7) / 3.
    terms = objective(output_with(features), target)
    assert terms["metric"].item() == pytest.approx(0.5) and terms["total"].item() == pytest.approx(1.0)
    plain = build_objective(ObjectiveConfig(**options, metric_by_wheel=False), [1] * 8, MIKELS8)
    # Plain: fear [2 - 4 + .2] = 0, sadness [2 - 2 + .2] = .2: mean .2 / 3.
    assert plain(output_with(features), target)["metric"].item() == pytest.approx(0.2 / 3)
    triplet = build_objective(ObjectiveConfig(**options, metric_constraints="triplet"), [1] * 8, MIKELS8)
    assert triplet(output_with(features), target)["metric"].item() == 0


def test_refusals() -> None:
    config = ObjectiveConfig(metric=1)
    with pytest.raises(ConfigError, match="metric_by_wheel needs a wheel, but the labels ekman6 have none"):
        build_objective(config, [1] * 6, EKMAN6)
    build_objective(ObjectiveConfig(metric=1, metric_by_wheel=False), [1] * 6, EKMAN6)
    build_objective(ObjectiveConfig(metric=1, metric_constraints="triplet"), [1] * 6, EKMAN6)
    with pytest.raises(ValueError, match=r"metric_alpha1 \+ metric_alpha2 is 0.4 and must be below 0.4"):
        ObjectiveConfig(metric=1, metric_alpha1=0.2, metric_alpha2=0.2)
    with pytest.raises(ValueError, match=r"set training\.per_emotion"):
        RunConfig(name="x", objective=config)
