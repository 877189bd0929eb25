"""Path test: by which way does an emotion j reach the logit of another, i?

Class features are exchanged for those of the scene without j: only F_j (*direct*: what interaction is for), only F_i
(*leak*: attention of i looked at j itself), all but these two (*relay*). The change of z_i, in the absent gauge, is set
against the model's whole change for x without j. Shares need not sum to 1, since the model is not linear in features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch

from fisa.explain.counterfactuals import Answer, Family, absent_gauge
from fisa.explain.resampling import over_scenes, ratio
from fisa.models import Fisa, System
from fisa.models.attention import ClassFeatures
from fisa.records import Interval

PATHS = ("direct", "leak", "relay")


def grade_paths(model: System, families: Sequence[Family], said: Sequence[Answer]) -> dict[str, Interval] | None:
    """Grade the paths from emotion to emotion; None for a system without class features that interact.

    Returns:
        ``direct``, ``leak`` and ``relay``: slope through the origin of the change by that path on the whole change,
        over pairs and scenes. ``absent``: mean of ``|F_k(x) - F_k(x without j)| / |F_k(x)|`` over emotions k that the
        scene does not show: what a foreign motif does to a feature that should not see it. Intervals over scenes.
    """
    if not isinstance(model, Fisa):
        return None
    rows = [row for number, each in enumerate(zip(families, said, strict=True)) for row in _pairs(model, number, *each)]
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["scene", "whole", *PATHS])
    whole = table["whole"].to_numpy()
    shares = {path: over_scenes(ratio(table[path] * whole, whole**2), table["scene"]) for path in PATHS}
    return shares | {"absent": _absent_change(families, said)}


def _pairs(model: Fisa, number: int, family: Family, answer: Answer) -> Iterator[tuple[float, ...]]:
    """Yield scene, whole change and the change by each path, for each ordered pair of two emotions present."""
    whole = answer.change(family)
    pairs = [(i, j, place) for place, j in enumerate(family.present) for i in family.present if i != j]
    if not pairs:
        return
    before = torch.from_numpy(answer.features)
    patched = []
    for i, j, place in pairs:
        without = before[1 + place]
        for rows in ([j], [i], [k for k in range(before.shape[1]) if k not in (i, j)]):
            one = before[0].clone()
            one[rows] = without[rows]
            patched.append(one)
    with torch.no_grad():
        logits = model.interact(ClassFeatures(torch.stack(patched)), explain=False).logits.double().numpy()
    changes = absent_gauge((answer.logits[:1] - logits).T, family.absent)
    for position, (i, _, place) in enumerate(pairs):
        yield number, whole[i, place], *changes[i, 3 * position : 3 * position + 3]


def _absent_change(families: Sequence[Family], said: Sequence[Answer]) -> Interval:
    rows = []
    for number, (family, answer) in enumerate(zip(families, said, strict=True)):
        before = answer.features[0, family.absent]
        for without in answer.features[1:, family.absent]:
            moved = np.linalg.norm(before - without, axis=1) / np.linalg.norm(before, axis=1)
            rows += [(number, change) for change in moved]
    scenes, changes = np.array(rows).T
    return over_scenes(ratio(changes, np.ones_like(changes)), scenes)
