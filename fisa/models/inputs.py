"""From what data sets hold to what models take."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fisa.datasets.sequences import Masked, SequenceInputs
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


def as_tensors(inputs: SequenceInputs) -> dict[str, Tensor]:
    """Turn a batch of sequences into tensors, by name.

    Returns:
        ``time`` float32 [B, T]. For each modality its values, and under its name with ``?`` which are there:
        ``frames`` [P, 3, S, S] and [B, T], of which P are true, in order; ``text`` and ``speech`` [P, D] and [B, T],
        likewise; ``series/<name>`` (time, value) [B, L, 2] and [B, L].
    """
    inputs = inputs.gathered()
    tensors = {"time": torch.from_numpy(np.ascontiguousarray(inputs.time))}
    if inputs.frames is not None:
        tensors["frames"] = as_tensor(inputs.frames)
        tensors["frames?"] = torch.from_numpy(inputs.places >= 0)
    for name, part in inputs.vectors.items():
        tensors |= _pair(name, Masked(part.values[part.present], part.present))
    for name, part in inputs.series.items():
        tensors |= _pair(f"series/{name}", part)
    return tensors


def as_input(inputs: np.ndarray | SequenceInputs) -> Tensor | dict[str, Tensor]:
    """Turn a batch of whatever kind into what a model takes."""
    return as_tensors(inputs) if isinstance(inputs, SequenceInputs) else as_tensor(inputs)


def _pair(name: str, part: Masked) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(part.values)),
        f"{name}?": torch.from_numpy(np.ascontiguousarray(part.present)),
    }
