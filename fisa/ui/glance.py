"""What Home shows at a glance: a drawn scene for each emotion, and the numbers of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from fisa.datasets.planted import Scene, draw_scene, render
from fisa.emotions import MIKELS8
from fisa.language import mark
from fisa.runs import Run
from fisa.ui.counted import counted
from fisa.ui.meters import waiting

SIDE, AMONG = 192, 200
"""Of the small pictures in pixels, and how many scenes are searched for them."""


@dataclass(frozen=True, eq=False)
class Glimpse:
    """A small drawn scene: its id in the test split, its dominant emotion with its degree, uint8 RGB [S, S, 3]."""

    name: str
    label: str
    degree: float
    picture: np.ndarray


@waiting(mark("Drawing scenes …"))
@st.cache_data(max_entries=1, show_spinner=False)
@counted("glance")
def scenes() -> list[Glimpse]:
    """Return the first planted test scene that each emotion dominates, in wheel order."""
    found: dict[int, Scene] = {}
    for index in range(AMONG):
        scene = draw_scene(index)
        found.setdefault(int(scene.distribution.argmax()), scene)
        if len(found) == len(MIKELS8):
            break
    shown = [(column, found[column]) for column in MIKELS8.wheel if column in found]
    return [
        Glimpse(
            name=f"{scene.split}-{scene.index:05d}",
            label=MIKELS8.labels[column],
            degree=float(scene.distribution[column]),
            picture=render(scene, SIDE).image,
        )
        for column, scene in shown
    ]


def localisation(run: Run) -> float | None:
    """Return the share of motifs that the attention hits, or None where it was not graded."""
    graded = (run.grades or {}).get("localisation")
    return float(graded["hit"]) if graded else None


def training_seconds(run: Run) -> float:
    """Return how long the training took."""
    return float(run.provenance.get("seconds") or run.history["seconds"].sum())
