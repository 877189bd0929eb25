"""What the heads of a run do over the test split, drawn part by part for the page Interactions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from fisa import figures
from fisa.datasets import Dataset
from fisa.emotions import EmotionSpace
from fisa.explain.heads import (
    EVERY,
    Quantity,
    SplitMatrices,
    are_kept,
    centred,
    has_heads,
    matrices_of,
)
from fisa.explain.pairs import names_of_pairs
from fisa.figures.checks import signed
from fisa.language import mark, sentences, tr, trn
from fisa.runs import Run
from fisa.ui import cache, panels, reading, state
from fisa.ui.counted import counted
from fisa.ui.meters import meter
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, drawn, selected

QUANTITIES: dict[Quantity, str] = {"contribution": mark("Contribution"), "interaction": mark("Weight")}
MEANING: dict[Quantity, str] = {
    "contribution": mark("Signed share of emotion j (column) in the logit of emotion i (row); heads add up."),
    "interaction": mark("Weight of emotion j (column) in emotion i (row); each row sums to 1."),
}
_ALL = mark("all")
_SEVERAL = {"grid": mark("Every head"), "together": mark("All together")}
_SHOWN, _SIDE = 8, 112
"""How many images of a pair are shown, and their sides in pixels."""
SHARED = ("run", "matrix", "head", "predicted", "pair", "reference", "filter", "slice")
"""What of the view the address names."""


@dataclass(frozen=True, eq=False)
class View:
    """What is looked at.

    Attributes:
        quantity: Of the matrices.
        head: ``grid``, ``together`` or a number from 1.
        rows: Which images, bool [N].
        predicted: Label of the emotion that all of them are predicted as; empty where any will do.
        receives: Column of the emotion whose logit is pushed, of the pair that is looked at.
        gives: Column of the emotion that pushes it.
    """

    quantity: Quantity
    head: str
    rows: NDArray[np.bool_]
    predicted: str
    receives: int
    gives: int

    @property
    def place(self) -> int | None:
        """The head from 0, or None where several are looked at."""
        return int(self.head) - 1 if self.head.isdigit() else None


def without(run: Run) -> None:
    """Say that a run has no heads, and which have."""
    having = []
    for name, path in cache.run_folders().items():
        other = cache.sound_run(path)
        if other is not None and has_heads(other):
            having.append(plain(name))
    said = tr("{run} has no interaction heads; no run here has any.", run=plain(run.name))
    if having:
        said = trn(
            "{run} has no interaction heads; {others} has some.", "{run} has no interaction heads; {others} have some.",
            len(having), run=plain(run.name), others=tr(", ").join(having),
        )  # fmt: skip
    st.info(said, icon=":material/grid_view:")


def found(run: Run, dataset: Dataset) -> SplitMatrices:
    """Return what the heads do on every test image, with progress where that is computed for the first time."""
    if not are_kept(run, dataset):
        with meter(tr("Looking at {n:,} test images …", n=len(dataset))) as progress:
            matrices_of(run, dataset, progress)
    return _found(run.digest, dataset.version, run, dataset)


@st.cache_resource(max_entries=4, show_spinner=False)
@counted("heads")
def _found(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> SplitMatrices:
    return matrices_of(_run, _dataset)


def settle(run: Run, matrices: SplitMatrices, passing: NDArray[np.intp]) -> View:
    """Resolve what the page shows of the test images that pass a filter; where none does, no row is looked at."""
    space, other = run.space, names_of_pairs(run)
    known = list(QUANTITIES)
    quantity = state.resolve("matrix", known, known[0], tr("matrix"), quiet=state.get("matrix") in panels.MATRICES)
    heads = _heads(matrices)
    head = state.resolve("head", heads, heads[0], tr("head"))
    state.resolve("reference", other, other[-1], tr("comparison"))
    predicted = state.resolve("predicted", _predicted(matrices, space, passing), _ALL, tr("predicted emotion"))
    rows = np.zeros(len(matrices.predicted), bool)
    rows[passing] = True
    if predicted != _ALL:
        rows &= matrices.predicted == space.index(predicted)
    strongest = _strongest(matrices.mean("contribution", rows if rows.any() else EVERY))
    first = panels.pair_name(space, *strongest)
    pair = state.resolve("pair", panels.pairs(space), first, tr("pair of emotions"))
    receives, gives = (space.index(label) for label in pair.split("<-"))
    kind = next(each for each in known if each == quantity)
    return View(kind, head, rows, "" if predicted == _ALL else predicted, receives, gives)


def choices(matrices: SplitMatrices, space: EmotionSpace, passing: NDArray[np.intp]) -> None:
    """Draw the choice of the matrices, the head, the images and the pair."""
    names_of = _predicted(matrices, space, passing)
    counts = {name: _count(matrices.predicted[passing], space, name) for name in names_of}
    quantities: dict[str, str] = {name: tr(title) for name, title in QUANTITIES.items()}
    heads = {
        head: tr(_SEVERAL[head]) if head in _SEVERAL else tr("Head {head}", head=head) for head in _heads(matrices)
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose("matrix", list(quantities), tr("Quantity"), st.segmented_control, quantities.__getitem__, required=True)
        choose("head", list(heads), tr("Head"), shown=heads.__getitem__, width=160)
        words = {name: tr("{emotion} ({n:,})", emotion=tr(name), n=count) for name, count in counts.items()}
        choose("predicted", list(counts), tr("Images predicted as"), shown=words.__getitem__, width=210)
        reading.show("head_means")


def shown_means(matrices: SplitMatrices, view: View) -> dict[str, NDArray[np.float64]]:
    """Return the mean matrices that are looked at, [C, C], by the number of the head from 1; ``all`` together."""
    values = matrices.mean(view.quantity, view.rows)
    if view.head == "together":
        return {"all": panels.together(values, view.quantity)}
    return {str(head): one for head, one in enumerate(values, start=1) if view.place in (None, head - 1)}


def title_of(view: View) -> str:
    """Return what the mean matrix of one head, or of all together, is called."""
    return tr("All heads together") if view.place is None else tr("Head {head}", head=view.head)


def means(matrices: SplitMatrices, space: EmotionSpace, view: View) -> None:
    """Draw the mean matrices: every head on one scale, one head, or all together; a click chooses the pair."""
    shown = shown_means(matrices, view)
    key = f"heads_{view.quantity}_{view.head}"

    def pick() -> None:
        cell = selected(key)
        if cell:
            receives, gives = (int(index) for index in cell[-2:])
            state.put("pair", panels.pair_name(space, receives, gives))
            if len(cell) == 3:
                state.put("head", str(int(cell[0]) + 1))

    if view.head == "grid":
        tables = {int(number): figures.matrix_table(one, space) for number, one in shown.items()}
        twin = pd.concat(tables, names=[tr("head")])
        values = np.stack(list(shown.values()))
        chart(drawn(figures.matrix_grid, values, space, view.quantity, state.theme()), key, twin, pick)
    else:
        (one,) = shown.values()
        pair = (view.receives, view.gives)
        figure = drawn(figures.matrix, one, space, title_of(view), view.quantity, None, state.theme(), pair)
        chart(figure, key, figures.matrix_table(one, space), pick)
    told = [tr("Mean over {n:,} test images.", n=view.rows.sum()), tr(MEANING[view.quantity])]
    st.caption(sentences(*told, tr("Click a cell for the images behind it.")))


def pair_images(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> None:
    """Draw the images in which one emotion contributes most to another, each with its way to Explain."""
    space = run.space
    receives, gives = space.names[view.receives], space.names[view.gives]
    reading.header(_spoken(panels.pair_name(space, view.receives, view.gives)), "head_pair")
    choose("pair", panels.pairs(space), tr("Pair"), shown=_spoken, width=300)
    places = matrices.strongest(view.receives, view.gives, _SHOWN, view.place, view.rows)
    pushes = matrices.pushes(view.receives, view.gives, view.place)
    ids = dataset.manifest["id"].astype(str).to_numpy()
    st.caption(
        tr(
            "Where {giver} contributes most to the logit of {receiver}, up or down, by {heads}; its mean there is "
            "{mean}. A name opens the image on Explain.", giver=gives, receiver=receives,
            heads=tr("all heads together") if view.place is None else tr("head {head}", head=view.head),
            mean=signed(float(pushes[view.rows].mean()), 3),
        )
    )  # fmt: skip
    label = space.labels[view.receives]
    link = {"run": str(state.get("run")), "emotion": label, "matrix": "contribution", "head": view.head}
    with st.container(horizontal=True, gap="small", key="pair_images"):
        for place in places:
            name, amount = ids[place], signed(float(pushes[place]), 3)
            with st.container(width=_SIDE, gap=None):
                if not run.takes_vectors:
                    picture = cache.thumbnail(dataset, name, _SIDE)
                    alt = tr("{image}: {giver} contributes {amount} to {receiver}",
                             image=name, giver=gives, amount=amount, receiver=receives)  # fmt: skip
                    st.image(picture, width="stretch", alt=alt)
                    st.page_link("pages/explain.py", label=plain(name), query_params={**link, "image": name})
                else:
                    st.markdown(plain(name))
                st.caption(amount)
    twin = pd.DataFrame({"id": ids[places], tr("contribution"): pushes[places]})
    with st.popover(tr("Numbers"), icon=":material/table:", type="tertiary", key="pair_twin"):
        st.dataframe(twin, key="pair_table")


def _heads(matrices: SplitMatrices) -> list[str]:
    numbers = [str(head + 1) for head in range(matrices.contribution.shape[1])]
    return ["grid", "together", *numbers] if len(numbers) > 1 else numbers


def _predicted(matrices: SplitMatrices, space: EmotionSpace, passing: NDArray[np.intp]) -> list[str]:
    """Return the filters that hold an image: all, then in wheel order each emotion that is predicted at all."""
    happens = set(matrices.predicted[passing].tolist())
    return [_ALL, *(space.labels[column] for column in panels.wheel_order(space) if column in happens)]


def _count(predicted: NDArray[np.integer], space: EmotionSpace, name: str) -> int:
    return len(predicted) if name == _ALL else int((predicted == space.index(name)).sum())


def _strongest(values: np.ndarray) -> tuple[int, int]:
    """Return the pair of two emotions with the largest mean contribution, in size, all heads together."""
    sizes = np.abs(centred(values.sum(0)))
    np.fill_diagonal(sizes, -1)
    receives, gives = np.unravel_index(int(sizes.argmax()), sizes.shape)
    return int(receives), int(gives)


def _spoken(pair: str) -> str:
    receives, gives = map(tr, pair.split("<-"))
    return tr("{giver} on {receiver}", giver=gives, receiver=receives)
