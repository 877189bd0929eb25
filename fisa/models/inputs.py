"""From what data sets hold to what models take."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fisa.images import normalise


def as_tensor(inputs: np.ndarray) -> Tensor:
    """Turn a batch into a tensor.

    Args:
        inputs: Squares uint8 [B, S, S, 3], which are normalised, or vectors float32 [B, D], which stay.

    Returns:
        float32 [B, 3, S, S], channels last, or [B, D].
    """
    if inputs.dtype == np.uint8:
        return torch.from_numpy(normalise(inputs)).to(memory_format=torch.channels_last)
    return torch.from_numpy(np.ascontiguousarray(inputs))
