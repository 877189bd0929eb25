"""Attribution grades: does what a method lays on a motif agree with what that motif does?

A unit is a target and a source in one planted scene: an emotion i that is present, and an emotion j that is, too. The
attribution to z_i, in the gauge of the emotions absent, is summed over the visible mask of j's motifs and compared with
the change of z_i when j is left out: the model's own change (faithfulness: does the method tell what the model does?)
and the planted one (validity: does it tell what is so?). Spearman's correlation over all units of one target, then the
mean over targets. A motif of j moves z_i wherever A_ij is not 0, so masks of i alone would be the wrong truth here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fisa.evaluation import Progress
from fisa.explain.asking import Settings
from fisa.explain.attribution import attribute_batch
from fisa.explain.counterfactuals import Answer, Family
from fisa.explain.localisation import upsample
from fisa.explain.resampling import over_scenes
from fisa.explain.targets import Target
from fisa.models import System
from fisa.records import Interval
from fisa.runs import Run

RANKED = 200
"""Resamples of a rank correlation, which must be ranked anew each time."""

Maps = Mapping[tuple[int, int], np.ndarray]


def units(families: Sequence[Family], said: Sequence[Answer]) -> pd.DataFrame:
    """Return a row for each scene, target and source among scenes that show two emotions or more.

    Columns: ``scene`` (position), ``target``, ``source`` (columns of the label space), ``own`` (the model's change),
    ``planted``, ``area`` (share of the image), ``same`` (1 where source and target are one).
    """
    rows = []
    for number, (family, answer) in enumerate(zip(families, said, strict=True)):
        if len(family.present) < 2:
            continue
        own, planted = answer.change(family), family.planted
        for target in family.present:
            for place, source in enumerate(family.present):
                area, same = float(family.mask(source).mean()), float(source == target)
                rows.append((number, target, source, own[target, place], planted[target, place], area, same))
    return pd.DataFrame(rows, columns=["scene", "target", "source", "own", "planted", "area", "same"])


def maps_of(
    run: Run,
    families: Sequence[Family],
    table: pd.DataFrame,
    method: str,
    settings: Settings | None = None,
    model: System | None = None,
    progress: Progress | None = None,
) -> Maps:
    """Attribute the targets of :func:`units`, many scenes in one batch.

    Args:
        run: A loaded run.
        families: The scenes.
        table: Their units.
        method: Key of ``METHODS``.
        settings: How to attribute.
        model: Stands in for the run's own.
        progress: Called with (targets done, targets).

    Returns:
        Maps [h, w] by scene and target.
    """
    asked = list(table[["scene", "target"]].drop_duplicates().itertuples(index=False, name=None))
    images = [families[scene].image for scene, _ in asked]
    targets = [gauged_target(families[scene], target) for scene, target in asked]
    found = attribute_batch(run, images, method, targets, settings, model=model, progress=progress)
    return {key: each.values for key, each in zip(asked, found, strict=True)}


def laid_on(families: Sequence[Family], table: pd.DataFrame, maps: Maps) -> NDArray[np.float64]:
    """Return what maps lay on each source for each target of :func:`units`, [rows]."""
    amounts = []
    for scene, target, source in table[["scene", "target", "source"]].itertuples(index=False, name=None):
        mask = families[scene].mask(source)
        amounts.append(float(spread_out(maps[scene, target], len(mask))[mask].sum()))
    return np.array(amounts)


def gauged_target(family: Family, emotion: int) -> Target:
    """Return the logit of an emotion in the gauge of the emotions that the scene does not show."""
    return Target("logit", emotion, gauge=tuple(np.flatnonzero(family.absent).tolist()))


def spread_out(values: np.ndarray, size: int) -> np.ndarray:
    """Spread a map [h, w] bilinearly over [size, size] pixels, so that it keeps its sum."""
    if values.shape == (size, size):
        return values
    return np.asarray(upsample(values[None], size)[0] * (values.size / size**2))


def mean_spearman(table: pd.DataFrame, estimate: np.ndarray, truth: np.ndarray) -> Interval:
    """Return Spearman's correlation over the units of each target, averaged, with its interval over scenes."""
    targets = table["target"].to_numpy()
    kinds = np.unique(targets)

    def statistic(chosen: NDArray[np.intp]) -> float:
        asked = targets[chosen]
        rows = [chosen[asked == kind] for kind in kinds]
        return float(np.mean([spearman(estimate[row], truth[row]) for row in rows if len(row) > 2] or [0.0]))

    return over_scenes(statistic, table["scene"], RANKED)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's correlation of two vectors; 0 where one of them never varies, which says nothing."""
    one, other = (_ranks(values) for values in (first, second))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread else 0.0


def _ranks(values: np.ndarray) -> NDArray[np.float64]:
    """Return ranks less their mean, ties sharing theirs: scipy's, in a fifth of its time for short rows."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return np.asarray(ranks - ranks.mean())
