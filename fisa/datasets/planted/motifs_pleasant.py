"""Drawings of the motifs of amusement, awe, contentment and excitement.

Every drawing takes ``t``, the strength mapped from [0.5, 1.5] to [0, 1], and a random generator for variation that
means nothing, and returns parts back to front. What ``t`` changes is stated in each docstring; it is always the large
shape of the figure, so that it can be read from a thumbnail.
"""

from __future__ import annotations

import math

import numpy as np

from fisa.datasets.planted.shapes import Part, arc, both, ellipse, polygon, smooth, star, towards, tube, turned


def grin(x: float, y: float, width: float, depth: float) -> list[Part]:
    """An open laughing mouth: flat lip above, ``depth`` of open mouth below, teeth and tongue."""
    lip = arc(x, y, width, 0.12, 0, math.pi, 9)
    jaw = arc(x, y, width, depth + 0.12, math.pi, 0, 11)
    parts = [polygon(np.concatenate([lip, jaw]), "ink", inked=False)]
    if depth > 0.2:
        teeth = arc(x, y, width * 0.86, 0.12 + 0.3 * depth, math.pi, 0, 9)
        parts.append(polygon(np.concatenate([arc(x, y, width * 0.86, 0.12, 0, math.pi, 7), teeth]), "white", False))
    return parts


def balloon(t: float, rng: np.random.Generator) -> list[Part]:
    """A balloon with a face; t opens its mouth from a flat smile to a roar of laughter."""
    eye = 0.34 + 0.06 * rng.random()
    height = -0.22 - 0.22 * t
    parts = [
        polygon([(-0.2, 1.32), (0.0, 0.9), (0.2, 1.32), (0, 1.22)], "dark"),
        smooth(
            [(0, -1.05), (0.78, -0.72), (0.98, 0), (0.62, 0.72), (0, 1.02), (-0.62, 0.72), (-0.98, 0), (-0.78, -0.72)]
        ),
        ellipse(-0.5, -0.62, 0.26, 0.13, "white", -0.7, False),
        *grin(0, 0.12 - 0.2 * t, 0.42 + 0.28 * t, 0.06 + 0.82 * t),
    ]
    for x in (-eye, eye):
        parts.append(ellipse(x, height, 0.13, 0.2, "ink", 0, False))
        parts.append(ellipse(x - 0.04, height - 0.08, 0.05, 0.06, "white", 0, False))
    return parts


def jack_in_the_box(t: float, rng: np.random.Generator) -> list[Part]:
    """A clown on a spring; t is the height to which he has jumped out of his box."""
    height = 0.2 + 1.75 * t
    head = -0.05 - height - 0.35
    coils = 3 + round(3 * t)
    y = np.linspace(0.15, head + 0.3, 2 * coils + 1)
    spring = np.stack([np.where(np.arange(len(y)) % 2, 0.24, -0.24), y], axis=1)
    lean = 0.1 * (rng.random() - 0.5)
    return [
        polygon([(0.62, 0.0), (1.05, -0.62), (1.2, -0.5), (0.75, 0.06)], "dark"),
        tube(spring, 0.24, "deep"),
        ellipse(0, head, 0.5, 0.47, "white"),
        polygon([(-0.4, head - 0.25), (lean, head - 1.1), (0.4, head - 0.25)], "base"),
        ellipse(lean, head - 1.08, 0.16, None, "light"),
        ellipse(-0.19, head - 0.06, 0.08, 0.11, "ink", 0, False),
        ellipse(0.19, head - 0.06, 0.08, 0.11, "ink", 0, False),
        ellipse(0, head + 0.1, 0.11, None, "base", 0, False),
        polygon([(-0.72, 0), (0.72, 0), (0.66, 1.1), (-0.66, 1.1)], "base"),
        polygon([(-0.8, -0.08), (0.8, -0.08), (0.8, 0.16), (-0.8, 0.16)], "dark"),
        star(0, 0.64, 0.36, 0.16, 5, 0, "light"),
    ]


def jester(t: float, rng: np.random.Generator) -> list[Part]:
    """A laughing fool; t lifts the horns of the cap and opens the mouth."""
    parts = []
    for side in (-1, 1):
        bend = math.radians(125 - 95 * t)
        knee = towards(side * 0.35, -0.3, side * (bend * 0.6), 0.75)
        tip = towards(*knee, side * bend, 0.7)
        parts += [tube([(side * 0.3, -0.1), knee, tip], (0.75, 0.2), "base" if side < 0 else "dark")]
        parts += [ellipse(*tip, 0.17, None, "light")]
    top = (0.1 * (rng.random() - 0.5), -1.1 - 0.5 * t)
    parts += [tube([(0, -0.2), top], (0.8, 0.2), "light"), ellipse(*top, 0.17, None, "white")]
    parts += [ellipse(0, 0.35, 0.72, 0.74, "white"), tube([(-0.72, 0.02), (0, -0.22), (0.72, 0.02)], 0.26, "base")]
    parts += [ellipse(x, 0.2 - 0.06 * t, 0.1, 0.15, "ink", 0, False) for x in (-0.27, 0.27)]
    return [*parts, *grin(0, 0.42 - 0.05 * t, 0.3 + 0.2 * t, 0.05 + 0.45 * t)]


def peak(t: float, rng: np.random.Generator) -> list[Part]:
    """A summit before a halo of light; t is its steepness, from broad hill to soaring spire."""
    half, height = 1.22 - 0.52 * t, 0.8 + 1.4 * t
    shift = 0.12 * (rng.random() - 0.5)
    top, foot = (shift, -height), 0.0
    left, right = (-half, foot), (half, foot)
    snow = 0.42 * height
    along = snow / height
    ledge = [
        (shift + (half - shift) * along, -height + snow),
        (shift + 0.16 * half, -height + 0.78 * snow),
        (shift + 0.02 * half, -height + 1.2 * snow),
        (shift - 0.18 * half, -height + 0.8 * snow),
        (shift - (half + shift) * along, -height + snow),
    ]
    return [
        ellipse(shift, -height + 0.16, 0.62, None, "light"),
        ellipse(shift, -height + 0.16, 0.42, None, "white", 0, False),
        polygon([(-half - 0.12, 0.25), left, top, right, (half + 0.12, 0.25)], "base"),
        polygon([top, right, (half + 0.12, 0.25), (0.1, 0.25), (0.25 * half, -0.35 * height)], "dark", False),
        polygon([top, *ledge], "white"),
    ]


def comet(t: float, rng: np.random.Generator) -> list[Part]:
    """A falling star; t is the length of its tail."""
    length = 0.75 + 2.1 * t
    wave = 0.12 * (rng.random() - 0.5)
    tail = [
        tube([(0, 0), (0.3 + wave, -length * 0.55), (0.42, -length)], (1.15, 0.1), "dark"),
        tube([(0, 0), (-0.3 + wave, -length * 0.4), (-0.42, -length * 0.72)], (0.9, 0.1), "base"),
        tube([(0, 0), (wave, -length * 0.45), (0.02, -length * 0.86)], (0.7, 0.1), "light"),
    ]
    head = [star(0, 0, 0.86, 0.44, 5, math.pi, "base"), star(0, 0, 0.52, 0.27, 5, math.pi, "white")]
    return turned([*tail, *head], math.radians(38))


def arch(t: float, rng: np.random.Generator) -> list[Part]:
    """A rainbow over a low sun; t is the height of the arch."""
    height = 0.62 + 1.75 * t
    lean = 0.04 * (rng.random() - 0.5)

    def bow(scale: float, tone: str) -> Part:
        return polygon(arc(lean, 0.3, 1.05 * scale, height * (0.4 + 0.6 * scale), math.pi, 2 * math.pi, 25), tone)

    clouds = [ellipse(side * x, 0.28, r, r * 0.8, "white") for side in (-1, 1) for x, r in ((1.1, 0.26), (0.78, 0.3))]
    sun = polygon(arc(lean, 0.3, 0.32, 0.32, math.pi, 2 * math.pi, 13), "white")
    return [bow(1.0, "dark"), bow(0.82, "white"), bow(0.66, "base"), bow(0.46, "light"), sun, *clouds]


def steam(x: float, y: float, t: float, sway: float) -> list[Part]:
    """A plume rising from (x, y); t is its height."""
    height = 0.25 + 1.75 * t
    line = [
        (x, y + 0.1),
        (x + sway, y - 0.28 * height),
        (x - sway, y - 0.62 * height),
        (x + 0.6 * sway, y - height),
    ]
    return [tube(line, (0.34, 0.62), "white"), ellipse(*line[-1], 0.36, None, "white", 0, False)]


def teacup(t: float, rng: np.random.Generator) -> list[Part]:
    """A cup of tea; t is the height of its steam."""
    handle = 0.86 + 0.08 * rng.random()
    return [
        *steam(0, -0.3, t, 0.2),
        ellipse(handle, 0.08, 0.4, 0.36, "dark"),
        ellipse(handle, 0.08, 0.2, 0.17, "deep", 0, False),
        ellipse(0, 0.8, 1.15, 0.24, "dark"),
        ellipse(0, 0.74, 0.8, 0.12, "deep", 0, False),
        smooth(
            [(-0.9, -0.32), (0, -0.36), (0.9, -0.32), (0.78, 0.32), (0.4, 0.76), (-0.4, 0.76), (-0.78, 0.32)], "base"
        ),
        ellipse(0, -0.32, 0.9, 0.24, "white"),
        ellipse(0, -0.3, 0.72, 0.15, "deep", 0, False),
        tube([(-0.7, 0.12), (0, 0.22), (0.7, 0.12)], 0.16, "light", False),
    ]


def cat(t: float, rng: np.random.Generator) -> list[Part]:
    """A cat; t relaxes it from sitting upright to a curled, sleeping loaf."""
    wide, tall = 0.58 + 0.66 * t, 0.86 - 0.4 * t
    ground = 0.9
    head_x, head_y = -0.78 * t, -0.56 + 0.86 * t
    tail_end = (0.5 * (1 - t) + 0.1 * t, ground - 0.1)
    parts = [
        tube(
            [(wide * 0.7, ground - 0.3), (wide + 0.3, ground - 0.12), (wide * 0.6, ground - 0.02), tail_end],
            0.3,
            "dark",
        ),
        ellipse(0, ground - tall, wide, tall, "base"),
    ]
    for place in (-0.1, 0.35, 0.75):
        angle = -math.pi / 2 + place * (0.9 + 0.2 * t) + 0.08 * rng.random()
        rim = np.array([wide * math.cos(angle), ground - tall + tall * math.sin(angle)])
        inner = np.array([wide * 0.55 * math.cos(angle), ground - tall + tall * 0.5 * math.sin(angle)])
        parts.append(tube([rim * 0.97 + inner * 0.03, inner], (0.2, 0.08), "deep", False))
    for side in (-1, 1):
        x = head_x + side * 0.3
        parts.append(
            polygon([(x - 0.22, head_y - 0.2), (x + side * 0.16, head_y - 0.72), (x + 0.22, head_y - 0.2)], "dark")
        )
    parts.append(ellipse(head_x, head_y, 0.54, 0.46, "base"))
    parts.append(ellipse(head_x, head_y + 0.2, 0.27, 0.18, "white", 0, False))
    for side in (-1, 1):
        parts.append(tube(arc(head_x + side * 0.25, head_y - 0.06, 0.13, 0.1, 0, math.pi, 5), 0.09, "ink", False))
    return [*parts, ellipse(head_x, head_y + 0.1, 0.08, 0.06, "ink", 0, False)]


def teapot(t: float, rng: np.random.Generator) -> list[Part]:
    """A teapot; t is the height of the steam from its spout."""
    knob = 0.16 + 0.04 * rng.random()
    return [
        *steam(-1.2, -0.25, t, 0.14),
        tube([(-0.6, 0.45), (-0.95, 0.3), (-1.2, -0.25)], (0.5, 0.26), "dark"),
        tube([(0.6, -0.15), (1.2, -0.25), (1.2, 0.4), (0.65, 0.55)], 0.22, "dark"),
        ellipse(0, 0.25, 0.9, 0.75, "base"),
        ellipse(0, -0.46, 0.46, 0.2, "light"),
        ellipse(0, -0.68, knob, None, "dark"),
        tube([(-0.72, 0.3), (0, 0.5), (0.72, 0.3)], 0.2, "white", False),
    ]


def burst(x: float, y: float, count: int, radius: float, start: float, stop: float) -> list[Part]:
    """Rays with sparks at their ends, spread from angle ``start`` to ``stop`` (clockwise from straight up)."""
    rays, sparks = [], []
    for number, angle in enumerate(np.linspace(start, stop, count)):
        long = number % 2 == 0
        tip = towards(x, y, float(angle), radius * (1.0 if long else 0.74))
        rays.append(tube([(x, y), tip], (0.42, 0.22), "base" if long else "light"))
        sparks.append(ellipse(*tip, 0.22, None, "white" if long else "light"))
    return rays + sparks


def firework(t: float, rng: np.random.Generator) -> list[Part]:
    """A burst of sparks; t is the length and the number of its rays."""
    count = 2 * round(4 + 2 * t)
    turn = 2 * math.pi * rng.random() / count
    last = turn + 2 * math.pi * (1 - 1 / count)
    return [
        *burst(0, 0, count, 0.80 + 1.05 * t, turn, last),
        star(0, 0, 0.72, 0.5, count, turn, "base"),
        star(0, 0, 0.46, 0.24, count // 2, turn, "white"),
    ]


def flame(x: float, y: float, width: float, length: float, tones: tuple[str, ...]) -> list[Part]:
    """Nested tongues of fire pointing down from (x, y)."""
    parts = []
    for layer, tone in enumerate(tones):
        w, h = width * (1 - 0.3 * layer), length * (1 - 0.3 * layer)
        shape = [(x - w, y), (x - w * 0.85, y + 0.45 * h), (x - w * 0.45, y + 0.4 * h), (x, y + h)]
        shape += [(x + w * 0.45, y + 0.4 * h), (x + w * 0.85, y + 0.45 * h), (x + w, y)]
        parts.append(polygon(shape, tone, layer == 0))
    return parts


def rocket(t: float, rng: np.random.Generator) -> list[Part]:
    """A rocket; t is the length of its flame."""
    window = 0.2 + 0.03 * rng.random()
    body = smooth([(0, -1.15), (0.36, -0.65), (0.46, -0.1), (0.36, 0.55), (-0.36, 0.55), (-0.46, -0.1), (-0.36, -0.65)])
    nose = smooth([(0, -1.17), (0.24, -0.84), (0.33, -0.66), (0, -0.58), (-0.33, -0.66), (-0.24, -0.84)], "dark")
    parts = [
        *flame(0, 0.5, 0.42, 0.35 + 2.0 * t, ("light", "white")),
        *both(polygon([(0.3, -0.02), (0.86, 0.55), (0.78, 0.9), (0.3, 0.55)], "dark")),
        body,
        nose,
        ellipse(0, -0.22, window + 0.09, None, "white"),
        ellipse(0, -0.22, window - 0.04, None, "ink", 0, False),
        tube([(0, 0.25), (0, 0.62)], 0.17, "deep"),
    ]
    return turned(parts, math.radians(28))


def popper(t: float, rng: np.random.Generator) -> list[Part]:
    """A party popper; t is how far its streamers have burst out."""
    count = 5 + 2 * round(t)
    spread = math.radians(38 + 30 * t + 6 * rng.random())
    parts = [
        *burst(0, -0.1, count, 0.65 + 1.35 * t, -spread, spread),
        polygon([(-0.55, -0.05), (0.55, -0.05), (0.08, 1.35), (-0.08, 1.35)], "base"),
        polygon([(-0.43, 0.3), (0.43, 0.3), (0.34, 0.58), (-0.34, 0.58)], "white", False),
        ellipse(0, -0.05, 0.58, 0.2, "dark"),
    ]
    return turned(parts, math.radians(25))
