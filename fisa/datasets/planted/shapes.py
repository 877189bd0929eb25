"""The vocabulary of the drawings: filled parts in unit coordinates, and a few ways to make them.

A drawing is a list of parts, back to front, roughly inside [-1, 1] squared with y pointing down.
Its scale and centre do not matter: the renderer normalises both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]

# Every kind uses these tones of its base colour and no others, so that tone tells nothing about the kind.
TONES = ("base", "dark", "light", "deep", "white", "ink")


@dataclass(frozen=True)
class Part:
    """One filled polygon.

    Attributes:
        points: Corners [n, 2].
        tone: One of ``TONES``.
        inked: Whether its edge is drawn as a dark line.
    """

    points: Points
    tone: str = "base"
    inked: bool = True

    def turned(self, angle: float, about: tuple[float, float] = (0.0, 0.0)) -> Part:
        """Return the part turned clockwise by ``angle`` radians."""
        return replace(self, points=(self.points - about) @ rotation(angle) + about)

    def mirrored(self) -> Part:
        """Return the part reflected at the vertical axis."""
        return replace(self, points=self.points * (-1.0, 1.0))


def rotation(angle: float) -> Points:
    """Return the matrix that turns row vectors clockwise on screen (y down) by ``angle`` radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def both(part: Part) -> list[Part]:
    """Return the part and its mirror image."""
    return [part, part.mirrored()]


def turned(parts: Iterable[Part], angle: float) -> list[Part]:
    """Return all parts turned clockwise about the origin."""
    return [part.turned(angle) for part in parts]


def polygon(points: ArrayLike, tone: str = "base", inked: bool = True) -> Part:
    """Return a part with straight edges."""
    return Part(np.asarray(points, dtype=float), tone, inked)


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, tone: str = "base", turn: float = 0.0, inked: bool = True
) -> Part:
    """Return an ellipse (a circle where ``ry`` is left out), turned clockwise by ``turn``."""
    angles = _CIRCLE if max(rx, ry or rx) > 0.3 else _SMALL_CIRCLE
    points = angles * (rx, rx if ry is None else ry)
    return Part((points @ rotation(turn) if turn else points) + (x, y), tone, inked)


def smooth(points: ArrayLike, tone: str = "base", inked: bool = True, steps: int = 5) -> Part:
    """Return the closed Catmull-Rom curve through ``points``."""
    knots = np.asarray(points, dtype=float)
    weights = _catmull_rom(steps)
    around = np.stack([np.roll(knots, shift, axis=0) for shift in (1, 0, -1, -2)], axis=1)
    return Part(np.einsum("sk,nkd->nsd", weights, around).reshape(-1, 2), tone, inked)


def tube(points: ArrayLike, width: float | Sequence[float], tone: str = "base", inked: bool = True) -> Part:
    """Return a thick smooth line through ``points`` with round ends.

    Args:
        points: Centre line [n, 2]; n >= 2.
        width: Full width, one number or one for each end, interpolated between.
        tone: One of ``TONES``.
        inked: Whether its edge is drawn.
    """
    knots = np.asarray(points, dtype=float)
    line = knots if len(knots) == 2 else _open_curve(knots)
    first, last = (width, width) if isinstance(width, (int, float)) else (width[0], width[-1])
    half = np.linspace(first, last, len(line))[:, None] / 2
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    cap = np.linspace(0, math.pi, 5)[1:-1, None]
    end = line[-1] + half[-1] * (np.cos(cap) * across[-1] + np.sin(cap) * along[-1])
    start = line[0] - half[0] * (np.cos(cap) * across[0] + np.sin(cap) * along[0])
    return Part(np.concatenate([line + half * across, end, (line - half * across)[::-1], start]), tone, inked)


def star(x: float, y: float, outer: float, inner: float, count: int, turn: float = 0.0, tone: str = "base") -> Part:
    """Return a star of ``count`` points, the first one straight up when ``turn`` is 0."""
    angles = turn + math.pi * np.arange(2 * count) / count
    radius = np.where(np.arange(2 * count) % 2, inner, outer)
    return Part(np.stack([x + radius * np.sin(angles), y - radius * np.cos(angles)], axis=1), tone)


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float, count: int = 13) -> Points:
    """Return points on an ellipse from angle ``start`` to ``stop`` (radians, clockwise from the right)."""
    angles = np.linspace(start, stop, count)
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


def towards(x: float, y: float, angle: float, distance: float) -> tuple[float, float]:
    """Return the point ``distance`` away in direction ``angle`` (radians, clockwise from straight up)."""
    return x + distance * math.sin(angle), y - distance * math.cos(angle)


def _unit_circle(count: int) -> Points:
    angles = 2 * math.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_CIRCLE, _SMALL_CIRCLE = _unit_circle(28), _unit_circle(14)


def _catmull_rom(steps: int) -> Points:
    t = (np.arange(steps) / steps)[:, None]
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], axis=1)
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], dtype=float)
    return np.asarray(powers @ basis)


def _open_curve(knots: Points, steps: int = 5) -> Points:
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    around = np.stack([padded[i : len(padded) - 3 + i] for i in range(4)], axis=1)
    curve = np.einsum("sk,nkd->nsd", _catmull_rom(steps), around).reshape(-1, 2)
    return np.concatenate([curve, knots[-1:]])
