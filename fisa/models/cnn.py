"""Baselines without emotion-wise features: backbone, global average pooling, linear (or one hidden layer)."""

from __future__ import annotations

from torch import Tensor, nn

from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of, emotion_head, rating_head
from fisa.models.output import ModelOutput
from fisa.models.system import System


class Cnn(System):
    """Pooled features and a classifier with softmax output; on request also valence and arousal, linear in the same.

    Args:
        backbone: Images to feature maps.
        classes: C; with 0 there is no classifier.
        hidden: Width of a hidden layer, or None for a linear classifier.
    """

    def __init__(self, backbone: Backbone, classes: int, hidden: int | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        if hidden is None:
            self.hidden: nn.Module = nn.Identity()
        else:
            self.hidden = nn.Sequential(nn.Linear(backbone.channels, hidden), nn.ReLU())
        self.width = hidden or backbone.channels
        self.classifier = emotion_head(self.width, classes)
        self.rate: nn.Module | None = None

    def add_ratings(self) -> None:
        """Add a linear layer beside the classifier."""
        self.rate = rating_head(self.width)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are pooled, [B, c]."""
        pooled = self.backbone(images).mean((2, 3))
        hidden = self.hidden(pooled)
        logits = self.classifier(hidden)
        distribution = distribution_of(logits)
        ratings = None if self.rate is None else self.rate(hidden)
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=pooled, ratings=ratings)
