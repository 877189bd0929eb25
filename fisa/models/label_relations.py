"""How emotions are related: by the wheel, or by a graph over them. NumPy, [C, C] matrices."""

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


def reweighted_graph(weights: np.ndarray, neighbours: float) -> np.ndarray:
    """Return a graph for convolution: each row keeps 1 - ``neighbours`` for itself and shares the rest by weight.

    So Chen, Wei, Wang & Guo (2019, eq. 8) keep a label from being drowned by its neighbours. An emotion without any
    keeps all.

    Args:
        weights: [C, C], not negative; the diagonal does not count.
        neighbours: In (0, 1).

    Returns:
        [C, C], rows sum to 1.
    """
    others = weights * (1 - np.eye(len(weights)))
    total = others.sum(1, keepdims=True)
    shared = np.divide(neighbours * others, total, out=np.zeros_like(others), where=total > 0)
    return np.asarray(shared + np.diag(1 - shared.sum(1)))
