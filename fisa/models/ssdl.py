"""SSDL: structured and sparse annotations.

Source: Xiong, Liu, Zhong, Fu (2019), "Structured and Sparse Annotations for Image Emotion Distribution
Learning", AAAI, of which we have the abstract only: a convolutional network, whose loss adds to KL an earth mover's
distance over ordered emotions and over emotion groups, and a sparse regularisation based on
emotional intensity.

    L = KL(t || q) + l1 EMD(t, q) + l2 EMD(sums over polarities) + l3 sparsity(t, q)

The system is a network of its kind; what is its own is the loss (fisa/objectives/structured.py): ``objective: {kl: 1,
emd: l1, emd_order: polarity, polarity_emd: l2, sparsity: l3}``.

Unknown to us, and ours: the order, the groups, the form of the sparsity, all weights, and the network, which is
here that of JCDL.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fisa.config import SsdlConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.output import ModelOutput
from fisa.models.pooled import PooledClassifier


class Ssdl(PooledClassifier):
    """A pooled classifier that also says how much of its prediction falls to each polarity.

    Args:
        backbone: Images to feature maps.
        space: Labels with their polarity.
        hidden: Width of a hidden layer.
        hidden_layers: How many.
        dropout: Share of the features that training leaves out.
    """

    groups: Tensor

    def __init__(
        self, backbone: Backbone, space: EmotionSpace, hidden: int, hidden_layers: int, dropout: float
    ) -> None:
        super().__init__(backbone, len(space), hidden, hidden_layers, dropout)
        groups = torch.tensor(space.polarity)[:, None] == torch.tensor([-1, 0, 1])
        self.register_buffer("groups", groups.float(), persistent=False)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction.

        ``extras`` holds ``polarity`` [B, 3], the mass on negative, neutral and positive emotions.
        """
        output = super().forward(images, explain)
        output.extras["polarity"] = output.distribution @ self.groups
        return output


def build_ssdl(config: SsdlConfig, space: EmotionSpace, backbone: Backbone) -> Ssdl:
    """Build the network from its configuration."""
    return Ssdl(backbone, space, config.hidden, config.hidden_layers, config.dropout)
