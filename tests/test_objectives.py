"""Oracles: hand-worked values, fisa.distances (NumPy), and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from exact_outputs import output_of, simplex, tensor
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from fisa import distances
from fisa.config import ConfigError, ObjectiveConfig
from fisa.emotions import EKMAN6, MIKELS8, EmotionSpace
from fisa.objectives import (
    ROOT_EPS,
    Objective,
    build_objective,
    cross_entropy,
    density,
    dominant,
    emd,
    evidence_bce,
    kl,
)

SPACE3 = EmotionSpace("three", ("a", "b", "c"), (1, 0, -1), (), ("#000000",) * 3, ("x",) * 3)


class TestTermsByHand:
    # Target (1/2, 1/2, 0, 0), predicted uniform: CDF differences 1/4, 1/2, 1/4, 0, squares 3/8 in sum.
    TARGET, UNIFORM = tensor([[0.5, 0.5, 0, 0]]), tensor([[0.25] * 4])

    def test_emd(self):
        assert emd(self.TARGET, self.UNIFORM).item() == pytest.approx(math.sqrt(3 / 32))
        assert emd(self.TARGET, self.UNIFORM, r=1).item() == pytest.approx(1 / 4)

    def test_emd_of_raw_sigmoids(self):
        # (1/2, 1/2) against raw (0.9, 0.7): CDF differences -0.4, -0.6; mean square 0.26. Surplus mass counts.
        assert emd(tensor([[0.5, 0.5]]), tensor([[0.9, 0.7]])).item() == pytest.approx(math.sqrt(0.26))

    def test_circular_emd(self):
        # Less their mean 1/4: 0, 1/4, 0, -1/4; the median is 1/4 too.
        assert emd(self.TARGET, self.UNIFORM, circular=True).item() == pytest.approx(math.sqrt(1 / 32))
        assert emd(self.TARGET, self.UNIFORM, r=1, circular=True).item() == pytest.approx(1 / 8)

    def test_density(self):
        rows = tensor([[0.25] * 4, [0.5, 0.5, 0, 0], [0, 1, 0, 0]])
        assert density(rows).tolist() == pytest.approx([math.log(4), math.log(2), 0])

    def test_kl(self):
        assert kl(self.TARGET, self.UNIFORM).item() == pytest.approx(math.log(2))
        # Predicted 0 where the target is 1/2: 1/2 ln(1/2 / 1) + 1/2 ln(1/2 / 1e-12).
        assert kl(tensor([[0.5, 0.5]]), tensor([[1, 0]])).item() == pytest.approx(-math.log(2) + 6 * math.log(10))

    def test_evidence(self):
        # Logits 0 and ln 3 are 1/2 and 3/4; degrees 1 and 0: (ln 2 + ln 4) / 2.
        value = evidence_bce(tensor([[1, 0]]), tensor([[0, math.log(3)]]))
        assert value.item() == pytest.approx(1.5 * math.log(2))

    def test_cross_entropy(self):
        # The first of the two largest degrees counts; 1/4 of it is predicted. A predicted 0 counts as 1e-12.
        assert cross_entropy(self.TARGET, self.UNIFORM).item() == pytest.approx(math.log(4))
        assert cross_entropy(tensor([[0.4, 0.6]]), tensor([[1, 0]])).item() == pytest.approx(12 * math.log(10))
        assert dominant(tensor([[0.1, 0.45, 0.45], [0.2, 0.2, 0.6]])).tolist() == [1, 2]

    def test_root_epsilon(self):
        assert emd(self.UNIFORM, self.UNIFORM).item() == 0
        assert emd(self.UNIFORM, self.UNIFORM, eps=1e-4).item() == pytest.approx(1e-2)


@pytest.mark.parametrize("classes", [1, 2, 5, 8])
class TestAgainstOthers:
    def test_numpy_twins(self, classes):
        target, predicted = simplex(20, classes), simplex(20, classes, seed=1)
        t, p = target.numpy(), predicted.numpy()
        for r in (1, 2):
            assert emd(target, predicted, r=r).numpy() == pytest.approx(distances.emd(t, p, r=r))
            circular = emd(target, predicted, r=r, circular=True).numpy()
            assert circular == pytest.approx(distances.circular_emd(t, p, r=r))
        assert kl(target, predicted).numpy() == pytest.approx(distances.kl(t, p), abs=1e-12)
        assert density(predicted).numpy() == pytest.approx(distances.entropy(p), abs=1e-12)

    def test_sparse_rows(self, classes):
        target, predicted = torch.eye(classes, dtype=torch.float64), torch.eye(classes, dtype=torch.float64).flip(0)
        assert kl(target, predicted).numpy() == pytest.approx(distances.kl(target, predicted), abs=1e-9)
        assert density(target).numpy() == pytest.approx(0)

    def test_evidence_against_scikit_learn(self, classes):
        rng = np.random.default_rng(0)
        present, logits = rng.integers(0, 2, (6, classes)), rng.normal(size=(6, classes))
        expected = [
            np.mean([log_loss([y], [1 / (1 + np.exp(-z))], labels=[0, 1]) for y, z in zip(ys, zs, strict=True)])
            for ys, zs in zip(present, logits, strict=True)
        ]
        assert evidence_bce(torch.from_numpy(present).double(), torch.from_numpy(logits)).numpy() == pytest.approx(
            expected
        )


@given(st.integers(1, 8), st.integers(0, 10_000), st.integers(0, 7))
def test_circular_emd_does_not_depend_on_the_cut(classes, seed, turn):
    target, predicted = simplex(3, classes, seed), simplex(3, classes, seed + 1)
    for r in (1, 2):
        value = emd(target, predicted, r=r, circular=True)
        turned = emd(target.roll(turn, 1), predicted.roll(turn, 1), r=r, circular=True)
        assert torch.allclose(value, turned)
        assert torch.allclose(value, emd(predicted, target, r=r, circular=True))


def test_exponent_is_checked():
    with pytest.raises(ValueError, match="r is 3"):
        emd(tensor([[1]]), tensor([[1]]), r=3)


class TestOrder:
    def test_ascending_votes(self):
        # Votes 30, 10, 20: b, c, a.
        objective = build_objective(ObjectiveConfig(emd=1), [30, 10, 20], SPACE3)
        assert objective.order.tolist() == [1, 2, 0]
        # All mass on a against all on b: from the last to the first place, CDF differences 1, 1, 0.
        objective = build_objective(ObjectiveConfig(kl=0, emd=1, emd_r=1), [30, 10, 20], SPACE3)
        assert objective(output_of(tensor([[0, 1, 0]])), tensor([[1, 0, 0]]))["emd"].item() == pytest.approx(2 / 3)
        # In column order they are neighbours: 1/3.
        assert emd(tensor([[1, 0, 0]]), tensor([[0, 1, 0]]), r=1).item() == pytest.approx(1 / 3)

    def test_tied_votes_keep_the_column_order(self):
        assert build_objective(ObjectiveConfig(emd=1), [5, 1, 5, 1, 5, 1, 5, 1], MIKELS8).order.tolist() == [
            *(1, 3, 5, 7),
            *(0, 2, 4, 6),
        ]

    def test_wheel(self):
        objective = build_objective(ObjectiveConfig(emd=1, emd_order="wheel"), np.arange(8), MIKELS8)
        assert tuple(objective.order.tolist()) == MIKELS8.wheel

    def test_circular_around_the_wheel(self):
        # Excitement is the last and fear the first of the wheel: neighbours, one step of eight.
        config = ObjectiveConfig(kl=0, emd=1, emd_r=1, emd_order="wheel", circular=True)
        objective = build_objective(config, np.arange(8), MIKELS8)
        one_hot = torch.eye(8, dtype=torch.float64)
        excitement, fear = one_hot[[MIKELS8.index("excitement")]], one_hot[[MIKELS8.index("fear")]]
        assert objective(output_of(excitement), fear)["total"].item() == pytest.approx(1 / 8)

    def test_is_stored_and_moves_with_the_module(self):
        objective = build_objective(ObjectiveConfig(emd=1), [30, 10, 20], SPACE3)
        other = build_objective(ObjectiveConfig(emd=1), [0, 0, 0], SPACE3)
        other.load_state_dict(objective.state_dict())
        assert other.order.tolist() == [1, 2, 0]
        assert objective.to("meta").order.is_meta
        assert list(objective.parameters()) == []


class TestObjective:
    TARGET = tensor([[0.5, 0.5, 0], [1, 0, 0]])
    PREDICTED = tensor([[0.25, 0.5, 0.25], [0.5, 0.5, 0]])
    # kl: 1/2 ln 2 and ln 2. ce: ln 4 and ln 2. emd, r 1, ascending votes = columns: CDF differences 1/4, 1/4, 0 and
    # 1/2, 0, 0, so 1/6 and 1/6. Densities: ln 2 against 3/2 ln 2, and 0 against ln 2.
    KL, EMD, DENSITY, CE = 0.75 * math.log(2), 1 / 6, 0.75 * math.log(2), 1.5 * math.log(2)

    def build(self, **config):
        return build_objective(ObjectiveConfig(emd_r=1, **config), [1, 2, 3], SPACE3)

    def test_weighted_total_by_hand(self):
        terms = self.build(kl=0.5, emd=0.95, density=0.05)(output_of(self.PREDICTED), self.TARGET)
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(
            {
                "total": 0.5 * self.KL + 0.95 * self.EMD + 0.05 * self.DENSITY,
                "kl": self.KL,
                "emd": self.EMD,
                "density": self.DENSITY,
            }
        )

    @pytest.mark.parametrize(("term", "value"), [("kl", KL), ("emd", EMD), ("density", DENSITY), ("ce", CE)])
    def test_one_term_alone(self, term, value):
        config = {"kl": 0, "emd": 0, "density": 0, term: 2}
        terms = self.build(**config)(output_of(self.PREDICTED), self.TARGET)
        assert {name: each.item() for name, each in terms.items()} == pytest.approx({"total": 2 * value, term: value})

    def test_evidence(self):
        logits = tensor([[0, 0, 0], [0, 0, 0]])
        terms = self.build(kl=0, emd=1, evidence=3)(output_of(self.PREDICTED, evidence=logits), self.TARGET)
        assert terms["evidence"].item() == pytest.approx(math.log(2))
        assert terms["total"].item() == pytest.approx(self.EMD + 3 * math.log(2))

    def test_evidence_without_evidence(self):
        with pytest.raises(ValueError, match="returns no evidence; set it to 0"):
            self.build(evidence=1)(output_of(self.PREDICTED), self.TARGET)

    def test_raw_only_touches_the_emd(self):
        output = output_of(self.PREDICTED, raw=2 * self.PREDICTED)
        terms = self.build(kl=1, emd=1, density=1, emd_on="raw")(output, self.TARGET)
        assert terms["kl"].item() == pytest.approx(self.KL)
        assert terms["density"].item() == pytest.approx(self.DENSITY)
        # Raw (1/2, 1, 1/2), (1, 1, 0): CDF differences 0, -1/2, -1 and 0, -1, -1: 1/2 and 2/3.
        assert terms["emd"].item() == pytest.approx(7 / 12)
        assert self.build(kl=0, emd=1)(output, self.TARGET)["emd"].item() == pytest.approx(self.EMD)

    def test_root_epsilon_in_training_only(self):
        objective = build_objective(ObjectiveConfig(kl=0, emd=1), [1, 2, 3], SPACE3)
        output = output_of(self.TARGET)
        assert objective.train()(output, self.TARGET)["total"].item() == pytest.approx(math.sqrt(ROOT_EPS))
        assert objective.eval()(output, self.TARGET)["total"].item() == 0

    def test_float64_targets_with_float32_models(self):
        terms = self.build(emd=1, density=1)(output_of(self.PREDICTED.float()), self.TARGET)
        assert {term.dtype for term in terms.values()} == {torch.float32}
        assert terms["kl"].item() == pytest.approx(self.KL)

    def test_gradients_reach_the_model_through_every_term(self):
        raw = torch.rand(2, 3, generator=torch.manual_seed(0), requires_grad=True)
        logits = torch.zeros(2, 3, requires_grad=True)
        output = output_of(raw / raw.sum(dim=1, keepdim=True), raw=raw, evidence=logits)
        terms = self.build(kl=1, emd=1, density=1, evidence=1, emd_on="raw")(output, self.TARGET.float())
        for name in ("kl", "emd", "density"):
            (slope,) = torch.autograd.grad(terms[name], raw, retain_graph=True)
            assert torch.isfinite(slope).all() and slope.abs().sum() > 0
        terms["total"].backward()
        assert logits.grad.abs().sum() > 0


class TestBuild:
    def test_default_is_kl_alone(self):
        objective = build_objective(ObjectiveConfig(), np.ones(8), MIKELS8)
        assert isinstance(objective, Objective) and objective.weights == {"kl": 1}

    def test_wheel_without_a_wheel(self):
        with pytest.raises(ConfigError, match="the labels ekman6 have none"):
            build_objective(ObjectiveConfig(emd=1, emd_order="wheel"), np.ones(6), EKMAN6)
        # Nothing is ordered where the EMD has no weight.
        build_objective(ObjectiveConfig(emd_order="wheel"), np.ones(6), EKMAN6)

    @pytest.mark.parametrize("options", [{}, {"emd_order": "wheel", "emd_on": "raw"}])
    def test_circular_needs_a_circle_and_equal_mass(self, options):
        with pytest.raises(ConfigError, match="circular needs emd_order: wheel and emd_on: normalised"):
            build_objective(ObjectiveConfig(emd=1, circular=True, **options), np.ones(8), MIKELS8)

    @pytest.mark.parametrize("totals", [[1, 2], [[1, 2, 3]], [1, 2, -1], [1, 2, math.nan], []])
    def test_vote_totals_are_checked(self, totals):
        with pytest.raises(ValueError, match="3 non-negative numbers, one for each label of three"):
            build_objective(ObjectiveConfig(), totals, SPACE3)
