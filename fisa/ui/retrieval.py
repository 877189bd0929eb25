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
from fisa.language import mark, tr
from fisa.records import Interval
from fisa.runs import Run
from fisa.ui import cache, reading, state
from fisa.ui.counted import counted
from fisa.ui.meters import meter, waiting
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, html_table

COUNTS = ("5", "10", "20")
"""How many neighbours a person may ask for."""
BY: dict[Criterion, str] = {"emotion": mark("Emotion"), "polarity": mark("Polarity")}
SHORT = {
    "fc": mark("FC"), "class_features": mark("Class features"), "sentiment_vector": mark("Sentiment vector"),
}  # fmt: skip
"""Each of ``EMBEDDINGS`` in a word or two."""
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
        with meter(tr("Looking at every test image …")) as progress:
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
    embedding = state.resolve("embedding", names, names[-1], tr("embedding"), quiet)
    offered = list(results[embedding].scores)
    by = state.resolve("by", offered, offered[0], tr("criterion"), state.get("by") in CRITERIA)
    return results[embedding], next(each for each in CRITERIA if each == by)


def choices(results: Mapping[str, Retrieval], shown: Retrieval) -> None:
    """Draw what is searched by, what counts as right, and how many are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose("embedding", list(results), tr("Nearest by"), shown=lambda name: tr(EMBEDDINGS[name][0]), width=300)
        titles = {str(by): tr(BY[by]) for by in shown.scores}
        choose("by", list(titles), tr("Right by"), st.segmented_control, titles.__getitem__, required=True)
        choose("k", COUNTS, tr("Show"), width=90)
        reading.show("retrieval")


def query(dataset: Dataset, name: str) -> None:
    """Draw the image that is searched for."""
    emotions = names_of(dataset, name)
    alt = tr("The query {image}: {emotions}", image=name, emotions=emotions)
    st.image(cache.thumbnail(dataset, name, 2 * _SIDE), width=2 * _SIDE, alt=alt)
    st.markdown(tr("**{image}**: {emotions}", image=plain(name), emotions=plain(emotions)))


def neighbours(shown: Retrieval, by: Criterion, dataset: Dataset, name: str) -> None:
    """Draw the nearest images in frames that say whether they are right; a name makes that image the query."""
    row = int(np.flatnonzero(shown.ids == name)[0])
    right = shown.hits[by][row]
    shared = tr("a dominant emotion") if by == "emotion" else tr("the polarity")
    st.caption(
        tr(
            "{right} of the {n} nearest share {shared}. Right: solid frame and a check mark; wrong: dashed frame and a "
            "cross. Below each its distance.", right=right.sum(), n=len(right), shared=shared,
        )
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="neighbours"):
        for rank, place in enumerate(shown.neighbours[row]):
            other = str(shown.gallery_ids[place])
            emotions, fits = names_of(dataset, other), bool(right[rank])
            distance = figures.distance_text(shown.distances[row, rank])
            with st.container(width=_SIDE, gap=None):
                picture = figures.framed(cache.thumbnail(dataset, other, _SIDE), fits, state.theme())
                alt = tr(
                    "Nearest {rank}, {verdict}: {image}, {emotions}, distance {distance}", rank=rank + 1, image=other,
                    verdict=tr("right") if fits else tr("wrong"), emotions=emotions, distance=distance,
                )  # fmt: skip
                st.image(picture, width="stretch", alt=alt)
                sign = ":material/check_circle:" if fits else ":material/cancel:"
                st.caption(f"{sign} {plain(emotions)} · {distance}")
                st.button(
                    plain(other), key=f"neighbour_{rank}", type="tertiary", on_click=state.put, args=("image", other)
                )
    with st.popover(tr("Numbers"), icon=":material/table:", type="tertiary", key="neighbours_twin"):
        st.dataframe(neighbour_table(shown, by, dataset, name), key="neighbours_table")


def neighbour_table(shown: Retrieval, by: Criterion, dataset: Dataset, name: str) -> pd.DataFrame:
    """Return the nearest images of an image, a row a rank: ``id``, distance, labels, and whether each is right."""
    row = int(np.flatnonzero(shown.ids == name)[0])
    found = [str(each) for each in shown.gallery_ids[shown.neighbours[row]]]
    columns = {
        "id": found,
        tr("distance"): shown.distances[row],
        tr("labels"): [names_of(dataset, each) for each in found],
        tr("right"): shown.hits[by][row],
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(found) + 1, name=tr("rank")))


def scores(results: Mapping[str, Retrieval], k: int) -> None:
    """Draw mean average precision and precision at k of every embedding, by emotion and by polarity."""
    html_table(score_table(results, k), alt=tr("Retrieval scores of every embedding"))
    counts = {by: score.queries for result in results.values() for by, score in result.scores.items()}
    asked = [tr("{n} by {criterion}", n=count, criterion=tr(BY[by]).lower()) for by, count in counts.items()]
    st.caption(
        tr(
            "mAP: mean average precision. Queries: all test images with a relevant one among the others ({asked}); "
            "gallery: the other test images; Euclidean distance. In brackets 95 % bootstrap intervals over queries; "
            "by chance: a random order. `python -m fisa retrieve` also searches the training images, or by cosine.",
            asked=tr(", ").join(asked),
        )
    )
    for name, result in results.items():
        if result.collapsed:
            st.warning(
                tr(
                    "{embedding}: the vectors of all images point nearly the same way, with a mean cosine of "
                    "{likeness:.5f}. It may have collapsed to one point: then which images are near means little.",
                    embedding=_short(name), likeness=result.likeness,
                ),
                icon=":material/compress:",
            )  # fmt: skip


def score_table(results: Mapping[str, Retrieval], k: int) -> pd.DataFrame:
    """Return mean average precision and precision at k with their intervals, and by chance, a row a way to search."""
    rows = {
        tr("{embedding}, by {criterion}", embedding=_short(name), criterion=tr(BY[by]).lower()): {
            "mAP": _interval(score.mean_average_precision),
            tr("mAP by chance"): score.mean_average_precision_chance,
            tr("precision@{k}", k=k): _interval(score.precision),
            tr("precision@{k} by chance", k=k): score.precision_chance,
        }
        for name, result in results.items()
        for by, score in result.scores.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def planes(run: Run, dataset: Dataset, results: Mapping[str, Retrieval], name: str) -> dict[str, pd.DataFrame]:
    """Draw the t-SNE of each embedding side by side, computed at a click where it is not kept; return what is drawn."""
    reading.header(tr(" against ").join(map(_short, results)), "map")
    drawn = _kept_planes(run, dataset, results)
    if len(drawn) < len(results):
        if not st.button(tr("Project {n} images", n=len(dataset)), icon=":material/scatter_plot:", key="project"):
            st.caption(tr("t-SNE of each embedding: about half a minute for 2,000 images, once."))
            return {}
        with meter(tr("Projecting …")) as progress:
            for each in results:
                map_of(run, dataset, usual(each, len(dataset)), progress)
        st.rerun()  # without the button
    labels = dominant(dataset)
    for column, (each, points) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
        with column:
            st.caption(tr("{embedding}; the query is ringed.", embedding=tr(EMBEDDINGS[each][0])))
            figure = figures.embedding_map(points, labels, dataset.space, name, state.theme())
            twin = points.assign(**{tr("dominant"): [tr(label) for label in labels]}).set_index("id")
            chart(figure, f"plane_{each}", twin)
    return drawn


def _kept_planes(run: Run, dataset: Dataset, results: Mapping[str, Retrieval]) -> dict[str, pd.DataFrame]:
    """Return where the images lie by each embedding that was projected before."""
    wanted = [usual(each, len(dataset)) for each in results]
    return {made.vectors: found.points for made in wanted if (found := map_if_kept(run, dataset, made))}


def dominant(dataset: Dataset) -> np.ndarray:
    """Return the dominant label of each image, of tied ones the first."""
    labels: np.ndarray = np.array(dataset.space.labels)[marks_of(dataset, "emotion").argmax(axis=1)]
    return labels


def names_of(dataset: Dataset, name: str) -> str:
    """Return the dominant emotions of an image as people read them."""
    return tr(", ").join(map(tr, _labels(dataset.version, dataset, name)))


@st.cache_data(max_entries=2048, show_spinner=False)
def _labels(data_version: str, _dataset: Dataset, name: str) -> tuple[str, ...]:
    index = int(np.flatnonzero(_dataset.manifest["id"] == name)[0])
    marks = _marks(data_version, _dataset)[index]
    return tuple(label for label, marked in zip(_dataset.space.labels, marks, strict=True) if marked)


@st.cache_data(max_entries=8, show_spinner=False)
def _marks(data_version: str, _dataset: Dataset) -> np.ndarray:
    return marks_of(_dataset, "emotion")


def _short(embedding: str) -> str:
    return tr(SHORT[embedding])


def _interval(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
