"""Baselines without emotion-wise features: backbone, global average pooling, linear (or one hidden layer)."""

from __future__ import annotations

from torch import Tensor, nn

from fisa.models.backbones import Backbone
from fisa.models.output import ModelOutput
from fisa.models.system import System


class Cnn(System):
    """Pooled features and a classifier with softmax output.

    Args:
        backbone: Images to feature maps.
        classes: C.
        hidden: Width of a hidden layer, or None for a linear classifier.
    """

    def __init__(self, backbone: Backbone, classes: int, hidden: int | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        if hidden is None:
            self.hidden: nn.Module = nn.Identity()
            self.classifier = nn.Linear(backbone.channels, classes)
        else:
            self.hidden = nn.Sequential(nn.Linear(backbone.channels, hidden), nn.ReLU())
            self.classifier = nn.Linear(hidden, classes)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are pooled, [B, c]."""
        pooled = self.backbone(images).mean((2, 3))
        logits = self.classifier(self.hidden(pooled))
        distribution = logits.softmax(-1)
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=pooled)
