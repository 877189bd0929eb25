"""EW-MTCNN: the prior worked by hand, its kinds, the confound, refusals, gradients, eight images."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from tiny import memorised, overfit

from fisa.config import ConfigError, EwMtcnnConfig, PlainBackboneConfig
from fisa.emotions import EKMAN6, MIKELS8, EmotionSpace
from fisa.models import build_model
from fisa.models.ew_mtcnn import EwMtcnn

SMALL = PlainBackboneConfig(width=8)
IMAGES = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(1))


def build(space: EmotionSpace = MIKELS8, **options: Any) -> EwMtcnn:
    torch.manual_seed(0)
    model = build_model(EwMtcnnConfig(name="ew_mtcnn", backbone=SMALL, **options), space)
    assert isinstance(model, EwMtcnn)
    return model.eval()


def test_the_wheel_prior_by_hand() -> None:
    # sigma = 1: the emotions lie 0, 1, 1, 2, 2, 3, 3 and 4 steps from fear; excitement and sadness are next.
    row = build(sigma=1.0).prior[MIKELS8.index("fear")]
    total = 1 + 2 * math.exp(-1 / 2) + 2 * math.exp(-2) + 2 * math.exp(-9 / 2) + math.exp(-8)
    for emotion, weight in (("fear", 1), ("sadness", math.exp(-1 / 2)), ("excitement", math.exp(-1 / 2))):
        assert row[MIKELS8.index(emotion)].item() == pytest.approx(weight / total)
    assert row[MIKELS8.index("amusement")].item() == pytest.approx(math.exp(-8) / total)


def test_a_prediction_by_hand() -> None:
    # On a wheel a, b, c all are one step apart. With sigma such that exp(-1 / 2 sigma^2) = 1/2, W has 1/2 on its
    # diagonal and 1/4 beside it: x = (4, 0, 0) becomes (2, 1, 1).
    space = EmotionSpace("three", ("a", "b", "c"), (1, 0, -1), (0, 1, 2), ("#000000",) * 3, ("x",) * 3)
    model = build(space, sigma=math.sqrt(1 / (2 * math.log(2))))
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([4.0, 0.0, 0.0]))
        output = model(IMAGES[:1])
    assert output.extras["before_prior"][0].tolist() == [4, 0, 0]
    assert output.logits[0].tolist() == pytest.approx([2, 1, 1])
    assert output.distribution[0, 0].item() == pytest.approx(math.e / (math.e + 2))


@pytest.mark.parametrize("prior", ["wheel", "eye", "rand", "corr", "none"])
@pytest.mark.parametrize("trained", [False, True])
def test_only_a_trained_prior_is_a_parameter_and_every_parameter_gets_a_gradient(prior: str, trained: bool) -> None:
    model = build(prior=prior, trained=trained).train()
    model.fit_labels(np.random.default_rng(0).dirichlet(np.ones(8), 20))
    parameters = dict(model.named_parameters())
    assert ("prior" in parameters) == (trained and prior != "none")
    assert "prior" in model.state_dict()
    model(IMAGES).logits.square().sum().backward()
    assert [name for name, each in parameters.items() if each.grad is None or not each.grad.any()] == []


def test_without_a_prior_and_with_the_identity_it_is_the_cnn() -> None:
    for prior in ("none", "eye"):
        output = build(prior=prior)(IMAGES)
        torch.testing.assert_close(output.logits, output.extras["before_prior"])


def test_corr_is_the_correlation_of_the_training_labels_negative_entries_included() -> None:
    target = np.random.default_rng(1).dirichlet(np.ones(8), 30)
    model = build(prior="corr")
    model.fit_labels(target)
    assert model.prior[2, 5].item() == pytest.approx(pearsonr(target[:, 2], target[:, 5])[0], abs=1e-6)
    assert model.prior.diagonal().tolist() == pytest.approx([1] * 8) and model.prior.min() < 0
    untouched = build(prior="wheel")
    before = untouched.prior.clone()
    untouched.fit_labels(target)
    assert torch.equal(untouched.prior, before)


def test_the_confound_cuts_off_what_is_negative_with_and_without_a_prior() -> None:
    for prior in ("wheel", "none"):
        model = build(prior=prior, confound=True)
        with torch.no_grad():
            model.classifier.bias.fill_(-100)
            assert model(IMAGES).extras["before_prior"].tolist() == [[0] * 8] * 2
            model.classifier.bias.fill_(100)
            dropped = model.train()(IMAGES).extras["before_prior"] == 0
        assert dropped.any() and not dropped.all()


def test_labels_without_a_wheel_are_refused_by_the_wheel_alone() -> None:
    with pytest.raises(
        ConfigError, match=r"ew_mtcnn needs a wheel, but the labels ekman6 have none; set model\.prior to"
    ):
        build(EKMAN6)
    assert build(EKMAN6, prior="corr")(IMAGES).distribution.shape == (2, 6)


def test_it_overfits_eight_images() -> None:
    output = overfit(
        {"name": "ew_mtcnn", "backbone": {"name": "plain", "width": 8}}, 200, objective={"ce": 0.3, "kl": 0.7}
    )
    # The dominant emotion's share is pulled above .72 by the cross-entropy: .3 + .7 * .72 = .804 at the optimum,
    # which is ln(.72/.804) * .72 + ln(.04/.028) * .28 = .0205 nats away.
    assert memorised(output) < 0.05


class TestWheelAttention:
    def test_without_scores_it_is_the_wheel_prior(self) -> None:
        model = build(prior="wheel_attention")
        assert model.attention is not None
        with torch.no_grad():
            for part in (model.attention.query, model.attention.key):
                part.weight.zero_()
                part.bias.zero_()
            output = model(IMAGES)
        torch.testing.assert_close(output.extras["prior"], build().prior.expand(2, 8, 8))
        torch.testing.assert_close(output.logits, output.extras["before_prior"] @ build().prior.T)

    def test_a_prediction_by_hand(self) -> None:
        # The wheel of three above: W has 1/2 on its diagonal and 1/4 beside it. a asks with 2, and b answers with
        # ln 4 / 2; all else is 0, and the width is 1. So the row of a is (1/2, 1/4 * 4, 1/4) / (7/4) = (2, 4, 1) / 7,
        # the others stay, and x = (0, 7, 0) becomes (4, 7/2, 7/4).
        space = EmotionSpace("three", ("a", "b", "c"), (1, 0, -1), (0, 1, 2), ("#000000",) * 3, ("x",) * 3)
        model = build(space, prior="wheel_attention", sigma=math.sqrt(1 / (2 * math.log(2))), attention_width=1)
        assert model.attention is not None
        with torch.no_grad():
            for each in model.attention.parameters():
                each.zero_()
            model.attention.query.bias[0] = 2
            model.attention.key.bias[1] = math.log(4) / 2
            model.classifier.weight.zero_()
            model.classifier.bias.copy_(torch.tensor([0.0, 7.0, 0.0]))
            output = model(IMAGES[:1])
        assert output.extras["prior"][0, 0].tolist() == pytest.approx([2 / 7, 4 / 7, 1 / 7])
        assert output.extras["prior"][0, 1].tolist() == pytest.approx([1 / 4, 1 / 2, 1 / 4])
        assert output.logits[0].tolist() == pytest.approx([4, 7 / 2, 7 / 4])

    def test_images_differ_rows_sum_to_one_and_every_parameter_gets_a_gradient(self) -> None:
        model = build(prior="wheel_attention", trained=True).train()
        output = model(IMAGES)
        prior = output.extras["prior"]
        torch.testing.assert_close(prior.sum(-1), torch.ones(2, 8))
        assert not torch.allclose(prior[0], prior[1], atol=1e-6)
        output.logits.square().sum().backward()
        parameters = dict(model.named_parameters())
        assert "prior" not in parameters  # the wheel stays, whatever is trained around it
        assert [name for name, each in parameters.items() if each.grad is None or not each.grad.any()] == []

    def test_labels_without_a_wheel_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="ew_mtcnn needs a wheel"):
            build(EKMAN6, prior="wheel_attention")

    def test_it_overfits_eight_images(self) -> None:
        model = {"name": "ew_mtcnn", "prior": "wheel_attention", "backbone": {"name": "plain", "width": 8}}
        assert memorised(overfit(model, 150, objective={"kl": 1.0})) < 0.03
