"""What the Compare page offers for download: tables, figures for print, and the offline page of its runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from fisa.config.differences import differences
from fisa.datasets import Dataset
from fisa.export import Chosen, image_digest, provenance_of, report_page, words_of
from fisa.export.comparison import UNIT, differences_figure, errors_table, measures_figure
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, using
from fisa.runs import Run
from fisa.studies.reference import (
    Comparison,
    comparison_notes,
    comparison_numbers,
    difference_texts,
    mean_short,
    mean_texts,
)
from fisa.ui import cache, compare_errors, others
from fisa.ui.compare_image import Seen
from fisa.ui.export import Offer, Sheet, address

_SHARED = ("run", "against", "image", "emotion", "matrix")
"""What of the view shows the image again."""


@using(ENGLISH)
def of_comparison(runs: Mapping[str, Run], dataset: Dataset, found: Comparison, seen: Seen) -> Offer:
    """Return what is offered for two to four runs, in English.

    Args:
        runs: Side by side, the reference first.
        dataset: Their test split.
        found: Their measures.
        seen: One image through all of them.
    """
    paths = [str(run.path) for run in runs.values()]
    command = shlex.join(["python", "-m", "fisa", "report", *paths, "--html", "report.html"])
    data = words_of(dataset)
    about = provenance_of(list(runs.values()), data, None, command)
    image = seen.subject.image if seen.subject.file is None else seen.subject.file
    pictured = (seen.subject.name, image_digest(image))
    tables: dict[str, Callable[[], pd.DataFrame | Sheet]] = {
        "measures": partial(measures_sheet, found),
        "settings": partial(settings, runs),
        "errors-of-every-image": partial(errors_sheet, runs, dataset),
    }
    one = _figures_of_image(seen)
    shown = {**provenance_of(list(runs.values()), data, pictured, command), "page": address("compare", _SHARED)}
    chosen = Chosen(seen.subject.name, seen.emotion, seen.quantity or "", one, shown)
    return Offer(
        name="-".join(runs),
        about=about,
        figures={**_figures_of_all(runs, dataset, found), **one},
        tables=tables,
        others={"html": partial(report_page, list(runs.values()), command, chosen=chosen)},
        own={name: {**about, **shown} for name in one},
    ).english


def measures_sheet(found: Comparison) -> Sheet:
    """Return the means, best in bold, and the differences to the reference beside them."""
    texts, best = mean_texts(found)
    gaps = difference_texts(found)
    joined = texts.join(gaps).fillna("")
    marks = best.reindex(columns=joined.columns, fill_value=False)
    return Sheet(comparison_numbers(found), joined, marks, comparison_notes(found))


def errors_sheet(runs: Mapping[str, Run], dataset: Dataset) -> Sheet:
    """Return the error of every test image by every run, the smallest in bold."""
    table, least = errors_table({name: cache.samples(run, dataset) for name, run in runs.items()})
    return Sheet(table, table, least, [UNIT])


def settings(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return the settings in which runs differ, a row a setting."""
    rows = differences([run.config for run in runs.values()])
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(runs)).rename_axis("setting")


def _figures_of_all(runs: Mapping[str, Run], dataset: Dataset, found: Comparison) -> dict[str, Draw]:
    first, *names = runs
    other = others.partner(names)

    def scatter(width: paper.Width) -> Figure:
        table = compare_errors.errors_of(runs, dataset)
        return paper.scatter(table[first].to_numpy(float), table[other].to_numpy(float), (first, other), width=width)

    def means(width: paper.Width) -> Figure:
        texts, best = mean_texts(found, mean_short) if width == "one" else mean_texts(found)
        return measures_figure(texts, best, found, width)

    def differences_(width: paper.Width) -> Figure:
        texts = difference_texts(found)
        return measures_figure(texts, texts.notna() & False, found, width)

    return {
        "errors": scatter,
        "measures": means,
        "differences": differences_,
        "differences-of-KL": partial(differences_figure, found),
        "training": lambda width: paper.history({name: run.history for name, run in runs.items()}, width),
    }


def _figures_of_image(seen: Seen) -> dict[str, Draw]:
    """Return the figures of the chosen image: what every run predicts, its maps and its matrices at one scale."""
    drawn: dict[str, Draw] = {"bars": partial(paper.bars, seen.space, seen.distributions)}
    if len(seen.space) >= 3:
        drawn["wheel"] = partial(paper.wheel, seen.space, seen.distributions)
    subject = seen.subject
    if seen.maps:
        drawn["maps"] = lambda width: paper.maps(subject.picture, seen.maps, seen.emotion, subject.aspect, width)
    if seen.quantity is not None:
        drawn["matrices"] = partial(paper.matrices, seen.matrices, seen.space, seen.quantity)
    return drawn
