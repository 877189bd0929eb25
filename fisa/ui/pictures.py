"""Maps laid over an image, as files for ``st.image``: painted and encoded once for all who look at the same."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image

from fisa import figures
from fisa.ui import state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted

_QUALITY = 90

Layer = tuple[np.ndarray, str]
"""A map [h, w], not negative, and its colour."""


def attended(
    subject: Subject,
    layers: Sequence[Layer],
    opacity: float,
    outlined: Sequence[int] = (),
    top: float | None = None,
    side: int | None = None,
) -> bytes:
    """Return the picture with maps over it, one after the other, as a JPEG file.

    Args:
        subject: The image.
        layers: The maps; without any the picture is shown as it is.
        opacity: Of the strongest places, in [0, 1].
        outlined: Which of its masks are drawn as lines.
        top: Value of full opacity; None takes the largest of each map.
        side: Pixels of a side, for a small square; by default the picture's own, in the shape of the photograph.
    """
    return _attended(subject.digest, tuple(layers), opacity, tuple(outlined), top, side, subject)


def signed(subject: Subject, values: np.ndarray, opacity: float = 0.75, strong: float | None = None) -> bytes:
    """Return the greyed picture with a signed map [h, w] over it in the theme's colours, as a JPEG file.

    Args:
        subject: The image.
        values: Any signs.
        opacity: Of the strongest places, in [0, 1].
        strong: Size of full colour; None takes nearly the largest.
    """
    return _signed(subject.digest, values, opacity, strong, state.theme(), subject)


def in_shape(square: np.ndarray, aspect: float) -> np.ndarray:
    """Give a square back the shape that the photograph had, within reason."""
    side, aspect = len(square), min(max(aspect, 1 / 3), 3)
    width, height = (side, round(side / aspect)) if aspect > 1 else (round(side * aspect), side)
    return square if width == height else np.asarray(Image.fromarray(square).resize((width, height)))


@st.cache_data(max_entries=512, show_spinner=False)
@counted("overlay")
def _attended(
    digest: str, layers: tuple[Layer, ...], opacity: float, outlined: tuple[int, ...], top: float | None,
    side: int | None, _subject: Subject,
) -> bytes:  # fmt: skip
    image = _subject.picture if side is None else _small(digest, side, _subject)
    for values, colour in layers:
        image = figures.attention_overlay(image, values, colour, opacity, top=top)
    if outlined:
        masks = [_subject.masks[number] for number in outlined]
        image = figures.attention_overlay(image, np.zeros((1, 1)), "#000000", 0.0, masks)
    return _encoded(image if side is not None else in_shape(image, _subject.aspect))


@st.cache_data(max_entries=256, show_spinner=False)
@counted("overlay")
def _signed(
    digest: str, values: np.ndarray, opacity: float, strong: float | None, theme: figures.Theme, _subject: Subject
) -> bytes:
    image = figures.signed_overlay(_subject.picture, values, theme, opacity, strong=strong)
    return _encoded(in_shape(image, _subject.aspect))


@st.cache_data(max_entries=256, show_spinner=False)
def _small(digest: str, side: int, _subject: Subject) -> np.ndarray:
    return np.asarray(Image.fromarray(_subject.picture).resize((side, side), Image.Resampling.LANCZOS))


def _encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
