"""How emotions are related: by the wheel, or by the labels of the training data. NumPy, [C, C] matrices."""

from __future__ import annotations

import numpy as np

from fisa.config import ConfigError
from fisa.emotions import EmotionSpace


def wheel_steps_for(system: str, space: EmotionSpace, instead: str) -> np.ndarray:
    """Return the steps on the wheel, int [C, C].

    Args:
        system: Name of the model that asks.
        space: The labels.
        instead: What the user can do where they have no wheel; ends the message.

    Raises:
        ConfigError: They have none.
    """
    if not space.wheel:
        raise ConfigError(f"model {system} needs a wheel, but the labels {space.name} have none; {instead}")
    return space.wheel_steps()


def wheel_kernel(steps: np.ndarray, sigma: float) -> np.ndarray:
    """Return exp(-steps^2 / 2 sigma^2) with rows brought to sum 1."""
    weights = np.exp(-(steps.astype(float) ** 2) / (2 * sigma**2))
    return np.asarray(weights / weights.sum(1, keepdims=True))


def label_correlation(target: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation between the degrees of two emotions over the samples.

    Args:
        target: [N, C].

    Returns:
        [C, C] in [-1, 1] with ones on the diagonal; an emotion that never varies correlates with no other, 0.
    """
    centred = target - target.mean(0)
    spread = np.sqrt((centred**2).sum(0))
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    correlation = scaled.T @ scaled
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)
