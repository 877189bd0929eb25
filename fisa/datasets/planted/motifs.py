"""The table of motifs: three kinds for each of Mikels' eight emotions, the third kept back for the rendering shift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from fisa.datasets.planted import motifs_gloomy as gloomy
from fisa.datasets.planted import motifs_hostile as hostile
from fisa.datasets.planted import motifs_pleasant as pleasant
from fisa.datasets.planted.shapes import Part
from fisa.emotions import MIKELS8

Drawing = Callable[[float, np.random.Generator], list[Part]]

# Emotion -> name of the kind -> drawing. The attribute that shows the strength is in each drawing's docstring.
MOTIFS: Mapping[str, Mapping[str, Drawing]] = MappingProxyType(
    {
        "amusement": {"balloon": pleasant.balloon, "jack": pleasant.jack_in_the_box, "jester": pleasant.jester},
        "awe": {"peak": pleasant.peak, "comet": pleasant.comet, "arch": pleasant.arch},
        "contentment": {"teacup": pleasant.teacup, "cat": pleasant.cat, "teapot": pleasant.teapot},
        "excitement": {"firework": pleasant.firework, "rocket": pleasant.rocket, "popper": pleasant.popper},
        "anger": {"volcano": hostile.volcano, "bull": hostile.bull, "oni": hostile.oni},
        "disgust": {"fly": hostile.fly, "apple": hostile.apple, "yuck": hostile.yuck},
        "fear": {"ghost": gloomy.ghost, "spider": gloomy.spider, "skull": gloomy.skull},
        "sadness": {"raincloud": gloomy.raincloud, "wilt": gloomy.wilt, "heart": gloomy.broken_heart},
    }
)

KINDS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {emotion: tuple(MOTIFS[label]) for emotion, label in enumerate(MIKELS8.labels)}
)
UNSEEN_KINDS: tuple[str, ...] = tuple(kinds[2] for kinds in KINDS.values())
DRAWINGS: Mapping[str, Drawing] = MappingProxyType({k: d for kinds in MOTIFS.values() for k, d in kinds.items()})
