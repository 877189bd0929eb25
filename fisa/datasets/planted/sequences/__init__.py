"""Planted sequences: drawn scenes that follow one another, with what is said and what happens beside them."""

from fisa.datasets.planted.sequences.course import SERIES, SHIFT, Course, draw_course
from fisa.datasets.planted.sequences.dataset import open_planted_sequences
from fisa.datasets.planted.sequences.frames import PlantedFrames, draw_frame
from fisa.datasets.planted.sequences.presets import PRESETS, VERSION

__all__ = [
    "PRESETS",
    "SERIES",
    "SHIFT",
    "VERSION",
    "Course",
    "PlantedFrames",
    "draw_course",
    "draw_frame",
    "open_planted_sequences",
]
