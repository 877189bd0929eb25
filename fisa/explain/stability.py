"""Stability: the map of an image with a little noise, or moved by some pixels, against the image's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from fisa.evaluation import Progress
from fisa.explain.asking import Settings
from fisa.explain.attribution import attribute_batch
from fisa.explain.counterfactuals import Family
from fisa.explain.faithfulness import gauged_target, spearman, spread_out
from fisa.explain.resampling import over_scenes, ratio
from fisa.records import Interval
from fisa.runs import Run

NOISE = 2.0
"""Standard deviation of the noise in grey levels of 255: below what an eye sees."""

SHIFT = 2
"""Pixels by which the image is moved, right and down."""


def grade_stability(
    run: Run,
    subjects: Sequence[tuple[Family, int]],
    maps: Sequence[np.ndarray],
    method: str,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> dict[str, Interval]:
    """Compare the maps of slightly changed images with those of the images.

    Args:
        run: A loaded run.
        subjects: Scenes, each with an emotion that it shows.
        maps: Their attributions [h, w] by the method.
        method: Key of ``METHODS``.
        settings: How to attribute.
        progress: Called with (images done, images).

    Returns:
        ``noise`` and ``shift``: mean of Spearman's correlation between the two maps, the shift undone.
    """
    targets = [gauged_target(family, emotion) for family, emotion in subjects]
    random = np.random.default_rng(0)
    images = [family.image for family, _ in subjects]
    noisy = [
        np.clip(np.rint(image + random.normal(0, NOISE, image.shape)), 0, 255).astype(np.uint8) for image in images
    ]
    moved = [ndimage.shift(image, (SHIFT, SHIFT, 0), order=0, mode="nearest") for image in images]

    def report(before: int) -> Progress | None:
        return None if progress is None else lambda done, total: progress(before + done, 2 * total)

    grades = {}
    for name, changed, shift, before in (("noise", noisy, 0, 0), ("shift", moved, SHIFT, len(moved))):
        found = attribute_batch(run, changed, method, targets, settings, progress=report(before))
        agreements = np.array(
            [_agreement(one, other.values, len(images[0]), shift) for one, other in zip(maps, found, strict=True)]
        )
        grades[name] = over_scenes(ratio(agreements, np.ones_like(agreements)), np.arange(len(maps)))
    return grades


def _agreement(before: np.ndarray, after: np.ndarray, size: int, shift: int) -> float:
    """Return the correlation of two maps at image size, the second moved back; edges that came in are left out."""
    inner = size - shift
    first, second = spread_out(before, size)[:inner, :inner], spread_out(after, size)[shift:, shift:]
    return spearman(first.ravel(), second.ravel())
