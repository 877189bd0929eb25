"""DBC-LDL: nearest codes and its terms worked by hand, the memory, gradients, eight images."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny import memorised, overfit
from torch.autograd import gradcheck

from fisa.config import DbcLdlConfig, PlainBackboneConfig
from fisa.emotions import MIKELS8
from fisa.images import normalise
from fisa.models import build_model
from fisa.models.dbc_ldl import DbcLdl, nearest_mean, signs
from fisa.objectives.coding import code_quantisation, code_similarity

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
IMAGES = torch.from_numpy(normalise(PIXELS))
TARGET = np.random.default_rng(1).dirichlet(np.ones(8), 6)


def build(**options: Any) -> DbcLdl:
    torch.manual_seed(0)
    config = DbcLdlConfig(name="dbc_ldl", backbone=PlainBackboneConfig(width=8), **{"bits": 16, "memory": 9, **options})
    model = build_model(config, MIKELS8).eval()
    assert isinstance(model, DbcLdl)
    return model


def test_the_nearest_codes_by_hand() -> None:
    codes = torch.tensor([[1, 1, 1], [1, 1, -1], [-1, -1, -1], [0, 0, 0]], dtype=torch.int8)
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [9.0, 9.0]])
    # Distances of (1, 1, 1): 0, 1, 3; of (1, -1, 1): 1, 2, 2, so that its two nearest are tied with the third. The last
    # place is empty.
    asked = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    assert nearest_mean(asked, codes, targets, 1).tolist() == [[1, 0], [1, 0]]
    assert nearest_mean(asked, codes, targets, 2).tolist() == [[0.75, 0.25], [0.5, 0.5]]
    assert nearest_mean(asked, codes, targets, 100).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_signs_are_never_zero() -> None:
    assert signs(torch.tensor([-0.1, 0.0, 0.7])).tolist() == [-1, 1, 1]


def test_a_code_says_what_its_sign_says() -> None:
    output = build()(IMAGES)
    torch.testing.assert_close(output.extras["code"], output.features.sign())
    model = build()
    decoded = (output.extras["code"] @ model.decoder.weight.T + model.decoder.bias).softmax(1)
    torch.testing.assert_close(output.distribution, decoded)  # while nothing is remembered


def test_what_is_remembered_predicts_and_a_step_of_training_forgets_it() -> None:
    model = build(neighbours=1)
    before = model(IMAGES)
    model.remember(PIXELS, TARGET)
    after = model(IMAGES)
    code = before.extras["code"]
    for row in range(6):  # its own code is at distance 0; so may others' be
        alike = (code == code[row]).all(1).numpy()
        np.testing.assert_allclose(after.distribution[row].detach(), TARGET[alike].mean(0), atol=1e-6)
    torch.testing.assert_close(after.extras["decoded"], before.distribution)
    torch.testing.assert_close(after.logits.softmax(1), after.distribution)
    restored = build()
    restored.load_state_dict(model.state_dict())
    assert restored.codes.any(1).tolist() == [True] * 6 + [False] * 3
    model.train()(IMAGES)
    assert not model.codes.any()


def test_a_memory_smaller_than_the_data_holds_images_of_all_of_them() -> None:
    model = build(memory=2)
    model.remember(PIXELS, TARGET)
    kept = [int(np.abs(TARGET - target.numpy()).sum(1).argmin()) for target in model.targets]
    assert len(set(kept)) == 2
    code = model(IMAGES).extras["code"]
    assert torch.equal(model.codes.float(), code[kept])


def test_the_terms_by_hand() -> None:
    # Codes (1, 1), (1, -1), (1, 1): agreements 0, 1, 0. Targets a, a, b: similarities 1, 0, 0, wanted 1, -1, -1.
    relaxed = torch.tensor([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    target = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # Pairs: (0 - 1)^2, (1 + 1)^2, (0 + 1)^2.
    assert code_similarity(target, relaxed).item() == pytest.approx((1 + 4 + 1) / 3)
    assert code_similarity(target[:1], relaxed[:1]).item() == 0
    assert code_quantisation(torch.tensor([[0.5, -1.0], [0.0, 0.0]])).tolist() == [0.125, 1]


def test_gradients_of_the_terms() -> None:
    target = torch.from_numpy(TARGET)
    relaxed = (torch.rand(6, 3, dtype=torch.float64, generator=torch.manual_seed(0)) - 0.5).requires_grad_()
    assert gradcheck(lambda h: code_similarity(target, h), relaxed)
    assert gradcheck(code_quantisation, relaxed)


def test_every_parameter_gets_a_gradient_through_the_sign() -> None:
    model = build().train()
    model(IMAGES).logits.square().sum().backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()] == []


def test_it_overfits_eight_images() -> None:
    model = {"name": "dbc_ldl", "backbone": {"name": "plain", "width": 8}, "bits": 16}
    objective = {"kl": 1, "code_similarity": 0.1, "code_quantisation": 0.05}
    assert memorised(overfit(model, 200, objective)) < 0.1
