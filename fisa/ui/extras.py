"""What only one system says of an image: relations between emotions, Gram matrices, maps of places, numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.language import mark, tr
from fisa.records import Explanation
from fisa.ui import pictures, reading, state
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import chart

MOST_NUMBERS = 8
"""Vectors longer than this are not written out."""

SMALL = 224
"""Side in pixels of the small pictures that maps are laid over."""

_WARM = "#ff6a00"

_MEANING = {
    "prior": mark("The prior: what the logit of an emotion (row) takes of every emotion's own score (column)."),
    "graph": mark("The graph: what an emotion (row) takes of every emotion (column)."),
    "static_graph": mark("The graph of the training labels, before the image draws its own."),
    "before_prior": mark("Scores of the emotions before the prior mixes them"),
    "polarity": mark("Predicted mass on negative, neutral and positive emotions"),
    "emotion_vector": mark(
        "The prediction on the emotion circle: towards the positive emotions, and a quarter turn on"
    ),
    "intensity": mark("Length of that vector, 0 to 1"),
    "angle": mark("Its angle in radians, 0 at the middle of the positive emotions"),
    "ambiguity": mark("What the members of the committee gain together, in nats of KL, whatever the truth"),
    "decoded": mark("Prediction without the remembered images"),
    "stage_attention": mark("Weight of each stage of the network, from shallow to deep"),
    "stage_attention_valence": mark("Weight of each stage for valence, from shallow to deep"),
    "stage_attention_arousal": mark("Weight of each stage for arousal, from shallow to deep"),
}


def draw(found: Explanation, system: str, subject: Subject) -> None:
    """Draw the extras of ``found``, which explains ``subject``; nothing, not even a heading, where there are none."""
    if not found.extras:
        return
    reading.header(tr("Only in {run}", run=plain(system)), "extras")
    count = len(found.space)
    grams = {name: values for name, values in found.extras.items() if name.startswith("gram_")}
    places = maps_of(found.extras)
    drawn = {*grams, *(name for name in found.extras if name.startswith("mask_") or name == "latent_attention")}
    others = {name: values for name, values in found.extras.items() if name not in drawn}
    relations = {name: values for name, values in others.items() if values.shape == (count, count)}
    numbers = {name: values for name, values in others.items() if values.ndim < 2 and values.size <= MOST_NUMBERS}
    for name, values in relations.items():
        st.caption(tr(_MEANING.get(name, f"{name}:")))
        figure = figures.matrix(values, found.space, "", "relation", None, state.theme())
        chart(figure, f"extra_{name}", figures.matrix_table(values, found.space))
    for name, values in numbers.items():
        said = _in_words(found, values)
        st.caption(tr("{what}: {values}.", what=tr(_MEANING.get(name, name)), values=said))
    _draw_grams(grams)
    _draw_maps(places, subject)
    unseen = sorted(others.keys() - relations.keys() - numbers.keys())
    if unseen:
        names = tr(", ").join(map(plain, unseen))
        st.caption(tr("`python -m fisa explain` also gives {names}.", names=names))


def maps_of(extras: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the maps of places [h, w] among extras, by the words that stand below them."""
    masks = {name.removeprefix("mask_"): each for name, each in extras.items() if name.startswith("mask_")}
    maps = {tr("stage {number}", number=number): each for number, each in masks.items()}
    unnamed = extras.get("latent_attention", ())
    return maps | {tr("feature {number}", number=number): each for number, each in enumerate(unnamed, start=1)}


def _draw_maps(maps: Mapping[str, np.ndarray], subject: Subject) -> None:
    if not maps:
        return
    st.caption(
        tr(
            "Where it looks: each map from its least (as the picture is) to its greatest value (orange). Masks gate "
            "every entry of a stage, from 0 to 1, here their mean; attention sums to 1 over the places."
        )
    )
    with st.container(horizontal=True, gap="small"):
        for name, values in maps.items():
            image = pictures.attended(subject, [(values - values.min(), _WARM)], 0.75, side=SMALL)
            words = tr("{name}: {low:.2f} to {high:.2f}", name=name, low=values.min(), high=values.max())
            alt = tr("Map of {name} over {image}", name=name, image=subject.name)
            st.image(image, width=SMALL, caption=words, alt=alt)


def _draw_grams(grams: dict[str, np.ndarray]) -> None:
    if not grams:
        return
    st.caption(tr("Gram matrices: which channels of a stage respond together, wherever they do; a measure of texture."))
    for column, (name, values) in zip(st.columns(len(grams)), grams.items(), strict=True):
        with column:
            title = tr("stage {number}", number=name.removeprefix("gram_"))
            chart(figures.gram(values, title, state.theme()), f"extra_{name}", pd.DataFrame(values))


def _in_words(found: Explanation, values: np.ndarray) -> str:
    """Write a vector out, with the emotions where it has one number for each; a small number by two of its digits."""
    texts = [f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.2g}" for value in np.atleast_1d(values)]
    named = zip(found.space.names, texts, strict=True) if values.shape == (len(found.space),) else ()
    return tr(", ").join([f"{name} {text}" for name, text in named] or texts)
