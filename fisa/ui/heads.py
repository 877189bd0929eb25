"""What the heads of a run do over the test split, drawn part by part for the page Interactions."""

from __future__ import annotations

from collections.abc import Mapping
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
    Importance,
    Quantity,
    SplitMatrices,
    are_kept,
    centred,
    has_heads,
    importance,
    importance_table,
    linear_cka,
    matrices_of,
    pattern_similarity,
)
from fisa.explain.pairs import kinship, known_of_pairs, learned_effects, names_of_pairs, present_in
from fisa.figures.checks import signed
from fisa.language import mark
from fisa.runs import Run
from fisa.ui import cache, panels, reading, state
from fisa.ui.counted import counted
from fisa.ui.meters import meter, waiting
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, chart, choose, drawn, html_table, selected

QUANTITIES: dict[Quantity, str] = {"contribution": "Contribution", "interaction": "Weight"}
_ALL = "all"
_SHOWN, _SIDE = 8, 112
"""How many images of a pair are shown, and their sides in pixels."""


@dataclass(frozen=True, eq=False)
class View:
    """What is looked at.

    Attributes:
        quantity: Of the matrices.
        head: ``grid``, ``together`` or a number from 1.
        rows: Which images, bool [N].
        receives: Column of the emotion whose logit is pushed, of the pair that is looked at.
        gives: Column of the emotion that pushes it.
    """

    quantity: Quantity
    head: str
    rows: NDArray[np.bool_]
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
        try:
            if has_heads(cache.open_run(path)):
                having.append(plain(name))
        except PROBLEMS:
            continue  # the sidebar lists it with its reason
    others = f"{', '.join(having)} {'has' if len(having) == 1 else 'have'} some" if having else "no run here has any"
    st.info(f"{plain(run.name)} has no interaction heads; {others}.", icon=":material/grid_view:")


def found(run: Run, dataset: Dataset) -> SplitMatrices:
    """Return what the heads do on every test image, with progress where that is computed for the first time."""
    if not are_kept(run, dataset):
        with meter(f"Looking at {len(dataset):,} test images …") as progress:
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
    quantity = state.resolve("matrix", known, known[0], "matrix", quiet=state.get("matrix") in panels.MATRICES)
    heads = _heads(matrices)
    head = state.resolve("head", heads, heads[0], "head")
    state.resolve("reference", other, other[-1], "comparison")
    predicted = state.resolve("predicted", _predicted(matrices, space, passing), _ALL, "predicted emotion")
    rows = np.zeros(len(matrices.predicted), bool)
    rows[passing] = True
    if predicted != _ALL:
        rows &= matrices.predicted == space.index(predicted)
    strongest = _strongest(matrices.mean("contribution", rows if rows.any() else EVERY))
    first = panels.pair_name(space, *strongest)
    pair = state.resolve("pair", panels.pairs(space), first, "pair of emotions")
    receives, gives = (space.index(label) for label in pair.split("<-"))
    return View(next(each for each in known if each == quantity), head, rows, receives, gives)


def choices(matrices: SplitMatrices, space: EmotionSpace, passing: NDArray[np.intp]) -> None:
    """Draw the choice of the matrices, the head, the images and the pair."""
    names_of = _predicted(matrices, space, passing)
    counts = {name: _count(matrices.predicted[passing], space, name) for name in names_of}
    names = {"grid": "Every head", "together": "All together"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose("matrix", list(QUANTITIES), "Quantity", st.segmented_control, lambda q: QUANTITIES[q], required=True)  # type: ignore[index]
        choose("head", _heads(matrices), "Head", shown=lambda head: names.get(head, f"Head {head}"), width=160)
        words = {name: f"{name} ({count:,})" for name, count in counts.items()}
        choose("predicted", list(counts), "Images predicted as", shown=words.__getitem__, width=210)
        reading.show("head_means")


def means(matrices: SplitMatrices, space: EmotionSpace, view: View) -> None:
    """Draw the mean matrices: every head on one scale, one head, or all together; a click chooses the pair."""
    values = matrices.mean(view.quantity, view.rows)
    key = f"heads_{view.quantity}_{view.head}"

    def pick() -> None:
        cell = selected(key)
        if cell:
            receives, gives = (int(index) for index in cell[-2:])
            state.put("pair", panels.pair_name(space, receives, gives))
            if len(cell) == 3:
                state.put("head", str(int(cell[0]) + 1))

    if view.head == "grid":
        tables = [figures.matrix_table(one, space).assign(head=number + 1) for number, one in enumerate(values)]
        twin = pd.concat(tables).set_index("head", append=True).swaplevel()
        chart(drawn(figures.matrix_grid, values, space, view.quantity, state.theme()), key, twin, pick)
    else:
        one = panels.together(values, view.quantity) if view.place is None else values[view.place]
        title = "All heads together" if view.place is None else f"Head {view.head}"
        pair = (view.receives, view.gives)
        figure = drawn(figures.matrix, one, space, title, view.quantity, None, state.theme(), pair)
        chart(figure, key, figures.matrix_table(one, space), pick)
    meaning = (
        "Signed share of emotion j (column) in the logit of emotion i (row); heads add up."
        if view.quantity == "contribution"
        else "Weight of emotion j (column) in emotion i (row); each row sums to 1."
    )
    st.caption(f"Mean over {view.rows.sum():,} test images. {meaning} Click a cell for the images behind it.")


def pair_images(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> None:
    """Draw the images in which one emotion contributes most to another, each with its way to Explain."""
    space = run.space
    receives, gives = space.labels[view.receives], space.labels[view.gives]
    reading.header(f"{gives} on {receives}", "head_pair")
    choose("pair", panels.pairs(space), "Pair", shown=_spoken, width=300)
    places = matrices.strongest(view.receives, view.gives, _SHOWN, view.place, view.rows)
    pushes = matrices.pushes(view.receives, view.gives, view.place)
    ids = dataset.manifest["id"].astype(str).to_numpy()
    which = "all heads together" if view.place is None else f"head {view.head}"
    st.caption(
        f"Where {gives} contributes most to the logit of {receives}, up or down, by {which}; "
        f"its mean there is {signed(float(pushes[view.rows].mean()), 3)}. A name opens the image on Explain."
    )
    link = {"run": str(state.get("run")), "emotion": receives, "matrix": "contribution", "head": view.head}
    with st.container(horizontal=True, gap="small", key="pair_images"):
        for place in places:
            name, amount = ids[place], signed(float(pushes[place]), 3)
            with st.container(width=_SIDE, gap=None):
                if not run.takes_vectors:
                    picture = cache.thumbnail(dataset, name, _SIDE)
                    st.image(picture, width="stretch", alt=f"{name}: {gives} contributes {amount} to {receives}")
                    st.page_link("pages/explain.py", label=plain(name), query_params={**link, "image": name})
                else:
                    st.markdown(plain(name))
                st.caption(amount)
    twin = pd.DataFrame({"id": ids[places], "contribution": pushes[places]})
    with st.popover("Numbers", icon=":material/table:", type="tertiary", key="pair_twin"):
        st.dataframe(twin, key="pair_table")


def likeness(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> None:
    """Draw how alike the heads are, and what silencing each of them changes."""
    reading.header("Heads beside each other", "head_likeness")
    count = matrices.contribution.shape[1]
    similar = _cka(run.digest, dataset.version, matrices)
    if count > 1:
        pattern = pattern_similarity(matrices.mean("contribution", view.rows), "contribution")
        numbers = pd.RangeIndex(1, count + 1, name="head")
        shown = {"pattern": pattern, "cka": similar}
        for column, (kind, values) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
            with column:
                figure = figures.head_similarity(values, kind, state.theme())  # type: ignore[arg-type]
                chart(figure, f"heads_{kind}", pd.DataFrame(values, index=numbers, columns=numbers.rename(None)))
        st.caption(
            "Left: do two heads have the same mean contributions, each column centred? Right: do they rise and fall in "
            "the same images? A head that another one is like in both is redundant."
        )
    silenced = _importance(run.digest, dataset.version, run, dataset, matrices)
    html_table(_importance_words(silenced, similar), alt="What silencing each head changes")
    words = {
        "score": "score, 1 − KL(p‖q)/KL(p‖constant), which falls where a head matters",
        "kl": "KL to the votes in nats, which rises where a head matters",
    }[silenced.measure]
    st.caption(
        f"Change of the {words}; with every head it is {silenced.whole:.4f}. A silenced head contributes nothing. "
        "In brackets 95 % bootstrap intervals over the test images; nearest: the head most alike by linear CKA."
    )


def _importance_words(silenced: Importance, similar: np.ndarray) -> pd.DataFrame:
    table = importance_table(silenced, similar)
    rows = {
        f"without head {head}": (
            _interval(row["change"], row["low"], row["high"]),
            "–" if pd.isna(row["nearest"]) else f"head {int(row['nearest'])}, {row['similarity']:.2f}",
        )
        for head, row in table.iterrows()
    }
    every = silenced.without
    rows["without any head"] = (_interval(every.value, every.low, every.high), "–")
    return pd.DataFrame.from_dict(rows, orient="index", columns=[f"change of the {silenced.measure}", "nearest"])


def beside(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> None:
    """Draw learned contributions beside what else is known of pairs of emotions."""
    reading.header("Learned, and known otherwise", "head_known")
    known = _known(run.digest, run)
    learned = learned_effects(matrices, present_in(dataset), view.rows)
    chosen = str(state.get("reference"))
    choose("reference", list(known), "Beside", st.segmented_control, str.capitalize, required=True)
    left, right = st.columns(2, gap="medium")
    pair, theme = (view.receives, view.gives), state.theme()
    with left:
        cells = np.nan_to_num(learned)
        figure = drawn(figures.matrix, cells, run.space, "Learned contributions", "contribution", None, theme, pair)
        chart(figure, "beside_learned", figures.matrix_table(cells, run.space))
    with right:
        other = known[chosen]
        figure = drawn(figures.matrix, other, run.space, chosen.capitalize(), chosen, None, theme, pair)
        chart(figure, f"beside_{chosen}", figures.matrix_table(other, run.space))
    html_table(_kinships(learned, known), alt="How learned contributions go with what else is known of pairs", digits=2)
    st.caption(_beside_words(run, "planted" in known))


def _kinships(learned: np.ndarray, known: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = {}
    for name, matrix in known.items():
        together = kinship(learned, matrix)
        rows[name] = (together.pearson, together.spearman, together.n)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["Pearson's r", "Spearman's ρ", "pairs"])


def _beside_words(run: Run, drawn: bool) -> str:
    hold = "are drawn with" if drawn else "were named by somebody with"
    words = (
        f"Contributions, all heads together, are means over the images that {hold} both emotions, less what the column "
        "gives to emotions that are absent; pairs without such an image count 0 in the matrix and not in the table, "
        "which is over ordered pairs of different emotions. Co-occurrence and correlation are of the training labels: "
        "contributions that only repeat them would be a habit, not an interaction."
    )
    graded = (run.grades or {}).get("contributions")
    if graded:
        words += (
            " These are other scenes for every pair; the grade, which compares each scene with itself less one "
            f"emotion, finds r = {graded['r']:.2f} over the planted pairs."
        )
    return words


@st.cache_resource(max_entries=8, show_spinner=False)
@counted("likeness")
def _cka(run_digest: str, data_version: str, _matrices: SplitMatrices) -> np.ndarray:
    return linear_cka(_matrices.contribution)


@waiting(mark("Silencing each head …"))
@st.cache_data(max_entries=8, show_spinner=False)
@counted("importance")
def _importance(
    run_digest: str, data_version: str, _run: Run, _dataset: Dataset, _matrices: SplitMatrices
) -> Importance:
    return importance(_run, _dataset, _matrices)


@waiting(mark("Reading the labels of the training data …"))
@st.cache_data(max_entries=8, show_spinner=False)
def _known(run_digest: str, _run: Run) -> dict[str, np.ndarray]:
    return dict(known_of_pairs(_run))


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
    receives, gives = pair.split("<-")
    return f"{gives} on {receives}"


def _interval(value: float, low: float, high: float) -> str:
    return f"{signed(value, 4)} [{signed(low, 4)}, {signed(high, 4)}]"
