"""Maps that point at what they rest on: a loss between a map and what covering its places takes away; ours.

Of some images of a batch and an emotion of each, the peak of its map and places around it are covered, one at a time.
The more evidence for the emotion goes with a place, the larger should the map be there. Li et al. 2018 ("Tell me where
to look: guided attention inference network") also train with what a map marks taken away, but want the class to vanish
with it; here the order of places near the peak is learned, and no gradient flows through the covered images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fisa.config import ConfigError, ObjectiveConfig
from fisa.models import ModelOutput

TINY = 1e-12
"""Below this share of a map all places are alike."""


class Pointing:
    """The loss, with its options.

    For each of the first ``pointing_share`` of the images an emotion k is drawn with probability proportional to the
    square of its description degree, and places n: the peak of map k, and others within ``pointing_reach`` of it. With
    the drop d_n = u_k(x) - u_k(x covered at n) of its evidence (of its logit, where a system has no evidence), the loss
    is KL(softmax(d / T) || softmax(log map_k)) over these places. Evidence is taken in evaluation mode. The patch is a
    square filled with the blurred image.

    Args:
        config: ``pointing_patch`` and ``pointing_reach`` are shares of the image's side, T is
            ``pointing_temperature``.
    """

    def __init__(self, config: ObjectiveConfig) -> None:
        self._config = config

    @staticmethod
    def check(output: ModelOutput) -> None:
        """Refuse a system that has no maps, or maps of a single place.

        Raises:
            ConfigError: It is one.
        """
        if output.attention is None:
            raise ConfigError(
                "objective.pointing compares attention maps with what covering places does, and this system has none; "
                "set it to 0, or take one with spatial attention, such as fisa"
            )
        if output.attention.shape[2:].numel() < 2:
            raise ConfigError(
                "objective.pointing compares the places of a map, and here a map has a single one; set it to 0, or "
                "take larger images or a backbone with a finer map"
            )

    def __call__(
        self, model: Callable[..., ModelOutput], images: Tensor, output: ModelOutput, target: Tensor
    ) -> Tensor:
        """Return the mean loss, a scalar.

        Args:
            model: The system; its mode is left as it was.
            images: [B, 3, S, S].
            output: Of ``model`` on them.
            target: [B, C].
        """
        assert output.attention is not None
        count = max(1, round(self._config.pointing_share * len(images)))
        images, rows = images[:count], torch.arange(count)
        emotion = torch.multinomial(target[:count].float().cpu().square(), 1)[:, 0]
        maps = output.attention[rows, emotion]
        y, x = self._places(maps.detach())
        covered = self._covered(images, y, x, maps.shape[1:])
        with torch.no_grad(), evaluating(model):
            tried = torch.cat([images.unsqueeze(1), covered], 1)
            found = model(tried.flatten(0, 1).contiguous(memory_format=torch.channels_last), explain=False)
        evidence = found.logits if found.evidence is None else found.evidence
        own = evidence.float().view(count, y.shape[1] + 1, -1)[rows, :, emotion]
        wanted = ((own[:, :1] - own[:, 1:]) / self._config.pointing_temperature).softmax(1)
        shares = maps[rows.unsqueeze(1), y, x].float().clamp_min(TINY).log().log_softmax(1)
        return F.kl_div(shares, wanted, reduction="batchmean")

    def _places(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows and columns, int64 [B, n], of each map's peak and of places drawn around it."""
        (height, width), drawn = maps.shape[1:], (len(maps), self._config.pointing_places)
        reach = max(1, round(self._config.pointing_reach * max(height, width)))
        peak = maps.flatten(1).argmax(1, keepdim=True).cpu()
        away = torch.randint(-reach, reach + 1, (2, *drawn))
        away[:, :, 0] = 0
        return (peak // width + away[0]).clamp(0, height - 1), (peak % width + away[1]).clamp(0, width - 1)

    def _covered(self, images: Tensor, y: Tensor, x: Tensor, cells: torch.Size) -> Tensor:
        """Return the images [B, n, 3, S, S], each covered around the centre of a place."""
        size = images.shape[-1]
        side = max(1.0, self._config.pointing_patch * size)
        pixels = torch.arange(size) + 0.5
        down, across = (
            (pixels - ((place + 0.5) * size / count).unsqueeze(-1)).abs() <= side / 2
            for place, count in ((y, cells[0]), (x, cells[1]))
        )
        inside = (down.unsqueeze(-1) & across.unsqueeze(-2)).unsqueeze(2).to(images.device)
        reach = round(side)
        blurred = F.avg_pool2d(images, 2 * reach + 1, 1, reach, count_include_pad=False)
        return torch.where(inside, blurred.unsqueeze(1), images.unsqueeze(1))


@contextmanager
def evaluating(model: Callable[..., ModelOutput]) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its parts back into the mode that it was in."""
    assert isinstance(model, nn.Module)
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
