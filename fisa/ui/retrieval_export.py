"""What the page Retrieval offers for download: the nearest images of one, and how well each embedding retrieves."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.datasets import Dataset
from fisa.explain.embeddings import TITLES
from fisa.explain.retrieval import Criterion, Retrieval
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, tr, using
from fisa.records import Interval
from fisa.runs import Run
from fisa.ui import cache, retrieval
from fisa.ui.export import Offer, Sheet, about_split, address

_VIEW = ("run", "image", "embedding", "by", "k")
_SIDE = 256
"""Of a picture, pixels: 300 dpi and more, four to a column."""


@using(ENGLISH)
def of_search(
    run: Run, dataset: Dataset, results: Mapping[str, Retrieval], shown: Retrieval, by: Criterion, name: str,
    planes: Mapping[str, pd.DataFrame],
) -> Offer:  # fmt: skip
    """Return what is offered of a search, in English.

    Args:
        run: Whose embeddings are searched.
        dataset: Its test split.
        results: What was found by each embedding.
        shown: That of ``results`` which is looked at.
        by: What counts as right.
        name: Of the query.
        planes: Where the images lie by each embedding, where the page shows that.
    """
    k = shown.neighbours.shape[1]
    command = shlex.join(["python", "-m", "fisa", "retrieve", str(run.path), "--k", str(k)])
    about = {**about_split(run, dataset), "command": command, "page": address("retrieval", _VIEW)}
    asked = {**about, "query": name, "nearest by": f"{TITLES[shown.embedding]}, Euclidean distance", "right by": by}
    figures: dict[str, Draw] = {"nearest": partial(_nearest, shown, by, dataset, name)}
    tables: dict[str, Callable[[], pd.DataFrame | Sheet]] = {
        "nearest": partial(retrieval.neighbour_table, shown, by, dataset, name),
        "retrieval": partial(_scores, results, k),
    }
    if planes:
        figures["maps"] = partial(_planes, planes, dataset)
    return Offer(f"{run.name}-retrieval", about, figures, tables, own={"nearest": asked}).english


def _nearest(shown: Retrieval, by: Criterion, dataset: Dataset, name: str, width: paper.Width) -> Figure:
    row = int(np.flatnonzero(shown.ids == name)[0])
    found = [str(each) for each in shown.gallery_ids[shown.neighbours[row]]]
    query, *nearest = [
        (cache.thumbnail(dataset, each, _SIDE), retrieval.names_of(dataset, each)) for each in (name, *found)
    ]
    return paper.retrieved(query, nearest, list(shown.hits[by][row]), list(shown.distances[row]), width)


def _planes(planes: Mapping[str, pd.DataFrame], dataset: Dataset, width: paper.Width) -> Figure:
    titled = {tr(TITLES[embedding]): points for embedding, points in planes.items()}
    return paper.embedding_maps(titled, retrieval.dominant(dataset), dataset.space, width=width)


def _scores(results: Mapping[str, Retrieval], k: int) -> Sheet:
    texts = retrieval.score_table(results, k)
    rows = [
        {
            "embedding": embedding, "by": by, "queries": score.queries,
            **_numbers("mAP", score.mean_average_precision, score.mean_average_precision_chance),
            **_numbers(f"precision@{k}", score.precision, score.precision_chance),
        }
        for embedding, result in results.items()
        for by, score in result.scores.items()
    ]  # fmt: skip
    foot = ["mAP: mean average precision; 95 % bootstrap intervals over queries; by chance: a random order."]
    return Sheet(pd.DataFrame(rows).set_index("embedding"), texts, texts.notna() & False, foot)


def _numbers(title: str, value: Interval, chance: float) -> dict[str, float]:
    return {title: value.value, f"{title} low": value.low, f"{title} high": value.high, f"{title} by chance": chance}
