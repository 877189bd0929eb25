"""What the page Interactions offers for download: its figures for print and its tables, as the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.datasets import Dataset
from fisa.explain.heads import SplitMatrices
from fisa.export import heads as printed
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, tr, using
from fisa.runs import Run
from fisa.slices import Among
from fisa.ui import heads, heads_known, heads_likeness
from fisa.ui.browse import Walk
from fisa.ui.export import Offer, Sheet, about_split, address
from fisa.ui.heads import View
from fisa.ui.heads_known import Beside
from fisa.ui.heads_likeness import Alike

_MEANS = {"contribution": "mean-contributions", "interaction": "mean-weights"}
_PAIR = "images-of-the-pair"


@using(ENGLISH)
def of_heads(
    run: Run, dataset: Dataset, matrices: SplitMatrices, walk: Walk, view: View, alike: Alike, beside: Beside | None
) -> Offer:
    """Return what is offered of the heads of a run, in English.

    Args:
        run: Has heads.
        dataset: Its test split.
        matrices: Of all its images.
        walk: Which images pass.
        view: What is looked at, of one image at least.
        alike: How alike the heads are.
        beside: What is known of pairs beside them; None where that cannot be read.
    """
    about = {**about_split(run, dataset), "page": address("interactions", heads.SHARED)}
    seen = {**about, **_images(walk, view)}
    name = _MEANS[view.quantity]
    name += {"grid": "-of-every-head", "together": ""}.get(view.head, f"-of-head-{view.head}")
    figures: dict[str, Draw] = {name: partial(_means, run, matrices, view)}
    tables: dict[str, Callable[[], pd.DataFrame | Sheet]] = {
        name: lambda: printed.means_table(heads.shown_means(matrices, view), run.space),
        _PAIR: partial(_strongest, dataset, matrices, view),
    }
    own: dict[str, Mapping[str, str]] = {name: seen, _PAIR: {**seen, "pair": _pair(run, view)}}
    if alike.pattern is not None:
        figures["likeness-of-means"] = partial(paper.head_similarity, alike.pattern, "pattern")
        figures["likeness-by-image"] = partial(paper.head_similarity, alike.cka, "cka")
        tables["likeness-of-means"] = partial(printed.likeness_table, alike.pattern)
        tables["likeness-by-image"] = partial(printed.likeness_table, alike.cka)
        own["likeness-of-means"] = seen  # of the others, and of what silencing changes, every image counts
    figures["importance"] = partial(printed.importance_figure, alike.silenced)
    tables["importance"] = partial(_importance, alike)
    if beside is not None:
        kind, chosen = beside.chosen, beside.chosen.replace(" ", "-")
        figures["learned-contributions"] = partial(_learned, run, beside)
        figures[chosen] = partial(paper.matrix, beside.known[kind], run.space, heads_known.KNOWN[kind], kind, None)
        tables["pairs"] = partial(printed.pairs_table, beside.learned, beside.known, run.space)
        tables["learned-against-known"] = partial(printed.kinship_table, beside.learned, beside.known)
        learned = {**seen, "means": printed.LEARNED}
        known = {"known": "; ".join(map(printed.origin_of, beside.known))}
        own |= {
            "learned-contributions": learned,
            chosen: {**about, "known": printed.origin_of(kind)},
            "pairs": {**learned, **known},
            "learned-against-known": {**learned, **known},
        }
    return Offer(run.name, about, figures, tables, own=own).english


def _images(walk: Walk, view: View) -> dict[str, str]:
    """Return how many images there are a mean of, and which; nothing where these are all."""
    named = [] if walk.part is None else [tr("slice {name}", name=walk.part.name)]
    conditions = [*walk.conditions, *([Among("predicted", (view.predicted,))] if view.predicted else [])]
    words = [*named, *dict.fromkeys(each.words() for each in conditions)]
    return {"images": f"{view.rows.sum()} of {len(view.rows)}: {'; '.join(words)}"} if words else {}


def _pair(run: Run, view: View) -> str:
    labels = run.space.labels
    by = tr("all heads together") if view.place is None else tr("head {head}", head=view.head)
    return f"{labels[view.gives]} on {labels[view.receives]}, {by}"


def _strongest(dataset: Dataset, matrices: SplitMatrices, view: View) -> pd.DataFrame:
    """Return what the one emotion of the pair contributes to the other in every image that is looked at."""
    places = matrices.strongest(view.receives, view.gives, len(view.rows), view.place, view.rows)
    pushes = matrices.pushes(view.receives, view.gives, view.place)[places]
    ids = dataset.manifest["id"].astype(str).to_numpy()[places]
    return pd.DataFrame({"contribution": pushes}, index=pd.Index(ids, name="id"))


def _means(run: Run, matrices: SplitMatrices, view: View, width: paper.Width) -> Figure:
    shown = heads.shown_means(matrices, view)
    if view.head == "grid":
        return paper.grid(np.stack(list(shown.values())), run.space, view.quantity, width)
    (values,) = shown.values()
    return paper.matrix(values, run.space, heads.title_of(view), view.quantity, None, width)


def _learned(run: Run, beside: Beside, width: paper.Width) -> Figure:
    title = tr("Learned contributions")
    return paper.matrix(np.nan_to_num(beside.learned), run.space, title, "contribution", None, width)


def _importance(alike: Alike) -> Sheet:
    texts = heads_likeness.importance_words(alike.silenced, alike.cka).rename_axis("silenced")
    note = heads_likeness.importance_note(alike.silenced)
    numbers = printed.importance_numbers(alike.silenced, alike.cka)
    return Sheet(numbers, texts, texts.notna() & False, [note])
