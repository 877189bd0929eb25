"""What determines a scene's labels, drawn before and apart from everything that only determines its looks.

A scene's random numbers come from four streams that depend on (SEED, split, index) alone: the latents of this module,
the appearance and the layout (``sampling``), and the raters. So occlusion, which may redraw the layout, can never
touch a label, and a manifest needs no drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from fisa.datasets.planted.labels import combined_strengths
from fisa.datasets.planted.presets import SEED, stream_number
from fisa.datasets.planted.shifts import shift_of
from fisa.emotions import MIKELS8

LATENTS, APPEARANCE, LAYOUT, RATERS = range(4)

# How many emotions a scene shows, and how often.
PRESENT = {1: 0.1, 2: 0.38, 3: 0.37, 4: 0.13, 5: 0.02}
SECOND_MOTIF = 0.08  # chance that a present emotion is shown by two motifs
DRAWN_KINDS = 2  # kinds of every emotion in use; the third is kept back for the shift ``rendering``
STRENGTH_RANGE = (0.5, 1.5)
PALETTE_LIMIT = 2.0

# Triples of emotions that never occur together in any split but ``triple``, for which they are kept back. No pair lies
# in two of them, so every pair is still seen, also among three.
RESERVED_TRIPLES = tuple(
    frozenset(map(MIKELS8.index, triple))
    for triple in (
        ("amusement", "awe", "anger"),
        ("amusement", "contentment", "fear"),
        ("awe", "excitement", "sadness"),
        ("contentment", "excitement", "disgust"),
        ("anger", "disgust", "sadness"),
    )
)


@dataclass(frozen=True)
class MotifLatent:
    """Emotion (column), number of the kind within the emotion, and strength in [0.5, 1.5] of one motif."""

    emotion: int
    kind: int
    strength: float


@dataclass(frozen=True)
class Latents:
    """All that the labels of a scene depend on."""

    motifs: tuple[MotifLatent, ...]
    brightness: float
    saturation: float

    @property
    def strengths(self) -> np.ndarray:
        """Combined strength of every emotion, 0 where absent; float64 [8]."""
        return combined_strengths([m.emotion for m in self.motifs], [m.strength for m in self.motifs])


def stream(number: int, split: str, index: int) -> np.random.Generator:
    """Return one of a scene's independent random streams."""
    return np.random.default_rng([SEED, number, stream_number(split), index])


def draw_latents(index: int, split: str) -> Latents:
    """Draw what determines the labels of scene ``index`` of ``split``, a proper name (see ``presets``)."""
    rng, shift = stream(LATENTS, split, index), shift_of(split)
    subsets, cumulative = _subset_table(shift.reserved_triples)
    subset = subsets[int(np.searchsorted(cumulative, rng.random(), side="right"))]
    brightness, saturation = np.clip(rng.standard_normal(2), -PALETTE_LIMIT, PALETTE_LIMIT)
    motifs = []
    for emotion in subset:
        for _ in range(1 + int(rng.random() < SECOND_MOTIF)):
            kind = int(rng.integers(DRAWN_KINDS))
            strength = shift.strength(float(rng.uniform(*STRENGTH_RANGE)))
            motifs.append(MotifLatent(emotion, DRAWN_KINDS if shift.unseen_kinds else kind, strength))
    return Latents(tuple(motifs), shift.palette(float(brightness)), shift.palette(float(saturation)))


def subset_probabilities() -> dict[tuple[int, ...], float]:
    """Return how often each set of present emotions is drawn.

    Sets that hold a reserved triple have no entry. The others are raked (iterative proportional fitting: Deming &
    Stephan 1940) from equal weights until the number of emotions follows ``PRESENT``, every emotion is present equally
    often, and every pair of emotions co-occurs equally often although the reserved triples touch only some pairs.
    """
    subsets = [
        subset
        for count in PRESENT
        for subset in combinations(range(len(MIKELS8)), count)
        if not any(triple <= set(subset) for triple in RESERVED_TRIPLES)
    ]
    sizes = np.array([len(subset) for subset in subsets])
    groups = [(sizes == count, share) for count, share in PRESENT.items()]
    for order in (1, 2):
        mean = sum(share * len(list(combinations(range(count), order))) for count, share in PRESENT.items())
        members = list(combinations(range(len(MIKELS8)), order))
        groups += [(np.array([set(m) <= set(s) for s in subsets]), mean / len(members)) for m in members]
    weights = np.ones(len(subsets)) / len(subsets)
    for _ in range(300):
        for group, share in groups:
            inside = weights[group].sum()
            weights = np.where(group, weights * share / inside, weights * (1 - share) / (1 - inside))
    return dict(zip(subsets, weights.tolist(), strict=True))


@lru_cache(maxsize=2)
def _subset_table(reserved: bool) -> tuple[list[tuple[int, ...]], np.ndarray]:
    triples = {tuple(sorted(triple)): 1.0 for triple in RESERVED_TRIPLES}
    probabilities = triples if reserved else subset_probabilities()
    cumulative = np.cumsum(list(probabilities.values()))
    return list(probabilities), cumulative / cumulative[-1]
