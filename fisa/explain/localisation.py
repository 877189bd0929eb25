"""Localisation: does an emotion's attention map look at that emotion's motifs?

A unit is one present emotion of a planted scene with at least two motifs of different emotions. The map,
upsampled bilinearly to image size, hits when its maximum lies in the visible mask of the emotion's own
motifs (ties averaged). Mass lift is the share of the attention on places that falls in that mask, over the
mask's share of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from fisa.datasets.planted import Scene
from fisa.datasets.planted.render import render
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import own_mask
from fisa.metrics import bootstrap_mean
from fisa.models import System, build_model
from fisa.runs import Run

BATCH = 50


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
        hit with its 95 % bootstrap interval over scenes, mass lift, n units, and baselines: ``area`` (mean
        visible share of the image), ``constant`` (the best fixed position), ``any_motif`` (a random point on
        any motif, blind to emotion), ``other_emotion`` (the map of the next emotion present) and
        ``untrained`` (the same architecture with fresh random weights, not seeded here). None where the system
        has no maps, or no scene shows two emotions.
    """
    untrained = build_model(run.config.model, run.space, pretrained=False).eval()
    size = run.config.data.image_size
    rows: list[dict[str, float]] = []
    seen = np.zeros((size, size))
    for start in range(0, count, BATCH):
        indices = range(start, min(start + BATCH, count))
        drawn = [(index, scene, render(scene, size)) for index, scene in ((i, scenes(i)) for i in indices)]
        drawn = [item for item in drawn if len({motif.emotion for motif in item[1].motifs}) > 1]
        trained_maps = _maps(run, run.model, [rendering.image for _, _, rendering in drawn])
        if trained_maps is None:
            return None
        untrained_maps = _maps(run, untrained, [rendering.image for _, _, rendering in drawn])
        assert untrained_maps is not None
        for (index, scene, rendering), maps, blank in zip(drawn, trained_maps, untrained_maps, strict=True):
            units, masks = _grade_scene(index, scene, rendering.ids, upsample(maps, size), upsample(blank, size))
            rows += units
            seen += masks
        if progress is not None:
            progress(indices[-1] + 1, count)
    return _summary(pd.DataFrame(rows), float(seen.max())) if rows else None


def _grade_scene(
    index: int, scene: Scene, ids: np.ndarray, maps: np.ndarray, blank: np.ndarray
) -> tuple[list[dict[str, float]], np.ndarray]:
    """Return a row for each present emotion, and the sum of their masks."""
    present = sorted({motif.emotion for motif in scene.motifs})
    masks = {emotion: own_mask(ids, scene, emotion) for emotion in present}
    rows = []
    for place, emotion in enumerate(present):
        mask, other = masks[emotion], present[(place + 1) % len(present)]
        rows.append(
            {
                "scene": index,
                "hit": hit(maps[emotion], mask),
                "lift": maps[emotion][mask].sum() / maps[emotion].sum() / mask.mean(),
                "area": mask.mean(),
                "any_motif": mask.sum() / (ids > 0).sum(),
                "other_emotion": hit(maps[other], mask),
                "untrained": hit(blank[emotion], mask),
            }
        )
    return rows, np.sum(list(masks.values()), axis=0)


def _summary(rows: pd.DataFrame, constant_hits: float) -> dict[str, Any]:
    interval = bootstrap_mean(rows["hit"].to_numpy(), groups=rows["scene"].to_numpy())
    return {
        "hit": interval.value,
        "low": interval.low,
        "high": interval.high,
        "lift": float(rows["lift"].mean()),
        "n": len(rows),
        "scenes": int(rows["scene"].nunique()),
        "baselines": {
            "area": float(rows["area"].mean()),
            "constant": constant_hits / len(rows),
            "any_motif": float(rows["any_motif"].mean()),
            "other_emotion": float(rows["other_emotion"].mean()),
            "untrained": float(rows["untrained"].mean()),
        },
    }


def _maps(run: Run, model: System, images: list[np.ndarray]) -> np.ndarray | None:
    """Return attention maps [n, C, h, w], or None where the model has none."""
    attention = run.output(images, model).attention
    return None if attention is None else attention.numpy()
