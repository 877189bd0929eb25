"""The path test on systems whose paths are known by construction."""

import numpy as np
import pytest
import torch
from families import answer, family
from tiny import TINY_FISA

from fisa.config import RunConfig
from fisa.emotions import MIKELS8
from fisa.explain.counterfactuals import Answer, Family
from fisa.explain.paths import grade_paths
from fisa.models import Fisa, build_model
from fisa.models.attention import ClassFeatures

IDS = np.array([[1, 2], [0, 0]], np.int16)
RANDOM = np.random.default_rng(0)


def system(**options: object) -> Fisa:
    torch.manual_seed(0)
    config = RunConfig.model_validate({"name": "fisa", "model": TINY_FISA | options})
    model = build_model(config.model, MIKELS8).eval()
    assert isinstance(model, Fisa)
    return model


def scenes(model: Fisa, moved: np.ndarray) -> tuple[list[Family], list[Answer]]:
    """Five scenes with emotions 1 and 6; feature k moves where ``moved[place, k]`` as each is left out."""
    said = []
    for _ in range(5):
        before = RANDOM.normal(size=(8, 16)).astype(np.float32)
        after = [before + row[:, None] * RANDOM.normal(size=(8, 16)).astype(np.float32) for row in moved]
        features = np.stack([before, *after]).astype(np.float32)
        with torch.no_grad():
            logits = model.interact(ClassFeatures(torch.from_numpy(features)), explain=False).logits
        said.append(Answer(logits.double().numpy(), None, features))
    return [family(IDS, (1, 6))] * 5, said


def test_what_only_its_own_feature_carries_is_direct() -> None:
    model = system()
    moved = np.zeros((2, 8))
    moved[0, 1] = moved[1, 6] = 1
    found = grade_paths(model, *scenes(model, moved))
    assert found is not None
    values = [found[path].value for path in ("direct", "leak", "relay", "absent")]
    assert values == pytest.approx([1, 0, 0, 0], abs=1e-4)


def test_what_the_feature_of_the_target_sees_is_a_leak() -> None:
    model = system()
    moved = np.zeros((2, 8))
    moved[0, 6] = moved[1, 1] = 1
    found = grade_paths(model, *scenes(model, moved))
    assert found is not None
    assert [found[path].value for path in ("direct", "leak", "relay")] == pytest.approx([0, 1, 0], abs=1e-4)


def test_without_interaction_nothing_is_direct_and_the_other_paths_are_the_whole() -> None:
    # z_i reads F_i alone: leaving j out reaches it through F_i, and through the absent logits that make the gauge.
    model = system(heads=0)
    found = grade_paths(model, *scenes(model, np.ones((2, 8))))
    assert found is not None
    assert found["direct"].value == pytest.approx(0, abs=1e-6)
    assert found["leak"].value + found["relay"].value == pytest.approx(1, abs=1e-4)
    assert found["leak"].low <= found["leak"].value <= found["leak"].high


def test_the_change_of_absent_features_is_relative_to_their_length() -> None:
    model = system()
    features = np.zeros((3, 8, 2), np.float32)
    features[:, :, 0] = 4
    features[1:, :, 1] = 1  # a step of 1 beside a length of 4, for present and absent ones alike
    found = grade_paths(model, [family(IDS, (1, 6))], [answer(np.ones((2, 8)), np.tile(features, (1, 1, 8)))])
    assert found is not None and found["absent"].value == pytest.approx(0.25)


def test_a_system_without_class_features_has_no_paths() -> None:
    config = RunConfig.model_validate({"name": "cnn", "model": {"name": "cnn"}})
    model = build_model(config.model, MIKELS8)
    assert grade_paths(model, [family(IDS, (1, 6))], [answer(np.ones((2, 8)))]) is None
