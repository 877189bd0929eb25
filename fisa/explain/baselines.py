"""What an image is compared with: the same image without what it shows, in the model's own normalised values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from fisa.language import mark
from fisa.models.inputs import as_tensor

Baseline = Literal["blur", "mean", "black"]

BLUR = 1 / 8
"""Standard deviation of the blur, as a share of the image's side: motifs of Planted Affect are a quarter wide."""


def _blurred(images: Tensor) -> Tensor:
    width = BLUR * images.shape[-1]
    blurred = gaussian_filter(images.detach().numpy(), (0, 0, width, width), mode="nearest")
    return torch.from_numpy(np.ascontiguousarray(blurred))


def _mean(images: Tensor) -> Tensor:
    return images.detach().mean((2, 3), keepdim=True).expand_as(images)


def _black(images: Tensor) -> Tensor:
    size = images.shape[-1]
    return as_tensor(np.zeros((1, size, size, 3), np.uint8)).to(images).expand_as(images)


BASELINES: Mapping[Baseline, Callable[[Tensor], Tensor]] = {"blur": _blurred, "mean": _mean, "black": _black}

WORDS: Mapping[Baseline, str] = {
    "blur": mark("the image blurred by an eighth of its side"),
    "mean": mark("the image's mean colour everywhere"),
    "black": mark("a black image"),
}
ALL = mark(
    "in equal parts the image blurred by an eighth of its side, the image's mean colour everywhere, a black image"
)
"""All of ``WORDS`` in one."""


def baseline_of(images: Tensor, kind: Baseline) -> Tensor:
    """Return what images [B, 3, S, S], normalised, are compared with; same shape.

    ``blur`` keeps light and palette, which bear on emotion, and takes away what the image shows: our default.
    """
    return BASELINES[kind](images)
