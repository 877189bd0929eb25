"""What a data set holds, drawn: counts, mean distribution, vote order, entropies, how labels go together, ratings."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import statistics
from fisa.datasets.whole import Whole
from fisa.emotions import EmotionSpace
from fisa.language import mark, tr, trn
from fisa.ui import datasets_pictures, reading, state
from fisa.ui.state import plain
from fisa.ui.widgets import chart, drawn, first_text, html_table, selected

EXAMPLES = 6
"""Images shown of the highest entropy, and of the lowest."""
_A_LITTLE = 2e-6
"""Nats that tell an entropy at the edge of a bar from those below it, more than an address rounds off."""
HEADINGS = {
    "votes": mark("votes"),
    "degree": mark("degree"),
    "mean": mark("mean"),
    "dominant": mark("dominant"),
    "valence": mark("valence"),
    "arousal": mark("arousal"),
    "images": mark("images"),
}
"""How columns of the tables beside the charts are called."""
UNITS = {"votes": mark("votes"), "degree": mark("sum of degrees")}
"""What the lengths of the totals of labels count, by the column that holds it."""


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
    shown = pd.DataFrame({tr("images"): [f"{count:,}" for count in table["images"]]}, index=table.index.map(tr))
    if table["most"].notna().any():
        shown[tr("votes an image")] = [
            "–" if pd.isna(low) else str(low) if low == high else tr("{low} to {high}", low=low, high=high)
            for low, high in zip(table["fewest"], table["most"], strict=True)
        ]
    html_table(shown, alt=tr("Images in each split"))
    if whole.unsplit:
        st.caption(tr("There are no splits: {why}.", why=plain(whole.unsplit)))
    for reason, count in whole.left_out.items():
        told = trn(
            "{n:,} row is left out by design: {why}.", "{n:,} rows are left out by design: {why}.", count,
            why=plain(reason),
        )  # fmt: skip
        st.caption(told)


def draw(whole: Whole, rows: np.ndarray) -> None:
    """Draw everything that applies to the data set, and say in a line what does not.

    Args:
        whole: The data set.
        rows: Rows of its manifest to count, such as those of a split.
    """
    part = whole.manifest.iloc[rows]
    left, right = st.columns([1, 2], gap="medium")
    with left:
        reading.header(tr("Splits"), "splits")
        counts(whole)
    with right:
        if len(whole.space) and len(part):
            reading.header(tr("Mean distribution"), "mean_distribution")
            mean = statistics.label_totals(part, whole.space)["mean"].to_numpy()
            distribution(whole.space, {tr("mean"): mean}, "data_mean")
            text = tr("The mean of {n:,} distributions: how much of all feeling falls to each label.", n=len(part))
            st.caption(text)
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
        text = tr(
            "It rates images and names no emotion: there are no label totals, no distributions, no entropy, no vote "
            "order and no co-occurrence."
        )
        said.append(text)
    elif not whole.space.wheel:
        space = plain(whole.space.name)
        said.append(tr("The labels {space} have no wheel; distributions are drawn as bars.", space=space))
    if not set(statistics.RATED) <= set(manifest.columns):
        said.append(tr("It does not rate both valence and arousal."))
    if len(whole.space) and not (manifest["votes"] > 0).any():
        said.append(tr("How many raters voted on an image is not known."))
    if not whole.has_images:
        said.append(tr("It holds feature vectors and no images."))
    return said


def _labels(whole: Whole, part: pd.DataFrame) -> None:
    reading.header(tr("Label totals and vote order"), "totals")
    totals, counted = totals_of(whole, part)
    order = [whole.space.labels.index(label) for label in totals.index]
    column = statistics.label_totals(part, whole.space)[counted].to_numpy(float)
    figure = drawn(figures.label_totals, column, whole.space, order, tr(UNITS[counted]), state.theme())
    chart(figure, "data_totals", _called(totals.rename(index=tr).rename_axis(tr("label"))))
    trained = (whole.manifest["split"] == "train").any()
    of = tr("the training split") if trained else tr("all images, as there is no training split")
    text = tr(
        "From top to bottom in vote order: ascending totals of {of}, the order in which the draft's EMD compares "
        "cumulative distributions (docs/methods.md, section 12). Lengths count the images chosen above.",
        of=of,
    )
    st.caption(text)


def totals_of(whole: Whole, part: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return what each label gets, in vote order, and the column that counts: votes, or degrees where none are known.

    Args:
        whole: The data set; its training split decides the order, and where there is none, ``part``.
        part: Rows of its manifest that count.
    """
    train = whole.manifest[whole.manifest["split"] == "train"]
    order = statistics.vote_order(statistics.degrees_of(train if len(train) else part, whole.space))
    counted = "votes" if (part["votes"] > 0).any() else "degree"
    return statistics.label_totals(part, whole.space).iloc[order], counted


def together(degrees: np.ndarray, space: EmotionSpace) -> dict[figures.Kind, tuple[np.ndarray, pd.DataFrame]]:
    """Return how labels go together, [C, C], and as a table, by each of two measures."""
    cells = statistics.co_occurrence(degrees), statistics.label_correlation(degrees)
    axes = (tr("named"), tr("also named")), (tr("label"), tr("with"))
    tables = [
        figures.matrix_table(each, space).rename_axis(index=rows, columns=columns)
        for each, (rows, columns) in zip(cells, axes, strict=True)
    ]
    return {"co-occurrence": (cells[0], tables[0]), "correlation": (cells[1], tables[1])}


def _called(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={name: tr(title) for name, title in HEADINGS.items()})


def _entropies(whole: Whole, part: pd.DataFrame, rows: np.ndarray) -> None:
    reading.header(tr("Entropy"), "entropy")
    values = part["entropy"].to_numpy(float)
    if not values.any():
        st.caption(tr("Every image has one label alone, so that every entropy is 0."))
        return
    edges, heights = statistics.entropy_histogram(values, whole.space)
    twin = pd.DataFrame({tr("from"): edges[:-1], tr("to"): edges[1:], tr("images"): heights})
    figure = drawn(figures.entropy_histogram, edges, heights, None, state.theme())
    chart(figure, "data_entropy", twin, on_select=partial(_take_entropy, float(edges[-1])))
    text = tr(
        "H = −Σ p log p of each distribution, which the draft calls density: 0 where all raters agree, ln C where "
        "every label gets as much. Click a bar to see its images in the gallery."
    )
    st.caption(text)
    if not whole.has_images:
        return
    low, high = statistics.lowest_and_highest(values, EXAMPLES)
    _examples(whole, rows[high], tr("High density: raters feel many things"), "high")
    _examples(whole, rows[low], tr("Low density: raters agree"), "low")


def _examples(whole: Whole, rows: np.ndarray, title: str, place: str) -> None:
    st.subheader(title, anchor=False)
    with st.container(horizontal=True, gap="small", key=f"examples_{place}"):
        for row in rows:
            words = plain(datasets_pictures.in_words(whole, int(row)))
            caption = tr("H {entropy:.2f}: {words}", entropy=whole.manifest["entropy"].iloc[row], words=words)
            datasets_pictures.cell(whole, int(row), place, caption)


def _take_entropy(top: float) -> None:
    """Ask for the images of the bar that was clicked; one that lies at an edge, as of two equal labels, is above it."""
    picked = selected("data_entropy")
    if picked is not None:
        low, high = float(picked[0]) - _A_LITTLE, float(picked[1])
        high += _A_LITTLE if high >= top else -_A_LITTLE
        state.drop("leaf", "item")
        state.put("entropy", f"{max(low, 0):.6f}-{high:.6f}")
        state.put("view", "gallery")


def _together(whole: Whole, part: pd.DataFrame) -> None:
    reading.header(tr("Which labels go together"), "together")
    found, theme = together(statistics.degrees_of(part, whole.space), whole.space), state.theme()
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader(tr("Co-occurrence"), anchor=False)
        cells, twin = found["co-occurrence"]
        chart(drawn(figures.matrix, cells, whole.space, "", "co-occurrence", 1.0, theme), "data_together", twin)
        text = tr("P(column named | row named): of the images with some of the row's label, the share with the other.")
        st.caption(text)
    with right:
        st.subheader(tr("Correlation"), anchor=False)
        cells, twin = found["correlation"]
        chart(drawn(figures.matrix, cells, whole.space, "", "correlation", 1.0, theme), "data_correlation", twin)
        st.caption(tr("Pearson's r of two degrees over images. Degrees sum to 1, so that most pairs are below 0."))


def _ratings(whole: Whole, part: pd.DataFrame) -> None:
    rated = statistics.ratings(part, whole.ranges)
    if rated.empty:
        return
    reading.header(tr("Valence and arousal"), "rated_images")
    (valence, arousal), labels, space = scales_and_labels(whole, part, rated)
    figure = drawn(figures.rating_scatter, rated, (valence, arousal), labels, space, state.theme())
    chart(figure, "data_ratings", _called(rated.set_index("id")), on_select=_open_rated)
    unrated = len(part) - len(rated)
    text = tr(
        "On the scales of the raters: valence {valence[0]:g} to {valence[1]:g} and arousal {arousal[0]:g} to "
        "{arousal[1]:g}; models get both as −1 to 1. {unrated}Click a point to open its image.",
        valence=valence,
        arousal=arousal,
        unrated=trn("{n:,} image is not rated. ", "{n:,} images are not rated. ", unrated) if unrated else "",
    )
    st.caption(text)


def scales_and_labels(
    whole: Whole, part: pd.DataFrame, rated: pd.DataFrame
) -> tuple[figures.Ranges, list[str] | None, EmotionSpace | None]:
    """Return the raters' scales of valence and arousal, and the labels of rated images with their space, or None."""
    valence, arousal = (whole.ranges.get(name, (-1.0, 1.0)) for name in statistics.RATED)
    labels = part.loc[rated.index, "dominant"].to_list() if "dominant" in part else None
    return (valence, arousal), labels, whole.space if labels is not None else None


def _open_rated() -> None:
    picked = selected("data_ratings")
    if picked is not None:
        state.put("item", first_text(picked))


def _votes(part: pd.DataFrame) -> None:
    counted = statistics.votes_per_image(part)
    if counted.empty:
        return
    reading.header(tr("Votes an image"), "votes")
    if len(counted) == 1:
        n, votes = int(counted.iloc[0]), int(counted.index[0])
        st.caption(tr("Each of {n:,} images has {votes} votes.", n=n, votes=votes))
        return
    figure = drawn(figures.vote_histogram, counted.index.to_list(), counted.to_list(), state.theme())
    chart(figure, "data_votes", _called(counted.to_frame().rename_axis(tr("votes"))))
    st.caption(tr("How many raters the distribution of an image rests on: the fewer, the coarser it is."))
