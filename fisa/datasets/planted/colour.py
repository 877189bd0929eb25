"""Colour of Planted Affect: harmonious paints, the tones of a figure, and the grading of a whole picture."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from fisa.datasets.planted.shapes import TONES

Image = np.ndarray  # float32 [height, width, 3] in [0, 1]; [3] where it is one colour

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
INK = np.array([0.09, 0.08, 0.13], dtype=np.float32)
PAPER = np.array([0.985, 0.965, 0.925], dtype=np.float32)

# Every backdrop is brought to these before the palette grades it, so that no style is bright or vivid by itself.
REFERENCE_LUMA = 0.58
REFERENCE_CHROMA = 0.20
FIGURE_LUMA = (0.46, 0.68)


@lru_cache(maxsize=4096)
def _oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(2 * math.pi * hue), chroma * math.sin(2 * math.pi * hue)
    lms = np.array(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    matrix = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(matrix @ lms**3, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return float(encoded[0]), float(encoded[1]), float(encoded[2])


def oklch(lightness: float, chroma: float, hue: float) -> Image:
    """Return the sRGB colour [3] of an OKLCH colour (Ottosson 2020), clipped to the gamut.

    Args:
        lightness: In [0, 1].
        chroma: About 0 (grey) to 0.25 (vivid).
        hue: In turns, so that 1 is the full circle.
    """
    return np.array(_oklch(round(lightness, 3), round(chroma, 3), round(hue % 1, 3)), dtype=np.float32)


def mix(first: Image, second: Image, share: float | Image) -> Image:
    """Return ``first`` where ``share`` is 0 and ``second`` where it is 1."""
    return np.asarray(first + (second - first) * share)


def tones(colour: tuple[float, float, float]) -> Image:
    """Return the tones of a base colour in the order of ``shapes.TONES``; [6, 3].

    The base is kept off black and white, so that its darker and lighter tones always differ from it.
    """
    base = np.asarray(colour, dtype=np.float32)
    luma = float(base @ LUMA)
    wanted = min(max(luma, FIGURE_LUMA[0]), FIGURE_LUMA[1])
    base = mix(base, PAPER, (wanted - luma) / (0.967 - luma)) if wanted > luma else base * (wanted / luma)
    table = {
        "base": base,
        "dark": base * np.array([0.60, 0.58, 0.66], dtype=np.float32),
        "light": mix(base, PAPER, 0.55),
        "deep": mix(base * 0.36, INK, 0.3),
        "white": PAPER,
        "ink": INK,
    }
    return np.stack([table[tone] for tone in TONES])


def to_reference(backdrop: Image) -> Image:
    """Bring a backdrop to the reference luma (by gamma) and chroma (by scaling)."""
    step = max(1, len(backdrop) // 24)
    image = np.clip(backdrop, 0.004, 1)
    sample = image[step // 2 :: step, step // 2 :: step]
    gamma = 1.0
    for _ in range(3):
        gamma *= math.log(REFERENCE_LUMA) / math.log(float(np.mean(sample**gamma @ LUMA)))
    image = image ** np.float32(gamma)
    sample = sample**gamma
    chroma = float(np.mean(sample.max(axis=-1) - sample.min(axis=-1)))
    grey = (image @ LUMA)[..., None]
    return np.asarray(np.clip(mix(grey, image, min(2.2, REFERENCE_CHROMA / max(chroma, 1e-3))), 0, 1))


def grade(image: Image, brightness: float, saturation: float) -> Image:
    """Grade a picture pixel by pixel; both arguments are standardised, about -2 to 2.

    Luma rises with ``brightness`` and the distance from grey with ``saturation`` at every pixel that is not clipped.
    """
    image = image ** np.float32(math.exp(-0.34 * brightness))
    grey = (image @ LUMA)[..., None]
    vividness = 0.22 + 0.90 / (1 + math.exp(-0.9 * saturation - 0.6))
    return np.asarray(np.clip(mix(grey, image, vividness), 0, 1))
