"""Two-level attention: over the places of each stage of a network, then over the stages.

Source: Wang, Peng, Pan, Hu, Jin, Ren, "Two-level attention with multi-task learning for facial emotion estimation",
MMM 2019, in the partly garbled Chinese notes of the project's seeds; residual attention is that of Wang et al. (2017).
With the maps T_1 .. T_L of a backbone, from shallow to deep,

    first level:    M_l = sigmoid(mask branch of T_l), in (0, 1);   A_l = (1 + M_l) * T_l
    of each stage:  x_l = mean over places of ReLU(1x1 convolution of A_l)
    second level:   h_1 .. h_L = bi-directional RNN of x_1 .. x_L;   a = softmax over l of v . tanh(U h_l);
                    s = sum_l a_l h_l
    ratings:        valence and arousal, linear in s;   emotions: softmax of a linear map of s

The mask branch pools by maximum ``pools`` times, and doubles its map as often by bilinear interpolation, with a
convolution behind each step, so that it sees more of the image than T_l does and gates every entry of it. 1 + M
instead of M keeps what the network has learned where the mask is small.

Unknown in the notes, so options here: the cell of the RNN, all widths, the number of pools. "Two-stage multi-task" is
named there and not defined. The abstract of the authors' later paper (arXiv:1811.12139) says that it uses categorical
representations to improve the dimensional ones and estimates valence and arousal together; our reading of that is
``two_stage``: stage one predicts the emotions, stage two reads valence and arousal from s beside them. ``joint`` has
one s for both ratings, ``separate`` a second level of its own for each: multi-task ablated behind the stages.

Deviations: an attended map goes to its 1x1 convolution, but not into the next block of the network, so that any
backbone serves; convolutions of the mask branch are plain and narrow, without normalisation; the form of self-attention
is that of Lin et al. (2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fisa.config import ConfigError, TwoLevelAttentionConfig
from fisa.emotions import DIMENSIONS, EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of, emotion_head, rating_head
from fisa.models.output import ModelOutput
from fisa.models.system import System

CELLS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class MaskBranch(nn.Module):
    """Bottom-up, top-down: a soft mask from 0 to 1 for every entry of a map.

    Args:
        channels: c of the map.
        width: Channels inside.
        pools: Halvings, and doublings; a map of one row or column is not halved further.
    """

    def __init__(self, channels: int, width: int, pools: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, width, 1)
        self.down = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(pools))
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(pools))
        self.leave = nn.Conv2d(width, channels, 1)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Map [B, c, h, w] to the same shape."""
        inside = self.enter(feature_map).relu()
        sizes = []
        for layer in self.down:
            sizes.append(inside.shape[2:])
            if min(inside.shape[2:]) > 1:
                inside = F.max_pool2d(inside, 2)
            inside = layer(inside).relu()
        for layer, size in zip(self.up, reversed(sizes), strict=True):
            inside = layer(F.interpolate(inside, size=size, mode="bilinear", align_corners=False)).relu()
        mask: Tensor = self.leave(inside).sigmoid()
        return mask


class SecondLevel(nn.Module):
    """A sequence over the stages to one vector.

    Args:
        stages: L.
        width: Of each entry of the sequence.
        hidden: Of the RNN in each direction.
        kind: ``attention``: RNN, and a weighted mean of its states; ``rnn``: their plain mean; ``none``: the entries
            side by side, without an RNN.
        cell: A key of ``CELLS``.
    """

    def __init__(
        self,
        stages: int,
        width: int,
        hidden: int,
        kind: Literal["attention", "rnn", "none"],
        cell: Literal["rnn", "gru", "lstm"],
    ) -> None:
        super().__init__()
        self.kind = kind
        self.width = stages * width if kind == "none" else 2 * hidden
        if kind != "none":
            self.rnn = CELLS[cell](width, hidden, batch_first=True, bidirectional=True)
        if kind == "attention":
            self.mix = nn.Linear(2 * hidden, hidden)
            self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, sequence: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map [B, L, width] to a vector [B, self.width] and the weights of the stages [B, L], or None."""
        if self.kind == "none":
            return sequence.flatten(1), None
        states, _ = self.rnn(sequence)
        if self.kind == "rnn":
            return states.mean(1), None
        weights = self.score(self.mix(states).tanh()).squeeze(2).softmax(1)
        return (weights.unsqueeze(2) * states).sum(1), weights


class TwoLevelAttention(System):
    """See the module.

    Args:
        backbone: Its stages are attended to.
        classes: C; with 0 there is no classifier.
        config: Ablations and widths.
    """

    def __init__(self, backbone: Backbone, classes: int, config: TwoLevelAttentionConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.config = config
        channels = backbone.stage_channels
        self.masks = nn.ModuleList(
            MaskBranch(each, config.mask_width, config.pools) for each in channels if config.first_level
        )
        self.project = nn.ModuleList(nn.Conv2d(each, config.width, 1) for each in channels)
        shared = classes > 0 or config.multi_task != "separate"
        self.second = self._second() if shared else None
        self.classifier = emotion_head(0 if self.second is None else self.second.width, classes)
        self.classes = classes
        self.own: nn.ModuleDict | None = None
        self.rate: nn.Module | None = None

    def add_ratings(self) -> None:
        """Add what the configuration's ``multi_task`` says.

        Raises:
            ConfigError: ``two_stage``, and no emotions are learned.
        """
        if self.config.multi_task == "separate":
            levels = {name: self._second() for name in DIMENSIONS}
            self.own = nn.ModuleDict(levels)
            self.rate = nn.ModuleList(nn.Linear(level.width, 1) for level in levels.values())
            return
        assert self.second is not None
        if self.config.multi_task == "joint":
            self.rate = rating_head(self.second.width)
        elif self.classes:
            self.rate = rating_head(self.second.width + self.classes)
        else:
            raise ConfigError(
                "model.multi_task is two_stage, which reads ratings from emotions, and none are learned; set it to "
                "joint, or give a weight such as objective.kl for data with emotions"
            )

    def _second(self) -> SecondLevel:
        config, stages = self.config, len(self.backbone.stage_channels)
        return SecondLevel(stages, config.width, config.hidden, config.second_level, config.cell)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are the vectors behind the second level.

        With ``explain``, ``extras`` holds the masks of the first level ``mask_1``, ... [B, h_l, w_l], mean over the
        channels, and the weights of the stages, ``stage_attention`` [B, L], or ``stage_attention_valence`` and
        ``stage_attention_arousal`` of a second level of their own.
        """
        stages = self.backbone.stages(images)
        extras: dict[str, Tensor] = {}
        for place, branch in enumerate(self.masks):
            mask = branch(stages[place])
            stages[place] = (1 + mask) * stages[place]
            extras[f"mask_{place + 1}"] = mask.mean(1)
        pooled = [layer(stage).relu().mean((2, 3)) for layer, stage in zip(self.project, stages, strict=True)]
        sequence = torch.stack(pooled, dim=1)
        vectors = []
        if self.second is not None:
            vector, weights = self.second(sequence)
            vectors.append(vector)
            if weights is not None:
                extras["stage_attention"] = weights
        logits = self.classifier(vectors[0] if vectors else sequence.flatten(1))
        distribution = distribution_of(logits)
        ratings = self._ratings(sequence, vectors, distribution, extras)
        return ModelOutput(
            logits=logits,
            distribution=distribution,
            raw=distribution,
            features=torch.cat(vectors, dim=1),
            ratings=ratings,
            extras=extras if explain else {},
        )

    def _ratings(
        self, sequence: Tensor, vectors: list[Tensor], distribution: Tensor, extras: dict[str, Tensor]
    ) -> Tensor | None:
        """Return ratings [B, 2], where there is a head; add own vectors to ``vectors``, own weights to ``extras``."""
        if self.rate is None:
            return None
        if self.own is None:
            given = [vectors[0], distribution] if self.config.multi_task == "two_stage" else [vectors[0]]
            ratings: Tensor = self.rate(torch.cat(given, dim=1))
            return ratings
        assert isinstance(self.rate, nn.ModuleList)
        columns = []
        for (name, level), head in zip(self.own.items(), self.rate, strict=True):
            vector, weights = level(sequence)
            vectors.append(vector)
            columns.append(head(vector))
            if weights is not None:
                extras[f"stage_attention_{name}"] = weights
        return torch.cat(columns, dim=1)


def build_two_level_attention(
    config: TwoLevelAttentionConfig, space: EmotionSpace, backbone: Backbone
) -> TwoLevelAttention:
    """Build the system from its configuration."""
    return TwoLevelAttention(backbone, len(space), config)
