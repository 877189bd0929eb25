"""Committees: worked by hand, Heskes' identity, and members that learn as they would alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny import TINY_FISA, memorised, overfit
from torch import Tensor

from fisa.config import FisaConfig, RunConfig
from fisa.distances import kl
from fisa.emotions import MIKELS8, RATINGS
from fisa.models import Fisa, build_model
from fisa.models.backbones import Backbone
from fisa.models.cnn import Cnn
from fisa.models.committee import Committee
from fisa.models.output import ModelOutput
from fisa.models.system import System
from fisa.objectives import build_objective

MEMBERS = 3
LOGITS = arrays.arrays(np.float64, (MEMBERS, 4), elements=st.floats(-10, 10))
DEGREES = arrays.arrays(np.float64, 4, elements=st.floats(0.01, 1))


def built(ratings: bool = False, **model: object) -> System:
    torch.manual_seed(0)
    options: dict[str, object] = {**TINY_FISA, "members": MEMBERS, **model}
    document = {"name": "x", "model": options, "objective": {"ratings": 1.0} if ratings else {}}
    return build_model(RunConfig.model_validate(document).model, MIKELS8, ratings=ratings)


class Through(Backbone):
    """Takes an image of one channel for its feature map."""

    channels, stage_channels, receptive_field = 1, (1,), None

    def forward(self, images: Tensor) -> Tensor:
        return images


def saying(logits: np.ndarray) -> Committee:
    """Make a committee whose members say the logits [M, C] whatever they see."""
    committee = Committee(Through(), lambda own: Cnn(own, logits.shape[1]), len(logits)).double().eval()
    with torch.no_grad():
        for member, said in zip(committee.members, logits, strict=True):
            assert isinstance(member, Cnn)
            member.classifier.weight.zero_()
            member.classifier.bias.copy_(torch.as_tensor(said))
    return committee


def said_by(committee: Committee) -> ModelOutput:
    output: ModelOutput = committee(torch.zeros(1, 1, 2, 2, dtype=torch.float64))
    return output


def test_a_committee_by_hand() -> None:
    # Logits (0, 0) and (2 ln 3, 0) are the distributions (1/2, 1/2) and (9/10, 1/10). Their geometric means are
    # sqrt(45/100) = 3 r and sqrt(5/100) = r, in the ratio 3 : 1; both sum to 4 r, and (4 r)^2 = 16/20, so that
    # a = -ln(4 r) = ln(5/4) / 2.
    output = said_by(saying(np.array([[0, 0], [2 * math.log(3), 0]])))
    assert output.distribution[0].tolist() == pytest.approx([0.75, 0.25])
    assert output.extras["ambiguity"].item() == pytest.approx(math.log(1.25) / 2)


@given(LOGITS, DEGREES)
def test_its_error_is_the_mean_error_of_its_members_less_the_ambiguity(logits: np.ndarray, degrees: np.ndarray) -> None:
    target = degrees / degrees.sum()
    output = said_by(saying(logits))
    alone = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    own, ambiguity = output.distribution[0].detach().numpy(), output.extras["ambiguity"].item()
    assert ambiguity >= -1e-12
    errors = kl(np.tile(target, (MEMBERS, 1)), alone)
    assert kl(target[None], own[None])[0] == pytest.approx(errors.mean() - ambiguity, abs=1e-9)


def test_contributions_of_all_members_sum_to_the_logits() -> None:
    output = built().eval()(torch.randn(2, 3, 32, 32))
    assert output.contributions.shape == output.interaction.shape == (2, MEMBERS * TINY_FISA["heads"], 8, 8)
    torch.testing.assert_close(output.bias + output.contributions.sum((1, 3)), output.logits)
    torch.testing.assert_close(output.attention.sum((2, 3)) + output.null, torch.ones(2, 8))
    assert output.features.shape == (2, 8, MEMBERS * TINY_FISA["dim"])


def test_a_prediction_without_explanation_is_the_same() -> None:
    model, images = built().eval(), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(images, explain=False).distribution, model(images).distribution)


def test_each_member_gets_the_gradient_that_it_would_get_alone() -> None:
    committee, images, target = built().train(), torch.randn(4, 3, 32, 32), torch.eye(8)[:4]
    objective = build_objective(RunConfig(name="x").objective, [1] * 8, MIKELS8)
    objective(committee(images), target)["total"].backward()
    assert isinstance(committee, Committee) and len(committee.members) == MEMBERS
    for member in committee.members:
        assert isinstance(member, Fisa)
        alone = dict(member.named_parameters())
        together = {name: part.grad.clone() for name, part in alone.items() if part.grad is not None}
        member.zero_grad()
        objective(member(committee.backbone(images).detach()), target)["total"].backward()
        for name, gradient in together.items():
            torch.testing.assert_close(gradient * MEMBERS, alone[name].grad)


def test_members_differ_from_the_start_and_the_backbone_is_stored_once() -> None:
    state = built().state_dict()
    first, second = (state[f"members.{number}.readout.weight"] for number in (0, 1))
    assert not torch.equal(first, second)
    assert not [name for name in state if name.startswith("members.") and "backbone" in name]


@pytest.mark.parametrize("name", ["fisa", "cnn_mlp"])
def test_it_overfits_eight_images(name: str) -> None:
    model = {"name": name, "members": 2, "backbone": {"name": "plain", "width": 12}}
    own = {"dim": 8, "heads": 2} if name == "fisa" else {"hidden": 16}
    assert memorised(overfit(model | own, steps=60)) < 0.1


def test_a_single_member_is_the_system_itself() -> None:
    assert isinstance(built(members=1), Fisa)


def test_a_committee_rates_by_the_mean_of_its_members() -> None:
    model, images = built(ratings=True).eval(), torch.randn(2, 3, 32, 32)
    assert isinstance(model, Committee)
    shared = model.backbone(images)
    mean = torch.stack([member(shared).ratings for member in model.members]).mean(0)
    torch.testing.assert_close(model(images).ratings, mean)


def test_one_without_emotions_rates_too() -> None:
    config = FisaConfig.model_validate(
        {**TINY_FISA, "members": 2, "semantic_attention": "none", "evidence": False, "null_position": False}
    )
    output = build_model(config, RATINGS, ratings=True).eval()(torch.randn(2, 3, 32, 32))
    assert output.ratings is not None and output.ratings.isfinite().all() and "ambiguity" not in output.extras


def test_sigmoids_have_no_mean_of_logits() -> None:
    with pytest.raises(ValueError, match="members need output 'softmax', whose logits have a mean; output is 'sigm"):
        built(output="sigmoid")
