"""Families of scenes made by hand, for grades: what a grade needs of a scene, without a drawing."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from fisa.explain.counterfactuals import Answer, Family


def family(ids: np.ndarray, emotions: tuple[int, ...], planted: np.ndarray | None = None) -> Family:
    """A scene that shows ``emotions``, motif m on the pixels where ``ids`` is m + 1.

    Args:
        ids: [S, S].
        emotions: Of the motifs; ascending, each once.
        planted: What leaving out each of them takes from the true logits, [P, 8].
    """
    strengths = np.zeros(8)
    strengths[list(emotions)] = 1
    changes = np.zeros((len(emotions), 8)) if planted is None else planted
    scene: Any = SimpleNamespace(
        strengths=strengths,
        logits=np.zeros(8),
        motifs=[SimpleNamespace(emotion=emotion) for emotion in emotions],
        without_emotion=lambda emotion: SimpleNamespace(logits=-changes[emotions.index(emotion)]),
    )
    image = np.random.default_rng(0).integers(0, 256, (*ids.shape, 3), dtype=np.uint8)
    return Family(scene, image, ids, emotions, tuple(image for _ in emotions))


def answer(changes: np.ndarray, features: np.ndarray | None = None) -> Answer:
    """An answer whose logits fall by ``changes`` [P, 8] as each emotion is left out."""
    logits = np.concatenate([np.zeros((1, 8)), -changes])
    return Answer(logits, None, np.zeros((len(logits), 8, 2)) if features is None else features)
