"""A committee: copies of one system behind one backbone, whose geometric mean predicts; ours.

Each member learns by its own loss, so that members differ by how they began (and one is not taught to mend another's
errors). What they have in common is the backbone: Lee, Purushwalkam, Cogswell, Crandall, Batra (2015), "Why M heads
are better than one: training a diverse ensemble of deep networks", who average probabilities.

The geometric mean q_i ~ prod_m q_mi^(1/M) is the softmax of the mean logits, so that contributions stay exact: they are
those of the members, each divided by M, side by side as heads. And for every target p (Heskes 1998, "Selecting
weighting factors in logarithmic opinion pools")

    KL(p || q) = mean_m KL(p || q_m) - a,   a = -ln sum_i prod_m q_mi^(1/M) >= 0,

where the ambiguity a does not depend on p: it is what the committee gains on an image, whatever the truth.

Tensor shapes: B batch, C emotions, M members, H heads of a member.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of
from fisa.models.output import ModelOutput
from fisa.models.system import System


class Handed(Backbone):
    """In place of a member's backbone: the map that the committee's has made."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.channels = backbone.channels
        self.stage_channels = backbone.stage_channels
        self.receptive_field = backbone.receptive_field

    def forward(self, images: Tensor) -> Tensor:
        """Return the map [B, c, h, w] as it is."""
        return images


class Committee(System):
    """Several systems behind one backbone.

    ``extras`` holds ``ambiguity`` [B], in nats, where emotions are learned; those of the members are not passed on.

    Args:
        backbone: Images to feature maps.
        build: A member with a softmax output, from the backbone that it is given.
        members: M, at least 2.
    """

    def __init__(self, backbone: Backbone, build: Callable[[Backbone], System], members: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.members = nn.ModuleList(build(Handed(backbone)) for _ in range(members))

    def _each(self) -> list[System]:
        return [member for member in self.members if isinstance(member, System)]

    def add_ratings(self) -> None:
        """Give each member its head; the committee says their mean."""
        for member in self._each():
            member.add_ratings()

    def fit_labels(self, target: np.ndarray) -> None:
        """Let each member read what it wants to know of the labels."""
        for member in self._each():
            member.fit_labels(target)

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to the committee's prediction, in training with those of its members."""
        shared = self.backbone(images)
        outputs = [member(shared, explain) for member in self.members]
        together = _pooled(outputs)
        together.members = tuple(outputs) if self.training else ()
        return together


def _pooled(outputs: Sequence[ModelOutput]) -> ModelOutput:
    """Return what the members say together: logits and maps are means, features and heads stand side by side."""
    logits = torch.stack([output.logits for output in outputs]).mean(0)
    distribution = distribution_of(logits)
    shares = [output.contributions for output in outputs]
    return ModelOutput(
        logits=logits,
        distribution=distribution,
        raw=distribution,
        features=torch.cat([output.features for output in outputs], dim=-1),
        bias=_mean([output.bias for output in outputs]),
        attention=_mean([output.attention for output in outputs]),
        null=_mean([output.null for output in outputs]),
        evidence=_mean([output.evidence for output in outputs]),
        ratings=_mean([output.ratings for output in outputs]),
        effect=_beside([output.effect for output in outputs]),
        interaction=_beside([output.interaction for output in outputs]),
        contributions=_beside([None if share is None else share / len(outputs) for share in shares]),
        extras={"ambiguity": _ambiguity([output.distribution for output in outputs])} if logits.shape[1] else {},
    )


def _ambiguity(distributions: Sequence[Tensor]) -> Tensor:
    """Return a [B] of distributions [B, C]."""
    smallest = torch.finfo(distributions[0].dtype).tiny
    logs = torch.stack([distribution.clamp_min(smallest).log() for distribution in distributions])
    return -logs.mean(0).logsumexp(-1)


def _mean(parts: Sequence[Tensor | None]) -> Tensor | None:
    given = [part for part in parts if part is not None]
    return torch.stack(given).mean(0) if given else None


def _beside(parts: Sequence[Tensor | None]) -> Tensor | None:
    given = [part for part in parts if part is not None]
    return torch.cat(given, dim=1) if given else None
