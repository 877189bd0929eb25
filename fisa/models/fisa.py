"""FISA: emotion-wise feature interaction with self-adjustment.

Source: the FISA draft, published as Zhang, Qin, Liu, Ye, Du, "Emotion-wise feature interaction
analysis-based visual emotion distribution learning" (EFIA), The Visual Computer, 2023. Every choice
that the draft leaves open is an option; the parts in fisa/models/attention.py and interaction.py say
which reading is whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from fisa.config import ConfigError, FisaConfig
from fisa.models.attention import ChannelAttention, ClassFeatures, PooledFeatures, PositionScore, SpatialAttention
from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of, rating_head, widened
from fisa.models.interaction import Interacted, Interaction, ReadoutLayer
from fisa.models.label_vectors import SHIPPED, LabelVectors
from fisa.models.output import ModelOutput
from fisa.models.system import System


class Fisa(System):
    """Backbone, one feature per emotion, interaction between them, readout.

    With no interaction layers (H = 0) the class features go to the readout as they are: the control
    for "does interaction matter". Its contributions are then one direct "head".

    On request valence and arousal are linear in all adjusted class features together (ours). A system that learns
    them alone has no readout, and features without a name in place of the emotions': ``extras`` then holds their
    ``latent_attention`` [B, K, h, w], ``latent_effect`` and ``latent_interaction`` [B, H, K, K].

    Args:
        backbone: Images to feature maps.
        semantic: Feature maps to class features.
        layers: Interaction layers; contributions are those of the last.
        readout: Class features to logits; None where no emotions are learned.
        count: C, or K features without a name.
        dim: d.
        output: ``sigmoid`` (draft) or ``softmax``; the distribution is normalised either way.
    """

    def __init__(
        self,
        backbone: Backbone,
        semantic: nn.Module,
        layers: list[Interaction],
        readout: ReadoutLayer | None,
        count: int,
        dim: int,
        output: Literal["sigmoid", "softmax"],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.semantic = semantic
        self.layers = nn.ModuleList(layers)
        self.readout = readout
        self.output = output
        self.width = count * dim
        self.rate: nn.Module | None = None

    def add_ratings(self) -> None:
        """Add a linear layer behind the interaction, from all class features."""
        self.rate = rating_head(self.width)

    def fit_labels(self, target: np.ndarray) -> None:
        """Read the word vectors of the labels, where their embedding is made of these.

        Raises:
            ConfigError: The file cannot be read, or has not what is needed.
        """
        for part in self.modules():
            if isinstance(part, LabelVectors):
                part.read()

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction and, with ``explain``, to what explains it."""
        class_features: ClassFeatures = self.semantic(self.backbone(images))
        return self.interact(class_features, explain)

    def interact(self, class_features: ClassFeatures, explain: bool = True) -> ModelOutput:
        """Continue from class features; a caller may have changed them (path tests, what-if)."""
        features = class_features.features
        mixed: Interacted | None = None
        if explain and self.layers:
            mixed = self.layers[-1](self._adjusted(features, len(self.layers) - 1))
        if self.readout is None:
            return self._unnamed(class_features, mixed, explain)
        if not explain:
            adjusted = self._adjusted(features, len(self.layers))
            output = self._output(class_features, self.readout, self.readout(adjusted))
            output.ratings = None if self.rate is None else self.rate(adjusted.flatten(1))
            return output
        if mixed is not None:
            values, weights = mixed.values, mixed.interaction
        else:
            itself = torch.eye(features.shape[1], device=features.device, dtype=features.dtype)
            values, weights = features.unsqueeze(1), itself.expand(len(features), 1, -1, -1)
        contributions = self.readout.contributions(values, weights)
        logits = self.readout.total_bias(features.shape[1]) + contributions.sum((1, 3))
        output = self._output(class_features, self.readout, logits)
        if self.rate is not None:
            output.ratings = self.rate((weights @ values).transpose(1, 2).flatten(1))
        output.contributions = contributions
        if mixed is not None:
            output.effect, output.interaction = mixed.effect, mixed.interaction
        return output

    def _adjusted(self, features: Tensor, layers: int) -> Tensor:
        """Return class features [B, C, d] after the first ``layers`` interactions."""
        for layer in self.layers[:layers]:
            assert isinstance(layer, Interaction)
            features = layer.adjust(features)
        return features

    def _unnamed(self, class_features: ClassFeatures, mixed: Interacted | None, explain: bool) -> ModelOutput:
        """Return the ratings of a system without emotions."""
        features = class_features.features
        nothing = features.new_zeros(len(features), 0)
        extras: dict[str, Tensor] = {}
        if explain and class_features.attention is not None:
            extras["latent_attention"] = class_features.attention
        if mixed is not None:
            extras |= {"latent_effect": mixed.effect, "latent_interaction": mixed.interaction}
        adjusted = self._adjusted(features, len(self.layers))
        ratings = None if self.rate is None else self.rate(adjusted.flatten(1))
        return ModelOutput(nothing, nothing, nothing, features, ratings=ratings, extras=extras)

    def _output(self, class_features: ClassFeatures, readout: ReadoutLayer, logits: Tensor) -> ModelOutput:
        raw, distribution = normalised_output(logits, self.output)
        return ModelOutput(
            logits=logits,
            distribution=distribution,
            raw=raw,
            features=class_features.features,
            bias=readout.total_bias(logits.shape[1]),
            attention=class_features.attention,
            null=class_features.null,
            evidence=class_features.evidence,
        )


def normalised_output(logits: Tensor, output: Literal["sigmoid", "softmax"]) -> tuple[Tensor, Tensor]:
    """Return the raw output [B, C] and the distribution [B, C] whose rows sum to 1."""
    if output == "softmax":
        distribution = distribution_of(logits)
        return distribution, distribution
    logits = widened(logits)
    # Normalising in log space keeps a distribution even where every sigmoid underflows.
    return logits.sigmoid(), nn.functional.logsigmoid(logits).softmax(-1)


def build_fisa(config: FisaConfig, labels: Sequence[str], backbone: Backbone) -> Fisa:
    """Build FISA from its configuration for the emotions ``labels``, or without any for features that have no name.

    Raises:
        ConfigError: There are no labels whose vectors a file could hold.
    """
    layers = [Interaction(config.dim, config.heads, config.effect) for _ in range(config.layers if config.heads else 0)]
    readout = ReadoutLayer(len(labels), config.dim, config.readout) if labels else None
    count = len(labels) or config.latent
    semantic = _build_semantic(config, count, backbone.channels, _label_vectors(config, labels))
    return Fisa(backbone, semantic, layers, readout, count, config.dim, config.output)


def _label_vectors(config: FisaConfig, labels: Sequence[str]) -> LabelVectors | None:
    file, dimensions = SHIPPED.get(config.label_embedding, (config.label_vectors_file, config.label_dimensions))
    if file is None or dimensions is None:
        return None
    if not labels:
        raise ConfigError("fisa: data without emotions have no labels to look up; set model.label_embedding to learned")
    return LabelVectors(labels, file, dimensions, config.attention_width, config.label_vectors_trained)


def _build_semantic(config: FisaConfig, classes: int, channels: int, vectors: LabelVectors | None) -> nn.Module:
    if config.semantic_attention == "none":
        return PooledFeatures(classes, channels, config.dim)
    if config.semantic_attention == "channel":
        return ChannelAttention(classes, channels, config.dim, config.attention_width, vectors)
    score: Literal["dot", "hadamard", "map"] = "map" if config.semantic_attention == "class_maps" else config.score
    return SpatialAttention(
        classes,
        channels,
        config.dim,
        PositionScore(classes, channels, config.attention_width, score, vectors),
        per_class=config.projection == "per_class",
        evidence=config.evidence,
        null_position=config.null_position,
        null_logit=config.null_logit,
        null_slope=config.null_slope,
        null_trained=config.null_trained,
        normalised=config.normalised,
        second_order=config.second_order,
    )
