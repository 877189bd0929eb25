"""Version, splits and sizes of the planted sequences."""

from __future__ import annotations

from dataclasses import dataclass

from fisa.datasets.base import DataError

# Changes whenever one drawn pixel, vector, event or label changes; results on different versions do not compare.
VERSION = "1"

SEED = 20268  # of every random stream
SPLITS = {"train": 0, "validation": 1, "test": 2}
VOTES = 30  # raters of each step


@dataclass(frozen=True)
class Preset:
    """Sequences in each split, steps in each sequence, and the side length of a frame in pixels."""

    train: int
    validation: int
    test: int
    steps: int
    image_size: int

    def count(self, split: str) -> int:
        """Return the number of sequences in ``split``."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]


# The tiny preset has the first sequences of the other, and of them the first steps.
PRESETS = {
    "planted-sequences": Preset(train=320, validation=80, test=160, steps=24, image_size=40),
    "planted-sequences-tiny": Preset(train=16, validation=8, test=8, steps=10, image_size=40),
}


def find_preset(name: str) -> Preset:
    """Return a preset; raise :class:`DataError` for an unknown name."""
    if name not in PRESETS:
        raise DataError(f"unknown preset of planted sequences {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def check_split(name: str) -> str:
    """Return ``name``; raise :class:`DataError` where there is no such split."""
    if name not in SPLITS:
        raise DataError(f"planted sequences have no split {name!r}; there are {', '.join(SPLITS)}")
    return name
