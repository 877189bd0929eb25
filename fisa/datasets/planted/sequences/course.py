"""The course of a planted sequence: what is shown, what lies behind it, and the label model.

At every step t one pleasant emotion a and one unpleasant emotion b are shown, with strengths s that drift between
.5 and 1.5. Which of them prevails is not decided by what is shown alone:

    z_i(t) = BETA s_i + gamma_i(B, S) + sum_{j != i} A_ij s_i s_j + SHIFT polarity_i x(t),    p(t) = softmax(z(t))

The first three terms are those of a scene of Planted Affect; x(t) is the last value, at or before t, of the series
``weather``, which lifts the pleasant emotions and lowers the others. The other series are drawn from the same
process and act on nothing. Emotions a and b are each replaced after stretches of random length. The dominant emotion
changes when one of the shown ones is replaced, when strengths cross, or when the weather tips the balance.

A course depends on (SEED, split, index) alone, through streams of which none but the first bears on a label, and the
stream of ``weather``. Step t is the same however many steps follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fisa.datasets.planted.labels import PAD_LOADING, cast_votes, scene_logits, softmax
from fisa.datasets.planted.latents import DRAWN_KINDS, PALETTE_LIMIT, STRENGTH_RANGE
from fisa.datasets.planted.sequences.presets import SEED, SPLITS, VOTES
from fisa.datasets.sequences import Events
from fisa.emotions import MIKELS8

LATENTS, APPEARANCE, RATERS, TEXT, SPEECH, MISSING = range(6)
SERIES = {"market": 10, "traffic": 11, "weather": 12}
"""Name -> number of its stream. ``weather`` acts; the others have its statistics and act on nothing."""

STEPS = 24
SHIFT = 0.8
SHORTEST, MEAN_REST = 4, 6  # steps of a stretch: at least so many, and so many more on average
SHOWN = tuple(np.flatnonzero(np.asarray(MIKELS8.polarity) == sign) for sign in (1, -1))

GAP = 1.5  # mean time between two events of a series, in steps
MEMORY = 6.0  # time after which two values of a series correlate by 1/e

TEXT_WIDTH, SPEECH_WIDTH = 16, 8
TEXT_NOISE, SPEECH_NOISE = 0.3, 0.3
TEXT_RATE = 0.6  # share of the steps at which something is said, where anything is

# Chance that a sequence lacks a modality as a whole.
LACKING = {"frames": 0.1, "text": 0.2, "speech": 0.2, **dict.fromkeys(SERIES, 0.1)}


@dataclass(frozen=True, eq=False)
class Course:
    """A sequence of T steps.

    Attributes:
        shown: Columns of the pleasant and of the unpleasant emotion, int [T, 2].
        kinds: Numbers of their kinds within the emotion, int [T, 2].
        stretch: Counts the stretches of each, int [T, 2].
        strengths: float64 [T, 8]; 0 where an emotion is not shown.
        brightness: Standardised, of all frames.
        saturation: Standardised, of all frames.
        series: Name -> events, also of a series that the sequence lacks: it may act all the same.
        logits: float64 [T, 8].
        distribution: float64 [T, 8], p.
        votes: int64 [T, 8].
        text: float32 [T, 16]; the direction of each emotion times its degree above 1/8, and noise.
        speech: float32 [T, 8]; pleasure, arousal and dominance in eight mixtures, and noise.
        present: ``frames``, ``text``, ``speech`` -> bool [T], at which steps they are there; series -> bool [].
    """

    shown: np.ndarray
    kinds: np.ndarray
    stretch: np.ndarray
    strengths: np.ndarray
    brightness: float
    saturation: float
    series: Mapping[str, Events]
    logits: np.ndarray
    distribution: np.ndarray
    votes: np.ndarray
    text: np.ndarray
    speech: np.ndarray
    present: Mapping[str, np.ndarray]


def stream(number: int, split: str, index: int) -> np.random.Generator:
    """Return one of a sequence's independent random streams."""
    return np.random.default_rng([SEED, number, SPLITS[split], index])


def draw_course(index: int, split: str, steps: int = STEPS) -> Course:
    """Draw the course of one sequence, without any other.

    Args:
        index: Number of the sequence, from 0.
        split: ``train``, ``validation`` or ``test``.
        steps: T, at most ``STEPS``: of that many the first ones.
    """
    rng = stream(LATENTS, split, index)
    brightness, saturation = np.clip(rng.standard_normal(2), -PALETTE_LIMIT, PALETTE_LIMIT)
    slots = [_draw_slot(emotions, rng) for emotions in SHOWN]
    shown, kinds, stretch = (np.stack([slot[part] for slot in slots], axis=1)[:steps] for part in range(3))
    strengths = np.zeros((steps, len(MIKELS8)))
    for slot, column in zip(slots, shown.T, strict=True):
        strengths[np.arange(steps), column] = slot[3][:steps]
    series = {name: _draw_series(stream(number, split, index), steps) for name, number in SERIES.items()}
    logits = scene_logits(strengths, np.full(steps, brightness), np.full(steps, saturation))
    logits += SHIFT * np.outer(series["weather"].last(np.arange(steps)), MIKELS8.polarity)
    distribution = softmax(logits)
    raters = stream(RATERS, split, index)
    return Course(
        shown=shown,
        kinds=kinds,
        stretch=stretch,
        strengths=strengths,
        brightness=float(brightness),
        saturation=float(saturation),
        series=series,
        logits=logits,
        distribution=distribution,
        votes=np.array([cast_votes(p, raters, VOTES) for p in distribution]),
        text=_draw_vectors(distribution @ _directions(), TEXT_NOISE, stream(TEXT, split, index)),
        speech=_draw_vectors(distribution @ PAD_LOADING @ _mixtures(), SPEECH_NOISE, stream(SPEECH, split, index)),
        present=_draw_presence(steps, stream(MISSING, split, index)),
    )


def _draw_slot(emotions: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw STEPS steps of one of the two shown emotions: column, kind, number of the stretch, strength."""
    column, kind, stretch, strength = (np.zeros(STEPS, dtype=kind) for kind in (int, int, int, float))
    start, number, current = 0, 0, -1
    while start < STEPS:
        length = SHORTEST + int(rng.geometric(1 / (MEAN_REST + 1))) - 1
        current = int(rng.choice(emotions[emotions != current]))
        part = slice(start, start + length)
        column[part], kind[part], stretch[part] = current, rng.integers(DRAWN_KINDS), number
        begin, end = rng.uniform(*STRENGTH_RANGE, 2).tolist()
        strength[part] = np.linspace(begin, end, length)[: STEPS - start]
        start, number = start + length, number + 1
    return column, kind, stretch, strength


def _draw_series(rng: np.random.Generator, steps: int) -> Events:
    """Draw an Ornstein-Uhlenbeck process of unit variance, observed at the times of a Poisson process until the end."""
    times = [-float(rng.exponential(GAP))]  # one value is known at the first step
    while times[-1] < STEPS:
        times.append(times[-1] + float(rng.exponential(GAP)))
    values = [float(rng.standard_normal())]
    for gap in np.diff(times):
        kept = np.exp(-gap / MEMORY)
        values.append(float(kept * values[-1] + np.sqrt(1 - kept**2) * rng.standard_normal()))
    known = np.array(times) < steps
    return Events(np.array(times)[known], np.array(values)[known])


def _draw_vectors(means: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    return (means + noise * rng.standard_normal((STEPS, means.shape[1]))[: len(means)]).astype(np.float32)


def _directions() -> np.ndarray:
    """Return the direction in which a text speaks of each emotion, orthonormal and centred over them, [8, 16]."""
    square = np.random.default_rng([SEED, TEXT]).standard_normal((TEXT_WIDTH, TEXT_WIDTH))
    directions = np.linalg.qr(square)[0][: len(MIKELS8)]
    return np.asarray(directions - directions.mean(axis=0))


def _mixtures() -> np.ndarray:
    """Return how pleasure, arousal and dominance mix into the numbers of speech, [3, 8]."""
    return np.random.default_rng([SEED, SPEECH]).standard_normal((3, SPEECH_WIDTH))


def _draw_presence(steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw which modalities the sequence has; without frames, text and speech it would show nothing: it has frames."""
    there = {name: bool(rng.random() >= chance) for name, chance in LACKING.items()}
    there["frames"] |= not (there["text"] or there["speech"])
    spoken = rng.random(STEPS)[:steps] < TEXT_RATE
    steps_of = {"frames": np.ones(steps, dtype=bool), "text": spoken, "speech": np.ones(steps, dtype=bool)}
    return {name: steps_of[name] & there[name] if name in steps_of else np.array(there[name]) for name in there}
