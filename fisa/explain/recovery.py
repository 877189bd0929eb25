"""Interaction recovery: do the contributions find the planted effects?

The planted effect of emotion j on the logit of emotion i is A_ij s_i s_j where both are present. Its
estimate from a run is c_ij(x) - c_ij(x without j), contributions summed over heads, in the absent gauge:
softmax ignores a constant added to all logits, so from every source column j the mean over the emotions
absent from the scene is subtracted. Both are averaged over the scenes that hold the pair, and compared
over the planted pairs (``r_all``: over all 56 ordered pairs). The same estimator on whole logits stands
beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fisa.datasets.planted import AFFINITY, Scene
from fisa.datasets.planted.render import render
from fisa.evaluation import Progress
from fisa.runs import Run

RESAMPLES = 1000


def absent_gauge(effect: np.ndarray, absent: NDArray[np.bool_]) -> np.ndarray:
    """Subtract the mean over absent emotions from effects [C]; ``absent`` is bool [C] with a True."""
    return np.asarray(effect - effect[absent].mean())


def scene_effects(run: Run, scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return estimated effects by contributions, by logits, and the planted ones; each [C, C], NaN off the scene.

    Args:
        run: A run with contributions.
        scene: A planted scene.
    """
    size, present = run.config.data.image_size, sorted({motif.emotion for motif in scene.motifs})
    absent = scene.strengths == 0
    variants = [scene, *(scene.without_emotion(emotion) for emotion in present)]
    output = run.output([render(variant, size).image for variant in variants])
    assert output.contributions is not None
    contributions, logits = output.contributions.sum(1).numpy(), output.logits.numpy()
    by_contribution, by_logit, planted = (np.full(AFFINITY.shape, np.nan) for _ in range(3))
    for number, source in enumerate(present, start=1):
        pushed = absent_gauge(contributions[0, :, source] - contributions[number, :, source], absent)
        moved = absent_gauge(logits[0] - logits[number], absent)
        for target in present:
            if target != source:
                by_contribution[target, source] = pushed[target]
                by_logit[target, source] = moved[target]
                planted[target, source] = AFFINITY[target, source] * scene.strengths[target] * scene.strengths[source]
    return by_contribution, by_logit, planted


def grade_recovery(
    run: Run, scenes: Callable[[int], Scene], count: int, progress: Progress | None = None
) -> dict[str, Any] | None:
    """Grade a run's contributions on planted scenes and their counterfactuals.

    Args:
        run: A run trained on planted data.
        scenes: Index to scene.
        count: How many scenes.
        progress: Called with (scenes done, count).

    Returns:
        ``r`` (Pearson) and ``slope`` over planted pairs with a 95 % bootstrap interval of r over scenes,
        ``r_all`` over all pairs, ``sign`` (share of planted pairs with the right sign), ``r_logits`` and
        n, the number of planted pairs. None where the run has no contributions.
    """
    if run.output([render(scenes(0), run.config.data.image_size).image]).contributions is None:
        return None
    effects = np.empty((count, 3, *AFFINITY.shape))
    for index in range(count):
        effects[index] = scene_effects(run, scenes(index))
        if progress is not None:
            progress(index + 1, count)
    held = ~np.isnan(effects[:, 0])
    everything = np.asarray(held.any(axis=0))  # a small sample may lack a pair
    pairs = np.logical_and(everything, AFFINITY != 0)
    estimate, by_logit, planted = np.nan_to_num(effects).sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    low, high = np.quantile(_resampled_r(effects, pairs), [0.025, 0.975])
    return {
        "r": _r(estimate, planted, pairs),
        "low": float(low),
        "high": float(high),
        "slope": float(np.polyfit(planted[pairs], estimate[pairs], 1)[0]),
        "r_all": _r(estimate, planted, everything),
        "sign": float((np.sign(estimate) == np.sign(planted))[pairs].mean()),
        "r_logits": _r(by_logit, planted, pairs),
        "n": int(pairs.sum()),
        "scenes": count,
    }


def _r(estimate: np.ndarray, planted: np.ndarray, pairs: np.ndarray) -> float:
    """Return Pearson's r over the pairs; an estimate that never varies (H = 0, say) recovers nothing: 0."""
    return _correlation(estimate[pairs], planted[pairs])


def _correlation(estimate: np.ndarray, planted: np.ndarray) -> float:
    return float(np.corrcoef(estimate, planted)[0, 1]) if np.ptp(estimate) > 1e-9 else 0.0


def _resampled_r(effects: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return r over bootstrap resamples of the base scenes (each with its counterfactuals)."""
    random = np.random.default_rng(0)
    held = ~np.isnan(effects[:, 0][:, pairs])
    estimate, planted = (np.nan_to_num(effects[:, part][:, pairs]) for part in (0, 2))
    rs = []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(0, len(effects), len(effects)), minlength=len(effects))
        scenes = np.maximum(times @ held, 1)
        rs.append(_correlation(times @ estimate / scenes, times @ planted / scenes))
    return np.array(rs)
