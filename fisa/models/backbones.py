"""Backbones: images [B, 3, S, S], or vectors [B, c], -> feature maps [B, c, h, w].

``plain`` is our small stack. ``torchvision`` cuts any network of that library after a named module;
torchvision is imported here only, and only when such a backbone is asked for, so that the built-in
data and ``--help`` need neither it nor its load time.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fisa.config import BackboneConfig, FeaturesBackboneConfig, PlainBackboneConfig, TorchvisionBackboneConfig
from fisa.exceptions import FisaError


class BackboneError(FisaError, ValueError):
    """A backbone that cannot be built; the message is one clear sentence."""


class Backbone(nn.Module):
    """A feature extractor that knows its output channels and receptive field.

    Attributes:
        channels: c of the feature map.
        stage_channels: Channels of every map that :meth:`stages` returns.
        receptive_field: Side in input pixels that one output position sees; None where unknown.
    """

    channels: int
    stage_channels: tuple[int, ...]
    receptive_field: int | None

    def stages(self, images: Tensor) -> list[Tensor]:
        """Return several feature maps from shallow to deep, each [B, c_l, h_l, w_l]; the last is that of the call."""
        raise NotImplementedError


class Residual(nn.Module):
    """x + relu(norm(conv3x3(x))): the smallest block that deepens without losing the signal."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = _convolution(width, width, kernel=3, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, width, h, w] to the same shape."""
        out: Tensor = x + self.body(x)
        return out


class PlainBackbone(Backbone):
    """Stride 4 at once, two residual blocks, stride 8, then ``depth`` residual blocks; ours.

    Receptive field 29 + 16 * depth px, 45 with one block; 8 more with ``fine``. Small on purpose: what a position
    reports should come from near that position, else an attention map explains nothing.

    The filters of the stem start free of a constant part: random filters mostly measure brightness,
    and in trials with one seed a network that first saw edges left the constant prediction sooner.

    Args:
        width: Output channels c.
        depth: Residual blocks at the last stride.
        fine: Enlarge the map twice and add what precedes the last stride, through a 1x1 convolution (Lin et al. 2017,
            "Feature pyramid networks for object detection"; theirs has a 3x3 convolution behind the sum).
    """

    def __init__(self, width: int, depth: int, fine: bool = False) -> None:
        super().__init__()
        half = max(width // 2, 8)
        stem = nn.Conv2d(3, half, 5, 4, padding=2, bias=False)
        with torch.no_grad():
            stem.weight -= stem.weight.mean((2, 3), keepdim=True)
        self.body = nn.Sequential(
            nn.Sequential(stem, nn.BatchNorm2d(half), nn.ReLU(inplace=True)),
            Residual(half),
            Residual(half),
            _convolution(half, width, kernel=3, stride=2),
            *(Residual(width) for _ in range(depth)),
        )
        self.channels = width
        self.stage_channels = (half, half, width)
        self.receptive_field = 29 + 16 * depth + (8 if fine else 0)
        self.lateral = nn.Sequential(nn.Conv2d(half, width, 1, bias=False), nn.BatchNorm2d(width)) if fine else None

    def forward(self, images: Tensor) -> Tensor:
        """Map [B, 3, S, S] to [B, width, S/8, S/8], or with ``fine`` to [B, width, S/4, S/4]."""
        return self.stages(images)[-1]

    def stages(self, images: Tensor) -> list[Tensor]:
        """Return the stem, what precedes the last stride, and the end."""
        stem: Tensor = self.body[0](images)
        before: Tensor = self.body[1:3](stem)
        end: Tensor = self.body[3:](before)
        if self.lateral is not None:
            enlarged = nn.functional.interpolate(end, size=before.shape[2:], mode="bilinear", align_corners=False)
            end = (enlarged + self.lateral(before)).relu()
        return [stem, before, end]


class TorchvisionBackbone(Backbone):
    """A torchvision network up to and including one named module.

    Args:
        network: Name for ``torchvision.models.get_model``.
        stage: Dotted module name, for example ``layer3`` of resnet18 or ``features.7`` of squeezenet1_1.
        stages: Modules before it whose outputs :meth:`stages` returns, too. An in-place activation that follows one
            counts as part of it.
        weights: Name of a weights enum member (``DEFAULT``, ``IMAGENET1K_V1``); torchvision downloads
            them once. Only tensors are read, never a pickle.
        weights_file: Local state dict, ``.safetensors`` or a ``torch.save`` file read with ``weights_only``.

    Raises:
        BackboneError: Unknown network, stage or weights, weights that cannot be had, or a file that does not fit.
    """

    def __init__(
        self,
        network: str,
        stage: str,
        weights: str | None = None,
        weights_file: Path | None = None,
        stages: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        torchvision = load_torchvision()
        from torchvision.models.feature_extraction import create_feature_extractor

        whole = _whole(torchvision, network, weights)
        if weights_file is not None:
            _load_weights(whole, weights_file)
        for name in (*stages, stage):
            if name not in dict(whole.named_modules()):
                top = ", ".join(child for child, _ in whole.named_children())
                raise BackboneError(f"{network} has no module {name!r}; its top level is {top}")
        shallow = {name: f"map {place}" for place, name in enumerate(stages)}
        try:
            self.body = create_feature_extractor(whole, {**shallow, stage: "map"})
            self.stage_channels = _channels(self.eval())
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise BackboneError(f"{network} cannot be cut after {stage!r} ({reason}); name another stage") from None
        with torch.no_grad():
            last = list(self.body(torch.zeros(1, 3, 64, 64)))[-1]
        if last != "map" or stage in stages:
            raise BackboneError(f"{network}: stages {', '.join(stages)} do not all come before stage {stage!r}")
        self.channels = self.stage_channels[-1]
        self.train()
        self.receptive_field = measured_receptive_field(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map [B, 3, S, S] to [B, c, h, w]."""
        out: Tensor = self.body(images)["map"]
        return out

    def stages(self, images: Tensor) -> list[Tensor]:
        """Return the outputs of the configured modules, that of ``stage`` last."""
        return list(self.body(images).values())


class FeaturesBackbone(Backbone):
    """Feature vectors in place of a network: a map of one position, each dimension standardised over the batch.

    Batch normalisation without weights (Ioffe & Szegedy 2015): in evaluation by the running mean and variance of
    training. One position has no place, so spatial attention is 1 there, or shared with the null position.

    Standardised, the last principal component is as loud as the first, though it carries far less of the vectors.
    Components get back their spread in proportion to each other, by the running variances, with mean variance 1.

    Args:
        dimensions: D.
        dropout: Share of the standardised numbers that training leaves out; vectors know no other augmentation.
        components: How many of the dimensions, the last ones, are principal components.
    """

    def __init__(self, dimensions: int, dropout: float = 0.0, components: int = 0) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(dimensions, affine=False)
        self.components = components
        self.channels = dimensions
        self.stage_channels = (dimensions,)
        self.receptive_field = None
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Map vectors [B, D] to [B, D, 1, 1]."""
        # The last batch of an epoch may be a single one, of which no variance is known. Of a share of a batch whose
        # variance is that of all processes (SyncBatchNorm) it is, and the others wait for this one.
        if self.training and len(images) == 1 and not isinstance(self.scale, nn.SyncBatchNorm):
            mean, variance = self.scale.running_mean, self.scale.running_var
            scaled = nn.functional.batch_norm(images, mean, variance, eps=self.scale.eps)
        else:
            scaled = self.scale(images)
        if self.components:
            assert self.scale.running_var is not None
            rest, components = scaled[:, : -self.components], scaled[:, -self.components :]
            own = self.scale.running_var[-self.components :]
            scaled = torch.cat([rest, components * (own / own.mean()).sqrt()], 1)
        out: Tensor = self.dropout(scaled)[:, :, None, None]
        return out

    def stages(self, images: Tensor) -> list[Tensor]:
        """Return the map: there is one stage."""
        return [self(images)]


def build_backbone(config: BackboneConfig, pretrained: bool = True) -> Backbone:
    """Build a backbone from its configuration.

    Args:
        config: Which backbone.
        pretrained: Load the configured weights; False when a run's own weights follow.
    """
    if isinstance(config, PlainBackboneConfig):
        return PlainBackbone(config.width, config.depth, config.fine)
    if isinstance(config, FeaturesBackboneConfig):
        return FeaturesBackbone(config.dimensions, config.dropout, config.components)
    assert isinstance(config, TorchvisionBackboneConfig)
    weights, file = (config.weights, config.weights_file) if pretrained else (None, None)
    return TorchvisionBackbone(config.network, config.stage, weights, file, config.stages)


def measured_receptive_field(backbone: nn.Module, side: int = 224) -> int:
    """Return the side in pixels that the central output position depends on, by its gradient.

    Args:
        backbone: Maps [1, 3, side, side] to [1, c, h, w]; put in evaluation mode for the measurement.
        side: Input side; also the largest answer.
    """
    training = backbone.training
    backbone.eval()
    images = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0), requires_grad=True)
    feature_map = backbone(images)
    feature_map[0, :, feature_map.shape[2] // 2, feature_map.shape[3] // 2].sum().backward()
    backbone.train(training)
    assert images.grad is not None
    touched = images.grad[0].abs().sum(0) > 0
    rows, columns = touched.any(1).nonzero(), touched.any(0).nonzero()
    if len(rows) == 0:
        return side
    return int(max(rows.max() - rows.min(), columns.max() - columns.min())) + 1


def load_torchvision() -> ModuleType:
    """Import torchvision, also beside a torch build that its compiled operators do not fit.

    The registry's torchvision is compiled for CUDA; beside a CPU build of torch its extension does not
    load, and its import then fails because it describes two operators that nobody declared. Models and
    transforms need neither. Where torchvision loads by itself this declares nothing.
    """
    try:
        import torchvision
    except RuntimeError:
        global _declared  # the declarations last as long as this object
        _declared = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        import torchvision
    module: ModuleType = torchvision
    return module


_declared: torch.library.Library | None = None


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _channels(backbone: Backbone) -> tuple[int, ...]:
    """Return the channels of the maps of a backbone; ValueError where one is no map [B, c, h, w].

    Of two sizes of images, as some networks have their channels last.
    """
    with torch.no_grad():
        small, large = ([found.shape for found in backbone.stages(torch.zeros(1, 3, side, side))] for side in (64, 96))
    for one, other in zip(small, large, strict=True):
        if len(one) != 4 or one[1] != other[1]:
            raise ValueError(f"of a 64 px image it is {list(one)}, which is no map of channels, rows and columns")
    return tuple(shape[1] for shape in small)


def _whole(torchvision: ModuleType, network: str, weights: str | None) -> nn.Module:
    try:
        with _tensors_only():
            whole: nn.Module = torchvision.models.get_model(network, weights=weights)
    except (ValueError, KeyError, AttributeError) as error:
        raise BackboneError(f"torchvision has no network {network!r} with weights {weights!r} ({error})") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise BackboneError(
            f"the weights {weights!r} of {network} cannot be downloaded ({reason}); "
            "set model.backbone.weights_file to a file that you have, or leave weights away"
        ) from None
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise BackboneError(
            f"the weights {weights!r} of {network} are damaged ({str(error).splitlines()[0]}); "
            f"delete them from {torch.hub.get_dir()}"
        ) from None
    return whole


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Let ``torch.load`` read tensors alone, which torchvision does not ask of it for what it downloads."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _load_weights(network: nn.Module, file: Path) -> None:
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except FileNotFoundError:
        raise BackboneError(f"{file}: no such weights file") from None
    except Exception as error:  # torch and safetensors raise many kinds for a broken file
        raise BackboneError(f"{file}: these weights do not fit the network ({str(error).splitlines()[0]})") from None
