"""Drawings of the motifs of fear and sadness; see ``motifs_pleasant`` for the conventions."""

from __future__ import annotations

import math

import numpy as np

from fisa.datasets.planted.shapes import Part, both, ellipse, polygon, smooth, towards, tube


def ghost(t: float, rng: np.random.Generator) -> list[Part]:
    """A ghost; t makes it rise, lift its arms and open its mouth."""
    top, hem = -0.55 - 0.95 * t, 0.9
    half = 0.78 - 0.16 * t
    wave = 0.16 + 0.04 * rng.random()
    hems = [(half * x, hem + (wave if n % 2 == 0 else -wave)) for n, x in enumerate(np.linspace(1.1, -1.1, 7))]
    lift = math.radians(120 - 95 * t)
    hand = towards(half * 0.85, 0.05 - 0.2 * t, lift, 0.8)
    face = top + 0.5
    return [
        *both(tube([(half * 0.5, 0.1 - 0.2 * t), hand], (0.5, 0.3), "light")),
        smooth(
            [(-half, 0.1), (-half * 0.86, top + 0.35), (0, top), (half * 0.86, top + 0.35), (half, 0.1), *hems], "light"
        ),
        *both(ellipse(0.27, face, 0.15, 0.2, "ink", 0, False)),
        ellipse(0, face + 0.42 + 0.28 * t, 0.14 + 0.16 * t, 0.1 + 0.42 * t, "ink", 0, False),
        *both(tube([(half * 0.55, 0.62), (half * 0.6, 0.8)], 0.14, "base", False)),
    ]


def spider(t: float, rng: np.random.Generator) -> list[Part]:
    """A spider; t is the span of its legs."""
    span = 0.42 + 1.05 * t
    legs = []
    for number, angle in enumerate((38, 72, 106, 142)):
        direction = math.radians(angle + 4 * (rng.random() - 0.5))
        knee = towards(0.15, -0.1, direction, 0.35 + 0.75 * span)
        drop = 0.5 if number < 2 else -0.25
        foot = towards(*knee, direction + drop, 0.25 + 0.65 * span)
        legs += both(tube([(0.1, -0.05), knee, foot], (0.28, 0.17), "base"))
    return [
        *legs,
        ellipse(0, 0.42, 0.62, 0.66, "base"),
        polygon([(-0.2, 0.1), (0.2, 0.1), (-0.2, 0.75), (0.2, 0.75)], "white", False),
        ellipse(0, -0.32, 0.42, 0.36, "deep"),
        *both(ellipse(0.17, -0.4, 0.14, None, "white", 0, False)),
        *both(ellipse(0.15, -0.38, 0.06, None, "ink", 0, False)),
        *both(polygon([(0.05, -0.02), (0.2, -0.05), (0.12, 0.18)], "white", False)),
    ]


def skull(t: float, rng: np.random.Generator) -> list[Part]:
    """A skull; t drops its jaw."""
    drop = 0.04 + 1.0 * t
    socket = 0.25 + 0.03 * rng.random()
    teeth = [
        polygon([(x - 0.1, 0.5), (x + 0.1, 0.5), (x + 0.09, 0.74), (x - 0.09, 0.74)], "white") for x in (-0.24, 0, 0.24)
    ]
    jaw = [(-0.52, 0.72 + drop), (-0.6, 0.5), (-0.46, 0.46), (-0.34, 0.8 + drop * 0.8), (0.34, 0.8 + drop * 0.8)]
    jaw += [(0.46, 0.46), (0.6, 0.5), (0.52, 0.72 + drop), (0.3, 1.12 + drop), (-0.3, 1.12 + drop)]
    return [
        polygon([(-0.5, 0.4), (0.5, 0.4), (0.42, 0.95 + drop), (-0.42, 0.95 + drop)], "ink", False),
        polygon(jaw, "light"),
        *teeth,
        smooth(
            [
                (-0.5, 0.55),
                (-0.62, 0.28),
                (-0.92, -0.1),
                (-0.8, -0.72),
                (0, -1.05),
                (0.8, -0.72),
                (0.92, -0.1),
                (0.62, 0.28),
                (0.5, 0.55),
            ],
            "light",
        ),
        *both(ellipse(0.37, -0.12, socket, 0.29, "ink", 0.25, False)),
        polygon([(0, 0.12), (0.12, 0.36), (-0.12, 0.36)], "ink", False),
    ]


def drop(x: float, y: float, size: float, tone: str) -> Part:
    """A falling drop with its point up."""
    return smooth(
        [
            (x, y - 1.5 * size),
            (x + 0.62 * size, y - 0.2 * size),
            (x + 0.5 * size, y + 0.5 * size),
            (x, y + 0.75 * size),
            (x - 0.5 * size, y + 0.5 * size),
            (x - 0.62 * size, y - 0.2 * size),
        ],
        tone,
    )


def raincloud(t: float, rng: np.random.Generator) -> list[Part]:
    """A cloud; t is how far its rain reaches down."""
    reach = 0.2 + 1.9 * t
    slant = 0.1 * (rng.random() - 0.5)
    drops = []
    for x, start in ((-0.62, 0.1), (0.0, 0.32), (0.62, 0.1)):
        y = 0.3 + start
        while y < 0.35 + reach:
            size = 0.3 * min(1.0, 0.35 + (0.35 + reach - y) / 0.45)
            drops.append(drop(x - slant * y, y + 0.3, size, "white" if x else "light"))
            y += 0.62
    return [
        *drops,
        ellipse(-0.7, 0.0, 0.5, 0.42, "dark"),
        ellipse(0.72, -0.02, 0.5, 0.42, "dark"),
        ellipse(-0.25, -0.38, 0.55, 0.5, "base"),
        ellipse(0.35, -0.25, 0.48, 0.42, "base"),
        smooth(
            [(-1.05, 0.12), (-0.6, -0.12), (0, -0.2), (0.6, -0.12), (1.08, 0.12), (0.8, 0.38), (0, 0.42), (-0.8, 0.38)],
            "base",
            False,
        ),
        tube([(-0.85, 0.3), (0, 0.36), (0.85, 0.3)], 0.16, "deep", False),
    ]


def wilt(t: float, rng: np.random.Generator) -> list[Part]:
    """A flower in a pot; t bends its stem until the head hangs down."""
    total = math.radians(12 + 175 * t)
    points, angle, place = [(0.0, 0.55)], 0.0, (0.0, 0.55)
    for step in range(8):
        angle = total * min(1.0, max(0.0, (step - 0.5) / 6.0))
        place = towards(*place, angle, 0.21)
        points.append(place)
    (x, y), petals = towards(*place, angle, 0.25), []
    count = 6
    for number in range(count):
        direction = angle + 2 * math.pi * (number + 0.5) / count + 0.1 * rng.random()
        petals.append(ellipse(*towards(x, y, direction, 0.42), 0.27, 0.38, "base", direction))
    leaf = math.radians(50 + 20 * t)
    return [
        tube(points, 0.24, "deep"),
        tube([(0, 0.42), towards(0, 0.42, leaf, 0.35), towards(0, 0.42, leaf + 0.2, 0.62)], (0.2, 0.42), "dark"),
        *petals,
        ellipse(x, y, 0.32, None, "white"),
        ellipse(x, y, 0.17, None, "deep", 0, False),
        polygon([(-0.46, 0.62), (0.46, 0.62), (0.34, 1.25), (-0.34, 1.25)], "light"),
        polygon([(-0.56, 0.46), (0.56, 0.46), (0.54, 0.7), (-0.54, 0.7)], "light"),
    ]


def broken_heart(t: float, rng: np.random.Generator) -> list[Part]:
    """A heart; t tears its halves apart."""
    jag = 0.16 + 0.05 * rng.random()
    crack = [(0, -0.52), (jag, -0.2), (-jag, 0.15), (jag * 0.8, 0.5), (0, 1.05)]
    outline = [(0.98, 0.05), (1.0, -0.5), (0.62, -0.88), (0.25, -0.82)]
    right = polygon([*crack, (0.55, 0.62), *outline], "base")
    left = polygon([*crack, *[(-px, py) for px, py in [(0.55, 0.62), *outline]]], "dark")
    spread = 0.03 + 0.36 * t
    tip = (0.0, 1.0)
    shine = ellipse(0.6, -0.5, 0.22, 0.12, "white", 0.7, False)
    gap = polygon(
        [(0, 1.05), towards(0, 1.0, -spread, 1.5), towards(0, 1.0, 0, 1.1), towards(0, 1.0, spread, 1.5)], "ink", False
    )
    return [gap, left.turned(-spread, tip), right.turned(spread, tip), shine.turned(spread, tip)]
