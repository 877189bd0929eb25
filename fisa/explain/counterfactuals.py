"""Planted scenes with their counterfactuals, and what a run says of them, many scenes in one batch.

A *family* is a scene x and, for every emotion j present, the same scene with all motifs of j left out, x without j. The
change that j makes to logits is z(x) - z(x without j), taken in the absent gauge (docs/methods.md, section 11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fisa.datasets.planted import Scene
from fisa.datasets.planted.render import render
from fisa.evaluation import Progress
from fisa.models import System
from fisa.runs import Run

BATCH = 24
"""Images that pass through a model at once; the maps of many more leave a processor's cache, which takes longer."""


@dataclass(frozen=True, eq=False)
class Family:
    """A drawn scene and its counterfactuals; P emotions are present, C there are.

    Attributes:
        scene: The scene.
        image: uint8 RGB [S, S, 3].
        ids: int16 [S, S]: m + 1 where motif m is on top.
        present: Columns of the emotions present, ascending.
        without: The image without each of them.
    """

    scene: Scene
    image: np.ndarray
    ids: np.ndarray
    present: tuple[int, ...]
    without: tuple[np.ndarray, ...]

    @cached_property
    def absent(self) -> NDArray[np.bool_]:
        """Which emotions the scene does not show, bool [C]."""
        return np.asarray(self.scene.strengths == 0)

    @cached_property
    def planted(self) -> np.ndarray:
        """The true change that each present emotion makes to every logit, in the absent gauge: float64 [C, P]."""
        variants = [self.scene.without_emotion(emotion).logits for emotion in self.present]
        return absent_gauge(self.scene.logits[:, None] - np.stack(variants, 1), self.absent)

    def mask(self, emotion: int) -> NDArray[np.bool_]:
        """The visible mask of all motifs of one emotion, bool [S, S]."""
        return own_mask(self.ids, self.scene, emotion)


def own_mask(ids: np.ndarray, scene: Scene, emotion: int) -> NDArray[np.bool_]:
    """Return the visible mask of all motifs of one emotion, bool [S, S].

    Args:
        ids: The scene's id buffer: m + 1 where motif m is on top.
        scene: Gives the motifs' emotions.
        emotion: Column of the label space.
    """
    own = [number + 1 for number, motif in enumerate(scene.motifs) if motif.emotion == emotion]
    return np.isin(ids, own)


def absent_gauge(effect: np.ndarray, absent: NDArray[np.bool_]) -> np.ndarray:
    """Subtract the mean over absent emotions from effects [C, ...]; ``absent`` is bool [C] with a True."""
    return np.asarray(effect - effect[absent].mean(0))


def draw_family(scene: Scene, size: int) -> Family:
    """Draw a scene and its counterfactuals, ``size`` pixels a side."""
    drawn, present = render(scene, size), sorted({motif.emotion for motif in scene.motifs})
    without = tuple(render(scene.without_emotion(emotion), size).image for emotion in present)
    return Family(scene, drawn.image, drawn.ids, tuple(present), without)


def draw_families(
    scenes: Callable[[int], Scene], count: int, size: int, progress: Progress | None = None
) -> list[Family]:
    """Draw the first ``count`` scenes with their counterfactuals; some 0.1 s each."""
    families = []
    for index in range(count):
        families.append(draw_family(scenes(index), size))
        if progress is not None:
            progress(index + 1, count)
    return families


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of a family; the scene comes first, then each counterfactual.

    Attributes:
        logits: [1 + P, C].
        contributions: [1 + P, C, C], summed over heads, or None.
        features: [1 + P, ...].
    """

    logits: np.ndarray
    contributions: np.ndarray | None
    features: np.ndarray

    def change(self, family: Family) -> np.ndarray:
        """Return the change that each present emotion makes to every logit, in the absent gauge: [C, P]."""
        return absent_gauge((self.logits[:1] - self.logits[1:]).T, family.absent)


def answers(run: Run, families: Sequence[Family], model: System | None = None) -> Iterator[Answer]:
    """Ask a run about families, as many as fit into a batch at once.

    Args:
        run: A loaded run.
        families: What to ask about.
        model: Stands in for the run's own.
    """
    start = 0
    while start < len(families):
        stop, held = start, 0
        while stop < len(families) and (stop == start or held + 1 + len(families[stop].present) <= BATCH):
            held += 1 + len(families[stop].present)
            stop += 1
        yield from _answers_at_once(run, families[start:stop], model)
        start = stop


def _answers_at_once(run: Run, families: Sequence[Family], model: System | None) -> Iterator[Answer]:
    images = [image for family in families for image in (family.image, *family.without)]
    output = run.output(images) if model is None else run.output(images, model)
    logits, features = output.logits.double().numpy(), output.features.numpy()
    contributions = None if output.contributions is None else output.contributions.double().sum(1).numpy()
    place = 0
    for family in families:
        rows = slice(place, place + 1 + len(family.present))
        place = rows.stop
        yield Answer(logits[rows], None if contributions is None else contributions[rows], features[rows])
