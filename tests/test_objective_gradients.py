"""Slopes of the training losses: torch.autograd.gradcheck, finite where they bend, and descent to the target."""

import math

import numpy as np
import pytest
import torch
from exact_outputs import output_of, simplex, tensor
from torch.autograd import gradcheck

from fisa.config import ObjectiveConfig
from fisa.emotions import MIKELS8
from fisa.objectives import LOG_EPS, ROOT_EPS, build_objective, cross_entropy, density, emd, evidence_bce, kl


class TestGradients:
    TARGET = simplex(4, 6)

    @pytest.mark.parametrize("r", [1, 2])
    @pytest.mark.parametrize("circular", [False, True])
    def test_emd(self, r, circular):
        # Over the softmax: the last CDF difference is 0 for distributions, a kink of r = 1 off the simplex.
        logits = simplex(4, 6, seed=1).log().requires_grad_()
        assert gradcheck(lambda z: emd(self.TARGET, z.softmax(dim=1), r, ROOT_EPS, circular), logits)

    @pytest.mark.parametrize("r", [1, 2])
    def test_emd_of_raw_sigmoids(self, r):
        logits = torch.randn(4, 6, dtype=torch.float64, generator=torch.manual_seed(1)).requires_grad_()
        assert gradcheck(lambda z: emd(self.TARGET, z.sigmoid(), r=r, eps=ROOT_EPS), logits)

    def test_density_and_kl(self):
        predicted = simplex(4, 6, seed=1).requires_grad_()
        assert gradcheck(lambda p: cross_entropy(self.TARGET, p), predicted)
        assert gradcheck(density, predicted)
        assert gradcheck(lambda p: kl(self.TARGET, p), predicted)

    def test_evidence(self):
        logits = torch.randn(4, 6, dtype=torch.float64, generator=torch.manual_seed(0)).requires_grad_()
        assert gradcheck(lambda z: evidence_bce(self.TARGET, z), logits)

    def test_through_the_softmax(self):
        # KL to softmax(z) has the slope softmax(z) - target.
        logits = torch.randn(4, 6, dtype=torch.float64, generator=torch.manual_seed(0)).requires_grad_()
        kl(self.TARGET, logits.softmax(dim=1)).sum().backward()
        assert torch.allclose(logits.grad, logits.detach().softmax(dim=1) - self.TARGET)

    HARD = (
        ([[0.25] * 4], [[0.25] * 4]),
        ([[1, 0, 0, 0]], [[1, 0, 0, 0]]),
        ([[1, 0, 0, 0]], [[0, 0, 0, 1]]),
        ([[0, 0.5, 0.5, 0]], [[0.5, 0, 0, 0.5]]),
        ([[0, 0.5, 0.5, 0]], [[0, 0, 0, 0]]),
    )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize(("target", "predicted"), HARD)
    def test_finite_at_zeros_and_at_equality(self, target, predicted, dtype):
        target = torch.tensor(target, dtype=dtype)
        for term in (
            kl,
            lambda t, p: (density(t) - density(p)).abs(),
            lambda t, p: emd(t, p, eps=ROOT_EPS),
            lambda t, p: emd(t, p, r=1),
            lambda t, p: emd(t, p, eps=ROOT_EPS, circular=True),
            lambda t, p: emd(t, p, r=1, circular=True),
        ):
            at = torch.tensor(predicted, dtype=dtype, requires_grad=True)
            value = term(target, at).sum()
            value.backward()
            assert torch.isfinite(value) and torch.isfinite(at.grad).all()

    def test_what_the_epsilons_are_for(self):
        # The plain forms do break here: the square root at 0, the entropy's slope at 0.
        at = tensor([[0.5, 0.5]], grad=True)
        emd(at.detach(), at).sum().backward()
        assert torch.isnan(at.grad).all()
        at = tensor([[1, 0]], grad=True)
        torch.special.entr(at).sum().backward()
        assert not torch.isfinite(at.grad).all()

    def test_density_pushes_zeros_up_with_the_stated_slope(self):
        at = tensor([[1, 0]], grad=True)
        density(at).sum().backward()
        assert at.grad.tolist() == [pytest.approx([-1, -math.log(LOG_EPS)])]

    def test_descent_reaches_the_target(self):
        # Every shipped kind of loss must have the target as its minimum, and a way there.
        target = simplex(6, 8)
        for config in (
            ObjectiveConfig(),
            ObjectiveConfig(kl=0, emd=0.95, density=0.05),
            ObjectiveConfig(kl=0, emd=1, emd_order="wheel", circular=True),
            ObjectiveConfig(kl=0, emd=1, emd_r=1),
        ):
            objective = build_objective(config, np.arange(8), MIKELS8)
            logits = torch.zeros(6, 8, dtype=torch.float64, requires_grad=True)
            adam = torch.optim.Adam([logits], lr=0.1)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 300)
            for _ in range(300):
                adam.zero_grad()
                objective(output_of(logits.softmax(dim=1)), target)["total"].backward()
                adam.step()
                schedule.step()
            assert (logits.softmax(dim=1) - target).abs().max() < 0.02
