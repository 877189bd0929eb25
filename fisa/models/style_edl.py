"""StyleEDL: attention of several orders, style from Gram matrices, and a graph drawn for each image.

Source: Jing, Liu, Wang, Wei, Nie, Su (2023), "StyleEDL: Style-Guided High-order Attention Network for Image
Emotion Distribution Learning", ACM Multimedia, and the code that its authors published. With the map X,

    branch r:  X_r = X * (1/r) sum_{o=1..r} sigmoid(B_o ReLU(product of o 1x1 convolutions of X))
    style:     s = mean of convolutions over the Gram matrices of all stages, stacked
    maps:      K_r = 1x1 convolution of [X_r, s], one for each emotion;   q_r = softmax(mean K_r + w max K_r)
    graph:     nodes Y_i are the entries of all K_r of emotion i;  Y' = Y + LeakyReLU(S Y U);
               G = row softmax of a linear map of Y' beside its mean;   q_G = softmax(mean + w max of
               LeakyReLU(LeakyReLU(G Y') U'))
    q = m mean_r q_r + (1 - m) q_G

where S is the graph of which emotions go together in the training labels (fisa/models/emotion_gcn.py). w = m = .6
and two branches are the published settings.

Deviations: a cut backbone has its attention behind the last stage and not behind an early one, and class maps of one
scale, not two; the maps are averaged to ``grid`` cells a side, so that the graph fits any image; style is one
vector for the image, where the published code folds it into a map; how their S was made is unknown to us; the loss
falls on q alone, where theirs falls on every q_r and q_G; the adversarial loss that keeps branches apart is left away.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fisa.config import StyleEdlConfig
from fisa.datasets.statistics import co_occurrence
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.gram import GramStages
from fisa.models.heads import distribution_of
from fisa.models.label_relations import reweighted_graph
from fisa.models.output import ModelOutput
from fisa.models.system import System

SLOPE = 0.2
"""Of LeakyReLU below 0."""

EDGE, NEIGHBOURS = 0.4, 0.2
"""Threshold and reweighting of the static graph, those of Chen et al. (2019)."""


class HighOrderAttention(nn.Module):
    """Weighs each channel at each position by products of up to ``order`` linear maps of it.

    Args:
        channels: c.
        order: r.
    """

    def __init__(self, channels: int, order: int) -> None:
        super().__init__()
        width = max(channels // 4, 1)
        self.factors = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(channels, width, 1, bias=False) for _ in range(degree + 1))
            for degree in range(order)
        )
        self.back = nn.ModuleList(nn.Conv2d(width, channels, 1, bias=False) for _ in range(order))

    def forward(self, feature_map: Tensor) -> Tensor:
        """Map [B, c, h, w] to the same shape."""
        weights = []
        for factors, back in zip(self.factors, self.back, strict=True):
            assert isinstance(factors, nn.ModuleList)
            product = torch.stack([factor(feature_map) for factor in factors]).prod(0)
            weights.append(back(product.relu()).sigmoid())
        return feature_map * torch.stack(weights).mean(0)


class Style(nn.Module):
    """One vector of what the stacked Gram matrices look like.

    Args:
        stages: L.
        gram_width: n.
        style_width: Width of the vector.
    """

    def __init__(self, stages: int, gram_width: int, style_width: int) -> None:
        super().__init__()
        self.normalise = nn.LayerNorm((stages, gram_width, gram_width))
        self.convolve = nn.Sequential(
            nn.Conv2d(stages, style_width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(style_width, style_width, 3, padding=1),
            nn.ReLU(),
        )

    def forward(self, grams: list[Tensor]) -> Tensor:
        """Map L matrices [B, n, n] to [B, style_width]."""
        style: Tensor = self.convolve(self.normalise(torch.stack(grams, dim=1))).mean((2, 3))
        return style


class DynamicGraph(nn.Module):
    """Graph convolution over the emotions: once along a fixed graph, then along one that the nodes themselves draw.

    Args:
        classes: C.
        width: Features d of a node.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.static = nn.Linear(width, width)
        self.globally = nn.Linear(width, width)
        self.draw = nn.Linear(2 * width, classes)
        self.dynamic = nn.Linear(width, width)

    def forward(self, nodes: Tensor, graph: Tensor) -> tuple[Tensor, Tensor]:
        """Map nodes [B, C, d] and the fixed graph [C, C] to nodes and the drawn graph [B, C, C], rows sum to 1."""
        nodes = nodes + F.leaky_relu(self.static(graph @ nodes), SLOPE)
        everything = F.leaky_relu(self.globally(nodes.mean(1, keepdim=True)), SLOPE).expand_as(nodes)
        drawn = self.draw(torch.cat([everything, nodes], dim=-1)).softmax(-1)
        return F.leaky_relu(self.dynamic(F.leaky_relu(drawn @ nodes, SLOPE)), SLOPE), drawn


class StyleEdl(System):
    """Branches of attention with the image's style, and a graph convolution over their class maps.

    Args:
        backbone: Images to feature maps.
        classes: C.
        config: Widths, orders and weights.
    """

    graph: Tensor

    def __init__(self, backbone: Backbone, classes: int, config: StyleEdlConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.grid, self.maximum, self.mixture = config.grid, config.maximum, config.mixture
        self.grams = GramStages(backbone.stage_channels, config.gram_width)
        self.style = Style(len(backbone.stage_channels), config.gram_width, config.style_width)
        orders = range(1, config.orders + 1)
        self.attention = nn.ModuleList(HighOrderAttention(backbone.channels, order) for order in orders)
        inputs = backbone.channels + config.style_width
        self.to_maps = nn.ModuleList(nn.Conv2d(inputs, classes, 1) for _ in orders)
        self.convolve = DynamicGraph(classes, config.orders * config.grid**2)
        self.register_buffer("graph", torch.eye(classes))

    def fit_labels(self, target: np.ndarray) -> None:
        """Make the static graph of which emotions go together in the training labels."""
        edges = (co_occurrence(target) >= EDGE).astype(float)
        self.graph.copy_(torch.from_numpy(reweighted_graph(edges, NEIGHBOURS)))

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are attended, pooled, and style, [B, c + s].

        ``extras`` holds ``style`` [B, s], ``gram_1``, ... [B, n, n], ``class_maps`` [B, C, h, w] (the mean of the
        branches), ``static_graph`` [B, C, C] and ``graph`` [B, C, C].
        """
        stages = self.backbone.stages(images)
        grams = self.grams(stages)
        style = self.style(grams)
        attended = [attend(stages[-1]) for attend in self.attention]
        spread = style[:, :, None, None].expand(-1, -1, *stages[-1].shape[2:])
        maps = [layer(torch.cat([part, spread], dim=1)) for layer, part in zip(self.to_maps, attended, strict=True)]
        branches = torch.stack([distribution_of(self._scores(part.flatten(2))) for part in maps]).mean(0)
        nodes = torch.cat([F.adaptive_avg_pool2d(part, self.grid).flatten(2) for part in maps], dim=2)
        nodes, graph = self.convolve(nodes, self.graph)
        distribution = self.mixture * branches + (1 - self.mixture) * distribution_of(self._scores(nodes))
        features = torch.cat([torch.stack(attended).mean((0, 3, 4)), style], dim=1)
        extras = {f"gram_{place}": gram for place, gram in enumerate(grams, 1)}
        extras |= {"style": style, "class_maps": torch.stack(maps).mean(0), "graph": graph}
        extras["static_graph"] = self.graph.expand_as(graph)
        logits = distribution.clamp_min(torch.finfo(distribution.dtype).tiny).log()
        return ModelOutput(logits=logits, distribution=distribution, raw=distribution, features=features, extras=extras)

    def _scores(self, entries: Tensor) -> Tensor:
        """Map [B, C, entries] to [B, C]."""
        return entries.mean(2) + self.maximum * entries.amax(2)


def build_style_edl(config: StyleEdlConfig, space: EmotionSpace, backbone: Backbone) -> StyleEdl:
    """Build the system from its configuration."""
    return StyleEdl(backbone, len(space), config)
