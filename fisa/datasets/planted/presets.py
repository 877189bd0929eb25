"""Version, splits and sizes of Planted Affect."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fisa.datasets.base import DataError

# Changes whenever one drawn pixel or one label changes; results on different versions do not compare.
VERSION = "2"

SEED = 20261  # of every random stream; part of the published data, like the equations
SPLITS = {"train": 0, "validation": 1, "iid": 2}
SPLIT_ALIASES = {"test": "iid"}
# Test sets that differ from training in one thing each (see shifts.py); all levels of clutter show the same scenes.
SHIFTS = {"rendering": 3, "triple": 4, "strength": 5, "palette": 6} | dict.fromkeys(
    ("clutter-0", "clutter-1", "clutter-2", "clutter-3"), 7
)
FRESH = re.compile(r"fresh-([1-9]\d{0,3})")  # as many more test sets as wanted, for what was chosen after seeing iid
FIRST_FRESH = 1000  # number of the stream of fresh-0, which there is not
VOTES = 10


@dataclass(frozen=True)
class Preset:
    """Scenes in each split and the default side length in pixels."""

    train: int
    validation: int
    iid: int
    image_size: int

    def count(self, split: str) -> int:
        """Return the number of scenes in ``split``."""
        return {"train": self.train, "validation": self.validation}.get(split, self.iid)


# The presets share their scenes: planted-small holds the first ones of planted, and the same iid test.
PRESETS = {
    "planted": Preset(train=24000, validation=1000, iid=2000, image_size=128),
    "planted-small": Preset(train=4000, validation=1000, iid=2000, image_size=96),
    "planted-tiny": Preset(train=160, validation=40, iid=60, image_size=64),  # to try a configuration in seconds
}


def find_preset(name: str) -> Preset:
    """Return a preset; raise :class:`DataError` for an unknown name."""
    if name not in PRESETS:
        raise DataError(f"unknown planted preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def find_split(name: str) -> str:
    """Return the proper name of a split (``test`` means ``iid``); raise :class:`DataError` for an unknown one."""
    split = SPLIT_ALIASES.get(name, name)
    if split not in SPLITS and split not in SHIFTS and not FRESH.fullmatch(split):
        known = ", ".join((*SPLITS, *SPLIT_ALIASES, *SHIFTS))
        raise DataError(f"planted data has no split {name!r}; there are {known}, and fresh-1 to fresh-9999")
    return split


def stream_number(split: str) -> int:
    """Return what tells the random streams of a split, by its proper name, from those of others."""
    fresh = FRESH.fullmatch(split)
    return (SPLITS | SHIFTS)[split] if fresh is None else FIRST_FRESH + int(fresh[1])
