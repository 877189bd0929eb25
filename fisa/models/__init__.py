"""Models: every system maps normalised images to a :class:`ModelOutput`.

A row of ``MODELS`` is a function of the model's configuration, the label space and a backbone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fisa.config import CnnMlpConfig, ConfigError, FisaConfig, ModelConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone, BackboneError, build_backbone
from fisa.models.cnn import Cnn
from fisa.models.committee import Committee
from fisa.models.csr import build_csr
from fisa.models.dbc_ldl import build_dbc_ldl
from fisa.models.emotion_gcn import build_emotion_gcn
from fisa.models.ew_mtcnn import build_ew_mtcnn
from fisa.models.fisa import Fisa, build_fisa
from fisa.models.jcdl import build_jcdl
from fisa.models.multimodal_sequence import build_multimodal_sequence
from fisa.models.output import ModelOutput
from fisa.models.sentiment_metric import build_sentiment_metric
from fisa.models.ssdl import build_ssdl
from fisa.models.style_edl import build_style_edl
from fisa.models.system import System
from fisa.models.two_level_attention import build_two_level_attention


def _build_fisa(config: FisaConfig, space: EmotionSpace, backbone: Backbone) -> System:
    return _of_members(config.members, lambda own: build_fisa(config, space.labels, own), backbone)


def _build_cnn_mlp(config: CnnMlpConfig, space: EmotionSpace, backbone: Backbone) -> System:
    return _of_members(config.members, lambda own: Cnn(own, len(space), config.hidden), backbone)


def _of_members(members: int, build: Callable[[Backbone], System], backbone: Backbone) -> System:
    return build(backbone) if members == 1 else Committee(backbone, build, members)


MODELS: Mapping[str, Callable[[Any, EmotionSpace, Backbone], System]] = MappingProxyType(
    {
        "fisa": _build_fisa,
        "cnn": lambda config, space, backbone: Cnn(backbone, len(space)),
        "cnn_mlp": _build_cnn_mlp,
        "ew_mtcnn": build_ew_mtcnn,
        "sentiment_metric": build_sentiment_metric,
        "jcdl": build_jcdl,
        "ssdl": build_ssdl,
        "csr": build_csr,
        "emotion_gcn": build_emotion_gcn,
        "style_edl": build_style_edl,
        "dbc_ldl": build_dbc_ldl,
        "two_level_attention": build_two_level_attention,
        "multimodal_sequence": build_multimodal_sequence,
    }
)

RATERS = ("fisa", "cnn", "cnn_mlp", "two_level_attention")
"""The systems that can predict valence and arousal, beside emotions or alone."""


def build_model(config: ModelConfig, space: EmotionSpace, pretrained: bool = True, ratings: bool = False) -> System:
    """Build the configured system for the emotions of ``space``.

    Args:
        config: One of the model configurations.
        space: The C labels, with wheel and polarity for the systems that need them. Without labels, the system learns
            valence and arousal alone.
        pretrained: Load configured backbone weights; False when a run's own weights follow.
        ratings: Predict valence and arousal, too.

    Raises:
        BackboneError: The backbone cannot be built or its weights do not fit.
        ConfigError: The system needs a wheel, and the labels have none; or it cannot predict valence and arousal.
    """
    if ratings:
        check_rater(config)
    model = MODELS[config.name](config, space, build_backbone(config.backbone, pretrained))
    if ratings:
        model.add_ratings()
    return model


def check_rater(config: ModelConfig) -> None:
    """Raise ConfigError unless the configured system can predict valence and arousal."""
    if config.name not in RATERS:
        raise ConfigError(
            f"{config.name} cannot predict valence and arousal; set model.name to {', '.join(RATERS[:-1])} or "
            f"{RATERS[-1]}, or objective.ratings to 0"
        )


__all__ = ["MODELS", "RATERS", "BackboneError", "Fisa", "ModelOutput", "System", "build_model", "check_rater"]
