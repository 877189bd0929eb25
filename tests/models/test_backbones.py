"""Backbones: receptive field by gradient, loading torchvision and weights from a file."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fisa.config import TorchvisionBackboneConfig
from fisa.models.backbones import (
    BackboneError,
    PlainBackbone,
    build_backbone,
    load_torchvision,
    measured_receptive_field,
)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_plain_states_the_receptive_field_that_its_gradient_has(depth: int) -> None:
    torch.manual_seed(0)
    backbone = PlainBackbone(width=12, depth=depth)
    assert measured_receptive_field(backbone) == backbone.receptive_field


def test_plain_has_stride_eight() -> None:
    assert PlainBackbone(width=12, depth=1)(torch.zeros(2, 3, 96, 128)).shape == (2, 12, 12, 16)


def test_torchvision_stage_and_receptive_field() -> None:
    # resnet18 layer1 sees 43 px (design, measured by gradient); it has 64 channels at stride 4.
    backbone = build_backbone(TorchvisionBackboneConfig(name="torchvision", network="resnet18", stage="layer1"))
    assert (backbone.channels, backbone.receptive_field) == (64, 43)
    assert backbone(torch.zeros(1, 3, 64, 64)).shape == (1, 64, 16, 16)


def test_torchvision_loads_in_a_process_of_its_own() -> None:
    code = "from fisa.models.backbones import load_torchvision as load; load().models.get_model('squeezenet1_1')"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_local_weights_are_loaded(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(1)
    state = load_torchvision().models.squeezenet1_1().state_dict()
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    config = TorchvisionBackboneConfig(
        name="torchvision", network="squeezenet1_1", stage="features.7", weights_file=file
    )
    torch.manual_seed(2)
    loaded = dict(build_backbone(config).named_parameters())["body.features.0.weight"]
    torch.testing.assert_close(loaded, state["features.0.weight"])
    untouched = dict(build_backbone(config, pretrained=False).named_parameters())["body.features.0.weight"]
    assert not torch.equal(untouched, state["features.0.weight"])


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    file, trace = tmp_path / "evil.pth", tmp_path / "trace"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (trace,))

    torch.save({"features.0.weight": Evil()}, file)
    config = TorchvisionBackboneConfig(name="torchvision", network="squeezenet1_1", stage="features", weights_file=file)
    with pytest.raises(BackboneError, match=r"evil\.pth"):
        build_backbone(config)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("network", "stage", "complaint"),
    [("resnet18", "layer9", "no module 'layer9'"), ("resnet1800", "layer1", "no network 'resnet1800'")],
)
def test_unknown_network_or_stage_is_named(network: str, stage: str, complaint: str) -> None:
    with pytest.raises(BackboneError, match=complaint):
        build_backbone(TorchvisionBackboneConfig(name="torchvision", network=network, stage=stage))


def test_missing_weights_file_is_named(tmp_path: Path) -> None:
    config = TorchvisionBackboneConfig(
        name="torchvision", network="squeezenet1_1", stage="features", weights_file=tmp_path / "none.safetensors"
    )
    with pytest.raises(BackboneError, match=r"none\.safetensors: no such weights file"):
        build_backbone(config)
