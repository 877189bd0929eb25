"""Drawings of the motifs of anger and disgust; see ``motifs_pleasant`` for the conventions."""

from __future__ import annotations

import math

import numpy as np

from fisa.datasets.planted.shapes import Part, both, ellipse, polygon, smooth, towards, tube


def volcano(t: float, rng: np.random.Generator) -> list[Part]:
    """A volcano; t is the height of its eruption."""
    height = 0.3 + 1.75 * t
    wide = 0.36 + 0.3 * t
    lean = 0.14 * (rng.random() - 0.5)
    y = -0.35
    fire = [
        (-0.3, y + 0.1),
        (-wide, y - 0.42 * height),
        (-0.5 * wide, y - 0.5 * height),
        (-0.8 * wide, y - 0.86 * height),
    ]
    fire += [(-0.25 * wide, y - 0.72 * height), (lean, y - 1.1 * height), (0.3 * wide, y - 0.7 * height)]
    fire += [
        (0.85 * wide, y - 0.95 * height),
        (0.55 * wide, y - 0.48 * height),
        (wide, y - 0.5 * height),
        (0.3, y + 0.1),
    ]
    inner = [
        (-0.18, y + 0.1),
        (-0.45 * wide, y - 0.32 * height),
        (lean, y - 0.72 * height),
        (0.45 * wide, y - 0.34 * height),
    ]
    streams = [
        tube([(-0.15, y + 0.05), (-0.32, 0.2), (-0.22, 0.62)], (0.34, 0.24), "light"),
        tube([(0.2, y + 0.05), (0.34, 0.15), (0.42, 0.34)], (0.3, 0.2), "light"),
    ]
    return [
        polygon(fire, "light"),
        polygon([*inner, (0.18, y + 0.1)], "white", False),
        polygon([(-0.46, y), (0.46, y), (0.78, 0.35), (1.3, 1.0), (-1.3, 1.0), (-0.78, 0.35)], "base"),
        polygon([(0.46, y), (0.78, 0.35), (1.3, 1.0), (0.45, 1.0), (0.3, 0.3)], "dark", False),
        ellipse(0, y, 0.46, 0.14, "deep"),
        *streams,
    ]


def horn(length: float, rise: float) -> Part:
    """The right horn of a head: out to the side, then up by ``rise``."""
    out = 0.35 + 0.55 * length
    return tube([(0.42, -0.35), (0.42 + out, -0.42), (0.62 + out, -0.55 - rise)], (0.46, 0.08), "white")


def scowl(x: float, y: float, slant: float) -> list[Part]:
    """A pair of glaring eyes at height ``y`` under brows that slant by ``slant``."""
    parts = []
    for part in (
        ellipse(x, y, 0.2, 0.17, "white", 0, False),
        ellipse(x - 0.05, y + 0.02, 0.1, 0.12, "ink", 0, False),
        polygon(
            [(0.1, y + 0.0), (x + 0.3, y - slant - 0.1), (x + 0.3, y - slant - 0.32), (0.1, y - 0.26)], "deep", False
        ),
    ):
        parts += both(part)
    return parts


def bull(t: float, rng: np.random.Generator) -> list[Part]:
    """A bull's head; t is the length and the rise of its horns."""
    ear = 0.06 * rng.random()
    return [
        *both(horn(0.1 + 1.15 * t, 0.1 + 1.25 * t)),
        *both(ellipse(0.82, -0.1 + ear, 0.32, 0.17, "dark", 0.35)),
        smooth(
            [
                (-0.62, -0.55),
                (0, -0.72),
                (0.62, -0.55),
                (0.66, 0.05),
                (0.46, 0.6),
                (0.4, 1.0),
                (-0.4, 1.0),
                (-0.46, 0.6),
                (-0.66, 0.05),
            ]
        ),
        ellipse(0, 0.82, 0.56, 0.38, "light"),
        *both(ellipse(0.22, 0.76, 0.1, 0.13, "ink", 0, False)),
        *scowl(0.32, -0.05, 0.1),
    ]


def oni(t: float, rng: np.random.Generator) -> list[Part]:
    """A furious mask; t is the length of its horns and the gape of its teeth."""
    gape = 0.08 + 0.34 * t
    width = 0.5 + 0.04 * rng.random()
    top = -0.75 - 0.3 - 1.2 * t
    teeth = [
        polygon([(x - 0.1, 0.3), (x, 0.32 + 0.75 * gape), (x + 0.1, 0.3)], "white", False) for x in (-0.32, 0, 0.32)
    ]
    return [
        *both(tube([(0.45, -0.5), (0.62, -0.95), (0.6 + 0.25 * t, top)], (0.46, 0.08), "white")),
        smooth(
            [
                (-0.8, -0.6),
                (0, -0.85),
                (0.8, -0.6),
                (0.88, 0.15),
                (0.55, 0.75 + 0.3 * t),
                (0, 0.95 + 0.35 * t),
                (-0.55, 0.75 + 0.3 * t),
                (-0.88, 0.15),
            ]
        ),
        *scowl(0.38, -0.18, 0.12),
        polygon(
            [
                (-width, 0.28),
                (width, 0.28),
                (width * 0.9, 0.36 + 2 * gape * 0.8),
                (-width * 0.9, 0.36 + 2 * gape * 0.8),
            ],
            "ink",
            False,
        ),
        *teeth,
    ]


def fly(t: float, rng: np.random.Generator) -> list[Part]:
    """A fly seen from above; t spreads its wings."""
    angle = math.radians(158 - 112 * t)
    tip = towards(0.1, -0.15, angle, 1.35)
    middle = towards(0.1, -0.15, angle, 0.8)
    wing = tube([(0.1, -0.15), middle, tip], (0.2, 0.78), "white")
    vein = tube([(0.1, -0.15), middle], (0.1, 0.1), "light", False)
    legs = [
        tube([(0.2, y), (0.72, y + dy), (0.85, y + 2.2 * dy)], 0.13, "deep") for y, dy in ((-0.35, -0.2), (0.35, 0.2))
    ]
    stripes = [tube([(-w, y), (0, y + 0.08), (w, y)], 0.13, "deep", False) for y, w in ((0.42, 0.3), (0.72, 0.26))]
    eye = 0.3 + 0.03 * rng.random()
    return [
        *[part for leg in legs for part in both(leg)],
        ellipse(0, 0.45, 0.42, 0.68, "base"),
        *stripes,
        ellipse(0, -0.25, 0.4, 0.34, "dark"),
        *both(wing),
        *both(vein),
        ellipse(0, -0.72, 0.34, 0.28, "base"),
        *both(ellipse(0.27, -0.82, eye, 0.3, "light")),
        *both(ellipse(0.25, -0.86, 0.14, None, "ink", 0, False)),
    ]


def worm(line: list[tuple[float, float]], tone: str) -> list[Part]:
    """A fat worm along ``line``, ringed, with an eye at its end."""
    body = tube(line, 0.44, tone)
    (x, y) = line[-1]
    return [body, ellipse(x, y - 0.02, 0.27, None, tone), ellipse(x, y - 0.07, 0.1, None, "ink", 0, False)]


def apple(t: float, rng: np.random.Generator) -> list[Part]:
    """A rotten apple; t is how far the worm has crawled out."""
    length = 0.12 + 1.75 * t
    x, y = 0.1, -0.05
    crawl = [
        (x, y),
        (x + 0.5, y - 0.1 - 0.35 * length),
        (x + 0.3, y - 0.1 - 0.75 * length),
        (x + 0.62, y - 0.1 - length),
    ]
    spot = 0.2 + 0.06 * rng.random()
    return [
        tube([(-0.1, -0.55), (-0.25, -1.05)], (0.14, 0.2), "deep"),
        smooth(
            [
                (-0.1, -0.6),
                (-0.6, -0.72),
                (-0.98, -0.15),
                (-0.75, 0.65),
                (-0.3, 0.95),
                (0, 0.86),
                (0.3, 0.95),
                (0.75, 0.65),
                (0.98, -0.15),
                (0.55, -0.72),
            ]
        ),
        ellipse(-0.5, 0.3, spot, spot * 1.2, "deep", 0.3, False),
        ellipse(-0.12, 0.62, 0.13, None, "dark", 0, False),
        ellipse(x, y + 0.03, 0.38, 0.3, "ink", 0, False),
        *worm(crawl, "white"),
    ]


def yuck(t: float, rng: np.random.Generator) -> list[Part]:
    """A retching face; t is the length of its tongue."""
    length = 0.2 + 1.6 * t
    lid = 0.1 + 0.05 * rng.random()
    parts = [
        smooth(
            [(-0.85, -0.85), (0, -0.95), (0.85, -0.85), (0.95, 0), (0.8, 0.72), (0, 0.85), (-0.8, 0.72), (-0.95, 0)]
        ),
        *both(tube([(0.16, -0.1), (0.42, -0.28), (0.7, -0.16)], 0.16, "ink", False)),
        *both(tube([(0.2, -0.5 - lid), (0.7, -0.42)], 0.15, "deep", False)),
        ellipse(0, 0.36, 0.58, 0.27, "ink", 0, False),
        tube([(0, 0.34), (0, 0.4 + length)], (0.56, 0.66), "light"),
        tube([(0, 0.4), (0, 0.3 + length)], 0.1, "dark", False),
    ]
    return parts
