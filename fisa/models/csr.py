"""CSR: a distribution as a vector on the emotion circle.

Source: Yang, Li, Li, Wang, Gao (2021), "A Circular-Structured Representation for Visual Emotion Distribution
Learning", CVPR, and the code that its first author published: ResNet-50, global average pooling, dropout .5, linear,
softmax. With the emotions' unit vectors u_k at the middle of each eighth of the circle,

    v = sum_k q_k u_k,   polarity = the side that v points to,   type = its angle,   intensity = |v| in [0, 1].

The progressive circular loss compares these, polarity first (fisa/objectives/circular.py): ``objective: {kl: 1,
progressive: weight}``. The weight is unknown to us.

Deviation: any backbone in place of ResNet-50.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fisa.config import ConfigError, CsrConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.output import ModelOutput
from fisa.models.pooled import PooledClassifier


class Csr(PooledClassifier):
    """A pooled classifier that also places its prediction on the emotion circle.

    Args:
        backbone: Images to feature maps.
        space: Labels with a wheel.
        dropout: Share of the pooled features that training leaves out.
    """

    circle: Tensor

    def __init__(self, backbone: Backbone, space: EmotionSpace, dropout: float) -> None:
        super().__init__(backbone, len(space), 0, 0, dropout)
        self.register_buffer("circle", torch.as_tensor(space.circle()).float(), persistent=False)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction.

        ``extras`` holds ``emotion_vector`` [B, 2], whose first coordinate points to the positive emotions, and of it
        ``intensity`` [B], its length, and ``angle`` [B] in (-pi, pi], 0 at the middle of the positive emotions.
        """
        output = super().forward(images, explain)
        vector = (output.distribution @ self.circle).detach()
        output.extras["emotion_vector"] = vector
        output.extras["intensity"] = vector.norm(dim=1)
        output.extras["angle"] = torch.atan2(vector[:, 1], vector[:, 0])
        return output


def build_csr(config: CsrConfig, space: EmotionSpace, backbone: Backbone) -> Csr:
    """Build the system; raise ConfigError where the labels have no wheel."""
    if not space.wheel:
        raise ConfigError(f"model csr needs a wheel, but the labels {space.name} have none; take jcdl or another model")
    return Csr(backbone, space, config.dropout)
