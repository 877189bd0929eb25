"""What a data set holds, drawn: counts, mean distribution, vote order, entropies, how labels go together, ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import statistics
from fisa.datasets.whole import Whole
from fisa.emotions import EmotionSpace
from fisa.ui import datasets_pictures, reading, state
from fisa.ui.state import plain
from fisa.ui.widgets import chart, drawn, first_text, html_table, selected

EXAMPLES = 6
"""Images shown of the highest entropy, and of the lowest."""


def distribution(space: EmotionSpace, named: dict[str, np.ndarray], key: str) -> None:
    """Draw distributions on the emotion wheel, or as bars where the labels have none, with their table."""
    draw = figures.wheel if space.wheel else figures.distribution_bars
    chart(
        drawn(draw, space, named, state.theme()),
        key,
        figures.distribution_table(space, named),
        reading="wheel" if space.wheel else "",
    )


def counts(whole: Whole) -> None:
    """Draw how many images each split holds, and how many votes they have."""
    table = statistics.split_counts(whole.manifest)
    shown = pd.DataFrame({"images": [f"{count:,}" for count in table["images"]]}, index=table.index)
    if table["most"].notna().any():
        shown["votes an image"] = [
            "–" if pd.isna(low) else str(low) if low == high else f"{low} to {high}"
            for low, high in zip(table["fewest"], table["most"], strict=True)
        ]
    html_table(shown, alt="Images in each split")
    if whole.unsplit:
        st.caption(f"There are no splits: {plain(whole.unsplit)}.")
    for reason, count in whole.left_out.items():
        st.caption(f"{count:,} rows are left out by design: {plain(reason)}.")


def draw(whole: Whole, rows: np.ndarray) -> None:
    """Draw everything that applies to the data set, and say in a line what does not.

    Args:
        whole: The data set.
        rows: Rows of its manifest to count, such as those of a split.
    """
    part = whole.manifest.iloc[rows]
    left, right = st.columns([1, 2], gap="medium")
    with left:
        reading.header("Splits", "splits")
        counts(whole)
    with right:
        if len(whole.space) and len(part):
            reading.header("Mean distribution", "mean_distribution")
            mean = statistics.label_totals(part, whole.space)["mean"].to_numpy()
            distribution(whole.space, {"mean": mean}, "data_mean")
            st.caption(f"The mean of {len(part):,} distributions: how much of all feeling falls to each label.")
        else:
            _ratings(whole, part)
    if len(whole.space) and len(part):
        _labels(whole, part)
        _entropies(whole, part, rows)
        _together(whole, part)
        _ratings(whole, part)
    _votes(part)
    for sentence in missing(whole):
        st.caption(sentence)


def missing(whole: Whole) -> list[str]:
    """Say what cannot be shown of this data set, and why, a sentence each."""
    manifest, said = whole.manifest, []
    if not len(whole.space):
        said.append(
            "It rates images and names no emotion: there are no label totals, no distributions, no entropy, no vote "
            "order and no co-occurrence."
        )
    elif not whole.space.wheel:
        said.append(f"The labels {plain(whole.space.name)} have no wheel; distributions are drawn as bars.")
    if not set(statistics.RATED) <= set(manifest.columns):
        said.append("It does not rate both valence and arousal.")
    if len(whole.space) and not (manifest["votes"] > 0).any():
        said.append("How many raters voted on an image is not known.")
    if not whole.has_images:
        said.append("It holds feature vectors and no images.")
    return said


def _labels(whole: Whole, part: pd.DataFrame) -> None:
    reading.header("Label totals and vote order", "totals")
    totals = statistics.label_totals(part, whole.space)
    voted = bool((part["votes"] > 0).any())
    train = whole.manifest[whole.manifest["split"] == "train"]
    order = statistics.vote_order(statistics.degrees_of(train if len(train) else part, whole.space))
    unit = "votes" if voted else "sum of degrees"
    column = totals["votes"] if voted else totals["degree"]
    figure = drawn(figures.label_totals, column.to_numpy(float), whole.space, order, unit, state.theme())
    chart(figure, "data_totals", totals.iloc[order])
    of = "the training split" if len(train) else "all images, as there is no training split"
    st.caption(
        f"From top to bottom in vote order: ascending totals of {of}, the order in which the draft's EMD compares "
        "cumulative distributions (docs/methods.md, section 12). Lengths count the images chosen above."
    )


def _entropies(whole: Whole, part: pd.DataFrame, rows: np.ndarray) -> None:
    reading.header("Entropy", "entropy")
    values = part["entropy"].to_numpy(float)
    if not values.any():
        st.caption("Every image has one label alone, so that every entropy is 0.")
        return
    edges, heights = statistics.entropy_histogram(values, whole.space)
    twin = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "images": heights})
    figure = drawn(figures.entropy_histogram, edges, heights, None, state.theme())
    chart(figure, "data_entropy", twin, on_select=_take_entropy)
    st.caption(
        "H = −Σ p log p of each distribution, which the draft calls density: 0 where all raters agree, ln C where "
        "every label gets as much. Click a bar to see its images in the gallery."
    )
    if not whole.has_images:
        return
    low, high = statistics.lowest_and_highest(values, EXAMPLES)
    for title, chosen in (("High density: raters feel many things", high), ("Low density: raters agree", low)):
        st.subheader(title, anchor=False)
        with st.container(horizontal=True, gap="small", key=f"examples_{title.partition(' ')[0].lower()}"):
            for place in chosen:
                row = int(rows[place])
                words = plain(datasets_pictures.in_words(whole, row))
                datasets_pictures.cell(whole, row, title[:4].lower(), f"H {values[place]:.2f}: {words}")


def _take_entropy() -> None:
    picked = selected("data_entropy")
    if picked is not None:
        state.drop("leaf", "item")
        state.put("entropy", f"{float(picked[0]):.4f}-{float(picked[1]):.4f}")
        state.put("view", "gallery")


def _together(whole: Whole, part: pd.DataFrame) -> None:
    reading.header("Which labels go together", "together")
    degrees = statistics.degrees_of(part, whole.space)
    theme = state.theme()
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Co-occurrence", anchor=False)
        cells = statistics.co_occurrence(degrees)
        figure = drawn(figures.matrix, cells, whole.space, "", "co-occurrence", 1.0, theme)
        chart(figure, "data_together", _named(cells, whole.space, "named", "also named"))
        st.caption("P(column named | row named): of the images with some of the row's label, the share with the other.")
    with right:
        st.subheader("Correlation", anchor=False)
        cells = statistics.label_correlation(degrees)
        figure = drawn(figures.matrix, cells, whole.space, "", "correlation", 1.0, theme)
        chart(figure, "data_correlation", _named(cells, whole.space, "label", "with"))
        st.caption("Pearson's r of two degrees over images. Degrees sum to 1, so that most pairs are below 0.")


def _named(cells: np.ndarray, space: EmotionSpace, rows: str, columns: str) -> pd.DataFrame:
    return figures.matrix_table(cells, space).rename_axis(index=rows, columns=columns)


def _ratings(whole: Whole, part: pd.DataFrame) -> None:
    rated = statistics.ratings(part, whole.ranges)
    if rated.empty:
        return
    reading.header("Valence and arousal", "rated_images")
    ends = tuple(whole.ranges.get(name, (-1.0, 1.0)) for name in statistics.RATED)
    labels = part.loc[rated.index, "dominant"].to_list() if "dominant" in part else None
    space = whole.space if labels is not None else None
    figure = drawn(figures.rating_scatter, rated, (ends[0], ends[1]), labels, space, state.theme())
    chart(figure, "data_ratings", rated.set_index("id"), on_select=_open_rated)
    named = zip(statistics.RATED, ends, strict=True)
    scales = " and ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in named)
    unrated = len(part) - len(rated)
    st.caption(
        f"On the scales of the raters: {scales}; models get both as −1 to 1. "
        f"{f'{unrated:,} images are not rated. ' if unrated else ''}Click a point to open its image."
    )


def _open_rated() -> None:
    picked = selected("data_ratings")
    if picked is not None:
        state.put("item", first_text(picked))


def _votes(part: pd.DataFrame) -> None:
    counted = statistics.votes_per_image(part)
    if counted.empty:
        return
    reading.header("Votes an image", "votes")
    if len(counted) == 1:
        st.caption(f"Each of {int(counted.iloc[0]):,} images has {int(counted.index[0])} votes.")
        return
    figure = drawn(figures.vote_histogram, counted.index.to_list(), counted.to_list(), state.theme())
    chart(figure, "data_votes", counted.to_frame())
    st.caption("How many raters the distribution of an image rests on: the fewer, the coarser it is.")
