"""FISA as a whole: completeness, attention as a distribution, the null position, and every option."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from fisa.config import FisaConfig, PlainBackboneConfig
from fisa.emotions import MIKELS8
from fisa.models import build_model
from fisa.models.attention import PositionScore, Projection, SecondOrder, SpatialAttention
from fisa.models.fisa import normalised_output
from fisa.models.gram import GramStages, upper_triangle
from fisa.models.output import ModelOutput

SMALL = PlainBackboneConfig(width=12)
OPTIONS = [
    {"evidence": False, "null_position": False, "semantic_attention": semantic}
    for semantic in ("spatial", "channel", "class_maps", "none")
] + [
    {"heads": heads, "effect": effect, "readout": readout, "output": output}
    for (heads, effect), (readout, output) in itertools.product(
        [(0, "mean"), (1, "literal"), (4, "half"), (2, "softmax"), (4, "mean")],
        [("joint", "sigmoid"), ("shared", "softmax"), ("per_class", "softmax")],
    )
]
OPTIONS += [{"layers": 2}, {"projection": "per_class"}, {"score": "dot"}, {"semantic_attention": "class_maps"}]
OPTIONS += [
    {"normalised": True, "projection": "per_class"},
    {"normalised": True, "second_order": 3},
    {"second_order": 3},
]


def run_model(**options: object) -> tuple[nn.Module, ModelOutput]:
    torch.manual_seed(0)
    model = build_model(FisaConfig(backbone=SMALL, dim=8, attention_width=5, **{"heads": 4, **options}), MIKELS8).eval()
    return model, model(torch.randn(3, 3, 48, 48))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_is_complete_and_normalised(options: dict[str, object]) -> None:
    _, output = run_model(**options)
    assert output.bias is not None and output.contributions is not None
    total = output.bias + output.contributions.sum((1, 3))
    torch.testing.assert_close(total, output.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(output.distribution.sum(-1), torch.ones(3))
    if output.attention is not None:
        assert output.null is not None
        torch.testing.assert_close(output.attention.sum((2, 3)) + output.null, torch.ones(3, 8))
    if options.get("heads") == 0:
        assert output.interaction is None and output.effect is None
    else:
        assert output.interaction is not None and output.effect is not None


def test_logits_equal_the_readout_of_the_adjusted_features() -> None:
    # Completeness must not be true by construction only: recompute z = w . F^Ad + b along the plain path.
    model, output = run_model()
    adjusted = model.layers[0].adjust(output.features)  # type: ignore[index, operator]
    plain = (adjusted * model.readout.weight).sum(-1) + model.readout.bias  # type: ignore[union-attr, operator]
    torch.testing.assert_close(output.logits, plain, atol=1e-4, rtol=0)


@pytest.mark.parametrize("options", [*OPTIONS, {"heads": 8}], ids=str)  # with 8 heads of width 1 the factors take over
def test_a_prediction_is_that_of_the_explanation(options: dict[str, object]) -> None:
    model, _ = run_model(**options)
    model.train()
    images = torch.randn(3, 3, 48, 48)
    found = []
    for explain in (False, True):
        output = model(images, explain)
        model.zero_grad()
        output.logits.square().sum().backward()
        gradients = [torch.zeros(1) if each.grad is None else each.grad.clone() for each in model.parameters()]
        found.append((output, gradients))
    (predicted, ours), (explained, theirs) = found
    assert predicted.contributions is predicted.interaction is predicted.effect is None
    assert explained.contributions is not None
    torch.testing.assert_close(predicted.logits, explained.logits, atol=1e-5, rtol=1e-5)
    scale = max(float(each.abs().max()) for each in theirs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one / scale, other / scale, atol=1e-5, rtol=1e-5)


def test_without_interaction_only_its_own_feature_reaches_a_logit() -> None:
    _, output = run_model(heads=0)
    assert output.contributions is not None
    off_diagonal = output.contributions * (1 - torch.eye(8))
    assert off_diagonal.abs().max() == 0


def test_spatial_attention_by_hand() -> None:
    # Two positions, one channel, values (2, 4); the class map scores a position by its value minus 2, (0, 2).
    attention = SpatialAttention(
        classes=1,
        channels=1,
        dim=1,
        scorer=PositionScore(1, 1, 1, "map"),
        per_class=False,
        evidence=True,
        null_position=True,
        null_logit=0.0,
    )
    with torch.no_grad():
        attention.scorer.to_scores.weight.fill_(1)
        attention.scorer.to_scores.bias.fill_(-2)  # type: ignore[union-attr]
        attention.projection.weight.fill_(10)
        attention.projection.bias.fill_(1)
        assert attention.null_value is not None
        attention.null_value.fill_(7)
    found = attention(torch.tensor([2.0, 4.0]).view(1, 1, 1, 2))
    evidence = np.log((1 + np.e**2) / 2)  # log-mean-exp of (0, 2)
    null = 1 / (1 + np.exp(evidence))  # sigmoid(0 - evidence)
    shares = np.array([1, np.e**2]) / (1 + np.e**2) * (1 - null)
    feature = shares @ [2 * 10, 4 * 10] + (1 - null) * 1 + null * 7
    assert found.evidence is not None and found.attention is not None and found.null is not None
    assert found.evidence.item() == pytest.approx(evidence, abs=1e-5)
    assert found.null.item() == pytest.approx(null, abs=1e-5)
    assert found.attention.flatten().tolist() == pytest.approx(shares.tolist(), abs=1e-5)
    assert found.features.item() == pytest.approx(feature, abs=1e-4)


def test_second_order_features_by_hand() -> None:
    # Two places with channels (1, 3) and (5, -1), shares 1/4 and 3/4; P is the identity, so y = (1, 3) and (5, 0).
    # s = (1 + 3 * 25, 3 + 0, 9 + 0) / 4 = (19, 0.75, 2.25).
    places, shares = torch.tensor([[[1.0, 3.0], [5.0, -1.0]]]), torch.tensor([[[0.25, 0.75]]])
    moments = SecondOrder(channels=2, dim=3, width=2)
    with torch.no_grad():
        moments.reduce.weight.copy_(torch.eye(2))
        moments.reduce.bias.zero_()
        moments.project.weight.copy_(torch.eye(3))
    raw = np.array([19, 0.75, 2.25])
    assert moments(shares, places).flatten().tolist() == pytest.approx(
        ((raw - raw.mean()) / raw.std()).tolist(), abs=1e-4
    )


def test_second_moments_over_equal_shares_are_the_gram_matrix_of_the_map() -> None:
    torch.manual_seed(4)
    feature_map = torch.randn(2, 5, 3, 4)
    moments = SecondOrder(channels=5, dim=6, width=3)
    found = moments(torch.full((2, 1, 12), 1 / 12), feature_map.flatten(2).mT)
    gram = GramStages((5,), 3)
    with torch.no_grad():
        gram.reduce[0].weight.copy_(moments.reduce.weight[:, :, None, None])  # type: ignore[operator, union-attr]
        gram.reduce[0].bias.copy_(moments.reduce.bias)  # type: ignore[operator, union-attr]
    expected = moments.project(moments.normalise(upper_triangle(gram([feature_map])[0])))
    torch.testing.assert_close(found[:, 0], expected)


def test_a_normalised_mean_by_hand() -> None:
    # Places (1, 3) and (5, -1) of two channels, scores equal: the mean is (3, 1), its standard scores (1, -1).
    scorer: nn.Module = nn.Conv2d(2, 1, 1)
    attend = SpatialAttention(1, 2, 2, scorer, False, True, True, 0.0, normalised=True)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in scorer.parameters():  # evidence 0 against a null logit of 0: half of the attention
            parameter.zero_()
        attend.projection.weight.copy_(torch.tensor([[[1.0, 0.0], [0.0, 10.0]]]))
        attend.projection.bias.fill_(4)
    found = attend(torch.tensor([[1.0, 5.0], [3.0, -1.0]]).view(1, 2, 1, 2))
    assert found.features.flatten().tolist() == pytest.approx([(1 + 4) / 2, (-10 + 4) / 2], abs=1e-3)


def test_an_absent_emotion_has_the_null_value_whatever_its_second_moments() -> None:
    torch.manual_seed(4)
    attend = SpatialAttention(2, 5, 4, nn.Conv2d(5, 2, 1), False, True, True, 1000.0, 1.0, True, True, 3)  # type: ignore[arg-type]
    with torch.no_grad():
        attend.null_value.copy_(torch.arange(8.0).view(2, 4))  # type: ignore[union-attr]
    found = attend(torch.randn(3, 5, 2, 2))
    torch.testing.assert_close(found.features, torch.arange(8.0).view(1, 2, 4).expand(3, -1, -1))


def test_second_order_needs_spatial_attention() -> None:
    for option in ({"second_order": 8}, {"normalised": True}):
        with pytest.raises(ValueError, match="need spatial attention; semantic_attention is 'none', so set them to"):
            FisaConfig(semantic_attention="none", evidence=False, null_position=False, **option)  # type: ignore[arg-type]


def test_projecting_after_pooling_equals_projecting_every_position() -> None:
    torch.manual_seed(3)
    projection = Projection(classes=2, channels=3, dim=4, per_class=True)
    nn.init.normal_(projection.bias)
    places, attention = torch.randn(1, 3, 6), torch.rand(1, 2, 6)
    pooled = torch.einsum("bkn,bcn->bkc", attention, places)
    each = torch.einsum("bcn,kcd->bknd", places, projection.weight) + projection.bias.unsqueeze(0)
    expected = torch.einsum("bkn,bknd->bkd", attention, each)
    torch.testing.assert_close(projection(pooled, attention.sum(-1)), expected)


@pytest.mark.parametrize("score", ["dot", "hadamard", "map"])
def test_scores_have_right_gradients(score: str) -> None:
    torch.manual_seed(4)
    scorer = PositionScore(3, 2, 4, score).double()  # type: ignore[arg-type]
    assert torch.autograd.gradcheck(scorer, torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_hadamard_scores_and_gradients_are_those_of_the_equation(layout: torch.memory_format) -> None:
    torch.manual_seed(5)
    scorer = PositionScore(classes=7, channels=5, width=6, score="hadamard").double()
    feature_map = torch.randn(3, 5, 2, 4, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    towards = torch.randn(3, 7, 2, 4, dtype=torch.float64)

    def by_equation() -> torch.Tensor:  # a_kr = w_a . tanh(P_r * U L_k) + b_a
        places, labels = scorer.to_width(feature_map), scorer.from_labels(scorer.labels)
        meeting = torch.tanh(places.unsqueeze(1) * labels[:, :, None, None])
        return torch.einsum("bkwyx,w->bkyx", meeting, scorer.to_score.weight[0]) + scorer.to_score.bias

    inputs = [feature_map, *scorer.parameters()]
    scores, expected = scorer(feature_map), by_equation()
    torch.testing.assert_close(scores, expected)
    ours, theirs = (torch.autograd.grad((each * towards).sum(), inputs) for each in (scores, expected))
    torch.testing.assert_close(ours, theirs)


def test_what_hadamard_scores_keep_for_the_gradient_does_not_grow_with_the_number_of_emotions() -> None:
    def kept(classes: int) -> int:
        sizes: list[int] = []
        scorer = PositionScore(classes, channels=5, width=6, score="hadamard")
        with torch.autograd.graph.saved_tensors_hooks(
            lambda each: sizes.append(each.numel()) or each, lambda each: each
        ):
            scorer(torch.randn(2, 5, 8, 8))
        return sum(sizes)

    # 128 places of width 6 are kept, and of each further emotion a few rows of width 6; its tanh alone would be 128.
    assert kept(40) - kept(8) < 32 * 128


def test_hadamard_scores_are_summed_in_float32_under_mixed_precision() -> None:
    torch.manual_seed(6)
    scorer, feature_map = PositionScore(classes=9, channels=5, width=6, score="hadamard"), torch.randn(2, 5, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = scorer(feature_map)
    assert mixed.dtype == torch.float32
    mixed.square().sum().backward()
    # bfloat16 has 8 bits: 0.4 % in each of the two products that are rounded, before a tanh of slope 1 at most.
    torch.testing.assert_close(mixed, scorer(feature_map), atol=0.05, rtol=0.02)
    assert all(each.grad is not None and each.grad.isfinite().all() for each in scorer.parameters())


def test_a_dot_score_by_hand() -> None:
    scorer = PositionScore(classes=1, channels=1, width=4, score="dot")
    with torch.no_grad():
        scorer.to_width.weight.fill_(1)
        scorer.to_width.bias.fill_(0)  # type: ignore[union-attr]
        scorer.labels.fill_(2)
    # E = 3 in each of four places of the width, L = 2: 4 * 6 / sqrt(4) = 12.
    assert scorer(torch.tensor([[[[3.0]]]])).item() == pytest.approx(12)


def test_sigmoid_output_stays_a_distribution_where_every_sigmoid_underflows() -> None:
    raw, distribution = normalised_output(torch.tensor([[-200.0, -201.0]]), "sigmoid")
    assert raw.sum() == 0
    # sigmoid(z) is exp(z) there: shares 1/(1+1/e) and its rest.
    assert distribution[0].tolist() == pytest.approx([1 / (1 + np.exp(-1)), 1 - 1 / (1 + np.exp(-1))])


def test_a_steeper_null_decides_more_sharply() -> None:
    scores = torch.tensor([1.0, 3.0]).log().view(1, 1, 1, 2)
    shares = []
    for slope in (1.0, 3.0):
        scorer: torch.nn.Module = torch.nn.Identity()
        attend = SpatialAttention(1, 1, 1, scorer, False, True, True, math.log(4), slope)  # type: ignore[arg-type]
        shares.append(attend(scores).null.item())
    # The mean of 1 and 3 is 2; against 4 the odds of null are 2 : 1, cubed 8 : 1.
    assert shares == pytest.approx([2 / 3, 8 / 9])
