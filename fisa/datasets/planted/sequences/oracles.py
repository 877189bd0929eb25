"""What one can know of a planted sequence, from nothing to everything: the rows that stand beside those of runs.

    constant  nothing: the mean of p
    previous  the true p of the step before (of the first step, the constant): what persistence is worth
    frame     all that bears on p in a step's frame, read without error (the pairwise oracle of scenes)
    weather   and the value of the series that acts
    truth     p itself

All but ``previous`` and ``truth`` are softmax regressions, fitted on the training split by the mean KL(p || q). What
lies between ``frame`` and ``weather`` no model can reach that does not read the series or hear of its effect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from fisa.datasets.planted.oracles import Ladder, fit_softmax_regression, no_features, pairwise_features, truth_of
from fisa.datasets.planted.sequences.dataset import open_planted_sequences
from fisa.datasets.planted.sequences.presets import find_preset
from fisa.language import mark


class SequenceLadder(Ladder):
    """The fitted rungs, and persistence."""

    def predict(self, manifest: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return every rung's distributions for the steps of a manifest, each float64 [M, 8]; see ``Ladder.predict``.

        Args:
            manifest: That of a split of planted sequences: the step before must stand in the row before.
        """
        fitted = super().predict(manifest)
        previous = np.roll(fitted["truth"], 1, axis=0)
        first = (manifest["step"] == 0).to_numpy()
        previous[first] = fitted["constant"][first]
        return {"constant": fitted.pop("constant"), mark("previous"): previous, **fitted}


def fit_sequence_ladder(preset: str = "planted-sequences") -> SequenceLadder:
    """Return the ladder that belongs to ``preset``, fitted on the training split of the largest.

    Raises:
        DataError: Unknown preset.
    """
    find_preset(preset)
    return _fit()


@cache
def _fit() -> SequenceLadder:
    manifest = open_planted_sequences("planted-sequences", "train").manifest
    truth = truth_of(manifest)
    fitted = {rung: fit_softmax_regression(features(manifest), truth) for rung, features in FEATURES.items()}
    return SequenceLadder(fitted, FEATURES)


def _weather(manifest: pd.DataFrame) -> np.ndarray:
    return np.hstack([pairwise_features(manifest), manifest[["weather"]].to_numpy(float)])


FEATURES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "constant": no_features,
    mark("frame"): pairwise_features,
    mark("weather"): _weather,
}
