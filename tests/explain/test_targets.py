"""Targets: what links and commands write, and the values they stand for, worked by hand."""

import numpy as np
import pytest
import torch

from fisa.emotions import EKMAN7, MIKELS8
from fisa.explain.targets import Question, Target, TargetError
from fisa.models import ModelOutput

FEAR, AWE, ANGER = (MIKELS8.index(label) for label in ("fear", "awe", "anger"))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("fear", Target("logit", FEAR)),
        ("fear@awe,anger", Target("logit", FEAR, gauge=(AWE, ANGER))),
        ("fear-awe", Target("difference", FEAR, AWE)),
        ("fear<-awe", Target("interaction", FEAR, AWE)),
        ("kl", Target("kl")),
        ("entropy", Target("entropy")),
    ],
)
def test_texts_are_read_and_written(text: str, target: Target) -> None:
    assert Target.parse(text, MIKELS8) == target
    assert target.format(MIKELS8) == text


def test_absent_stands_for_the_emotions_that_a_scene_does_not_show() -> None:
    assert Target.parse("fear@absent", MIKELS8, (ANGER, AWE)).gauge == (ANGER, AWE)
    with pytest.raises(TargetError, match="name them"):
        Target.parse("fear@absent", MIKELS8)


@pytest.mark.parametrize("text", ["", "joy", "fear-fear", "fear-joy", "fear<-", "awe@joy", "fear - awe", "KL"])
def test_what_names_no_target_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match="target "):
        Target.parse(text, MIKELS8)
    assert Target.parse("joy", EKMAN7) == Target("logit", EKMAN7.index("joy"))


def output() -> ModelOutput:
    """Three emotions, two images, one head; contribution of j to i is 10 i + j, and ten times that for image two."""
    logits = torch.tensor([[1.0, 2.0, 5.0], [0.0, 0.0, 0.0]])
    pushes = torch.arange(3.0).view(3, 1) * 10 + torch.arange(3.0)
    distribution = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])
    contributions = torch.stack([pushes, 10 * pushes]).unsqueeze(1)
    return ModelOutput(logits, distribution, distribution, logits, contributions=contributions)


def test_values_by_hand() -> None:
    def values(targets: list[Target], truth: np.ndarray | None = None) -> list[float]:
        found: list[float] = Question(targets, 3, truth)(output(), torch.tensor([0, 1])).tolist()
        return found

    assert values([Target("logit", 2), Target("logit", 0)]) == [5, 0]
    assert values([Target("logit", 2, gauge=(0, 1)), Target("difference", 2, 0)]) == [3.5, 0]  # 5 - (1 + 2) / 2
    assert values([Target("interaction", 2, 1)] * 2) == [21, 210]
    assert values([Target("entropy")] * 2) == pytest.approx([np.log(2), 1.5 * np.log(2)])
    # 1 log(1/.5), and 0.5 log(.5/.25) + .5 log(.5/.5)
    truth = np.array([[1, 0, 0], [0.5, 0, 0.5]])
    assert values([Target("kl")] * 2, truth) == pytest.approx([np.log(2), 0.5 * np.log(2)])


def test_rows_choose_the_target_of_each_sample() -> None:
    question = Question([Target("logit", 2), Target("logit", 0)], 3)
    assert question(output(), torch.tensor([1, 0])).tolist() == [1, 0]


def test_what_cannot_be_asked_together_is_refused() -> None:
    with pytest.raises(TargetError, match="of one kind, not entropy, linear"):
        Question([Target("logit", 2), Target("entropy")], 3)
    with pytest.raises(TargetError, match="needs the truth"):
        Question([Target("kl")], 3)
