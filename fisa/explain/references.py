"""Reference submissions: what is reached without understanding anything, and by knowing everything.

None of them looks at a model. All are made of the scenes alone, so that whoever grades explanations on Planted Affect
can put these beside their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_gradient_magnitude

from fisa.datasets.planted import AFFINITY, PlantedDataset, Scene, render
from fisa.evaluation import Progress
from fisa.explain.counterfactuals import own_mask
from fisa.explain.submission import FORMAT, Head, write_submission

EMOTIONS = len(AFFINITY)
CELLS = 16  # a side, of maps that need no more
LUMA = np.array([0.299, 0.587, 0.114])
EDGE_WIDTH = 1 / 64  # standard deviation of the smoothing before edges, as a share of the side
CENTRE_WIDTH = 1 / 4  # of the centre's bump

Arrays = dict[str, np.ndarray]


def random(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """Noise everywhere."""
    maps = draw.standard_normal((EMOTIONS, CELLS, CELLS), dtype=np.float32)
    return {"attribution": maps, "effects": draw.standard_normal((EMOTIONS, EMOTIONS))}


def centre(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """A bump in the middle of the picture, the same for every emotion."""
    line = ((np.arange(CELLS) + 0.5) / CELLS - 0.5) / CENTRE_WIDTH
    bump = np.exp(-(line[:, None] ** 2 + line[None, :] ** 2) / 2)
    return {"attribution": _for_all(bump.astype(np.float32))}


def edge(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """How steep the luma of the picture is, the same for every emotion."""
    steepness = gaussian_gradient_magnitude(image @ LUMA / 255, EDGE_WIDTH * len(image))
    return {"attribution": _for_all(steepness.astype(np.float32))}


def union(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """The visible masks of all motifs: sees what is no distractor, and is blind to emotion."""
    return {"attribution": _for_all(ids > 0)}


def oracle(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """Each emotion's own visible mask, the planted effects A_ij s_i s_j, and the true logits."""
    masks = np.stack([own_mask(ids, scene, emotion) for emotion in range(EMOTIONS)])
    effects = AFFINITY * scene.strengths[:, None] * scene.strengths[None, :]
    return {"attribution": masks, "effects": effects, **_true_logits(scene)}


def planted(scene: Scene, image: np.ndarray, ids: np.ndarray, draw: np.random.Generator) -> Arrays:
    """What leaving out each emotion truly does to each logit, spread over its mask: perfectly valid, not local."""
    known = _true_logits(scene)
    change = known["logits"][None, :] - known["logits_without"]  # rows leave, columns receive
    change = change - change[:, scene.strengths == 0].mean(1, keepdims=True)
    maps = np.zeros((EMOTIONS, *ids.shape), dtype=np.float32)
    for emotion in np.flatnonzero(scene.strengths):
        mask = own_mask(ids, scene, int(emotion))
        maps[:, mask] = change[emotion][:, None] / mask.sum()
    return {"attribution": maps, **known}


REFERENCES: Mapping[str, Callable[[Scene, np.ndarray, np.ndarray, np.random.Generator], Arrays]] = {
    "random": random,
    "centre": centre,
    "edge": edge,
    "union": union,
    "oracle": oracle,
    "planted": planted,
}
"""Name -> arrays for one scene, its picture, its id buffer and a source of chance."""


def write_references(folder: Path, data: PlantedDataset, count: int, progress: Progress | None = None) -> list[Path]:
    """Write every reference as a submission below ``folder``.

    Args:
        folder: Gets a sub-folder for each.
        data: Their data.
        count: The first so many scenes.
        progress: Called with (scenes done, scenes).

    Returns:
        The sub-folders.

    Raises:
        SubmissionError: One of them exists, or the disk refuses.
    """
    arrays: dict[str, list[Arrays]] = {name: [] for name in REFERENCES}
    for index in range(count):
        scene = data.scene(index)
        drawn = render(scene, data.image_size)
        for name, make in REFERENCES.items():
            arrays[name].append(make(scene, drawn.image, drawn.ids, np.random.default_rng(index)))
        if progress is not None:
            progress(index + 1, count)
    for name, rows in arrays.items():
        head = Head(format=FORMAT, method=name, data=data.name, split=data.split, version=data.version, count=count)
        write_submission(folder / name, head, {key: np.stack([row[key] for row in rows]) for key in rows[0]})
    return [folder / name for name in arrays]


def _for_all(places: np.ndarray) -> np.ndarray:
    return np.broadcast_to(places, (EMOTIONS, *places.shape))


def _true_logits(scene: Scene) -> Arrays:
    without = [scene.without_emotion(k).logits if scene.strengths[k] else scene.logits for k in range(EMOTIONS)]
    return {"logits": scene.logits, "logits_without": np.stack(without)}
