"""The planted label model: strengths and palette to logits, description degrees and votes.

    z_i = BETA s_i + gamma_i(B, S) + sum_{j != i} A_ij s_i s_j,    p = softmax(z),    votes ~ Multinomial(n, p)

with s_k in [0.5, 1.5] where emotion k is present and 0 where it is absent, brightness B and saturation S
standardised, and sum_i gamma_i = 0. ``AFFINITY[i, j]`` is A_ij: what the presence of emotion j (column) does to the
logit of emotion i (row). It acts only where both are present. At least three emotions are absent from every scene, so
that the absent logits give the softmax shift and A is identified.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BETA = 2.4
MAX_STRENGTH = 1.5

# Rows receive, columns act. Magnitudes .7, 1 and 1.4, half of the entries negative. Opposite signs at (i, j) and (j, i)
# are meant: a joke gains from excitement, but the excitement ebbs away in it. The columns follow MIKELS8.labels.
AFFINITY = np.array(
    [
        # amu   awe    con    exc    ang    dis    fea    sad
        [0.00, -1.00, 0.00, 1.00, -1.40, 1.00, 0.00, -0.70],  # amusement
        [0.00, 0.00, 1.00, -1.00, 0.00, -1.40, 1.40, 0.70],  # awe
        [0.70, 1.40, 0.00, 0.00, -1.40, 0.00, -1.00, 1.00],  # contentment
        [-0.70, 1.00, -1.00, 0.00, 1.40, 0.00, 0.00, -1.40],  # excitement
        [1.00, 0.00, 0.00, 0.00, 0.00, 1.40, -1.00, 0.00],  # anger
        [-1.40, 0.00, 0.00, -0.70, 0.70, 0.00, 0.70, 0.00],  # disgust
        [0.00, -0.70, 0.00, 1.40, 0.00, -0.70, 0.00, 0.00],  # fear
        [0.00, 0.00, -0.70, 0.00, 1.00, 0.00, 0.00, 0.00],  # sadness
    ]
)
AFFINITY.flags.writeable = False

# How much pleasure, arousal and dominance each emotion takes part in (a design choice in the spirit of
# Russell & Mehrabian 1977, not a measurement). gamma is this table times PALETTE_TO_PAD, centred over emotions.
PAD_LOADING = np.array(
    [
        # pleasure, arousal, dominance
        [0.5, 0.2, 0.1],  # amusement
        [0.2, 0.1, -0.4],  # awe
        [0.5, -0.5, 0.2],  # contentment
        [0.4, 0.6, 0.2],  # excitement
        [-0.4, 0.4, 0.4],  # anger
        [-0.5, 0.1, 0.1],  # disgust
        [-0.4, 0.5, -0.4],  # fear
        [-0.5, -0.4, -0.2],  # sadness
    ]
)
PAD_LOADING.flags.writeable = False

# Valdez & Mehrabian (1994), "Effects of color on emotions": standardised weights of brightness and saturation.
PALETTE_TO_PAD = np.array([[0.69, 0.22], [-0.31, 0.60], [-0.76, 0.32]])
PALETTE_TO_PAD.flags.writeable = False


def palette_logits(brightness: np.ndarray | float, saturation: np.ndarray | float) -> np.ndarray:
    """Return gamma, the palette's share of the logits.

    Args:
        brightness: Standardised brightness, shape [...].
        saturation: Standardised saturation, same shape.

    Returns:
        float64 [..., 8]; sums to 0 over the emotions.
    """
    loading = PAD_LOADING @ PALETTE_TO_PAD
    loading = loading - loading.mean(axis=0)
    return np.asarray(np.stack([brightness, saturation], axis=-1) @ loading.T)


def combined_strengths(emotions: Sequence[int], strengths: Sequence[float]) -> np.ndarray:
    """Return s_k = 1.5 (1 - prod_m (1 - s_m / 1.5)) over the motifs m of each emotion k.

    Args:
        emotions: Column of each motif's emotion.
        strengths: s_m of each motif, in [0.5, 1.5].

    Returns:
        float64 [8], at most 1.5; 0 where no motif shows the emotion.
    """
    missing = np.ones(len(AFFINITY))
    for emotion, strength in zip(emotions, strengths, strict=True):
        missing[emotion] *= 1.0 - strength / MAX_STRENGTH
    return MAX_STRENGTH * (1.0 - missing)


def scene_logits(strengths: np.ndarray, brightness: np.ndarray | float, saturation: np.ndarray | float) -> np.ndarray:
    """Return z of the module's equation.

    Args:
        strengths: [..., 8]; 0 where an emotion is absent.
        brightness: Standardised, shape [...].
        saturation: Standardised, shape [...].

    Returns:
        float64 [..., 8].
    """
    interaction = strengths * (strengths @ AFFINITY.T)
    return np.asarray(BETA * strengths + palette_logits(brightness, saturation) + interaction)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the distribution over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def cast_votes(distribution: np.ndarray, raters: np.random.Generator, votes: int) -> np.ndarray:
    """Let ``votes`` raters choose one emotion each, independently: counts ~ Multinomial(votes, distribution).

    The raters come one after another, so that the same generator asked for more votes only adds raters.

    Args:
        distribution: [8], rows sum to 1.
        raters: The scene's stream of raters.
        votes: How many raters there are, at least 1.

    Returns:
        int64 [8], sums to ``votes``.
    """
    choices = np.searchsorted(np.cumsum(distribution)[:-1], raters.random(votes), side="right")
    return np.bincount(choices, minlength=len(distribution)).astype(np.int64)
