"""Two runs side by side: what differs in their configurations, their measures, and one image at one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.config.differences import differences
from fisa.figures.theme import palette
from fisa.metrics import METRICS
from fisa.records import Explanation
from fisa.runs import Run
from fisa.studies.pairs import title_of
from fisa.ui import cache, panels, state
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import chart, html_table


def settings(a: Run, b: Run) -> None:
    """Draw the configuration keys whose values differ; names aside."""
    rows = differences([a.config, b.config])
    if not rows:
        st.markdown("The configurations are equal but for the name.")
        return
    html_table(
        pd.DataFrame.from_dict(rows, orient="index", columns=[a.name, b.name]),
        alt=f"Configuration keys that differ between {a.name} and {b.name}",
    )


def measures(a: Run, b: Run, tables: Sequence[pd.DataFrame]) -> None:
    """Draw the mean measures of both runs and their paired difference with its 95 % interval."""
    cells, bold = {}, {}
    for key, gap in cache.gaps(a.digest, b.digest, *tables).items():
        title, up = title_of(key), key in METRICS and METRICS[key].higher_is_better
        means = [float(table[key].mean()) for table in tables]
        cells[title] = [*(f"{mean:.4f}" for mean in means), f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"]
        lead = (means[0] - means[1]) * (1 if up else -1)
        bold[title] = [lead > 0, lead < 0, False]
    columns = [a.name, b.name, "difference [95 %]"]
    shown = pd.DataFrame.from_dict(cells, orient="index", columns=columns)
    best = pd.DataFrame.from_dict(bold, orient="index", columns=columns)
    html_table(shown, best, alt=f"Measures of {a.name} and {b.name} with their paired difference")
    st.caption(
        f"Means over {len(tables[0])} test images; the difference is {plain(a.name)} minus {plain(b.name)}, "
        "its interval by paired bootstrap over images."
    )


def wheel(found: Sequence[Explanation], subject: Subject, names: tuple[str, str]) -> None:
    """Draw what both runs predict for one image, beside the truth where it is known."""
    named = {"truth": subject.known["truth"]} if "truth" in subject.known else {}
    named |= {name: one.distribution for name, one in zip(names, found, strict=True)}
    panels.distributions(named, found[0].space, "compare_wheel")


def same_image(found: Sequence[Explanation], subject: Subject, emotion: str, names: tuple[str, str]) -> None:
    """Draw one image through both runs: the attention of one emotion and the matrices, each at one scale."""
    st.header(f"Attention of {emotion}", anchor=False)
    panels.emotion_buttons(found[0].space)
    _attention(found, subject, found[0].space.index(emotion), names)
    st.header("Matrices", anchor=False)
    _matrices(found, names)


def _attention(found: Sequence[Explanation], subject: Subject, emotion: int, names: tuple[str, str]) -> None:
    maps = [None if one.attention is None else one.attention[emotion] for one in found]
    strongest = max((float(one.max()) for one in maps if one is not None), default=0.0) or 1.0
    first, *columns = st.columns(4, gap="small")
    first.image(subject.picture, width="stretch", alt=f"The image {subject.name}", caption="the image")
    for column, one, name in zip(columns, maps, names, strict=False):
        if one is None:
            column.caption(f"{plain(name)} has no attention maps.")
            continue
        # The overlay scales a map by its own maximum; weighing the opacity brings both to one scale.
        strength = 0.85 * float(one.max()) / strongest
        colour = found[0].space.colours[emotion]
        image = figures.attention_overlay(subject.picture, one, colour, strength)
        column.image(image, width="stretch", alt=f"Attention of {name}", caption=plain(name))
    if maps[0] is None or maps[1] is None:
        return
    if maps[0].shape != maps[1].shape:
        columns[2].caption("The maps have different sizes, so there is no difference to draw.")
        return
    image = _difference(subject.picture, maps[0] - maps[1])
    columns[2].image(
        image, width="stretch", alt=f"Where {names[0]} and {names[1]} differ",
        caption=f"Orange: {plain(names[0])} looks more; blue: {plain(names[1])} does.",
    )  # fmt: skip


def _difference(picture: np.ndarray, gap: np.ndarray) -> np.ndarray:
    grey = np.repeat(picture.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    colours, reach = palette("light"), float(np.abs(gap).max()) or 1.0
    for sign, colour in ((1, colours.up), (-1, colours.down)):
        part = np.clip(sign * gap, 0, None)
        if part.max() > 0:
            grey = figures.attention_overlay(grey, part, colour, 0.85 * float(part.max()) / reach)
    return grey


def _matrices(found: Sequence[Explanation], names: tuple[str, str]) -> None:
    shared = [quantity for quantity in panels.available(found[0]) if quantity in panels.available(found[1])]
    for one, name in zip(found, names, strict=True):
        if not panels.available(one):
            st.caption(f"{plain(name)} has no matrices.")
    if not shared:
        st.caption("There is no matrix that both runs have.")
        return
    quantity = panels.settle_matrix(shared)
    panels.choose_matrix(shared)
    values = [panels.together(panels.matrix_of(one, quantity), quantity) for one in found]
    middle = 1.0 if quantity == "effect" else 0.0
    limit = max(float(np.abs(one - middle).max()) for one in values) or 1.0
    space, theme = found[0].space, state.theme()
    columns = st.columns(2, gap="medium")
    for column, cells, name, key in zip(columns, values, names, ("a", "b"), strict=True):
        with column:
            figure = figures.matrix(cells, space, name, quantity, limit, theme)
            chart(figure, f"compare_{key}", figures.matrix_table(cells, space))
    gap = values[0] - values[1]
    with columns[0]:
        title = f"{names[0]} − {names[1]}"
        figure = figures.matrix(gap, space, title, "difference", None, theme)
        chart(figure, "compare_gap", figures.matrix_table(gap, space))
    with columns[1]:
        st.caption("All heads together: contributions are summed, effects and weights averaged over heads.")
