"""Pictures of a data set as pages show them: decoded when they are asked for, and kept by the content of their file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

from fisa import figures
from fisa.datasets import Dataset, statistics
from fisa.datasets.base import InFiles
from fisa.datasets.planted import VERSION, PlantedDataset, render
from fisa.datasets.whole import Whole
from fisa.figures.checks import top_emotions
from fisa.fingerprints import content_digest
from fisa.images import ImageRefused, decode_within, to_square
from fisa.language import tr
from fisa.ui import state
from fisa.ui.state import clip, plain

THUMBNAIL, LARGE = 200, 1024
"""Longer side in pixels of pictures in a gallery, and of one alone."""
CELL = 134
"""Width of a cell of a gallery, in pixels of the page."""

# Every picture of a gallery stands in a square, and a click anywhere in a cell is one on its button.
STYLE = """<style>
[class*="st-key-cell_"] { position: relative; }
[class*="st-key-cell_"] [data-testid="stElementToolbar"] { display: none; }
[class*="st-key-cell_"] [class*="st-key-shot_"] img { aspect-ratio: 1; object-fit: contain; }
[class*="st-key-cell_"] [class*="st-key-open_"], [class*="st-key-cell_"] [class*="st-key-open_"] * { position: static; }
[class*="st-key-cell_"] [class*="st-key-open_"] :is(button, a)::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-cell_"] [class*="st-key-open_"] a { padding: 0.1rem 0; min-height: 0; }
</style>"""


class Shown(NamedTuple):
    """A picture ready for the browser: JPEG, or None and why it cannot be shown, a clause without its name."""

    jpeg: bytes | None
    refused: str


def picture(whole: Whole, row: int, side: int) -> Shown:
    """Return the image of a row, its longer side at most ``side`` pixels."""
    file = whole.file(row)
    if file is None:
        return _encoded(f"{whole.name} {VERSION} {whole.manifest['id'].iloc[row]}", side, whole, row)
    try:
        status = file.stat()
    except OSError as error:
        return Shown(None, tr("cannot be read ({why}); check the path", why=error.strerror))
    digest = _digest(str(file), status.st_size, status.st_mtime_ns)
    return _encoded(digest or f"{file} {status.st_mtime_ns}", side, whole, row)


@st.cache_data(max_entries=20_000, show_spinner=False)
def _digest(file: str, size: int, changed: int) -> str | None:
    return content_digest(file)


@st.cache_data(max_entries=3_000, show_spinner=False)
def _encoded(content: str, side: int, _whole: Whole, _row: int) -> Shown:
    return _as_jpeg(lambda: _whole.picture(_row, side), _whole.file(_row))


def thumbnail(dataset: Dataset, name: str) -> Shown:
    """Return the image ``name`` of a split, its longer side at most ``THUMBNAIL`` pixels."""
    return _thumbnail(dataset.version, name, dataset)


@st.cache_data(max_entries=12_000, show_spinner=False)
def _thumbnail(data_version: str, name: str, _dataset: Dataset) -> Shown:
    row = int(np.flatnonzero(_dataset.manifest["id"] == name)[0])
    if isinstance(_dataset, PlantedDataset):
        return _as_jpeg(lambda: render(_dataset.scene(row), THUMBNAIL).image, None)
    if isinstance(_dataset, InFiles):
        file = _dataset.file(row)
        return _as_jpeg(lambda: decode_within(file, THUMBNAIL), file)
    return _as_jpeg(lambda: to_square(_dataset[row].image, THUMBNAIL), None)


def _as_jpeg(draw: Callable[[], np.ndarray], file: Path | None) -> Shown:
    try:
        image = draw()
    except ImageRefused as error:
        return Shown(None, str(error).removeprefix(f"{file}: "))
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=88)
    return Shown(stream.getvalue(), "")


def cell(whole: Whole, row: int, place: str, caption: str = "") -> None:
    """Draw one image of a gallery with its distribution as a strip; a click anywhere in it opens the image.

    Args:
        whole: The data set.
        row: Of its manifest.
        place: Which gallery, for keys; an image may stand in several.
        caption: Below its ID.
    """
    name = str(whole.manifest["id"].iloc[row])
    with st.container(width=CELL, gap=None, key=f"cell_{place}_{row}"):
        shot(picture(whole, row, THUMBNAIL), f"shot_{place}_{row}", f"{name}: {in_words(whole, row)}")
        if len(whole.space):
            degrees = statistics.degrees_of(whole.manifest.iloc[[row]], whole.space)[0]
            strip = figures.distribution_strip(whole.space, degrees, CELL)
            st.image(strip, width="stretch", alt=tr("Distribution: {words}", words=in_words(whole, row)))
        with st.container(key=f"open_{place}_{row}"):
            st.button(
                plain(clip("/".join(name.split("/")[-2:]), 20)), key=f"button_{place}_{row}", type="tertiary",
                on_click=state.put, args=("item", name), help=None if len(name) <= 20 else plain(name),
            )  # fmt: skip
        if caption:
            st.caption(caption)


def shot(shown: Shown, key: str, alt: str) -> None:
    """Draw a picture of a gallery, or why there is none."""
    if shown.jpeg is None:
        st.caption(f":material/broken_image: {plain(clip(shown.refused, 90))}")
        return
    with st.container(key=key, gap=None):
        st.image(shown.jpeg, width="stretch", alt=alt)


def in_words(whole: Whole, row: int, most: int = 3) -> str:
    """Say what the data says of an image: its strongest labels, at most so many, or its ratings in their own range."""
    one = whole.manifest.iloc[[row]]
    if len(whole.space):
        degrees = statistics.degrees_of(one, whole.space)[0]
        return top_emotions(whole.space, degrees, min(most, int((degrees > 0).sum())))
    rated = statistics.ratings(one, whole.ranges)
    if rated.empty:
        return tr("not rated")
    first = rated.iloc[0]
    return tr("valence {valence:.2f}, arousal {arousal:.2f}", valence=first["valence"], arousal=first["arousal"])
