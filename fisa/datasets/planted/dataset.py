"""Planted Affect as a data set: a manifest from the latents alone, images drawn on demand."""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from fisa.datasets.base import DataError, Sample
from fisa.datasets.planted.labels import cast_votes, scene_logits, softmax
from fisa.datasets.planted.latents import RATERS, draw_latents, stream
from fisa.datasets.planted.presets import VERSION, VOTES, find_preset, find_split
from fisa.datasets.planted.render import render
from fisa.datasets.planted.sampling import draw_scene
from fisa.datasets.planted.scene import Scene
from fisa.emotions import MIKELS8, EmotionSpace
from fisa.images import to_square
from fisa.language import mark

SMALLEST_DRAWN = 32  # pixels a side; smaller pictures are drawn at this size and shrunk


class PlantedDataset:
    """One split of Planted Affect; satisfies ``fisa.datasets.base.Dataset``.

    Args:
        preset: ``planted`` or ``planted-small``.
        split: ``train``, ``validation``, ``iid`` (also ``test``), a test set ``fresh-1`` to ``fresh-9999``, drawn
            like ``iid`` from random numbers of their own, or a shift of ``presets.SHIFTS``, drawn otherwise.
        image_size: Side length in pixels; None takes the preset's.
        votes: Raters of each scene; the targets are their votes over their number.

    Attributes:
        name: The preset.
        split: Proper name of the split (``iid`` where ``test`` was asked for).
        space: ``MIKELS8``.
        image_size: Side length in pixels of the images.
        votes: Raters of each scene.
        version: Hash of the data's version, preset, split and votes. Not of the image size: scenes are the same.

    Raises:
        DataError: Unknown preset or split, or a size or number of votes below 1.
    """

    space: EmotionSpace = MIKELS8

    def __init__(
        self, preset: str = "planted", split: str = "iid", image_size: int | None = None, votes: int = VOTES
    ) -> None:
        sizes = find_preset(preset)
        self.name = preset
        self.split = find_split(split)
        self.image_size = sizes.image_size if image_size is None else image_size
        self.votes = votes
        for what, value in (("image_size", self.image_size), ("votes", votes)):
            if value < 1:
                raise DataError(f"{what} must be at least 1, not {value}")
        self._count = sizes.count(self.split)
        key = f"planted-affect {VERSION} {preset} {self.split} {votes}"
        self.version = hashlib.sha256(key.encode()).hexdigest()[:12]

    def __len__(self) -> int:
        return self._count

    def scene(self, index: int) -> Scene:
        """Return the scene behind row ``index`` of the manifest; IndexError beyond the last."""
        if not 0 <= index < self._count:
            raise IndexError(f"{self.name} has scenes 0 to {self._count - 1} in its {self.split} split, not {index}")
        return draw_scene(index, self.split, self.name, self.votes)

    def __getitem__(self, index: int) -> Sample:
        scene = self.scene(index)
        image = render(scene, max(self.image_size, SMALLEST_DRAWN)).image
        if self.image_size < SMALLEST_DRAWN:
            image = to_square(image, self.image_size)
        return Sample(image, scene.votes / self.votes)

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The manifest, from the latents: nothing is drawn.

        Columns beyond the common ones: ``truth_<label>`` the true description degree, ``strength_<label>`` the
        strength s (0 where absent), ``brightness`` and ``saturation`` (standardised).
        """
        return _manifest(self.split, self._count, self.votes).copy()


@lru_cache(maxsize=8)
def _manifest(split: str, count: int, votes: int) -> pd.DataFrame:
    latents = [draw_latents(index, split) for index in range(count)]
    strengths = np.array([scene.strengths for scene in latents])
    brightness = np.array([scene.brightness for scene in latents])
    saturation = np.array([scene.saturation for scene in latents])
    truth = softmax(scene_logits(strengths, brightness, saturation))
    cast = np.array([cast_votes(p, stream(RATERS, split, index), votes) for index, p in enumerate(truth)])
    columns: dict[str, object] = {
        "id": [f"{split}-{index:05d}" for index in range(count)],
        "path": pd.Series([None] * count, dtype=object),
        "split": split,
        "votes": votes,
    }
    columns |= {label: cast[:, k] / votes for k, label in enumerate(MIKELS8.labels)}
    columns |= {f"truth_{label}": truth[:, k] for k, label in enumerate(MIKELS8.labels)}
    columns |= {f"strength_{label}": strengths[:, k] for k, label in enumerate(MIKELS8.labels)}
    return pd.DataFrame(columns | {mark("brightness"): brightness, mark("saturation"): saturation})
