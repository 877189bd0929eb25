"""The same image through every run: distributions, maps, matrices and contributions, each kind at one scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa import figures
from fisa.datasets import Dataset
from fisa.emotions import EmotionSpace
from fisa.figures.contributions import ends_of, steps_to
from fisa.figures.matrices import middle_of
from fisa.language import language, sentences, tr
from fisa.records import Explanation
from fisa.runs import Run
from fisa.ui import cache, graded, others, panels, pictures, reading, state
from fisa.ui.cache import Subject
from fisa.ui.compare_runs import data_of
from fisa.ui.counted import counted
from fisa.ui.panels import Quantity
from fisa.ui.state import plain
from fisa.ui.widgets import chart

COVER = 0.85
"""Opacity of the strongest place of all maps."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One image as every run sees it.

    Attributes:
        subject: The image.
        found: Run -> its explanation, the reference first.
        emotion: The chosen emotion.
        quantity: Which matrices are shown; None where no run has any.
    """

    subject: Subject
    found: Mapping[str, Explanation]
    emotion: str
    quantity: Quantity | None

    @property
    def space(self) -> EmotionSpace:
        """The labels, which all runs share."""
        return self.found[self.first].space

    @property
    def first(self) -> str:
        """Name of the reference."""
        return next(iter(self.found))

    @property
    def distributions(self) -> dict[str, np.ndarray]:
        """Truth, or votes where it is not known, and what every run predicts."""
        known = next((name for name in ("truth", "votes") if name in self.subject.known), "")
        truth = {known: self.subject.known[known]} if known else {}
        run = tr("run {name}", name=known)
        return truth | {name if name != known else run: one.distribution for name, one in self.found.items()}

    @property
    def maps(self) -> dict[str, np.ndarray]:
        """Of each run that has it, the attention of the emotion on one grid, [h, w]; see ``regridded``."""
        column = self.space.index(self.emotion)
        own = {name: one.attention[column] for name, one in self.found.items() if one.attention is not None}
        return dict(zip(own, figures.regridded(list(own.values())), strict=True)) if own else {}

    @property
    def matrices(self) -> dict[str, np.ndarray]:
        """Of each run that has it, the chosen quantity, all heads together, [C, C]."""
        if self.quantity is None:
            return {}
        own = {name: panels.matrix_of(one, self.quantity) for name, one in self.found.items()}
        return {name: panels.together(heads, self.quantity) for name, heads in own.items() if heads is not None}

    @property
    def reach(self) -> tuple[float, float] | None:
        """Least and greatest logit on the way to the emotion's in any run; None where no logit is split."""
        to = self.space.index(self.emotion)
        reached = [
            ends_of(steps_to(one.contributions.sum(0)[to], float(one.bias[to]), float(one.logits[to]), self.space, to))
            for one in self.found.values()
            if one.contributions is not None and one.bias is not None
        ]
        return (min(low for low, _ in reached), max(high for _, high in reached)) if reached else None


def settle(runs: Mapping[str, Run], dataset: Dataset, name: str) -> Seen:
    """Explain one image by every run, and resolve the emotion and the matrix of the view."""
    found = explained(runs, dataset, name)
    first = next(iter(found.values()))
    labels = first.space.labels
    emotion = state.resolve("emotion", labels, labels[int(first.distribution.argmax())], tr("emotion"))
    return Seen(cache.subject(dataset, name), found, emotion, _quantity(found))


def explained(runs: Mapping[str, Run], dataset: Dataset, name: str) -> dict[str, Explanation]:
    """Return what every run says of one image, each shown it at the size that it takes."""
    return {each: cache.explanation(run, cache.subject(data_of(run, dataset), name)) for each, run in runs.items()}


def _offered(found: Mapping[str, Explanation]) -> dict[Quantity, int]:
    """Return which matrices there are, and how many runs have each."""
    counts = {name: sum(name in panels.available(one) for one in found.values()) for name in panels.MATRICES}
    return {name: count for name, count in counts.items() if count}


def _quantity(found: Mapping[str, Explanation]) -> Quantity | None:
    """Resolve which matrices are shown: by default those that most runs have."""
    offered = _offered(found)
    if not offered:
        return None
    most = max(offered, key=offered.__getitem__)
    return cast(
        Quantity, state.resolve("matrix", list(offered), most, tr("matrix"), state.get("matrix") in panels.MATRICES)
    )


def wheel(seen: Seen, errors: Mapping[str, float]) -> None:
    """Draw what is true of the image and what every run predicts, with the way to Explain.

    Args:
        seen: The image.
        errors: Of each run on it.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(tr("**{image}** by every run", image=plain(seen.subject.name)), width="content")
        link = {"run": seen.first, "image": seen.subject.name, "emotion": seen.emotion}
        st.page_link("pages/explain.py", label=tr("Explain it"), icon=":material/search_insights:", query_params=link)
    panels.distributions(seen.distributions, seen.space, "compare_wheel")
    least = min(errors.values())
    nearest = [plain(name) for name, error in errors.items() if error == least]
    told = tr(", ").join(f"{plain(name)} {error:.4f}" for name, error in errors.items())
    st.caption(
        tr("Errors on this image, in nats: {told}. Nearest to the truth: {nearest}.",
           told=told, nearest=tr(" and ").join(nearest))
    )  # fmt: skip


def draw(seen: Seen, runs: Mapping[str, Run]) -> None:
    """Draw the maps of the chosen emotion, each with its grade, the contributions to it, and the chosen matrices."""
    reading.header(tr("Attention of {emotion}", emotion=tr(seen.emotion)), "overlay")
    panels.emotion_buttons(seen.space)
    _maps(seen, runs)
    reading.header(tr("What makes {emotion}", emotion=tr(seen.emotion)), "contributions")
    for column, (name, one) in zip(_columns(len(seen.found)), seen.found.items(), strict=False):
        with column:
            st.markdown(f"**{plain(name)}**")
            panels.contributions(one, seen.emotion, name, f"compare_contributions_{name}", seen.reach)
    reading.header(tr("Matrices"), "matrices")
    _matrices(seen)


def _maps(seen: Seen, runs: Mapping[str, Run]) -> None:
    maps, subject = seen.maps, seen.subject
    top = max((float(one.max()) for one in maps.values()), default=0.0) or 1.0
    gaps = gaps_to(seen.first, maps)
    strong = max((float(np.abs(gap).max()) for gap in gaps.values()), default=0.0) or 1.0
    colour = seen.space.colours[seen.space.index(seen.emotion)]
    columns = st.columns(len(seen.found) + 1, gap="small")
    own = pictures.attended(subject, (), 0.0)
    _show(columns[0], own, tr("The image {name}", name=subject.name), tr("the image"))
    for column, name in zip(columns[1:], seen.found, strict=True):
        if name not in maps:
            column.caption(tr("{run} has no attention maps.", run=plain(name)))
            continue
        image = pictures.attended(subject, [(maps[name], colour)], COVER, top=top)
        _show(column, image, tr("Attention of {run}", run=name), plain(name))
        column.caption(graded.of_attention(runs[name]), text_alignment="center")  # as the name above it
        if name in gaps:
            image = pictures.signed(subject, gaps[name], COVER, strong)
            words = tr("{run} less {first}", run=name, first=seen.first)
            _show(column, image, tr("Attention of {run}", run=words), plain(words))
    if gaps:
        columns[0].caption(
            tr("Below: orange, where a run looks more than {first}; blue, where it looks less.",
               first=plain(seen.first))
        )  # fmt: skip
    st.caption(sentences(*_map_words(seen, maps, top)))
    if maps:
        graded.link("attention", "localisation", others.text_of([name for name in seen.found if name != seen.first]))


def _map_words(seen: Seen, maps: Mapping[str, np.ndarray], top: float) -> Iterator[str]:
    if not maps:
        return
    yield tr("One scale for all: full colour is {top:.1%} of the emotion's attention in a cell.", top=top)
    yield tr("Hit rates are of each run on planted scenes, with 95 % intervals.")
    sizes = {name: one.attention.shape[1:] for name, one in seen.found.items() if one.attention is not None}
    if len(set(sizes.values())) > 1:
        grid = " × ".join(map(str, next(iter(maps.values())).shape))
        told = tr(", ").join(f"{plain(name)} {h} × {w}" for name, (h, w) in sizes.items())
        yield tr("The maps differ in size ({told}); the coarser ones are brought to {grid} cells with their sums kept.",
                 told=told, grid=grid)  # fmt: skip
    elif len(maps) > 1 and seen.first not in maps:
        yield tr("Without a map of {first} there is no difference to draw.", first=plain(seen.first))


def _show(column: DeltaGenerator, picture: bytes, alt: str, caption: str) -> None:
    column.image(picture, width="stretch", alt=alt, caption=caption)


def gaps_to(first: str, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what each of several less the first one is, by name; empty where the first is not among them."""
    return {name: one - values[first] for name, one in values.items() if name != first} if first in values else {}


def reach_of(values: Sequence[np.ndarray], middle: float) -> float:
    """Return how far the values of several arrays lie from a middle at most, at least a little."""
    return max((float(np.abs(one - middle).max()) for one in values), default=0.0) or 1.0


def _matrices(seen: Seen) -> None:
    quantity, values = seen.quantity, seen.matrices
    if quantity is None:
        st.caption(tr("None of these runs has matrices between emotions."))
        return
    panels.choose_matrix(list(_offered(seen.found)))
    limit = reach_of(list(values.values()), middle_of(quantity) or 0.0)
    lacking = [plain(name) for name in seen.found if name not in values]
    for name in lacking:
        what = tr(panels.MATRICES[quantity]).lower()
        st.caption(tr("{run} has no {quantity} matrix.", run=name, quantity=what))
    for column, (name, cells) in zip(_columns(len(values)), values.items(), strict=True):
        with column:
            figure = _matrix(cells, seen.space.labels, name, quantity, limit, state.theme(), language(), seen.space)
            chart(figure, f"compare_matrix_{name}", figures.matrix_table(cells, seen.space))
    gaps = gaps_to(seen.first, values)
    reach = reach_of(list(gaps.values()), 0.0)
    for column, (name, cells) in zip(_columns(len(gaps)), gaps.items(), strict=True):
        with column:
            title = f"{name} − {seen.first}"
            figure = _matrix(
                cells, seen.space.labels, title, "difference", reach, state.theme(), language(), seen.space
            )
            chart(figure, f"compare_gap_{name}", figures.matrix_table(cells, seen.space))
    words = [tr("All heads together: contributions are summed, effects and weights averaged over heads.")]
    if gaps:
        words.insert(0, tr("One scale for the matrices and one, centred on zero, for the differences."))
    elif len(values) > 1:
        words.insert(0, tr("Without a matrix of {first} there is no difference to draw.", first=plain(seen.first)))
    st.caption(sentences(*words))


@st.cache_resource(max_entries=64, show_spinner=False)
@counted("figure")
def _matrix(
    cells: np.ndarray,
    labels: tuple[str, ...],
    title: str,
    kind: figures.Kind,
    limit: float,
    theme: figures.Theme,
    language: str,
    _space: EmotionSpace,
) -> go.Figure:
    """Draw a matrix once for all who look at the same; nobody changes the figure."""
    return figures.matrix(cells, _space, title, kind, limit, theme)


def _columns(count: int) -> list[DeltaGenerator]:
    """Return a place for each of some charts, two in a row: three would leave a cell no room for its number."""
    return [column for _ in range(0, count, 2) for column in st.columns(2, gap="medium")][:count]
