"""The test images of a run that pass the filter, a page at a time; their measures; and slices worth a look."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import Dataset, groups_of
from fisa.evaluation import target_of, truth_of
from fisa.figures import distribution_strip
from fisa.figures.checks import top_emotions
from fisa.language import mark, sentences, tr
from fisa.metrics import bootstrap_mean
from fisa.records import Interval
from fisa.runs import Run
from fisa.slices import Mark, Search, find_slices, write
from fisa.studies.pairs import title_of
from fisa.ui import browse, keys, marks, pairs, state
from fisa.ui.browse import Walk
from fisa.ui.counted import counted
from fisa.ui.datasets_pictures import CELL, shot, thumbnail
from fisa.ui.meters import waiting
from fisa.ui.state import clip, plain
from fisa.ui.widgets import html_table

PAGE = 24
"""Images on one page; no more are decoded."""
PANELS = {"images": mark("Images"), "measures": mark("Measures"), "found": mark("Where it errs")}
HELP = {"images": "gallery", "measures": "mean_measures", "found": "slices_found"}
"""How each part is read."""
_MEASURES = ("kl_truth", "kl", "chebyshev", "cosine", "intersection", "accuracy", "entropy_error")
_RATED = {
    "error": mark("Mean squared error ↓"),
    "valence_error": mark("|valence error| ↓"),
    "arousal_error": mark("|arousal error| ↓"),
}
_FACTORS = mark("true emotion, entropy of the prediction")
_FACTORS_DRAWN = mark("true emotion, entropy of the prediction, brightness, saturation")


def settle(walk: Walk) -> np.ndarray:
    """Resolve the page and the panel; return the rows of the images that are shown."""
    sheets = max(math.ceil(len(walk.rows) / PAGE), 1)
    sheet = round(state.resolve_number("sheet", 1, sheets, 1, tr("Page"))) if state.get("sheet") else 1
    state.keep("sheet", str(sheet) if sheet > 1 else "")
    state.resolve("panel", list(PANELS), "images", tr("part of the page"))
    return walk.rows[(sheet - 1) * PAGE : sheet * PAGE]


def introduce(run: Run, walk: Walk) -> None:
    """Say how a picture is read."""
    words = []
    if not walk.narrowed:
        words.append(tr("**{n:,}** test images as {run} sees them.", n=len(walk.table), run=plain(run.name)))
    if "predicted" in walk.table:
        words.append(tr("Strips: predicted above true."))
    words.append(tr("A click on a picture explains it; Previous and Next there keep to this order."))
    st.caption(sentences(*words))
    if walk.sort in pairs.COLUMNS:
        st.caption(pairs.meaning(walk.sort, run.name, walk.other))


def images(run: Run, dataset: Dataset, walk: Walk, shown: np.ndarray, noted: Mapping[str, Mark]) -> None:
    """Draw one page of images, each with its way to Explain.

    Args:
        run: That predicts them.
        dataset: Its test split.
        walk: The filter and the order.
        shown: Rows of the images.
        noted: Tags and notes by id.
    """
    link = {name: text for name in ("run", *walk.keys) if (text := state.get(name))}
    seen = _Seen(run, dataset)
    titles = browse.sorts_of(run, walk.table)
    with st.container(horizontal=True, gap="small", key="gallery"):
        for row in shown:
            _cell(seen, walk, int(row), link, titles[walk.sort], noted)
    sheets = math.ceil(len(walk.rows) / PAGE)
    if sheets > 1:
        sheet = int(state.get("sheet") or 1)
        key = f"sheet_{sheet}_{sheets}"  # another widget for each page, which begins at it
        st.pagination(sheets, default=sheet, key=key, on_change=_turn, args=(key,))


def explain_first(name: str) -> None:
    """Draw the button that leads from the first image that is shown to Explain."""
    if st.button(
        tr("Explain the first"), icon=":material/search_insights:", shortcut=keys.shortcut("explain"), type="tertiary",
        key="explain_first", on_click=state.put, args=("image", name),
    ):  # fmt: skip
        st.switch_page("pages/explain.py")


def _turn(key: str) -> None:
    state.put("sheet", str(st.session_state[key]))


class _Seen:
    """What is known and predicted of the images of a split.

    Attributes:
        dataset: The split.
        pictures: Whether there are any.
        space: Label space of the distributions; without labels for ratings.
        known: True or voted degrees, [N, C].
        predicted: Predicted ones, [N, C].
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self.dataset, self.pictures, self.space = dataset, not run.takes_vectors, run.space
        self.distributions = run.task.name == "distribution"
        if self.distributions:
            truth = truth_of(dataset)
            self.known = target_of(dataset) if truth is None else truth
            self.predicted = run.predictions[list(run.space.labels)].to_numpy(float)


def _cell(seen: _Seen, walk: Walk, row: int, link: Mapping[str, str], title: str, noted: Mapping[str, Mark]) -> None:
    """Draw one image, what is predicted over what is true, and its name, which leads to Explain."""
    facts = walk.table.iloc[row]
    name = str(facts["id"])
    words = _words(facts)
    with st.container(width=CELL, gap=None, key=f"cell_walk_{row}"):
        if seen.pictures:
            shot(thumbnail(seen.dataset, name), f"shot_walk_{row}", f"{name}: {words}")
        if seen.distributions:
            strips = {tr("Predicted"): seen.predicted[row], tr("True"): seen.known[row]}
            said = "; ".join(f"{what}: {top_emotions(seen.space, degrees)}" for what, degrees in strips.items())
            st.image(distribution_strip(seen.space, np.stack([*strips.values()]), CELL, 8), width="stretch", alt=said)
        short = plain(clip("/".join(name.split("/")[-2:]), 20))
        with st.container(key=f"open_walk_{row}"):
            label = f":primary[**{short}**]" if name == walk.chosen else short
            st.page_link("pages/explain.py", label=label, query_params={**link, "image": name})
        value = facts["error" if walk.sort == "index" else walk.sort]
        called = tr("Error") if walk.sort == "index" else title
        lines = [plain(words), f"{plain(called)} " + f"{value:.3f}".replace("-", "−"), marks.words(noted.get(name))]
        st.caption("  \n".join(line for line in lines if line))


def _words(facts: pd.Series) -> str:
    """Say what is predicted of an image, and what is true where that is something else."""
    if "predicted" not in facts:
        return tr("valence {valence:+.2f}, arousal {arousal:+.2f}",
                  valence=facts["valence"], arousal=facts["arousal"])  # fmt: skip
    predicted, true = tr(str(facts["predicted"])), tr(str(facts["dominant"]))
    return predicted if predicted == true else tr("{predicted}, truly {true}", predicted=predicted, true=true)


def measures(run: Run, dataset: Dataset, walk: Walk) -> None:
    """Draw the main measures of the images that pass beside those of all, each with its bootstrap interval."""
    if not len(walk.rows):
        st.info(tr("No image passes, so there is nothing to measure."), icon=":material/filter_alt_off:")
        return
    table = walk.table
    titles = {name: tr(title_of(name)) for name in _MEASURES if name in table}
    if "predicted" not in table:
        titles = {name: tr(title) for name, title in _RATED.items()}
    columns = {tr("all {n:,}", n=len(table)): np.arange(len(table))}
    if walk.narrowed:
        columns = {tr("these {n:,}", n=len(walk.rows)): np.sort(walk.rows), **columns}
    groups = groups_of(dataset)
    found = {
        title: _means(run.digest, dataset.version, hashlib.sha256(rows.tobytes()).hexdigest(), table, rows, groups)
        for title, rows in columns.items()
    }
    cells = {words: [_interval(each[name]) for each in found.values()] for name, words in titles.items()}
    html_table(
        pd.DataFrame.from_dict(cells, orient="index", columns=list(found)), alt=tr("Mean measures with intervals")
    )
    words = tr(
        "Means with 95 % bootstrap intervals over {unit}. Images that were picked by their error err more by "
        "construction: only a filter by what the image shows says where the run is weak.",
        unit=tr("images") if groups is None else tr("groups of images"),
    )
    st.caption(words)


@waiting(mark("Resampling …"))
@st.cache_data(max_entries=128, show_spinner=False)
@counted("means")
def _means(
    run_digest: str, data_version: str, which: str, _table: pd.DataFrame, _rows: np.ndarray, _groups: np.ndarray | None
) -> dict[str, Interval]:
    names = [name for name in (*_MEASURES, *_RATED) if name in _table]
    groups = None if _groups is None else _groups[_rows]
    return {name: bootstrap_mean(_table[name].to_numpy(float)[_rows], groups=groups) for name in names}


def _interval(value: Interval) -> str:
    bounds = "" if math.isnan(value.low) else f" [{value.low:.4f}, {value.high:.4f}]"
    return f"{value.value:.4f}{bounds}"


def found(run: Run, dataset: Dataset, walk: Walk) -> None:
    """Draw the slices of all test images on which the run errs more than on the rest, each with a way to open it."""
    if "dominant" not in walk.table:
        st.info(tr("Slices are looked for by emotion, and this run predicts none."), icon=":material/search_off:")
        return
    search = _search(run.digest, dataset.version, walk.table)
    looked = tr(
        "Looked at **{looked:,}** slices with at least {least} images ({factors}, up to three together, numbers in "
        "thirds).",
        looked=search.looked, least=search.least,
        factors=tr(_FACTORS_DRAWN if "brightness" in walk.table else _FACTORS),
    )  # fmt: skip
    if search.findings:
        outcome = tr("Beyond chance, {run} errs more than on the rest on these:", run=plain(run.name))
    else:
        outcome = tr("Beyond chance, {run} errs more than on the rest on none of them.", run=plain(run.name))
    st.markdown(sentences(looked, outcome))
    if not search.findings:
        return
    for place, one in enumerate(search.findings):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"found_{place}"):
            words = " · ".join(plain(each.words()) for each in one.conditions)
            numbers = tr(
                "{n:,} images: error {error:.4f} against {rest:.4f} on the rest, "
                "{gap:+.4f} [{low:+.4f}, {high:+.4f}], p {p}",
                n=one.count, error=one.error, rest=one.rest, gap=one.error - one.rest, low=one.low, high=one.high,
                p=_p(one.p),
            )  # fmt: skip
            st.markdown(f"**{words}**  \n{numbers}", width="stretch")
            st.button(
                tr("Open as slice"), icon=":material/open_in_new:", key=f"open_found_{place}", on_click=_open,
                args=(write(one.conditions),),
            )  # fmt: skip
    caveat = tr(
        "These were found by looking, so they are a question and no answer: confirm them on fresh scenes. Intervals "
        "hold for all {looked:,} slices at once (95 %, Welch, Bonferroni); p values are adjusted by Holm's "
        "procedure. The largest certain difference stands first; a part of a slice above it is left out.",
        looked=search.looked,
    )
    st.caption(caveat)


@waiting(mark("Looking at slices …"))
@st.cache_data(max_entries=8, show_spinner=False)
@counted("slices")
def _search(run_digest: str, data_version: str, _table: pd.DataFrame) -> Search:
    return find_slices(_table)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _open(conditions: str) -> None:
    state.drop("sheet", "image", "slice")
    state.put("filter", conditions)
    state.put("panel", "images")
