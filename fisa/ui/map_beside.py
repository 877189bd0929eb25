"""What stands beside the map: the ringed image with its neighbours, and a person's photographs placed on it."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import Dataset
from fisa.emotions import DIMENSIONS
from fisa.explain.embeddings import TITLES, vectors_of
from fisa.explain.maps import Made, Map, nearest, place_images
from fisa.figures import distance_text
from fisa.images import ImageRefused, decode_square
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.ui import cache, photographs, rated, reading, selection, state
from fisa.ui.counted import counted
from fisa.ui.map_choice import DISTANCES
from fisa.ui.meters import waiting
from fisa.ui.state import plain

NEIGHBOURS = 8

Found = dict[str, tuple[tuple[str, ...], tuple[float, ...]]]


def ringed(run: Run, dataset: Dataset, name: str) -> None:
    """Draw the ringed image with its way to Explain."""
    ringed = tr("Ringed: {image}", image=plain(name))
    if not run.takes_vectors:
        picture = cache.subject(dataset, name).picture
        st.image(picture, width="stretch", alt=tr("The ringed image {image}", image=name))
        link = {"run": str(state.get("run")), "image": name}
        st.page_link("pages/explain.py", label=ringed, query_params=link)
    else:
        st.markdown(ringed)


def neighbours(run: Run, dataset: Dataset, shown: Map, name: str) -> None:
    """Draw the images nearest to one by the map's vectors, and those nearest by what is predicted of them."""
    found = _neighbours(run.digest, dataset.version, shown.made, name, run, dataset)
    seen = tr("{vectors}; {distance} distance.",
              vectors=tr(TITLES[shown.made.vectors]), distance=tr(DISTANCES[shown.made.settings.metric]))  # fmt: skip
    said = tr("Jensen–Shannon distance of the distributions, 0 to 0.83.")
    if rated.is_rated(run):
        said = tr("Euclidean distance of the ratings.")
    spaces = {"seen": (tr("By what the run sees"), seen), "said": (tr("By what it predicts"), said)}
    reading.header(tr("Nearest to {image}", image=plain(name)), "map_neighbours")
    both = set(found["seen"][0]) & set(found["said"][0])
    st.caption(
        tr(
            "{both} of the {n} nearest are the same: looks and emotion agree where many are. Distances are those "
            "before the projection.", both=len(both), n=len(found["seen"][0]),
        )
    )  # fmt: skip
    for column, (space, (title, told)) in zip(st.columns(2, gap="medium"), spaces.items(), strict=True):
        with column, st.container(key=f"map_near_{space}"):
            st.markdown(f"**{title}**")
            st.caption(told)
            names, distances = found[space]
            below = {one: distance_text(apart) for one, apart in zip(names, distances, strict=True)}
            selection.pictures(run, dataset, below)


@st.cache_data(max_entries=256, show_spinner=False)
@counted("neighbours")
def _neighbours(run_digest: str, version: str, made: Made, name: str, _run: Run, _dataset: Dataset) -> Found:
    ids = _dataset.manifest["id"].astype(str).to_numpy()
    place = int(np.flatnonzero(ids == name)[0])
    is_rated = rated.is_rated(_run)
    columns = list(DIMENSIONS) if is_rated else list(_run.space.labels)
    spaces = {
        "seen": (vectors_of(_run, _dataset, made.vectors), made.settings.metric),
        "said": (_run.predictions[columns].to_numpy(float), "euclidean" if is_rated else "jensenshannon"),
    }
    found: Found = {}
    for space, (rows, metric) in spaces.items():
        places, distances = nearest(rows, place, NEIGHBOURS, metric)
        found[space] = tuple(str(each) for each in ids[places]), tuple(float(each) for each in distances)
    return found


def placed(run: Run, dataset: Dataset, shown: Map) -> pd.DataFrame:
    """Return where the photographs of the session lie on the map: id, x, y; empty where there are none."""
    kept = photographs.remembered()
    if not kept or run.takes_vectors:
        return pd.DataFrame({"id": [], "x": [], "y": []})
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in kept.values())).hexdigest()
    return _placed(run.digest, dataset.version, shown.made, tuple(kept), digest, run, dataset, shown, kept)


@waiting(mark("Placing your photographs …"))
@st.cache_data(max_entries=32, show_spinner=False)
@counted("placed")
def _placed(
    run_digest: str,
    version: str,
    made: Made,
    names: tuple[str, ...],
    digest: str,
    _run: Run,
    _dataset: Dataset,
    _shown: Map,
    _kept: dict[str, bytes],
) -> pd.DataFrame:
    squares: dict[str, np.ndarray] = {}
    for name, content in _kept.items():
        try:
            squares[name] = decode_square(content, _run.config.data.image_size, name)
        except ImageRefused:
            continue
    places = place_images(_run, _dataset, _shown, np.stack(list(squares.values()))) if squares else np.empty((0, 2))
    return pd.DataFrame({"id": list(squares), "x": places[:, 0], "y": places[:, 1]})


def photographs_note(found: pd.DataFrame) -> None:
    """Say which photographs lie on the map, or how to place some."""
    if len(found):
        names = plain(tr(", ").join(found["id"]))
        st.caption(tr(":material/star: Placed: {names}. A place says which test images see alike.", names=names))
        st.button(tr("Take them off"), type="tertiary", on_click=photographs.forget, key="map_forget")
    else:
        st.caption(tr("Photographs from the page *Your images* are placed here."))
