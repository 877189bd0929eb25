"""The oracle ladder: how well one can do knowing ever more of what a scene was drawn from.

Every rung is a softmax regression from latents to the true distribution p, fitted on the training split by minimising
the mean KL(p || q), a convex problem. The rungs:

    constant  nothing: the mean of p
    palette   brightness and saturation
    additive  and, for every emotion, its presence, s and s^2: the best reading that lets no emotion act on another
    pairwise  and s_i s_j for every pair: the planted model is among these
    truth     p itself

``Ladder.score`` puts a prediction between constant (0) and truth (1). What lies between additive and pairwise is the
headroom of interaction: only a model in which one emotion acts on another can reach into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.optimize import minimize

from fisa.datasets.packed import cache_folder
from fisa.datasets.planted.dataset import PlantedDataset
from fisa.datasets.planted.labels import softmax
from fisa.datasets.planted.presets import find_preset
from fisa.distances import kl
from fisa.drafts import draft_in, put_in_place
from fisa.emotions import MIKELS8
from fisa.language import mark

RIDGE = 1e-7  # only so that a feature without effect has a weight at all


@dataclass(frozen=True, eq=False)
class Ladder:
    """The fitted rungs.

    Attributes:
        weights: Rung to float64 [features + 1, 8]; the last row is the intercept.
        features: Rung to what it knows of a manifest, [N, features].
    """

    weights: Mapping[str, np.ndarray]
    features: Mapping[str, Callable[[pd.DataFrame], np.ndarray]] = field(default_factory=lambda: FEATURES)

    def predict(self, manifest: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return every rung's distributions for the scenes of a planted manifest, weakest first.

        Args:
            manifest: ``PlantedDataset.manifest`` or some of its rows, N of them.

        Returns:
            ``constant``, ``palette``, ``additive``, ``pairwise`` and ``truth``, each float64 [N, 8].
        """
        rungs = {rung: softmax(_with_one(self.features[rung](manifest)) @ w) for rung, w in self.weights.items()}
        return rungs | {mark("truth"): truth_of(manifest)}

    def score(self, truth: np.ndarray, predicted: np.ndarray) -> float:
        """Return 1 - KL(p || q) / KL(p || constant): 0 like the constant, 1 like the truth, negative if worse.

        Args:
            truth: True distributions p, [N, 8].
            predicted: Predictions q for the same scenes, [N, 8].
        """
        constant = np.broadcast_to(softmax(self.weights["constant"][-1]), truth.shape)
        return float(1.0 - kl(truth, predicted).mean() / kl(truth, constant).mean())


def fit_ladder(preset: str = "planted") -> Ladder:
    """Return the ladder that belongs to ``preset``; fitting takes a few seconds, and is kept in the cache folder.

    The presets share their scenes and differ only in number, so one ladder, fitted on the training split of the
    largest, serves all: a rung says what its knowledge is worth, not how well it can be learned from few scenes.

    Raises:
        DataError: Unknown preset.
    """
    find_preset(preset)
    return _fit()


@cache
def _fit() -> Ladder:
    train = PlantedDataset("planted", "train")
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    file = cache_folder() / "oracles" / f"{train.version}-{code}.safetensors"
    with suppress(OSError, SafetensorError, KeyError):
        kept = load(file.read_bytes())
        return Ladder({rung: kept[rung] for rung in FEATURES})
    truth = truth_of(train.manifest)
    weights = {rung: fit_softmax_regression(features(train.manifest), truth) for rung, features in FEATURES.items()}
    with suppress(OSError):  # a cache that cannot be written costs time, nothing else
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_in(file.parent)
        draft.write_bytes(save(weights))
        put_in_place(draft, file)
    return Ladder(weights)


def fit_softmax_regression(features: np.ndarray, distribution: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Fit q = softmax([features, 1] w) to soft labels by minimising mean KL(p || q) with L-BFGS.

    Args:
        features: [N, F].
        distribution: Soft labels p, [N, C].
        ridge: Weight of a squared norm of w, that of the logits it gives over the samples.

    Returns:
        w, float64 [F + 1, C]; the last row is the intercept.
    """
    count = len(features)
    # Presence, s and s^2 are nearly collinear; in an orthonormal basis of the same columns L-BFGS needs few steps.
    basis, triangle = np.linalg.qr(_with_one(features))
    basis, triangle = basis * np.sqrt(count), triangle / np.sqrt(count)
    shape = (basis.shape[1], distribution.shape[1])

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        z = basis @ w
        z -= z.max(axis=1, keepdims=True)
        log_q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        # The entropy of p, the difference between cross-entropy and KL, does not depend on w.
        loss = -float((distribution * log_q).sum()) / count + ridge * float(flat @ flat)
        gradient = basis.T @ (np.exp(log_q) - distribution) / count + 2 * ridge * w
        return loss, gradient.ravel()

    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-10, "gtol": 1e-6}
    solution = minimize(objective, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(np.linalg.lstsq(triangle, solution.x.reshape(shape), rcond=None)[0])


def attainable_floor(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    truth: np.ndarray,
    votes: int = 10,
    repeats: int = 20,
    seed: int = 0,
) -> float:
    """Return what the true p itself scores on sparse votes: the expected mean of ``measure(votes / n, p)``.

    No prediction beats it in expectation under a proper measure (KL, log-likelihood). Under an improper one, such as
    Chebyshev or Clark, a blurred or clipped prediction may.

    Args:
        measure: Per-sample measure of ``fisa.distances``: (target [N, C], predicted [N, C]) -> [N].
        truth: True distributions p, [N, C].
        votes: Raters of each scene.
        repeats: How often the votes are drawn anew; the standard error falls with its square root.
        seed: Seed of these votes.
    """
    rng = np.random.default_rng(seed)
    draws = (rng.multinomial(votes, truth) / votes for _ in range(repeats))
    return float(np.mean([measure(target, truth).mean() for target in draws]))


def truth_of(manifest: pd.DataFrame) -> np.ndarray:
    """Return the true distributions p of a planted manifest, float64 [N, 8]."""
    return manifest[[f"truth_{label}" for label in MIKELS8.labels]].to_numpy(dtype=float)


def strengths_of(manifest: pd.DataFrame) -> np.ndarray:
    """Return the strengths s of a planted manifest, 0 where absent, float64 [N, 8]."""
    return manifest[[f"strength_{label}" for label in MIKELS8.labels]].to_numpy(dtype=float)


def _with_one(features: np.ndarray) -> np.ndarray:
    return np.hstack([features, np.ones((len(features), 1))])


def no_features(manifest: pd.DataFrame) -> np.ndarray:
    """Return what the rung ``constant`` knows of each row, [N, 0]."""
    return np.empty((len(manifest), 0))


def _palette(manifest: pd.DataFrame) -> np.ndarray:
    return manifest[["brightness", "saturation"]].to_numpy(dtype=float)


def _additive(manifest: pd.DataFrame) -> np.ndarray:
    s = strengths_of(manifest)
    return np.hstack([_palette(manifest), s > 0, s, s**2])


def pairwise_features(manifest: pd.DataFrame) -> np.ndarray:
    """Return what the rung ``pairwise`` knows of each row, [N, 54]: all that bears on the label of a scene."""
    s = strengths_of(manifest)
    i, j = np.triu_indices(s.shape[1], k=1)
    return np.hstack([_additive(manifest), s[:, i] * s[:, j]])


FEATURES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    mark("constant"): no_features,
    mark("palette"): _palette,
    mark("additive"): _additive,
    mark("pairwise"): pairwise_features,
}
