"""Drawings of the neutral distractors: everyday things that share the motifs' vocabulary of shapes.

Round things, spiky things, tall things with something on top, things with eyes, wings, horns, tails, tongues or steps:
each distractor resembles some motif, so only the specific shape tells a motif. ``t`` varies them as strongly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from fisa.datasets.planted.shapes import Part, arc, both, ellipse, polygon, smooth, towards, tube, turned


def ball(t: float, rng: np.random.Generator) -> list[Part]:
    """A beach ball; t is the number of its stripes."""
    count = 2 * round(2 + 3 * t)
    turn = rng.random()
    wedges = []
    for number in range(0, count, 2):
        a, b = (turn + 2 * math.pi * (number + k) / count for k in (0, 1))
        wedges.append(polygon([(0.15, -0.15), *arc(0, 0, 0.98, 0.98, a, b, 7)], "white", False))
    return [ellipse(0, 0, 1, None, "base"), *wedges, ellipse(0.15, -0.15, 0.24, None, "dark", 0, False)]


def gear(t: float, rng: np.random.Generator) -> list[Part]:
    """A cogwheel; t is the number of its teeth."""
    count = round(6 + 6 * t)
    turn = rng.random()
    teeth = [
        tube([(0, 0), towards(0, 0, turn + 2 * math.pi * n / count, 1.05)], (0.4, 0.3), "base") for n in range(count)
    ]
    ring = [
        ellipse(0, 0, 0.84, None, "base"),
        ellipse(0, 0, 0.5, None, "light"),
        ellipse(0, 0, 0.24, None, "ink", 0, False),
    ]
    return [*teeth, *ring]


def bottle(t: float, rng: np.random.Generator) -> list[Part]:
    """A bottle; t is the length of its neck."""
    neck = 0.15 + 1.0 * t
    label = 0.25 + 0.1 * rng.random()
    return [
        polygon([(-0.2, 0.0), (-0.2, -0.4 - neck), (0.2, -0.4 - neck), (0.2, 0.0)], "dark"),
        polygon([(-0.26, -0.35 - neck), (-0.26, -0.6 - neck), (0.26, -0.6 - neck), (0.26, -0.35 - neck)], "white"),
        smooth(
            [
                (-0.2, -0.42),
                (0.2, -0.42),
                (0.54, -0.05),
                (0.54, 0.95),
                (0.35, 1.08),
                (-0.35, 1.08),
                (-0.54, 0.95),
                (-0.54, -0.05),
            ]
        ),
        polygon([(-0.5, label - 0.1), (0.5, label - 0.1), (0.5, label + 0.4), (-0.5, label + 0.4)], "light", False),
    ]


def cactus(t: float, rng: np.random.Generator) -> list[Part]:
    """A cactus in a pot; t is the length of its arms."""
    rise = 0.2 + 0.85 * t
    low = 0.1 * rng.random()
    return [
        tube([(0, 0.25 + low), (0.62, 0.2 + low), (0.68, 0.1 + low - rise)], 0.36, "dark"),
        tube([(0, 0.0), (-0.62, -0.05), (-0.66, -0.1 - 0.8 * rise)], 0.36, "dark"),
        tube([(0, 0.8), (0, -0.85)], 0.56, "base"),
        tube([(-0.1, 0.5), (-0.1, -0.7)], 0.1, "light", False),
        tube([(0.12, 0.5), (0.12, -0.7)], 0.1, "deep", False),
        polygon([(-0.55, 0.6), (0.55, 0.6), (0.42, 1.2), (-0.42, 1.2)], "white"),
    ]


def house(t: float, rng: np.random.Generator) -> list[Part]:
    """A cottage; t is the pitch of its roof."""
    pitch = 0.35 + 1.25 * t
    door = -0.35 + 0.1 * rng.random()
    return [
        polygon([(0.38, -0.05), (0.38, -0.25 - 0.75 * pitch), (0.66, -0.25 - 0.75 * pitch), (0.66, -0.05)], "deep"),
        polygon([(-0.82, -0.1), (0.82, -0.1), (0.82, 0.95), (-0.82, 0.95)], "light"),
        polygon([(-1.08, 0.0), (0, -pitch), (1.08, 0.0)], "base"),
        polygon([(door - 0.2, 0.3), (door + 0.2, 0.3), (door + 0.2, 0.95), (door - 0.2, 0.95)], "deep", False),
        polygon([(0.2, 0.25), (0.58, 0.25), (0.58, 0.62), (0.2, 0.62)], "ink", False),
    ]


def pine(t: float, rng: np.random.Generator) -> list[Part]:
    """A fir tree; t is its slenderness."""
    half, height = 0.95 - 0.4 * t, 1.5 + 1.0 * t
    parts = [polygon([(-0.15, 0.3), (0.15, 0.3), (0.18, 0.8), (-0.18, 0.8)], "deep")]
    for tier, tone in enumerate(("dark", "base", "base")):
        y, w = 0.4 - tier * height * 0.27, half * (1 - 0.24 * tier)
        parts.append(polygon([(-w, y), (0.1 * (rng.random() - 0.5), y - height * 0.46), (w, y), (0, y + 0.12)], tone))
    tops = [
        polygon([(-w, y + 0.3), (0, y), (w, y + 0.3), (0, y + 0.2)], "white", False) for w, y in ((0.2, 0.42 - height),)
    ]
    return [*parts, *tops]


def kite(t: float, rng: np.random.Generator) -> list[Part]:
    """A kite; t is the length of its tail."""
    length = 0.3 + 1.7 * t
    sway = 0.2 + 0.1 * rng.random()
    line = [(0, 0.85), (sway, 0.85 + 0.35 * length), (-sway, 0.85 + 0.7 * length), (0, 0.85 + length)]
    bows = [ellipse(x, y, 0.3, 0.17, "white", 0.4 * (-1) ** n) for n, (x, y) in enumerate(line[1:])]
    parts = [
        tube(line, 0.17, "deep"),
        *bows,
        polygon([(0, -1.0), (0.74, -0.2), (0, 1.0), (-0.74, -0.2)], "base"),
        polygon([(0, -1.0), (0.74, -0.2), (0, -0.2)], "light", False),
        polygon([(-0.74, -0.2), (0, -0.2), (0, 1.0)], "dark", False),
    ]
    return turned(parts, math.radians(30))


def cloud(t: float, rng: np.random.Generator) -> list[Part]:
    """A fair-weather cloud; t piles it up."""
    tall = 0.35 + 0.95 * t
    lump = 0.1 * rng.random()
    return [
        ellipse(-0.68, 0.05, 0.48, 0.4, "base"),
        ellipse(0.7, 0.05, 0.46, 0.4, "base"),
        ellipse(-0.2 + lump, 0.1 - tall * 0.55, 0.56, 0.3 + 0.45 * tall, "light"),
        ellipse(0.36, 0.15 - tall * 0.3, 0.45, 0.32 + 0.2 * tall, "light"),
        smooth([(-1.0, 0.18), (-0.5, -0.05), (0.5, -0.05), (1.0, 0.18), (0.7, 0.44), (-0.7, 0.44)], "light", False),
        tube([(-0.8, 0.36), (0.8, 0.36)], 0.16, "dark", False),
    ]


def butterfly(t: float, rng: np.random.Generator) -> list[Part]:
    """A butterfly; t spreads its wings."""
    wide = 0.35 + 0.85 * t
    dot = 0.13 + 0.04 * rng.random()
    upper = smooth([(0.05, -0.1), (0.3 * wide, -0.85), (0.95 * wide, -1.0), (1.1 * wide, -0.5), (0.7 * wide, -0.02)])
    lower = smooth(
        [(0.05, 0.05), (0.7 * wide, 0.05), (0.85 * wide, 0.55), (0.45 * wide, 0.9), (0.15 * wide, 0.55)], "dark"
    )
    return [
        *both(lower),
        *both(upper),
        *both(ellipse(0.72 * wide, -0.55, dot * 1.1 * wide + 0.04, dot * 1.5, "white", 0, False)),
        *both(ellipse(0.5 * wide, 0.45, 0.16 * wide, 0.14, "light", 0, False)),
        tube([(0, -0.7), (0, 0.75)], (0.28, 0.18), "deep"),
        ellipse(0, -0.75, 0.2, None, "deep"),
    ]


def umbrella(t: float, rng: np.random.Generator) -> list[Part]:
    """An umbrella; t opens it."""
    wide, tall = 0.42 + 0.85 * t, 1.25 - 0.45 * t
    hook = 0.2 + 0.04 * rng.random()
    top = -0.1 - tall
    dome = arc(0, -0.1, wide, tall, math.pi, 2 * math.pi, 19)
    scallops = [(wide * x, -0.1 + (0.14 if n % 2 == 0 else -0.06)) for n, x in enumerate(np.linspace(0.98, -0.98, 7))]
    return [
        tube([(0, top - 0.18), (0, 0.85), (hook, 1.12), (2 * hook, 0.9)], 0.17, "deep"),
        polygon([*dome, *scallops], "base"),
        polygon(
            [(0, top + 0.04), *arc(0, -0.1, 0.38 * wide, tall, -0.42 * math.pi, 0, 7)[::-1], (-0.1 * wide, 0.0)],
            "white",
            False,
        ),
        polygon(
            [
                (0, top + 0.04),
                (-0.5 * wide, -0.05),
                (-0.95 * wide, 0.0),
                *arc(0, -0.1, wide * 0.95, tall, math.pi, 1.4 * math.pi, 7),
            ],
            "dark",
            False,
        ),
    ]


def crate(t: float, rng: np.random.Generator) -> list[Part]:
    """Stacked crates; t is how many."""
    count = 1 + round(2 * t)
    parts = []
    for number in range(count):
        x, y = 0.25 * (rng.random() - 0.5), 0.6 - 0.86 * number
        tone = ("base", "light", "dark")[number]
        parts.append(
            polygon([(x - 0.5, y - 0.42), (x + 0.5, y - 0.42), (x + 0.5, y + 0.42), (x - 0.5, y + 0.42)], tone)
        )
        parts.append(tube([(x - 0.36, y + 0.28), (x + 0.36, y - 0.28)], 0.17, "deep", False))
        parts.append(tube([(x - 0.42, y - 0.32), (x + 0.42, y - 0.32)], 0.12, "white", False))
    return parts


def clock(t: float, rng: np.random.Generator) -> list[Part]:
    """An alarm clock; t is the size of its bells."""
    bell = 0.2 + 0.42 * t
    hour, minute = 2 * math.pi * rng.random(2)
    return [
        *both(tube([(0.45, 0.6), (0.72, 1.08)], 0.24, "deep")),
        *both(ellipse(0.3 + 0.6 * bell, -0.8 - 0.4 * bell, bell, bell * 0.85, "dark", 0.6)),
        ellipse(0, 0, 0.95, None, "base"),
        ellipse(0, 0, 0.7, None, "white"),
        tube([(0, 0), towards(0, 0, hour, 0.36)], 0.16, "ink", False),
        tube([(0, 0), towards(0, 0, minute, 0.56)], 0.12, "ink", False),
    ]


def fish(t: float, rng: np.random.Generator) -> list[Part]:
    """A fish; t makes it slender."""
    long, tall = 0.75 + 0.65 * t, 0.78 - 0.36 * t
    gill = 0.1 * rng.random()
    return [
        polygon([(long * 0.75, 0), (long + 0.55, -0.55), (long + 0.38, 0), (long + 0.55, 0.55)], "dark"),
        smooth([(-0.2, -tall * 0.8), (0.3, -tall - 0.36), (0.55, -tall * 0.5)], "dark"),
        ellipse(0, 0, long, tall, "base"),
        ellipse(0.05, tall * 0.45, long * 0.7, tall * 0.42, "light", 0, False),
        tube(
            [(-long * 0.3 + gill, -tall * 0.6), (-long * 0.18 + gill, 0), (-long * 0.3 + gill, tall * 0.6)],
            0.12,
            "deep",
            False,
        ),
        ellipse(-long * 0.6, -tall * 0.2, 0.17, None, "white", 0, False),
        ellipse(-long * 0.62, -tall * 0.2, 0.09, None, "ink", 0, False),
    ]


def lamp(t: float, rng: np.random.Generator) -> list[Part]:
    """A table lamp; t is the height of its stand."""
    height = 0.35 + 1.25 * t
    half = 0.62 + 0.06 * rng.random()
    return [
        tube([(0, 0.9), (0, 0.75 - height)], 0.22, "deep"),
        ellipse(0, 0.95, 0.56, 0.18, "dark"),
        polygon(
            [
                (-0.34, -0.05 - height),
                (0.34, -0.05 - height),
                (half + 0.12, 0.8 - height),
                (-half - 0.12, 0.8 - height),
            ],
            "light",
        ),
        polygon(
            [(-half, 0.5 - height), (half, 0.5 - height), (half + 0.06, 0.66 - height), (-half - 0.06, 0.66 - height)],
            "base",
            False,
        ),
    ]


DISTRACTORS: Mapping[str, Callable[[float, np.random.Generator], list[Part]]] = MappingProxyType(
    {
        "ball": ball,
        "gear": gear,
        "bottle": bottle,
        "cactus": cactus,
        "house": house,
        "pine": pine,
        "kite": kite,
        "cloud": cloud,
        "butterfly": butterfly,
        "umbrella": umbrella,
        "crate": crate,
        "clock": clock,
        "fish": fish,
        "lamp": lamp,
    }
)
DISTRACTOR_KINDS: tuple[str, ...] = tuple(DISTRACTORS)
