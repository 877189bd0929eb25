"""The interaction and readout against values worked out by hand and against their own definition."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fisa.models.interaction import SMALLEST_ROW_SUM, Effect, Interaction, ReadoutLayer, compute_effect, mix

KINDS = ["mean", "separate", "literal", "half", "softmax"]


def column(*values: float) -> Tensor:
    """Class features [B=1, H=1, C, e=1]."""
    return torch.tensor(values).view(1, 1, -1, 1)


def test_mean_effect_by_hand() -> None:
    # e = 1, so mean and literal agree. q = (0, atanh .5), k = (0, 0): tanh q = (0, .5), sigmoid k = .5.
    # Eff = tanh(q_i) sigmoid(k_j) + 1 = [[1, 1], [1.25, 1.25]]; each row is uniform after normalising.
    for kind in ("mean", "literal"):
        effect, weights = compute_effect(column(0, math.atanh(0.5)), column(0, 0), kind)
        torch.testing.assert_close(effect[0, 0], torch.tensor([[1.0, 1.0], [1.25, 1.25]]))
        torch.testing.assert_close(weights, torch.full((1, 1, 2, 2), 0.5))


def test_mean_divides_the_inner_product_by_the_head_width_and_literal_does_not() -> None:
    query = torch.full((1, 1, 2, 4), math.atanh(0.5))
    key = torch.zeros(1, 1, 2, 4)
    # Four terms of .5 * .5 = .25: their sum is 1, their mean .25.
    assert compute_effect(query, key, "literal")[0].flatten().tolist() == pytest.approx([2.0] * 4)
    assert compute_effect(query, key, "mean")[0].flatten().tolist() == pytest.approx([1.25] * 4)


def test_separate_divides_the_same_effect_by_the_number_of_emotions() -> None:
    # As above Eff = [[1, 1], [1.25, 1.25]]; halved, as C = 2.
    effect, weights = compute_effect(column(0, math.atanh(0.5)), column(0, 0), "separate")
    torch.testing.assert_close(effect[0, 0], torch.tensor([[1.0, 1.0], [1.25, 1.25]]))
    torch.testing.assert_close(weights, effect / 2)


def test_separate_contributions_do_not_depend_on_a_third_emotion() -> None:
    torch.manual_seed(0)
    layer, readout = Interaction(8, 2, "separate"), ReadoutLayer(4, 8, "per_class")
    features = torch.randn(1, 4, 8)
    changed = features.clone()
    changed[:, 3] += 1
    parts = [layer(each) for each in (features, changed)]
    before, after = (readout.contributions(each.values, each.interaction)[..., :3, :3] for each in parts)
    torch.testing.assert_close(before, after, rtol=0, atol=1e-7)


def test_half_effect_by_hand() -> None:
    # (tanh 0 + 1)/2 = .5 on both sides: .25 + 1.
    effect, _ = compute_effect(column(0, 0), column(0, 0), "half")
    assert effect.flatten().tolist() == pytest.approx([1.25] * 4)


def test_softmax_effect_of_one_is_indifferent() -> None:
    effect, weights = compute_effect(column(0, 3), column(0, 1), "softmax")
    # Row 0: q = 0, so uniform. Row 1: softmax(0, 3) = 1/(1+e^3), e^3/(1+e^3).
    assert effect[0, 0, 0].tolist() == pytest.approx([1, 1])
    assert weights[0, 0, 1, 1].item() == pytest.approx(math.exp(3) / (1 + math.exp(3)))


@pytest.mark.parametrize("kind", ["mean", "half", "softmax"])
def test_weights_are_distributions(kind: str) -> None:
    torch.manual_seed(0)
    effect, weights = compute_effect(torch.randn(3, 2, 5, 4) * 3, torch.randn(3, 2, 5, 4) * 3, kind)  # type: ignore[arg-type]
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 5))
    if kind == "mean":
        assert effect.min() > 0 and effect.max() < 2


def test_literal_has_negative_effects_at_unit_variance_and_yet_stays_finite() -> None:
    torch.manual_seed(0)
    query, key = (torch.randn(64, 1, 8, 32, requires_grad=True) for _ in range(2))
    effect, weights = compute_effect(query, key, "literal")
    assert 0.2 < (effect < 0).float().mean() < 0.4  # about 30 %, as the design reports
    weights.square().sum().backward()
    assert torch.isfinite(weights).all() and torch.isfinite(query.grad).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("nudge", [0.0, 1e-8, -1e-8])
def test_literal_cannot_produce_nan_where_a_row_sums_to_zero(nudge: float) -> None:
    # e = 4, tanh(q) = -1/2 and sigmoid(k) = 1/2 in every place: Eff = 1 - 4/4 = 0 for both columns.
    query = torch.full((1, 1, 2, 4), math.atanh(-0.5) + nudge, requires_grad=True)
    effect, weights = compute_effect(query, torch.zeros(1, 1, 2, 4), "literal")
    assert effect.abs().max() < 1e-6
    weights.sum().backward()
    assert query.grad is not None and torch.isfinite(query.grad).all() and torch.isfinite(weights).all()
    assert weights.abs().max() <= effect.abs().max() / SMALLEST_ROW_SUM + 1e-9


@pytest.mark.parametrize("kind", ["joint", "shared", "per_class"])
def test_contributions_add_up_to_the_readout_of_adjusted_features(kind: str) -> None:
    torch.manual_seed(1)
    interaction = Interaction(dim=6, heads=3, effect="mean")
    readout = ReadoutLayer(classes=4, dim=6, kind=kind)  # type: ignore[arg-type]
    torch.nn.init.normal_(readout.bias)
    features = torch.randn(5, 4, 6)
    mixed, adjusted = interaction(features), interaction.adjust(features)
    if kind == "joint":
        expected = torch.einsum("imd,bmd->bi", readout.weight, adjusted)
    else:
        expected = (adjusted * readout.weight).sum(-1)
    torch.testing.assert_close(readout.contributions(mixed.values, mixed.interaction).sum((1, 3)), expected)
    torch.testing.assert_close(readout(adjusted), expected + readout.total_bias(4))


def test_per_class_readout_by_hand() -> None:
    readout = ReadoutLayer(classes=2, dim=1, kind="per_class")
    with torch.no_grad():
        readout.weight.copy_(torch.tensor([[2.0], [-1.0]]))
    values = column(3, 5)
    weights = torch.tensor([[[[0.25, 0.75], [0.5, 0.5]]]])
    # c_ij = weight_ij * w_i * v_j: [[.25*2*3, .75*2*5], [.5*-1*3, .5*-1*5]]
    expected = torch.tensor([[1.5, 7.5], [-1.5, -2.5]])
    torch.testing.assert_close(readout.contributions(values, weights)[0, 0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_interaction(kind: str) -> None:
    torch.manual_seed(2)
    query, key = (torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda q, k: compute_effect(q, k, kind)[1], (query, key))  # type: ignore[arg-type]


def both_forms(kind: Effect, classes: int, heads: int, width: int, dtype: torch.dtype) -> tuple[list[Tensor], ...]:
    """Mixed values and the gradients of query, key and value, by ``mix`` and by the matrices."""
    draws = [torch.randn(2, heads, classes, width, dtype=dtype, requires_grad=True) for _ in range(3)]
    towards = torch.randn(2, heads, classes, width, dtype=dtype)
    found = []
    for form in (mix, lambda query, key, value, kind: compute_effect(query, key, kind)[1] @ value):
        mixed = form(*draws, kind)
        found.append([mixed.detach(), *torch.autograd.grad((mixed * towards).sum(), draws)])
    return tuple(found)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    classes=st.integers(1, 40),
    heads=st.integers(1, 4),
    width=st.integers(1, 24),
    seed=st.integers(0, 2**31),
)
def test_mixing_without_the_matrices_equals_mixing_by_them(
    kind: Effect, classes: int, heads: int, width: int, seed: int
) -> None:
    torch.manual_seed(seed)
    for ours, by_definition in zip(*both_forms(kind, classes, heads, width, torch.float64), strict=True):
        torch.testing.assert_close(ours, by_definition, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [8, 64, 1024])
@pytest.mark.parametrize("kind", ["mean", "half", "softmax"])  # a row of literal may sum to next to nothing
def test_float32_is_enough_for_both_forms(kind: Effect, classes: int) -> None:
    torch.manual_seed(0)
    for ours, by_definition in zip(*both_forms(kind, classes, 2, 8, torch.float32), strict=True):
        torch.testing.assert_close(ours, by_definition, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["mean", "literal", "half"])
def test_the_form_with_fewer_multiplications_is_taken(kind: Effect) -> None:
    # B = H = 1, e = 4. By the matrices 2 C^2 e multiplications, by the factors 2 C e^2 + C e for the row sums:
    # 2 * 9 * 4 = 72 for C = 3; 2 * 100 * 16 + 100 * 4 = 3600 for C = 100, instead of 80,000. A flop is half of one.
    counted = []
    for classes in (3, 100):
        with FlopCounterMode(display=False) as counter:
            mix(*torch.randn(3, 1, 1, classes, 4), kind)
        counted.append(counter.get_total_flops() / 2)
    assert counted == [72, 3600]


def test_the_guard_of_literal_holds_without_the_matrices() -> None:
    # e = 4, C = 5: as above every effect is 1 - 4/4 = 0, so the row sum 0 counts as .1 and the values mix to 0.
    query = torch.full((1, 1, 5, 4), math.atanh(-0.5), dtype=torch.float64)
    mixed = mix(query, torch.zeros_like(query), torch.ones_like(query), "literal")
    torch.testing.assert_close(mixed, torch.zeros_like(query), atol=1e-9, rtol=0)
