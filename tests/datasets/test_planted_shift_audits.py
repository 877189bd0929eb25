"""The audits of Planted Affect on its shifts: none opens a shortcut that training closes.

As in ``test_planted_audits``, but the palette is read by the best model fitted on the shift's own scenes: the oracle of
training knows neither which emotions a shift shows, nor how far a palette goes.
"""

import numpy as np
import pytest
from test_planted_audits import LIMIT, SLOTS, TEST, TRAIN, Drawn, centroid, thumbnails

from fisa import distances
from fisa.datasets.planted.oracles import strengths_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Shifted(Drawn):
    """Scenes of a shift."""

    def explained(self, features: np.ndarray) -> float:
        known = np.hstack([self.palette, features.reshape(len(features), -1)])
        constant = np.broadcast_to(self.truth[TRAIN].mean(0), self.truth[TEST].shape)
        return (self._best(self.palette) - self._best(known)) / float(distances.kl(self.truth[TEST], constant).mean())

    def _best(self, known: np.ndarray) -> float:
        return min(float(distances.kl(self.truth[TEST], q).mean()) for q in self._predictions(known))


@pytest.fixture(scope="module", params=["rendering", "triple", "strength", "palette", "clutter-3"])
def shifted(request: pytest.FixtureRequest) -> Shifted:
    return Shifted(request.param)


def test_the_auditor_finds_what_is_there(shifted: Shifted) -> None:
    assert shifted.explained(strengths_of(shifted.manifest)) > 0.4


def test_no_shortcut(shifted: Shifted) -> None:
    codes = (shifted.images // 64).astype(int) @ (16, 4, 1)
    histograms = np.stack([np.bincount(code.ravel(), minlength=64) for code in codes])
    features = {
        "thumbnail": thumbnails(shifted.images),
        "palette histogram": np.sqrt(histograms),
        "position": shifted.per_motif(centroid),
        "area": shifted.per_motif(lambda mask: (mask.sum(),)),
    }
    found = {name: shifted.explained(values) for name, values in features.items()}
    assert max(found.values()) < LIMIT, found


def test_strength_does_not_show_in_area(shifted: Shifted) -> None:
    area = shifted.per_motif(lambda mask: (mask.sum(),))[..., 0]
    pairs = [
        (motif.strength, area[number, slot])
        for number, scene in enumerate(shifted.scenes)
        for slot, motif in enumerate(scene.motifs[:SLOTS])
    ]
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 0.06  # three standard errors of 3,000 motifs
