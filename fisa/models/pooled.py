"""A classifier on pooled features, with hidden layers and dropout: the head of VGG in any width."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of
from fisa.models.output import ModelOutput
from fisa.models.system import System


class PooledClassifier(System):
    """Backbone, global average pooling, hidden layers (linear, ReLU, dropout), linear, softmax.

    Args:
        backbone: Images to feature maps.
        classes: C.
        hidden: Width of a hidden layer.
        hidden_layers: How many; with none the pooled features go through dropout alone.
        dropout: Share of the features that training leaves out.
    """

    def __init__(self, backbone: Backbone, classes: int, hidden: int, hidden_layers: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        widths = [backbone.channels, *[hidden] * hidden_layers]
        layers: list[nn.Module] = [] if hidden_layers else [nn.Dropout(dropout)]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are pooled, [B, c]."""
        pooled = self.backbone(images).mean((2, 3))
        logits = self.classifier(self.hidden(pooled))
        distribution = distribution_of(logits)
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=pooled)
