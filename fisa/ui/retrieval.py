"""The nearest images of a test image, drawn part by part for the Retrieval page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.explain.embeddings import EMBEDDINGS, are_kept, embeddings_of
from fisa.explain.maps import map_if_kept, map_of, usual
from fisa.explain.retrieval import CRITERIA, Criterion, Retrieval, RetrievalError, marks_of, search
from fisa.language import mark
from fisa.records import Interval
from fisa.runs import Run
from fisa.ui import cache, reading, state
from fisa.ui.counted import counted
from fisa.ui.meters import meter, waiting
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, html_table

COUNTS = ("5", "10", "20")
"""How many neighbours a person may ask for."""
BY: dict[Criterion, str] = {"emotion": "Emotion", "polarity": "Polarity"}
_SIDE = 112
"""Of a small picture, pixels."""


def found(run: Run, dataset: Dataset, k: int) -> dict[str, Retrieval]:
    """Return the nearest other test images of each test image, by each embedding of the run.

    Raises:
        RetrievalError: The data have no emotions, or too few images.
    """
    if not len(dataset.space):
        raise RetrievalError(f"{run.name}: {dataset.name} has no emotions by which its images could be retrieved")
    if not are_kept(run, dataset):
        with meter("Looking at every test image …") as progress:
            embeddings_of(run, dataset, progress)
    return _found(run.digest, dataset.version, k, run, dataset)


@waiting(mark("Searching for every test image …"))
@st.cache_data(max_entries=8, show_spinner=False)
@counted("retrieval")
def _found(run_digest: str, data_version: str, k: int, _run: Run, _dataset: Dataset) -> dict[str, Retrieval]:
    vectors = embeddings_of(_run, _dataset)
    return {name: search(name, rows, rows, _dataset, _dataset, k, "euclidean", True) for name, rows in vectors.items()}


def settle(results: Mapping[str, Retrieval]) -> tuple[Retrieval, Criterion]:
    """Resolve the embedding and the criterion of the view; return what was found by them."""
    names = list(results)
    quiet = state.get("embedding") in EMBEDDINGS  # another run has it: no fault of the link
    embedding = state.resolve("embedding", names, names[-1], "embedding", quiet)
    offered = list(results[embedding].scores)
    by = state.resolve("by", offered, offered[0], "criterion", state.get("by") in CRITERIA)
    return results[embedding], next(each for each in CRITERIA if each == by)


def choices(results: Mapping[str, Retrieval], shown: Retrieval) -> None:
    """Draw what is searched by, what counts as right, and how many are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose("embedding", list(results), "Nearest by", shown=lambda name: EMBEDDINGS[name][0], width=300)
        choose("by", list(shown.scores), "Right by", st.segmented_control, lambda by: BY[by], required=True)  # type: ignore[index]
        choose("k", COUNTS, "Show", width=90)
        reading.show("retrieval")


def query(dataset: Dataset, name: str) -> None:
    """Draw the image that is searched for."""
    labels = _labels(dataset.version, dataset, name)
    st.image(cache.thumbnail(dataset, name, 2 * _SIDE), width=2 * _SIDE, alt=f"The query {name}: {labels}")
    st.markdown(f"**{plain(name)}**: {plain(labels)}")


def neighbours(shown: Retrieval, by: Criterion, dataset: Dataset, name: str) -> None:
    """Draw the nearest images in frames that say whether they are right; a name makes that image the query."""
    row = int(np.flatnonzero(shown.ids == name)[0])
    right = shown.hits[by][row]
    shared = "a dominant emotion" if by == "emotion" else "the polarity"
    st.caption(
        f"{right.sum()} of the {len(right)} nearest share {shared}. "
        "Right: solid frame and a check mark; wrong: dashed frame and a cross. Below each its distance."
    )
    with st.container(horizontal=True, gap="small", key="neighbours"):
        for rank, place in enumerate(shown.neighbours[row]):
            other = str(shown.gallery_ids[place])
            labels, fits = _labels(dataset.version, dataset, other), bool(right[rank])
            distance = f"{shown.distances[row, rank]:.3f}"
            with st.container(width=_SIDE, gap=None):
                picture = figures.framed(cache.thumbnail(dataset, other, _SIDE), fits, state.theme())
                said = f"Nearest {rank + 1}, {'right' if fits else 'wrong'}: {other}, {labels}, distance {distance}"
                st.image(picture, width="stretch", alt=said)
                sign = ":material/check_circle:" if fits else ":material/cancel:"
                st.caption(f"{sign} {plain(labels)} · {distance}")
                st.button(
                    plain(other), key=f"neighbour_{rank}", type="tertiary", on_click=state.put, args=("image", other)
                )
    twin = pd.DataFrame(
        {
            "id": shown.gallery_ids[shown.neighbours[row]],
            "distance": shown.distances[row],
            "labels": [_labels(dataset.version, dataset, str(i)) for i in shown.gallery_ids[shown.neighbours[row]]],
            "right": right,
        },
        index=pd.RangeIndex(1, len(right) + 1, name="rank"),
    )
    with st.popover("Numbers", icon=":material/table:", type="tertiary", key="neighbours_twin"):
        st.dataframe(twin, key="neighbours_table")


def scores(results: Mapping[str, Retrieval], k: int) -> None:
    """Draw mean average precision and precision at k of every embedding, by emotion and by polarity."""
    rows = {
        f"{_short(name)}, by {by}": {
            "mAP": _interval(score.mean_average_precision),
            "mAP by chance": score.mean_average_precision_chance,
            f"precision@{k}": _interval(score.precision),
            f"precision@{k} by chance": score.precision_chance,
        }
        for name, result in results.items()
        for by, score in result.scores.items()
    }
    html_table(pd.DataFrame.from_dict(rows, orient="index"), alt="Retrieval scores of every embedding")
    counts = {by: score.queries for result in results.values() for by, score in result.scores.items()}
    asked = ", ".join(f"{count} by {by}" for by, count in counts.items())
    st.caption(
        f"mAP: mean average precision. Queries: all test images with a relevant one among the others ({asked}); "
        "gallery: the other test images; Euclidean distance. In brackets 95 % bootstrap intervals over queries; "
        "by chance: a random order. `python -m fisa retrieve` also searches the training images, or by cosine."
    )


def planes(run: Run, dataset: Dataset, results: Mapping[str, Retrieval], name: str) -> None:
    """Draw the t-SNE of each embedding side by side, computed at a click where it is not kept."""
    reading.header(" against ".join(map(_short, results)), "map")
    wanted = [usual(each, len(dataset)) for each in results]
    if any(map_if_kept(run, dataset, made) is None for made in wanted):
        if not st.button(f"Project {len(dataset)} images", icon=":material/scatter_plot:", key="project"):
            st.caption("t-SNE of each embedding: about half a minute for 2,000 images, once.")
            return
        with meter("Projecting …") as progress:
            for made in wanted:
                map_of(run, dataset, made, progress)
        st.rerun()  # without the button
    labels = np.array(dataset.space.labels)[marks_of(dataset, "emotion").argmax(axis=1)]
    drawn = {made.vectors: found.points for made in wanted if (found := map_if_kept(run, dataset, made))}
    for column, (each, points) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
        with column:
            st.caption(f"{EMBEDDINGS[each][0]}; the query is ringed.")
            figure = figures.embedding_map(points, labels, dataset.space, name, state.theme())
            chart(figure, f"plane_{each}", points.assign(dominant=labels).set_index("id"))


@st.cache_data(max_entries=2048, show_spinner=False)
def _labels(data_version: str, _dataset: Dataset, name: str) -> str:
    index = int(np.flatnonzero(_dataset.manifest["id"] == name)[0])
    marks = _marks(data_version, _dataset)[index]
    return ", ".join(label for label, marked in zip(_dataset.space.labels, marks, strict=True) if marked)


@st.cache_data(max_entries=8, show_spinner=False)
def _marks(data_version: str, _dataset: Dataset) -> np.ndarray:
    return marks_of(_dataset, "emotion")


def _short(embedding: str) -> str:
    return EMBEDDINGS[embedding][0].partition(",")[0]


def _interval(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
