"""A small album for tests of prediction."""

from pathlib import Path

import numpy as np
from PIL import Image


def noise_album(place: Path) -> Path:
    """Draw ten images of noise, 0.png to 9.png, of which 3.png is cut short; returns ``place``."""
    noise = np.random.default_rng(0)
    for number in range(10):
        Image.fromarray(noise.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(place / f"{number}.png")
    (place / "3.png").write_bytes((place / "3.png").read_bytes()[:100])
    return place
