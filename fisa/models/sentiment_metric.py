"""Sentiment metric learning: a classifier beside an embedding made of Gram matrices.

Source: Yang, She, Lai, Yang (2018), "Retrieving and Classifying Affective Images via Deep Metric
Learning", AAAI, known to us through the description in the project's seeds. Each stage l of the backbone goes
through a 1x1 convolution and ReLU to N' maps F_l over M positions;

    Phi_l = F_l^T F_l,   SV_l = upper triangle of Phi_l with its diagonal, N' (N' + 1) / 2 entries,
    SV = [SV_1, ..., SV_L] / |[SV_1, ..., SV_L]|,

the sentiment vector. The classifier reads the pooled last map. The loss weighs cross-entropy and the
constraints on distances, E = (1 - w) E_cls + w E_sml (fisa/objectives/metric.py): ``objective: {kl: 0, ce: 1 - w,
metric: w}``; KL may take the place of cross-entropy.

The distances are those of ``features``, which ``embedding`` chooses: the sentiment vector, or what the source calls FC.
Whether that is the last layer before the logits or the logits (its own text has "the activation values of
the last fully connected layer"), we do not know: ``pooled`` and ``logits``.

Deviations: the mean over positions in place of the sum, which the unit norm of SV undoes where stages have
equally many; any backbone in place of GoogLeNet, whose stages the source does not list; every embedding, not
only SV, is compared at unit length.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fisa.config import SentimentMetricConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.gram import GramStages, upper_triangle
from fisa.models.heads import distribution_of
from fisa.models.output import ModelOutput
from fisa.models.system import System


class SentimentMetric(System):
    """Backbone with a classifier on its last map and a sentiment vector of all its stages.

    Args:
        backbone: Images to feature maps.
        classes: C.
        gram_width: N'.
        embedding: What ``features`` are.
    """

    def __init__(
        self,
        backbone: Backbone,
        classes: int,
        gram_width: int,
        embedding: Literal["sentiment_vector", "pooled", "logits"],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.grams = GramStages(backbone.stage_channels, gram_width)
        self.classifier = nn.Linear(backbone.channels, classes)
        self.embedding = embedding

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are the embedding, [B, d].

        ``extras`` holds ``pooled`` [B, c], what the classifier reads; ``sentiment_vector`` [B, L N' (N' + 1) / 2] of
        unit length; and, for each of the L stages, ``gram_1``, ``gram_2``, ... [B, N', N']. Where neither ``explain``
        nor the embedding asks for them, it holds nothing.
        """
        stages = self.backbone.stages(images)
        pooled = stages[-1].mean((2, 3))
        logits = self.classifier(pooled)
        distribution = distribution_of(logits)
        embeddings, extras = {"pooled": pooled, "logits": logits}, {}
        if explain or self.embedding == "sentiment_vector":
            grams = self.grams(stages)
            vector = F.normalize(torch.cat([upper_triangle(gram) for gram in grams], dim=1), dim=1)
            embeddings["sentiment_vector"] = extras["sentiment_vector"] = vector
            extras["pooled"] = pooled
            extras |= {f"gram_{place}": gram for place, gram in enumerate(grams, 1)}
        return ModelOutput(
            logits=logits,
            distribution=distribution,
            raw=distribution,
            features=embeddings[self.embedding],
            extras=extras,
        )


def build_sentiment_metric(config: SentimentMetricConfig, space: EmotionSpace, backbone: Backbone) -> SentimentMetric:
    """Build the system from its configuration."""
    return SentimentMetric(backbone, len(space), config.gram_width, config.embedding)
