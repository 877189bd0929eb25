"""What is selected on a chart of test images: its measures against all images, its pictures, its slice.

Selected is what was dragged around or, without that, what the slice and the filter of the view leave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fisa.datasets import Dataset, groups_of
from fisa.evaluation import target_of, truth_of
from fisa.language import mark, tr
from fisa.metrics import bootstrap_mean, paired_bootstrap
from fisa.records import Interval
from fisa.runs import Run
from fisa.ui import cache, panels, rated, reading, slices, state
from fisa.ui.browse import Walk
from fisa.ui.counted import counted
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, first_text, html_table, problem

EXPLAIN = "pages/explain.py"
LEAF = 24
"""Pictures of a selection that are shown at once."""
SIDE = 112
"""Of a small picture, pixels."""


@dataclass(frozen=True, eq=False)
class Board:
    """A chart whose dots are test images.

    Attributes:
        key: Of the chart; the session's keys begin with it.
        runs: By name, that of the walk first.
        dataset: Their test split.
        walk: The slice and the filter of the view, and the chosen image.
        page: Where the name of a picture leads.
        link: What of the view it takes along.
    """

    key: str
    runs: Mapping[str, Run]
    dataset: Dataset
    walk: Walk
    page: str
    link: Mapping[str, str]

    @property
    def of(self) -> tuple[str, ...]:
        """What a selection is of."""
        return (*(run.digest for run in self.runs.values()), self.dataset.version)

    @property
    def passing(self) -> tuple[str, ...] | None:
        """Ids of what the view's slice and filter leave, or None where they leave all, or nothing."""
        return tuple(self.walk.order) if self.walk.narrowed and self.walk.order else None

    @property
    def run(self) -> Run:
        """The first run."""
        return next(iter(self.runs.values()))

    def selected(self) -> tuple[str, list[str]] | None:
        """Return Markdown for what is selected, and its ids."""
        of, ids = st.session_state.get(f"{self.key}_picked", (None, []))
        if of == self.of and ids:
            return tr("Selection"), list(ids)
        return None if self.passing is None else (self.walk.words, list(self.passing))

    def among(self, chart: str) -> tuple[str, ...] | None:
        """Return the ids beside which a chart dims all others, or None where it dims none.

        They were selected on another chart of the board, or pass the filter; its own a chart shows by itself.
        """
        of, ids = st.session_state.get(f"{self.key}_picked", (None, []))
        elsewhere = st.session_state.get(f"{self.key}_picked_on", self.key) != chart
        return tuple(ids) if of == self.of and ids and elsewhere else self.passing

    def take(self, dots: pd.Series, chart: str = "") -> bool:
        """Take what was dragged around into the session; return whether a dot was clicked, which the view then has.

        Args:
            dots: For each image (the index) the id of the dot that shows it.
            chart: Key of the chart that it was dragged on, where that is not the board's.
        """
        event: Mapping[str, Any] = (st.session_state.get(chart or self.key) or {}).get("selection", {})
        names = [first_text(point["customdata"]) for point in event.get("points", []) if point.get("customdata")]
        if names and not event.get("lasso") and not event.get("box"):
            state.put("image", names[0])
            return True
        st.session_state[f"{self.key}_picked"] = (self.of, [str(each) for each in dots.index[dots.isin(names)]])
        st.session_state[f"{self.key}_picked_on"] = chart or self.key
        return False

    def forget(self) -> None:
        """Leave nothing that would narrow what is saved or cleared."""
        st.session_state.pop(f"{self.key}_picked", None)
        state.drop("filter")


DRAGS: dict[str, str] = {"pan": mark("Move"), "lasso": mark("Lasso"), "select": mark("Box")}
"""What dragging on a chart does."""

HELP = {
    "chart": mark("Moves the chart, or selects images with a lasso or a box"),
    "map": mark("Moves the map, or selects images with a lasso or a box"),
}


def modes(drag: str) -> tuple[str, ...]:
    """Return what a chart lets select."""
    return ("points",) if drag == "pan" else ("points", {"lasso": "lasso", "select": "box"}[drag])


def settle_drag() -> None:
    """Resolve what dragging does; moving needs no words in the address."""
    if state.resolve("drag", list(DRAGS), "pan", tr("way of dragging")) == "pan":
        state.drop("drag")


def choose_drag(what: str) -> None:
    """Draw the choice of what dragging on ``what`` does, which must be resolved already.

    Args:
        what: A key of ``HELP``.
    """
    st.session_state[state.key("drag")] = state.get("drag") or "pan"
    st.segmented_control(
        tr("Dragging"), list(DRAGS), key=state.key("drag"), format_func=lambda drag: tr(DRAGS[drag]), required=True,
        on_change=state.commit, args=("drag",), help=tr(HELP[what]),
    )  # fmt: skip


def draw(board: Board) -> None:
    """Draw what is selected, where anything is."""
    chosen = board.selected()
    if chosen is None:
        return
    name, ids = chosen
    counted = tr("{name}: {n:,} of {total:,} images", name=name, n=len(ids), total=len(board.dataset))
    reading.header(counted, "map_selection")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(tr("Save it as a slice"), key=f"{board.key}_slice_name", placeholder=tr("a name"), width=220)
        if st.button(tr("Save"), icon=":material/bookmark_add:", key=f"{board.key}_slice_save"):
            _save(board, ids)
        if st.button(tr("Clear"), icon=":material/deselect:", type="tertiary", key=f"{board.key}_clear"):
            board.forget()
            state.put("slice", "")
            st.rerun()
    _measures(board, ids)
    _pictures(board, ids)


def _save(board: Board, ids: list[str]) -> None:
    try:
        link = slices.save(board.dataset, ids, str(st.session_state[f"{board.key}_slice_name"]))
    except PROBLEMS as error:
        problem(error)
        return
    board.forget()
    state.put("slice", link)
    st.rerun()


def _measures(board: Board, ids: list[str]) -> None:
    """Draw number, mean error, entropy and distribution of the selection beside those of all images, for every run."""
    rows = cache.samples(board.run, board.dataset)["id"].astype(str).isin(ids).to_numpy()
    parts = {tr("selected"): rows, tr("all"): np.ones(len(rows), dtype=bool)}
    cells = {name: {tr("images"): int(part.sum()), **_cells(board, part)} for name, part in parts.items()}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        alt = tr("Measures of the selection beside all images")
        html_table(pd.DataFrame.from_dict(cells, orient="index").T, alt=alt)
        st.caption(
            tr(
                "Means over images, with bootstrap intervals. On the wheel: what is true of the selection and what "
                "{runs} predicts of it, beside what is true of all images.",
                runs=plain(tr(", ").join(board.runs)),
            )
        )
    if len(board.run.space) and not rated.is_rated(board.run):
        with right:
            panels.distributions(_distributions(board, rows), board.run.space, f"{board.key}_wheel")


def _cells(board: Board, part: np.ndarray) -> dict[str, object]:
    """Return the measures of part of the images, title -> text or number."""
    error, entropy = tr("mean KL to the truth"), tr("mean entropy of the prediction")
    if rated.is_rated(board.run):
        error = tr("mean squared error")
    cells: dict[str, object] = {}
    errors: dict[str, np.ndarray] = {}
    for name, run in board.runs.items():
        table = cache.samples(run, board.dataset)
        errors[name] = table["error"].to_numpy(float)[part]
        cells[f"{_of(board, error, name)} [95 %]"] = _interval(_mean(board, (run.digest,), part, errors[name], None))
        if "entropy" in table:
            cells[_of(board, entropy, name)] = float(table["entropy"].to_numpy(float)[part].mean())
    first, *rest = board.runs
    for name in rest:
        digests = (board.runs[name].digest, board.run.digest)
        gap = _mean(board, digests, part, errors[name], errors[first])
        title = tr("error of {run} less that of {first} [95 %]", run=name, first=first)
        cells[title] = _interval(gap, "+")
    return cells


def _of(board: Board, measure: str, run: str) -> str:
    """Name a measure and, of several runs, whose it is."""
    return tr("{measure} of {run}", measure=measure, run=run) if len(board.runs) > 1 else measure


def _mean(
    board: Board, digests: tuple[str, ...], part: np.ndarray, errors: np.ndarray, less: np.ndarray | None
) -> Interval:
    groups = groups_of(board.dataset)
    which = hashlib.sha256(part.tobytes()).hexdigest()
    return _resampled(digests, board.dataset.version, which, errors, less, None if groups is None else groups[part])


@st.cache_data(max_entries=256, show_spinner=False)
@counted("selection")
def _resampled(
    digests: tuple[str, ...],
    version: str,
    which: str,
    _errors: np.ndarray,
    _less: np.ndarray | None,
    _groups: np.ndarray | None,
) -> Interval:
    if _less is None:
        return bootstrap_mean(_errors, groups=_groups)
    return paired_bootstrap(_errors, _less, groups=_groups)


def _interval(value: Interval, sign: str = "") -> str:
    mean = f"{value.value:{sign}.4f}"
    bounds = f"[{value.low:{sign}.4f},\u00a0{value.high:{sign}.4f}]"
    return mean if value.low != value.low else f"{mean}\u00a0{bounds}"


def _distributions(board: Board, rows: np.ndarray) -> dict[str, np.ndarray]:
    space, truth = board.run.space, truth_of(board.dataset)
    known = target_of(board.dataset, space) if truth is None else truth
    whole = tr("all, truth")
    taken = ("truth", whole)
    labels, predicted = list(space.labels), {}
    for name, run in board.runs.items():
        called = name if name not in taken else tr("run {name}", name=name)
        predicted[called] = run.predictions[labels].to_numpy(float)[rows].mean(0)
    return {"truth": known[rows].mean(0), **predicted, whole: known.mean(0)}


def _pictures(board: Board, ids: list[str]) -> None:
    """Draw the images of the selection, a page at a time: largest error first, of several runs largest difference."""
    errors = pd.DataFrame(
        {name: cache.samples(run, board.dataset).set_index("id")["error"] for name, run in board.runs.items()}
    ).loc[ids]
    by = errors.iloc[:, 0] if errors.shape[1] == 1 else errors.max(axis=1) - errors.min(axis=1)
    ordered = errors.loc[by.sort_values(ascending=False, kind="stable").index]
    leaves = -(-len(ordered) // LEAF)
    leaf = 1
    with st.container(key=f"{board.key}_gallery"):
        place = st.container()
        if leaves > 1:
            # Another widget for each selection and order, which begins at its first page.
            which = hashlib.sha256("\n".join(map(str, ordered.index)).encode()).hexdigest()[:8]
            leaf = int(st.pagination(leaves, key=f"{board.key}_leaf_{which}") or 1)
        here = ordered.iloc[(min(leaf, leaves) - 1) * LEAF :][:LEAF]
        said = {str(name): _said(row) for name, row in here.iterrows()}
        with place:
            pictures(board.run, board.dataset, said, board.page, board.link)


def _said(errors: pd.Series) -> str:
    if len(errors) == 1:
        return tr("error {error:.3f}", error=errors.iloc[0])
    return ", ".join(f"{name} {error:.3f}" for name, error in errors.items())


def pictures(
    run: Run, dataset: Dataset, said: Mapping[str, str], page: str = EXPLAIN, link: Mapping[str, str] | None = None
) -> None:
    """Draw small pictures side by side, what is said of each below it.

    Args:
        run: That predicts them.
        dataset: Its test split.
        said: Id -> words.
        page: The script that the name leads to.
        link: What of the view it takes along, by default the run.
    """
    query = {"run": str(state.get("run"))} if link is None else link
    with st.container(horizontal=True, gap="small"):
        for name, words in said.items():
            with st.container(width=SIDE, gap=None):
                if not run.takes_vectors:
                    st.image(cache.thumbnail(dataset, name, SIDE), width="stretch", alt=f"{name}: {words}")
                    st.page_link(page, label=plain(name), query_params={**state.common(), **query, "image": name})
                else:
                    st.markdown(plain(name))
                st.caption(plain(words))
