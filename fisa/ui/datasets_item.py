"""One image of a data set at large, with all that the data says of it, and the way to the next."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import streamlit as st

from fisa.config import DataConfig
from fisa.datasets import statistics
from fisa.datasets.planted import VERSION
from fisa.datasets.whole import Whole
from fisa.figures.checks import signed
from fisa.language import mark, tr
from fisa.runs import RunError
from fisa.ui import cache, datasets_overview, datasets_pictures, keys, state
from fisa.ui.datasets_pictures import in_words
from fisa.ui.state import plain
from fisa.ui.widgets import html_table


def draw(whole: Whole, row: int, rows: np.ndarray) -> None:
    """Draw one image at large, with all that the data says of it; previous and next walk through ``rows``."""
    name = str(whole.manifest["id"].iloc[row])
    _walk(whole, row, rows if row in rows else np.arange(len(whole.manifest)))
    st.subheader(plain(name), anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        if whole.has_images:
            shown = datasets_pictures.picture(whole, row, datasets_pictures.LARGE)
            if shown.jpeg is None:
                st.warning(plain(f"{name}: {shown.refused}"), icon=":material/broken_image:")
            else:
                st.image(shown.jpeg, width="stretch", alt=f"{name}: {in_words(whole, row)}")
        _explain_link(whole, row)
    with right:
        if len(whole.space):
            datasets_overview.distribution(whole.space, distributions(whole, row), "data_item")
        facts = facts_of(whole, row)
        html_table(pd.DataFrame({"": facts.values()}, index=list(facts)), alt=tr("What is known of {name}", name=name))


def _walk(whole: Whole, row: int, rows: np.ndarray) -> None:
    place = int(np.flatnonzero(rows == row)[0])
    ids = whole.manifest["id"]
    before, after = (str(ids.iloc[rows[min(max(place + step, 0), len(rows) - 1)]]) for step in (-1, 1))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="data_walk"):
        st.button(tr("Back"), icon=":material/grid_view:", shortcut=keys.shortcut("back"), on_click=_close,
                  key="data_back")  # fmt: skip
        st.button(
            tr("Previous"), icon=":material/chevron_left:", shortcut=keys.shortcut("previous"), disabled=place == 0,
            on_click=state.put, args=("item", before), key="data_previous",
        )  # fmt: skip
        st.button(
            tr("Next"), icon=":material/chevron_right:", shortcut=keys.shortcut("next"),
            disabled=place == len(rows) - 1, on_click=state.put, args=("item", after), key="data_next",
        )  # fmt: skip
        st.caption(tr("{number:,} of {total:,}", number=place + 1, total=len(rows)), width="content")


def _close() -> None:
    state.drop("item")
    state.put("view", state.get("view") or "")


def distributions(whole: Whole, row: int) -> dict[str, np.ndarray]:
    """Return the distributions that are known of an image, under the English names that charts know."""
    one = whole.manifest.iloc[[row]]
    votes = int(one["votes"].iloc[0])
    named = {mark("votes") if votes else mark("target"): statistics.degrees_of(one, whole.space)[0]}
    truth = [f"truth_{label}" for label in whole.space.labels]
    if set(truth) <= set(one.columns):
        named = {mark("truth"): one[truth].to_numpy(float)[0], **named}
    return named


def facts_of(whole: Whole, row: int) -> dict[str, str]:
    """Return all that the manifest says of an image but its distributions, as shown."""
    one = whole.manifest.iloc[row]
    facts = {tr("split"): tr(str(one["split"])) or tr("none")}
    if whole.file(row) is not None:
        facts[tr("file")] = str(one["path"])
    if whole.space.labels:
        facts[tr("dominant label")] = tr(str(one["dominant"]))
        facts[tr("entropy")] = tr("{value:.3f} nats", value=one["entropy"])
        facts[tr("votes")] = f"{one['votes']:,}" if one["votes"] else tr("not known")
    rated = statistics.ratings(whole.manifest.iloc[[row]], whole.ranges)
    for scale in statistics.RATED:
        if len(rated):
            low, high = whole.ranges.get(scale, (-1.0, 1.0))
            value = tr("{value:.2f} of {low:g} to {high:g}", value=rated[scale].iloc[0], low=low, high=high)
            if (low, high) != (-1, 1):
                value = tr("{value}; models get {given}", value=value, given=signed(one[scale]))
            facts[tr(scale)] = value
    told = {"id", "path", "split", "votes", "entropy", "dominant", *statistics.RATED, *whole.space.labels}
    for column in whole.manifest.columns:
        if column not in told and not str(column).startswith(("truth_", "strength_")) and not pd.isna(one[column]):
            value = one[column]
            facts[tr(str(column).replace("_", " "))] = f"{value:.3g}" if isinstance(value, float) else str(value)
    if whole.root is None:
        facts[tr("drawn by")] = tr("Planted Affect, version {version}", version=VERSION)
    return facts


def _explain_link(whole: Whole, row: int) -> None:
    """Lead to Explain where the image is among the test images of a run, that of the sidebar before others."""
    one = whole.manifest.iloc[row]
    if one["split"] not in ("test", "iid"):
        return
    for run, path in sorted(cache.run_folders().items(), key=lambda item: item[0] != state.get("run")):
        try:
            tested = cache.open_run(path).config.data
        except RunError:
            continue
        if _is_of(tested, whole):
            link = {"run": run, "image": str(one["id"])}
            label = tr("Explain it with {run}", run=plain(run))
            st.page_link("pages/explain.py", label=label, icon=":material/search_insights:", query_params=link)
            return


def _is_of(tested: DataConfig, whole: Whole) -> bool:
    """Return whether a run is tested on the test split of ``whole``, as the page shows it."""
    if tested.name != whole.name or tested.fold is not None or not tested.stratify:
        return False
    return whole.root is None or (tested.root is not None and os.path.realpath(tested.root) == str(whole.root))
