"""Models: every system maps normalised images to a :class:`ModelOutput`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fisa.config import ModelConfig
from fisa.models.backbones import Backbone, BackboneError, build_backbone
from fisa.models.cnn import Cnn
from fisa.models.fisa import Fisa, build_fisa
from fisa.models.output import ModelOutput
from fisa.models.system import System

MODELS: Mapping[str, Callable[[Any, int, Backbone], System]] = MappingProxyType(
    {
        "fisa": build_fisa,
        "cnn": lambda config, classes, backbone: Cnn(backbone, classes),
        "cnn_mlp": lambda config, classes, backbone: Cnn(backbone, classes, config.hidden),
    }
)


def build_model(config: ModelConfig, classes: int, pretrained: bool = True) -> System:
    """Build the configured system for ``classes`` emotions.

    Args:
        config: One of the model configurations.
        classes: C.
        pretrained: Load configured backbone weights; False when a run's own weights follow.

    Raises:
        BackboneError: The backbone cannot be built or its weights do not fit.
    """
    return MODELS[config.name](config, classes, build_backbone(config.backbone, pretrained))


__all__ = ["MODELS", "BackboneError", "Fisa", "ModelOutput", "System", "build_model"]
