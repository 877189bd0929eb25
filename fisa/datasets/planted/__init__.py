"""Planted Affect: drawn scenes whose emotion distributions, and their causes, are known exactly; see DATASHEET.md."""

from fisa.datasets.planted.dataset import PlantedDataset
from fisa.datasets.planted.labels import AFFINITY, BETA, palette_logits, scene_logits
from fisa.datasets.planted.presets import PRESETS, VERSION
from fisa.datasets.planted.render import Rendering, render
from fisa.datasets.planted.sampling import draw_scene
from fisa.datasets.planted.scene import Figure, Palette, Scene

__all__ = [
    "AFFINITY",
    "BETA",
    "PRESETS",
    "VERSION",
    "Figure",
    "Palette",
    "PlantedDataset",
    "Rendering",
    "Scene",
    "draw_scene",
    "palette_logits",
    "render",
    "scene_logits",
]
