"""Backbones: receptive field by gradient, loading torchvision and weights from a file."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fisa.config import TorchvisionBackboneConfig
from fisa.models.backbones import (
    BackboneError,
    FeaturesBackbone,
    PlainBackbone,
    build_backbone,
    load_torchvision,
    measured_receptive_field,
)


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_plain_states_the_receptive_field_that_its_gradient_has(depth: int, fine: bool) -> None:
    torch.manual_seed(0)
    backbone = PlainBackbone(width=12, depth=depth, fine=fine)
    assert measured_receptive_field(backbone) == backbone.receptive_field


def test_plain_has_stride_eight() -> None:
    assert PlainBackbone(width=12, depth=1)(torch.zeros(2, 3, 96, 128)).shape == (2, 12, 12, 16)


def test_the_stages_of_plain_end_with_its_map() -> None:
    torch.manual_seed(0)
    backbone, images = PlainBackbone(width=20, depth=2).eval(), torch.randn(1, 3, 32, 32)
    stages = backbone.stages(images)
    # Strides 4, 4 and 8; half the width until the last.
    assert [tuple(stage.shape[1:]) for stage in stages] == [(10, 8, 8), (10, 8, 8), (20, 4, 4)]
    assert backbone.stage_channels == (10, 10, 20)
    assert torch.equal(stages[-1], backbone(images))


def test_the_stages_of_torchvision_are_the_modules_named_and_change_no_weights() -> None:
    config = TorchvisionBackboneConfig(name="torchvision", network="resnet18", stage="layer2")
    several = TorchvisionBackboneConfig(**config.model_dump() | {"stages": ("relu", "layer1")})
    plain, backbone = build_backbone(config), build_backbone(several).eval()
    assert plain.stage_channels == (128,) and backbone.stage_channels == (64, 64, 128)
    assert {name: value.shape for name, value in plain.state_dict().items()} == {
        name: value.shape for name, value in backbone.state_dict().items()
    }
    images = torch.randn(1, 3, 64, 64)
    stages = backbone.stages(images)
    assert [tuple(stage.shape[1:]) for stage in stages] == [(64, 32, 32), (64, 16, 16), (128, 8, 8)]
    assert torch.equal(stages[-1], backbone(images))


def test_an_unknown_one_of_several_stages_is_named() -> None:
    config = TorchvisionBackboneConfig(name="torchvision", network="resnet18", stage="layer2", stages=("layer7",))
    with pytest.raises(BackboneError, match="no module 'layer7'"):
        build_backbone(config)


@pytest.mark.parametrize(
    ("network", "stage", "stages", "says"),
    [
        ("resnet18", "fc", (), r"cannot be cut after 'fc' \(of a 64 px image it is \[1, 1000\]"),
        ("resnet18", "", (), "cannot be cut after ''"),
        ("swin_t", "features.1", (), r"it is \[1, 16, 16, 96\], which is no map of channels, rows and columns"),
        ("squeezenet1_1", "features.3", ("features.6",), "features.6 do not all come before stage 'features.3'"),
        ("squeezenet1_1", "features.3", ("features.3",), "features.3 do not all come before stage 'features.3'"),
    ],
)
def test_stages_that_give_no_map_or_stand_in_another_order(
    network: str, stage: str, stages: tuple[str, ...], says: str
) -> None:
    config = TorchvisionBackboneConfig(name="torchvision", network=network, stage=stage, stages=stages)
    with pytest.raises(BackboneError, match=says):
        build_backbone(config)


def test_a_single_vector_takes_part_in_statistics_that_processes_share() -> None:
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(FeaturesBackbone(2)).train()
    seen: list[int] = []
    shared.scale.register_forward_pre_hook(lambda layer, inputs: seen.append(len(inputs[0])))
    with pytest.raises(ValueError, match="more than 1 value"):  # here are no others
        shared(torch.ones(1, 2))
    assert seen == [1]  # else the others would wait for this process for hours
    alone = FeaturesBackbone(2).train()
    torch.testing.assert_close(alone(torch.ones(1, 2)).flatten(), torch.ones(2))


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


class TestWeightsByName:
    """torchvision's own path, with what it would have downloaded put where it keeps downloads."""

    CONFIG = TorchvisionBackboneConfig(
        name="torchvision", network="squeezenet1_1", stage="features.7", weights="IMAGENET1K_V1"
    )

    @pytest.fixture
    def downloaded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        url = load_torchvision().models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url
        file: Path = tmp_path / "hub" / "checkpoints" / Path(url).name
        file.parent.mkdir(parents=True)
        return file

    def test_they_are_loaded(self, downloaded: Path) -> None:
        torch.manual_seed(1)
        state = load_torchvision().models.squeezenet1_1().state_dict()
        torch.save(state, downloaded)
        torch.manual_seed(2)
        loaded = dict(build_backbone(self.CONFIG).named_parameters())["body.features.0.weight"]
        torch.testing.assert_close(loaded, state["features.0.weight"])

    def test_a_pickle_is_not_run(self, downloaded: Path, tmp_path: Path) -> None:
        trace = tmp_path / "trace"

        class Evil:
            def __reduce__(self) -> tuple[object, tuple[object, ...]]:
                return (Path.touch, (trace,))

        torch.save({"features.0.weight": Evil()}, downloaded)
        with pytest.raises(BackboneError, match="are damaged"):
            build_backbone(self.CONFIG)
        assert not trace.exists() and "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ

    def test_without_a_network_the_mend_is_named(self, downloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(*arguments: object, **options: object) -> None:
            raise URLError("Name or service not known")

        monkeypatch.setattr("torch.hub.urlopen", unreachable)
        with pytest.raises(
            BackboneError, match=r"cannot be downloaded \(Name or .*\); set model\.backbone\.weights_file"
        ):
            build_backbone(self.CONFIG)


def test_two_sources_of_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights and weights_file are both given"):
        TorchvisionBackboneConfig(
            name="torchvision", network="resnet18", stage="layer3", weights="DEFAULT", weights_file=Path("a.pth")
        )


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


def test_a_fine_map_is_the_enlarged_one_and_what_precedes_the_last_stride() -> None:
    torch.manual_seed(0)
    backbone, images = PlainBackbone(width=12, depth=1, fine=True).eval(), torch.randn(2, 3, 32, 48)
    assert backbone(images).shape == (2, 12, 8, 12)
    _, before, end = backbone.stages(images)
    torch.testing.assert_close(end, backbone(images))
    coarse = backbone.body(images)
    enlarged = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(end, (enlarged + backbone.lateral(before)).relu())  # type: ignore[misc]
