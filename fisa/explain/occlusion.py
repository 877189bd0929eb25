"""Attribution by covering: how much the target falls when a part of the image gives way to the baseline.

captum gives every pixel the change of the parts that cover it. Here it is divided by their area, so that maps can be
summed over a region; for a model that is linear in its pixels the sum is then the whole change, as far as parts reach
over the edge alike. captum is imported late: it loads matplotlib, which takes a second.
"""

from __future__ import annotations

import torch

from fisa.explain.asking import Asked, Found


def occlusion(asked: Asked) -> Found:
    """Change by a square window that moves by half its side (Zeiler & Fergus 2014), averaged where windows overlap."""
    from captum.attr import Occlusion

    side = window_side(asked)
    stride = max(1, side // 2)
    baseline, words = asked.baseline()
    values = Occlusion(asked.forward).attribute(
        asked.images,
        sliding_window_shapes=(3, side, side),
        strides=(3, stride, stride),
        baselines=baseline,
        additional_forward_args=(asked.rows,),
        perturbations_per_eval=max(1, asked.at_once // len(asked.images)),
    )
    settings = {"window": side, "stride": stride}
    return Found(values[:, 0] / side**2, words, asked.values(baseline), settings=settings)


def feature_ablation(asked: Asked) -> Found:
    """Change by each cell of a square grid, one after the other: every pixel counts once."""
    from captum.attr import FeatureAblation

    side, size = window_side(asked), asked.images.shape[-1]
    line = torch.arange(size) // side
    cells = line[:, None] * (int(line[-1]) + 1) + line[None, :]
    baseline, words = asked.baseline()
    values = FeatureAblation(asked.forward).attribute(
        asked.images,
        feature_mask=cells[None, None],
        baselines=baseline,
        additional_forward_args=(asked.rows,),
        perturbations_per_eval=max(1, asked.at_once // len(asked.images)),
    )
    areas = torch.bincount(cells.flatten())[cells]
    return Found(values[:, 0] / areas, words, asked.values(baseline), settings={"window": side})


def window_side(asked: Asked) -> int:
    """Return the side of window and cell in pixels."""
    return max(1, round(asked.settings.window * asked.images.shape[-1]))
