"""Interaction recovery: do the contributions find the planted effects?

The planted effect of emotion j on the logit of emotion i is A_ij s_i s_j where both are present. Its estimate from a
run is c_ij(x) - c_ij(x without j), contributions summed over heads, in the absent gauge: softmax ignores a constant
added to all logits, so from every source column j the mean over the emotions absent from the scene is subtracted. Both
are averaged over the scenes that hold the pair, and compared over the planted pairs (``r_all``: over all 56 ordered
pairs). The same estimator on whole logits, and on the true ones, stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fisa.datasets.planted import AFFINITY, Scene
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import Answer, Family, absent_gauge, answers, draw_family
from fisa.runs import Run

RESAMPLES = 1000
CHUNK = 16
"""Scenes drawn before they are asked about together."""

PLANTED = (AFFINITY != 0).ravel()


def family_effects(family: Family, answer: Answer) -> np.ndarray:
    """Return effects by contributions, by logits, by true logits, and the planted ones: [4, C, C], NaN off the scene.

    Args:
        family: A scene with its counterfactuals.
        answer: What a run with contributions says of them.
    """
    assert answer.contributions is not None
    full = answer.contributions[0]
    gone = answer.contributions[1:]
    pushed = [full[:, source] - without[:, source] for source, without in zip(family.present, gone, strict=True)]
    return scene_effects(family, np.stack(pushed, 1), answer.change(family))


def scene_effects(family: Family, pushed: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Return what :func:`family_effects` returns, of estimates of any origin.

    Args:
        family: A scene.
        pushed: [C, P], what each present emotion is said to do to each logit; the gauge is taken here.
        changed: [C, P], the change of each logit without it, in the absent gauge.
    """
    effects = np.full((4, *AFFINITY.shape), np.nan)
    strengths = family.scene.strengths
    gauged = absent_gauge(pushed, family.absent)
    for number, source in enumerate(family.present):
        others = [emotion for emotion in family.present if emotion != source]
        effects[0, others, source] = gauged[others, number]
        effects[1, others, source] = changed[others, number]
        effects[2, others, source] = family.planted[others, number]
        effects[3, others, source] = (AFFINITY[:, source] * strengths * strengths[source])[others]
    return effects


def grade_recovery(
    run: Run, scenes: Callable[[int], Scene], count: int, progress: Progress | None = None
) -> dict[str, Any] | None:
    """Grade a run's contributions on planted scenes and their counterfactuals; see :func:`grade_effects`.

    Args:
        run: A run trained on planted data.
        scenes: Index to scene.
        count: How many scenes.
        progress: Called with (scenes done, count).

    Returns:
        None where the run has no contributions, or no scene shows a planted pair.
    """
    effects: list[np.ndarray] = []
    for start in range(0, count, CHUNK):
        size, stop = run.config.data.image_size, min(start + CHUNK, count)
        families = [draw_family(scenes(index), size) for index in range(start, stop)]
        found = effects_of(families, list(answers(run, families)))
        if found is None:
            return None
        effects += list(found)
        if progress is not None:
            progress(stop, count)
    return grade_effects(np.stack(effects))


def effects_of(families: Sequence[Family], said: Sequence[Answer]) -> np.ndarray | None:
    """Return the effects of many families, [n, 4, C, C], or None where the run has no contributions."""
    if said[0].contributions is None:
        return None
    return np.stack([family_effects(family, answer) for family, answer in zip(families, said, strict=True)])


def grade_effects(effects: np.ndarray) -> dict[str, Any] | None:
    """Compare estimated with planted effects.

    Args:
        effects: [n, 4, C, C], as :func:`effects_of` returns them.

    Returns:
        ``r`` (Pearson) with its 95 % bootstrap interval over scenes and ``slope`` over planted pairs; ``r_all`` over
        all pairs; ``sign``, the share of planted pairs with the right sign; ``auroc``, how well the size of an estimate
        tells planted from other pairs; ``r_logits``; ``intervals`` of all these; ``logits`` and ``ceiling``, the same
        measures by whole logits and by true ones; n, the number of planted pairs; ``scenes``. None where no scene
        shows a planted pair.
    """
    held = ~np.isnan(effects[:, 0]).reshape(len(effects), -1)
    if not held[:, PLANTED].any():
        return None
    filled = np.nan_to_num(effects).reshape(len(effects), 4, -1)
    random = np.random.default_rng(0)
    draws = [
        np.bincount(random.integers(0, len(effects), len(effects)), minlength=len(effects)) for _ in range(RESAMPLES)
    ]
    found = {}
    for part, name in enumerate(("contributions", "logits")):
        value = _measures(np.ones(len(effects)), filled[:, part], filled[:, 3], held)
        drawn = [_measures(times, filled[:, part], filled[:, 3], held) for times in draws]
        rows = {key: [each[key] for each in drawn if each] for key in value}
        bounds = {key: np.quantile(row, [0.025, 0.975]).tolist() for key, row in rows.items()}
        found[name] = value, bounds
    value, bounds = found["contributions"]
    low, high = bounds["r"]
    return {
        "r": value["r"],
        "low": low,
        "high": high,
        **{key: value[key] for key in ("slope", "r_all", "sign", "auroc")},
        "r_logits": found["logits"][0]["r"],
        "n": int((held.any(axis=0) & PLANTED).sum()),
        "scenes": len(effects),
        "intervals": bounds,
        "logits": {**found["logits"][0], "intervals": found["logits"][1]},
        "ceiling": _measures(np.ones(len(effects)), filled[:, 2], filled[:, 3], held),
    }


def _measures(
    times: np.ndarray, estimates: np.ndarray, planted: np.ndarray, held: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the measures of mean effects, each scene counted ``times`` [n]; all else is [n, C * C].

    A small sample may lack a pair, which then counts in no measure; there are none where it lacks all that are planted.
    """
    counts = times @ held
    seen = counts > 0
    pairs = seen & PLANTED
    if not pairs.any():
        return {}
    counts = np.maximum(counts, 1)
    estimate, truth = times @ estimates / counts, times @ planted / counts
    spread = float(truth[pairs].var())
    covered = float(((estimate[pairs] - estimate[pairs].mean()) * truth[pairs]).mean())
    return {
        "r": _correlation(estimate[pairs], truth[pairs]),
        "slope": covered / spread if spread else 0.0,
        "r_all": _correlation(estimate[seen], truth[seen]),
        "sign": float((np.sign(estimate) == np.sign(truth))[pairs].mean()),
        "auroc": auroc(np.abs(estimate[seen]), PLANTED[seen]),
    }


def _correlation(estimate: np.ndarray, planted: np.ndarray) -> float:
    """Return Pearson's r; an estimate that never varies (H = 0, say) recovers nothing: 0."""
    if np.ptp(estimate) <= 1e-9 or np.ptp(planted) <= 1e-9:
        return 0.0
    return float(np.corrcoef(estimate, planted)[0, 1])


def auroc(values: np.ndarray, positive: NDArray[np.bool_]) -> float:
    """Return the chance that a positive has the larger value, ties half; 0.5 where there is only one kind.

    It is the statistic of Mann & Whitney (1947) over its largest value.
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return 0.5
    return float((rankdata(values)[positive].sum() - count * (count + 1) / 2) / (count * others))
