"""EW-MTCNN: a linear map between emotions behind the logits, taken from the emotion wheel.

Source: Lai, Wan, Zeng (2022), "Image emotion distribution learning based on emotion wheel and
multi-task convolutional neural networks" (title translated), Journal of Jiangxi Normal University,
known to us through the unofficial implementation of kahsolt (2023), which the project's seeds name.

    x = A f + b,   z_i = sum_j W_ij x_j,   W_ij = exp(-steps_ij^2 / 2 sigma^2) / (sum over the row)

with f the pooled features and steps 0..4 on the wheel. The loss adds .3 cross-entropy with the dominant
emotion to .7 KL: ``objective: {ce: 0.3, kl: 0.7}``.

What else may stand in place of W is of that implementation: the identity, a linear layer's random weights, or the
correlation between the labels (negative entries included). There a ReLU and dropout of the VGG
classifier are left between x and W, but not where W is left away, so that its table compares two changes
at once: ``confound`` puts them there, with any W or none.

``wheel_attention`` stands for the sequel: Zeng, Chen, Fu, Zuo (2021), "Emotion wheel attention-based emotion
distribution learning", IEEE Access 9, on texts; also in Chinese, Chen et al. (2023). We know its abstract: a prior
distribution for each emotion from the wheel, brought into the network by attention. How it attends is unknown; this
reading is ours:

    W_ij(f) = softmax_j(log W_ij + q_i . k_j / sqrt(width)),   q_i = Q_i f + b_i,   k_j = K_j f + c_j

Deviations: any backbone in place of VGG19-BN with its two hidden layers; one learning rate for all layers
instead of .001 and .01; ``corr`` is the correlation of the training split and not a table of numbers.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from fisa.config import EwMtcnnConfig
from fisa.datasets.statistics import label_correlation
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of
from fisa.models.label_relations import wheel_kernel, wheel_steps_for
from fisa.models.output import ModelOutput
from fisa.models.system import System

Prior = Literal["wheel", "eye", "rand", "corr", "none", "wheel_attention"]


class WheelAttention(nn.Module):
    """Scores between emotions that depend on the image, for the wheel's prior to be tilted by.

    Args:
        channels: Of the pooled features.
        classes: C.
        width: Of queries and keys.
    """

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.shape = (classes, width)
        self.query = nn.Linear(channels, classes * width)
        self.key = nn.Linear(channels, classes * width)

    def forward(self, pooled: Tensor, prior: Tensor) -> Tensor:
        """Return the prior [C, C] as each image of pooled features [B, c] has it, [B, C, C]; rows sum to 1."""
        query, key = (part(pooled).unflatten(-1, self.shape) for part in (self.query, self.key))
        tilted: Tensor = prior.log() + query @ key.mT / math.sqrt(self.shape[1])
        return tilted.softmax(-1)


class EwMtcnn(System):
    """Backbone, pooling, linear, prior layer, softmax.

    Args:
        backbone: Images to feature maps.
        weight: W to begin with, [C, C]; row i receives, column j acts.
        trained: Whether training changes it.
        from_labels: Whether :meth:`fit_labels` replaces it by the labels' correlation.
        between: What stands between the logits of the linear layer and W.
        attention: Makes W another for each image; None leaves it as it is.
    """

    prior: Tensor

    def __init__(
        self,
        backbone: Backbone,
        weight: Tensor,
        trained: bool,
        from_labels: bool,
        between: nn.Module,
        attention: WheelAttention | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = nn.Linear(backbone.channels, len(weight))
        self.between = between
        self.from_labels = from_labels
        self.attention = attention
        if trained:
            self.prior = nn.Parameter(weight)
        else:
            self.register_buffer("prior", weight)

    def fit_labels(self, target: np.ndarray) -> None:
        """Make W the correlation of the training labels, where the prior is that."""
        if self.from_labels:
            with torch.no_grad():
                self.prior.copy_(torch.from_numpy(label_correlation(target)))

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are pooled, [B, c].

        ``extras`` holds ``prior`` [B, C, C] and ``before_prior`` [B, C], the logits that W mixes.
        """
        pooled = self.backbone(images).mean((2, 3))
        before = self.between(self.classifier(pooled))
        prior = self.prior if self.attention is None else self.attention(pooled, self.prior)
        logits = (prior @ before.unsqueeze(-1)).squeeze(-1)
        distribution = distribution_of(logits)
        extras = {"prior": prior.detach().expand(len(images), -1, -1), "before_prior": before}
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=pooled, extras=extras)


def build_ew_mtcnn(config: EwMtcnnConfig, space: EmotionSpace, backbone: Backbone) -> EwMtcnn:
    """Build the system; raise ConfigError where its prior needs a wheel that the labels do not have."""
    between = nn.Sequential(nn.ReLU(), nn.Dropout(config.dropout)) if config.confound else nn.Identity()
    weight = _initial_prior(config.prior, space, config.sigma)
    attends = config.prior == "wheel_attention"
    trained = config.trained and config.prior != "none" and not attends  # a trained weight need not stay positive
    attention = WheelAttention(backbone.channels, len(space), config.attention_width) if attends else None
    return EwMtcnn(backbone, weight, trained, config.prior == "corr", between, attention)


def _initial_prior(kind: Prior, space: EmotionSpace, sigma: float) -> Tensor:
    if kind in ("wheel", "wheel_attention"):
        steps = wheel_steps_for("ew_mtcnn", space, "set model.prior to eye, rand, corr or none")
        return torch.from_numpy(wheel_kernel(steps, sigma)).float()
    if kind == "rand":
        return nn.Linear(len(space), len(space), bias=False).weight.detach().clone()
    return torch.eye(len(space))
