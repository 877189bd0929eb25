"""DBC-LDL: binary codes, and the mean distribution of the training images with the nearest ones.

Source: Wang, Geng (2019), "Discrete Binary Coding based Label Distribution Learning", IJCAI, of which we have the
abstract: binary codes are learned from pairwise similarities and from the label distributions, and a fast search for
nearest neighbours predicts. Its forerunner (Wang, Geng 2018, BC-LDL, abstract too) predicts the mean of the
distributions of the k nearest training instances in Hamming space. We take both together:

    h = tanh(A f + b),   code = sign(h) in {-1, 1}^K,   q = mean of t over the nearest images of the memory

with f the pooled features. Those at the distance of the k-th count too, so that ties are not cut by chance. Until the
memory is filled, which is after training, q = softmax(W code + w), with the slope of h (straight through): so KL trains
the codes from the distributions, and chooses the epoch. Similarities and quantisation are terms of the objective
(fisa/objectives/coding.py): ``objective: {kl: 1, code_similarity: l1, code_quantisation: l2}``.

Deviations: a network trained by gradient where theirs are given features and discrete optimisation, whose formulas
we do not have; exact search; a memory of so many training images, drawn once, in place of all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fisa.config import DbcLdlConfig
from fisa.emotions import EmotionSpace
from fisa.models.backbones import Backbone
from fisa.models.heads import distribution_of
from fisa.models.inputs import as_tensor
from fisa.models.output import ModelOutput
from fisa.models.system import System

CHUNK = 128
"""Images encoded at a time."""


class DbcLdl(System):
    """Backbone, pooling, binary code, nearest codes of a memory.

    Args:
        backbone: Images to feature maps.
        classes: C.
        bits: K.
        neighbours: k.
        memory: Training images to remember, at most.
    """

    codes: Tensor
    targets: Tensor

    def __init__(self, backbone: Backbone, classes: int, bits: int, neighbours: int, memory: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.encoder = nn.Linear(backbone.channels, bits)
        self.decoder = nn.Linear(bits, classes)
        self.neighbours = neighbours
        # An empty place has a code of zeros. Fixed sizes, so that stored weights fit a model that has seen no data.
        self.register_buffer("codes", torch.zeros(memory, bits, dtype=torch.int8))
        self.register_buffer("targets", torch.zeros(memory, classes))

    def forward(self, images: Tensor, explain: bool = True) -> ModelOutput:
        """Map normalised images [B, 3, S, S] to a prediction; features are h, [B, K].

        ``extras`` holds ``code`` [B, K], -1 or 1, and ``decoded`` [B, C], the prediction without the memory.
        """
        relaxed = self.encode(images)
        sign = signs(relaxed)
        logits = self.decoder(relaxed + (sign - relaxed).detach())
        decoded = distribution_of(logits)
        extras = {"code": sign, "decoded": decoded}
        if self.training:
            self.codes.zero_()  # a step makes what was remembered stale
        if not self.codes.any():
            return ModelOutput(logits=logits, distribution=decoded, raw=decoded, features=relaxed, extras=extras)
        found = nearest_mean(sign, self.codes, self.targets, self.neighbours)
        logits = found.clamp_min(torch.finfo(found.dtype).tiny).log()
        return ModelOutput(logits=logits, distribution=found, raw=found, features=relaxed, extras=extras)

    def encode(self, images: Tensor) -> Tensor:
        """Map normalised images [B, 3, S, S] to h, [B, K] in (-1, 1)."""
        relaxed: Tensor = self.encoder(self.backbone(images).mean((2, 3))).tanh()
        return relaxed

    def remember(self, images: np.ndarray, target: np.ndarray) -> None:
        """Fill the memory with the codes and targets of training images, the same ones whatever the seed."""
        chosen = np.sort(np.random.default_rng(0).permutation(len(images))[: len(self.codes)])
        self.codes.zero_()
        self.eval()
        for start in range(0, len(chosen), CHUNK):
            rows = chosen[start : start + CHUNK]
            with torch.no_grad():
                code = signs(self.encode(as_tensor(images[rows]).to(self.codes.device)))
            self.codes[start : start + len(rows)] = code.to(torch.int8)
            self.targets[start : start + len(rows)] = torch.from_numpy(target[rows]).to(self.targets)


def signs(relaxed: Tensor) -> Tensor:
    """Return -1 or 1 for each entry; 1 for 0."""
    return torch.where(relaxed >= 0, 1.0, -1.0)


def nearest_mean(code: Tensor, codes: Tensor, targets: Tensor, neighbours: int) -> Tensor:
    """Return the mean target of the stored codes nearest to each code in Hamming distance.

    Args:
        code: [B, K], -1 or 1.
        codes: [M, K], -1 or 1; rows of zeros are empty. At least one is not.
        targets: [M, C].
        neighbours: How many count; those as far as the last of them count, too.

    Returns:
        [B, C], rows sum to 1 as those of ``targets`` do.
    """
    filled = codes.any(1)
    agreement = code @ codes[filled].to(code.dtype).T  # K - 2 * distance
    last = agreement.topk(min(neighbours, agreement.shape[1]), dim=1).values[:, -1:]
    near = (agreement >= last).to(code.dtype)
    return near @ targets[filled] / near.sum(1, keepdim=True)


def build_dbc_ldl(config: DbcLdlConfig, space: EmotionSpace, backbone: Backbone) -> DbcLdl:
    """Build the system from its configuration."""
    return DbcLdl(backbone, len(space), config.bits, config.neighbours, config.memory)
