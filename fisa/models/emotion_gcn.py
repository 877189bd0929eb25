"""EmotionGCN: the classifiers of the emotions come from a graph between them.

Source: He, Jin (2019), "Image Emotion Distribution Learning with Graph Convolutional Networks", ICMR, of which we
have the abstract: a graph convolution models the correlation between emotions, which is mined from the data or taken
from Mikels' wheel. The form is that of Chen, Wei, Wang, Guo (2019), "Multi-Label Image Recognition with Graph
Convolutional Networks", CVPR, which we take it to follow:

    V = G LeakyReLU(G E U_1) U_2,   z_i = V_i . f

with label embeddings E, pooled features f and a graph G whose rows sum to 1. The graph ``data`` holds the share of the
images with emotion i that have j, too, 1 from ``threshold`` on and 0 below; ``wheel`` holds exp(-steps^2 / 2 sigma^2).
Either is then reweighted so that a row gives ``neighbours`` to other emotions and the rest to its own.

Deviations: learned embeddings, where Chen et al. have GloVe vectors; no symmetric normalisation after the reweighting,
whose rows sum to 1 already; any backbone. Whether pooling is by mean or maximum (Chen et al.) is an option.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fisa.config import EmotionGcnConfig
from fisa.datasets.statistics import co_occurrence
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of
from fisa.models.label_relations import reweighted_graph, wheel_kernel, wheel_steps_for
from fisa.models.output import ModelOutput
from fisa.models.system import System

SLOPE = 0.2
"""Of LeakyReLU below 0 (Chen et al. 2019)."""


class EmotionGcn(System):
    """Backbone, pooling, and classifiers that a graph convolution makes of label embeddings.

    Args:
        backbone: Images to feature maps.
        graph: G to begin with, [C, C].
        data_graph: Threshold and neighbours of the graph that :meth:`fit_labels` makes, or None to keep ``graph``.
        embedding: Width of a label embedding.
        hidden: Width between the two convolutions.
        pool: Mean or maximum over positions.
    """

    graph: Tensor

    def __init__(
        self,
        backbone: Backbone,
        graph: Tensor,
        data_graph: tuple[float, float] | None,
        embedding: int,
        hidden: int,
        pool: Literal["mean", "max"],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.data_graph = data_graph
        self.pool = pool
        self.register_buffer("graph", graph)
        self.labels = nn.Parameter(torch.randn(len(graph), embedding))
        self.first = nn.Linear(embedding, hidden, bias=False)
        self.second = nn.Linear(hidden, backbone.channels, bias=False)

    def fit_labels(self, target: np.ndarray) -> None:
        """Make the graph of which emotions go together in the training labels, where it is that."""
        if self.data_graph is not None:
            threshold, neighbours = self.data_graph
            edges = (co_occurrence(target) >= threshold).astype(float)
            self.graph.copy_(torch.from_numpy(reweighted_graph(edges, neighbours)))

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are pooled, [B, c].

        ``extras`` holds ``graph`` [B, C, C] and ``classifiers`` [B, C, c], the V that the graph convolution made.
        """
        feature_map = self.backbone(images)
        pooled = feature_map.mean((2, 3)) if self.pool == "mean" else feature_map.amax((2, 3))
        hidden = F.leaky_relu(self.graph @ self.first(self.labels), SLOPE)
        classifiers = self.graph @ self.second(hidden)
        logits = pooled @ classifiers.T
        distribution = distribution_of(logits)
        constant = {"graph": self.graph, "classifiers": classifiers.detach()}
        extras = {name: value.expand(len(images), -1, -1) for name, value in constant.items()}
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=pooled, extras=extras)


def build_emotion_gcn(config: EmotionGcnConfig, space: EmotionSpace, backbone: Backbone) -> EmotionGcn:
    """Build the system; raise ConfigError where its graph needs a wheel that the labels do not have."""
    if config.graph == "wheel":
        steps = wheel_steps_for("emotion_gcn", space, "set model.graph to data")
        graph = reweighted_graph(wheel_kernel(steps, config.sigma), config.neighbours)
    else:
        graph = np.eye(len(space))
    data_graph = (config.threshold, config.neighbours) if config.graph == "data" else None
    return EmotionGcn(
        backbone, torch.from_numpy(graph).float(), data_graph, config.embedding, config.hidden, config.pool
    )
