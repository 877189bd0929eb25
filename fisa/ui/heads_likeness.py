"""How alike the heads of a run are, and what silencing each of them changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.explain.heads import Importance, SplitMatrices, importance, importance_table, linear_cka, pattern_similarity
from fisa.figures.checks import signed
from fisa.figures.heads import Likeness
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.ui import reading, state
from fisa.ui.counted import counted
from fisa.ui.heads import View
from fisa.ui.meters import waiting
from fisa.ui.widgets import chart, html_table

MEASURES = {
    "score": mark("score, 1 − KL(p‖q)/KL(p‖constant), which falls where a head matters"),
    "kl": mark("KL to the votes in nats, which rises where a head matters"),
}
CHANGES = {"score": mark("change of the score"), "kl": mark("change of the kl")}
"""Of what silencing heads changes."""


@dataclass(frozen=True, eq=False)
class Alike:
    """How alike the heads of a run are, and what each of them is for.

    Attributes:
        pattern: Likeness of their mean contributions over the images that are looked at, [H, H]; None for one head.
        cka: How alike they vary over all images, [H, H].
        silenced: What silencing each of them changes, over all images.
    """

    pattern: np.ndarray | None
    cka: np.ndarray
    silenced: Importance


def draw(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> Alike:
    """Draw how alike the heads are, and what silencing each of them changes; return it."""
    reading.header(tr("Heads beside each other"), "head_likeness")
    count, pattern = matrices.contribution.shape[1], None
    similar = _cka(run.digest, dataset.version, matrices)
    if count > 1:
        pattern = pattern_similarity(matrices.mean("contribution", view.rows), "contribution")
        numbers = pd.RangeIndex(1, count + 1, name=tr("head"))
        shown: dict[Likeness, np.ndarray] = {"pattern": pattern, "cka": similar}
        for column, (kind, values) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
            with column:
                figure = figures.head_similarity(values, kind, state.theme())
                chart(figure, f"heads_{kind}", pd.DataFrame(values, index=numbers, columns=numbers.rename(None)))
        st.caption(
            tr(
                "Left: do two heads have the same mean contributions, each column centred? Right: do they rise and "
                "fall in the same images? A head that another one is like in both is redundant."
            )
        )
    silenced = _importance(run.digest, dataset.version, run, dataset, matrices)
    html_table(importance_words(silenced, similar), alt=tr("What silencing each head changes"))
    st.caption(importance_note(silenced))
    return Alike(pattern, similar, silenced)


def importance_note(silenced: Importance) -> str:
    """Say what the table of :func:`importance_words` holds."""
    return tr(
        "Change of the {measure}; with every head it is {whole:.4f}. A silenced head contributes nothing. In "
        "brackets 95 % bootstrap intervals over the test images; nearest: the head most alike by linear CKA.",
        measure=tr(MEASURES[silenced.measure]), whole=silenced.whole,
    )  # fmt: skip


def importance_words(silenced: Importance, similar: np.ndarray) -> pd.DataFrame:
    """Return what silencing each head and all of them changes, with intervals and the nearest head, as people read it.

    Args:
        silenced: What it changes.
        similar: How alike heads are, [H, H].
    """
    table = importance_table(silenced, similar)
    rows = {
        tr("without head {head}", head=head): (
            _interval(row["change"], row["low"], row["high"]),
            "–"
            if pd.isna(row["nearest"])
            else tr("head {head}, {similarity:.2f}", head=int(row["nearest"]), similarity=row["similarity"]),
        )
        for head, row in table.iterrows()
    }
    every = silenced.without
    rows[tr("without any head")] = (_interval(every.value, every.low, every.high), "–")
    return pd.DataFrame.from_dict(rows, orient="index", columns=[tr(CHANGES[silenced.measure]), tr("nearest")])


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


def _interval(value: float, low: float, high: float) -> str:
    return f"{signed(value, 4)} [{signed(low, 4)}, {signed(high, 4)}]"
