"""Audits of Planted Affect: no shortcut around recognising the motifs and reading their strengths.

A shortcut is a cheap feature of the picture from which the distributions can be predicted without seeing what the
figures are. Each audit fits a linear and a tree-based regression on 1,100 drawn scenes, gives the shortcut the true
palette as well, and asks on 400 others how much of KL(p || constant) it explains beyond the palette oracle.
"""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fisa import distances
from fisa.datasets.planted import PlantedDataset, render
from fisa.datasets.planted.oracles import fit_ladder, strengths_of, truth_of
from fisa.images import to_square

# Drawing 1,500 scenes takes a minute of one core, much more on a busy machine; while the version of the data stays, so
# does what is found.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SIZE = 48
TRAIN, TEST = slice(0, 1100), slice(1100, 1500)
SLOTS = 6  # figures of a scene that the place and area audits see; few scenes have more motifs
LIMIT = 0.10


class Drawn:
    """Scenes of a split with their pictures; all that the audits look at."""

    def __init__(self, split: str = "train") -> None:
        dataset = PlantedDataset("planted", split)
        self.manifest = dataset.manifest.iloc[: TEST.stop]
        self.scenes = [dataset.scene(index) for index in range(TEST.stop)]
        drawn = [render(scene, SIZE) for scene in self.scenes]
        self.images = np.stack([rendering.image for rendering in drawn])
        self.ids = np.stack([rendering.ids for rendering in drawn])
        self.truth = truth_of(self.manifest)
        self.palette = self.manifest[["brightness", "saturation"]].to_numpy()

    def per_motif(self, measure) -> np.ndarray:
        """Measure the visible mask of each motif; NaN-free [N, SLOTS, k], zeros where a scene has fewer motifs."""
        width = len(measure(self.ids[0] == 1))
        values = np.zeros((len(self.ids), SLOTS, width))
        for number, (scene, ids) in enumerate(zip(self.scenes, self.ids, strict=True)):
            for slot in range(min(SLOTS, len(scene.motifs))):
                values[number, slot] = measure(ids == slot + 1)
        return values

    def explained(self, features: np.ndarray) -> float:
        """Return the share of KL(p || constant) that ``features`` explain beyond the palette, at their best model."""
        known = np.hstack([self.palette, features.reshape(len(features), -1)])
        test = self.truth[TEST]
        rungs = fit_ladder("planted").predict(self.manifest.iloc[TEST])
        constant, palette = (distances.kl(test, rungs[rung]).mean() for rung in ("constant", "palette"))
        best = min(distances.kl(test, predicted).mean() for predicted in self._predictions(known))
        return float((palette - best) / constant)

    def _predictions(self, known: np.ndarray):
        # A soft label is eight hard ones with its degrees as weights.
        rows, labels = np.repeat(known[TRAIN], 8, axis=0), np.tile(np.arange(8), len(known[TRAIN]))
        weights = self.truth[TRAIN].ravel()
        for strength in (0.003, 0.03, 0.3):
            linear = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300, tol=1e-3))
            linear.fit(rows, labels, logisticregression__sample_weight=weights)
            yield linear.predict_proba(known[TEST])
        trees = ExtraTreesRegressor(100, min_samples_leaf=4, max_features=0.5, random_state=0)
        yield trees.fit(known[TRAIN], self.truth[TRAIN]).predict(known[TEST])


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn()


def thumbnails(images: np.ndarray) -> np.ndarray:
    return np.stack([to_square(image, 8) for image in images]).reshape(len(images), -1).astype(float)


def test_the_auditor_finds_what_is_there(drawn: Drawn) -> None:
    assert drawn.explained(strengths_of(drawn.manifest)) > 0.5


def test_the_auditor_finds_a_leak_in_thumbnails(drawn: Drawn) -> None:
    # Were a corner cell to brighten by 10 of 255 levels with each emotion's strength, the audit would have to say so.
    leaking = thumbnails(drawn.images)
    leaking[:, :8] += 10 * strengths_of(drawn.manifest)
    assert drawn.explained(leaking) > LIMIT


def test_thumbnail(drawn: Drawn) -> None:
    assert drawn.explained(thumbnails(drawn.images)) < LIMIT


def test_palette_histogram(drawn: Drawn) -> None:
    codes = (drawn.images // 64).astype(int) @ (16, 4, 1)  # 4 x 4 x 4 bins of RGB
    histograms = np.stack([np.bincount(code.ravel(), minlength=64) for code in codes])
    assert drawn.explained(np.sqrt(histograms)) < LIMIT


def test_position_only(drawn: Drawn) -> None:
    assert drawn.explained(drawn.per_motif(centroid)) < LIMIT


def test_area_only(drawn: Drawn) -> None:
    assert drawn.explained(drawn.per_motif(lambda mask: (mask.sum(),))) < LIMIT


def test_strength_does_not_show_in_area(drawn: Drawn) -> None:
    area = drawn.per_motif(lambda mask: (mask.sum(),))[..., 0]
    pairs = [
        (motif.strength, area[number, slot])
        for number, scene in enumerate(drawn.scenes)
        for slot, motif in enumerate(scene.motifs[:SLOTS])
    ]
    assert len(pairs) > 3000
    strength, visible = np.array(pairs).T
    assert abs(np.corrcoef(strength, visible)[0, 1]) < 0.05


def centroid(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return (columns.mean() / SIZE, rows.mean() / SIZE) if len(rows) else (0.0, 0.0)
