"""Localisation: does an emotion's attention map look at that emotion's motifs?

A unit is one present emotion of a planted scene with at least two motifs of different emotions. The map,
upsampled bilinearly to image size, hits when its maximum lies in the visible mask of the emotion's own
motifs (ties averaged). Mass lift is the share of the attention on places that falls in that mask, over the
mask's share of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from fisa.datasets.planted import Scene
from fisa.datasets.planted.render import render
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import own_mask
from fisa.explain.resampling import RESAMPLES
from fisa.explain.unlearned import untrained
from fisa.metrics import bootstrap_mean
from fisa.models import System
from fisa.runs import Run

BATCH = 24


@dataclass(frozen=True, eq=False)
class Located:
    """A scene with maps of where each emotion is seen in it.

    Attributes:
        scene: The scene.
        ids: int16 [S, S], its id buffer.
        maps: [C, h, w]; of signed ones, what speaks against an emotion counts as nothing in mass lift.
        untrained: [C, h, w] of a network without training, or None.
    """

    scene: Scene
    ids: np.ndarray
    maps: np.ndarray
    untrained: np.ndarray | None = None


def upsample(attention: np.ndarray, size: int) -> np.ndarray:
    """Upsample maps [K, h, w] bilinearly to [K, size, size], cell centres aligned with the pixels they cover."""
    maps = torch.from_numpy(np.ascontiguousarray(attention)).unsqueeze(0)
    return torch.nn.functional.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)[0].numpy()


def hit(attention: np.ndarray, mask: np.ndarray) -> float:
    """Return the share of the map's maximal pixels that lie in the mask: 1 or 0 where the maximum is unique.

    Args:
        attention: [S, S].
        mask: bool [S, S].
    """
    return float(mask[attention == attention.max()].mean())


def grade_localisation(
    run: Run, scenes: Callable[[int], Scene], count: int, progress: Progress | None = None
) -> dict[str, Any] | None:
    """Grade the attention maps of a run on planted scenes.

    Args:
        run: A run trained on planted data.
        scenes: Index to scene.
        count: How many scenes; those with a single emotion are left out.
        progress: Called with (scenes done, count).

    Returns:
        hit with its 95 % bootstrap interval over scenes, mass lift, n units, ceiling of the lift (that of the
        mask itself; of hits it is 1), and baselines: ``area`` (mean visible share of the image), ``constant`` (the
        best fixed position), ``any_motif`` (a random point on any motif, blind to emotion), ``other_emotion`` (the
        map of the next emotion present) and ``untrained`` (the same architecture with fresh weights); intervals
        of lift and baselines, but for ``constant``, which is chosen on the same scenes. None where the system has
        no maps, or no scene shows two emotions.
    """
    size = run.config.data.image_size
    return grade_maps(_mapped(run, scenes, count, size, progress), size)


def grade_maps(located: Iterable[Located], size: int) -> dict[str, Any] | None:
    """Grade maps of any origin as :func:`grade_localisation` does; ``untrained`` is there where maps of it are.

    Args:
        located: Scenes with their maps; those with a single emotion are left out.
        size: Side of the id buffers.
    """
    rows: list[dict[str, float]] = []
    seen = np.zeros((size, size))
    for number, one in enumerate(located):
        if len({motif.emotion for motif in one.scene.motifs}) > 1:
            units, masks = _grade_scene(number, one, size)
            rows += units
            seen += masks
    return _summary(pd.DataFrame(rows), float(seen.max())) if rows else None


def _mapped(
    run: Run, scenes: Callable[[int], Scene], count: int, size: int, progress: Progress | None
) -> Iterator[Located]:
    """Yield scenes of two emotions or more with the maps of a run and of an untrained one; none where it has none."""
    fresh = untrained(run)
    for start in range(0, count, BATCH):
        indices = range(start, min(start + BATCH, count))
        drawn = [(scene, render(scene, size)) for scene in map(scenes, indices)]
        drawn = [item for item in drawn if len({motif.emotion for motif in item[0].motifs}) > 1]
        if drawn:
            images = [rendering.image for _, rendering in drawn]
            trained_maps = _maps(run, run.model, images)
            if trained_maps is None:
                return
            untrained_maps = _maps(run, fresh, images)
            assert untrained_maps is not None
            for (scene, rendering), maps, blank in zip(drawn, trained_maps, untrained_maps, strict=True):
                yield Located(scene, rendering.ids, maps, blank)
        if progress is not None:
            progress(indices[-1] + 1, count)


def _grade_scene(number: int, one: Located, size: int) -> tuple[list[dict[str, float]], np.ndarray]:
    """Return a row for each present emotion, and the sum of their masks."""
    present = sorted({motif.emotion for motif in one.scene.motifs})
    masks = {emotion: own_mask(one.ids, one.scene, emotion) for emotion in present}
    maps = upsample(one.maps, size)
    blank = None if one.untrained is None else upsample(one.untrained, size)
    rows = []
    for place, emotion in enumerate(present):
        mask, other = masks[emotion], present[(place + 1) % len(present)]
        positive = maps[emotion].clip(0)
        row = {
            "scene": number,
            "hit": hit(maps[emotion], mask),
            "lift": positive[mask].sum() / (positive.sum() or 1) / mask.mean(),
            "area": mask.mean(),
            "any_motif": mask.sum() / (one.ids > 0).sum(),
            "other_emotion": hit(maps[other], mask),
        }
        rows.append(row if blank is None else {**row, "untrained": hit(blank[emotion], mask)})
    return rows, np.sum(list(masks.values()), axis=0)


def _summary(rows: pd.DataFrame, constant_hits: float) -> dict[str, Any]:
    found = {
        name: bootstrap_mean(rows[name].to_numpy(), groups=rows["scene"].to_numpy(), resamples=RESAMPLES)
        for name in rows.columns.drop("scene")
    }
    hits = found.pop("hit")
    means = {name: interval.value for name, interval in found.items()}
    return {
        "hit": hits.value,
        "low": hits.low,
        "high": hits.high,
        "lift": means.pop("lift"),
        "n": len(rows),
        "scenes": int(rows["scene"].nunique()),
        "baselines": {"area": means.pop("area"), "constant": constant_hits / len(rows), **means},
        "intervals": {name: [interval.low, interval.high] for name, interval in found.items()},
        "ceiling": {"lift": float((1 / rows["area"]).mean())},
    }


def _maps(run: Run, model: System, images: list[np.ndarray]) -> np.ndarray | None:
    """Return attention maps [n, C, h, w], or None where the model has none."""
    attention = run.output(images, model).attention
    return None if attention is None else attention.numpy()
