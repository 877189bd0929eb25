"""The measures of every table, and bootstrap intervals for their means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from fisa import distances
from fisa.language import mark
from fisa.records import Interval

Measure = Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]


@dataclass(frozen=True)
class Metric:
    """One measure of agreement between target and predicted distributions.

    Attributes:
        name: Key in ``METRICS`` and in the result of :func:`evaluate`.
        title: Heading for tables; ``tr`` where it is shown, as of ``convention``.
        function: ``function(target [N, C], predicted [N, C]) -> [N]``.
        higher_is_better: Direction.
        convention: One line on what exactly is computed, as papers differ.
    """

    name: str
    title: str
    function: Measure
    higher_is_better: bool
    convention: str


# fmt: off
METRICS: dict[str, Metric] = {
    "kl": Metric("kl", "KL", distances.kl, False,
                 mark("KL(target || predicted), natural log, predicted degrees at least 1e-12")),
    "chebyshev": Metric("chebyshev", "Chebyshev", distances.chebyshev, False,
                        mark("largest absolute difference of a degree, 0 to 1")),
    "clark": Metric("clark", "Clark", distances.clark, False,
                    mark("plain, not divided by √C: 0 to √C; 0/0 terms are 0")),
    "clark_scaled": Metric("clark_scaled", "Clark / √C", distances.clark_scaled, False,
                           mark("divided by √C: 0 to 1; 0/0 terms are 0")),
    "canberra": Metric("canberra", "Canberra", distances.canberra, False,
                       mark("plain, not divided by C: 0 to C; 0/0 terms are 0")),
    "canberra_scaled": Metric("canberra_scaled", "Canberra / C", distances.canberra_scaled, False,
                              mark("divided by C: 0 to 1; 0/0 terms are 0")),
    "cosine": Metric("cosine", mark("Cosine"), distances.cosine, True,
                     mark("cosine similarity, 0 to 1")),
    "intersection": Metric("intersection", mark("Intersection"), distances.intersection, True,
                           mark("sum of the smaller degrees, 0 to 1")),
    "emd": Metric("emd", "EMD", distances.emd, False,
                  mark("r = 2, mean over classes, columns in the order given")),
    "wasserstein1": Metric("wasserstein1", "Wasserstein-1", distances.wasserstein1, False,
                           mark("in class steps, 0 to C - 1, columns in the order given")),
    "accuracy": Metric("accuracy", mark("Accuracy"), distances.accuracy, True,
                       mark("the predicted dominant emotion is one of the target's, ties included")),
    "accuracy_strict": Metric("accuracy_strict", mark("Accuracy, strict"), distances.accuracy_strict, True,
                              mark("argmax = argmax, the first column of ties")),
    "entropy_error": Metric("entropy_error", mark("Entropy error"), distances.entropy_error, False,
                            mark("absolute difference of the entropies in nats, 0 to ln C")),
}
# fmt: on


def evaluate(target: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Mean over the samples of every measure in ``METRICS``.

    Args:
        target: [N, C], rows sum to 1.
        predicted: [N, C], rows sum to 1.

    Returns:
        One number a key of ``METRICS``, in its order.

    Raises:
        ValueError: Bad rows (see :mod:`fisa.distances`), or no rows at all.
    """
    values = {name: metric.function(target, predicted) for name, metric in METRICS.items()}
    if not len(values["kl"]):
        raise ValueError("target has no rows; there is nothing to evaluate")
    return {name: float(each.mean()) for name, each in values.items()}


def bootstrap_mean(
    values: ArrayLike,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Interval:
    """Bootstrap percentile interval of a mean; 10,000 samples take about a third of a second.

    Args:
        values: One number a sample, [N].
        seed: Seed of the resampling; the same seed gives the same interval.
        resamples: Number of bootstrap samples.
        level: Coverage in (0, 1).
        groups: Group of each sample, [N], where samples are not independent (a scene with its
            counterfactuals, photographs of one theme): whole groups are drawn then (cluster
            bootstrap; Davison & Hinkley 1997, section 3.8).

    Returns:
        The mean of all samples and its interval; the bounds are nan where there is only one sample
        or one group, from which no spread can be learned.

    Raises:
        ValueError: ``values`` are empty, not [N] or not finite; ``groups`` of another length; a level
            outside (0, 1); no resamples.
    """
    numbers = _vector("values", values)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, which is not in (0, 1)")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; at least 1 is needed")
    sums, counts = (numbers, np.ones_like(numbers)) if groups is None else _by_group(numbers, groups)
    mean = float(numbers.mean())
    if len(sums) < 2:
        return Interval(mean, float("nan"), float("nan"))
    result = bootstrap(
        (sums, counts),
        lambda drawn, sizes, axis: drawn.sum(axis=axis) / sizes.sum(axis=axis),
        n_resamples=resamples,
        batch=max(1, 2**21 // len(sums)),  # some 50 MB at a time, however many samples
        vectorized=True,
        paired=True,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(mean, float(low), float(high))


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Interval:
    """Bootstrap percentile interval of mean(a - b), both measured on the same samples.

    An interval that excludes 0 is a difference that resampling the images does not explain; it says
    nothing of another training seed.

    Args:
        a: One number a sample, [N].
        b: One number for each of the same samples, [N].
        seed: As for :func:`bootstrap_mean`.
        resamples: As for :func:`bootstrap_mean`.
        level: As for :func:`bootstrap_mean`.
        groups: As for :func:`bootstrap_mean`.

    Raises:
        ValueError: ``a`` and ``b`` differ in length, or as for :func:`bootstrap_mean`.
    """
    first, second = _vector("a", a), _vector("b", b)
    if len(first) != len(second):
        raise ValueError(f"a has {len(first)} samples and b {len(second)}; both must be of the same samples")
    return bootstrap_mean(first - second, seed, resamples, level, groups)


def _vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(f"{name} has shape {numbers.shape}; expected [N], one number a sample and at least one")
    finite = np.isfinite(numbers)
    if not finite.all():
        raise ValueError(f"{name} has a value that is not finite at sample {int(np.argmin(finite))}")
    return numbers


def _by_group(numbers: NDArray[np.float64], groups: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels = np.asarray(groups)
    if labels.shape != numbers.shape:
        raise ValueError(f"groups has shape {labels.shape}; expected one for each of the {len(numbers)} samples")
    place = np.unique(labels, return_inverse=True)[1]
    sums: NDArray[np.float64] = np.bincount(place, weights=numbers).astype(np.float64)
    return sums, np.bincount(place).astype(np.float64)
