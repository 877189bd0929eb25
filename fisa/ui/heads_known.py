"""What the heads of a run learned of pairs of emotions, beside what else is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.explain.heads import SplitMatrices
from fisa.explain.pairs import kinship, known_of_pairs, learned_effects, present_in
from fisa.figures import Kind
from fisa.language import mark, sentences, tr
from fisa.runs import Run
from fisa.ui import reading, state
from fisa.ui.heads import View
from fisa.ui.meters import waiting
from fisa.ui.widgets import chart, choose, drawn, html_table

KNOWN = {
    "co-occurrence": mark("Co-occurrence"), "correlation": mark("Correlation"),
    "wheel distance": mark("Wheel distance"), "planted": mark("Planted"),
}  # fmt: skip
"""What ``fisa.explain.pairs`` knows of pairs."""


@dataclass(frozen=True, eq=False)
class Beside:
    """What a run learned of pairs of emotions, beside what else is known of them, [C, C] each.

    Attributes:
        learned: Contributions, all heads together; NaN where no image that is looked at holds both emotions.
        known: As ``fisa.explain.pairs.known_of_pairs`` returns it.
        chosen: Which of ``known`` is drawn.
    """

    learned: np.ndarray
    known: Mapping[str, np.ndarray]
    chosen: Kind


def draw(run: Run, dataset: Dataset, matrices: SplitMatrices, view: View) -> Beside:
    """Draw learned contributions beside what else is known of pairs of emotions; return both."""
    reading.header(tr("Learned, and known otherwise"), "head_known")
    known = _known(run.digest, run)
    learned = learned_effects(matrices, present_in(dataset), view.rows)
    chosen: Kind = next(kind for kind in get_args(Kind) if kind == state.get("reference"))
    titles = {name: tr(KNOWN[name]) for name in known}
    choose("reference", list(known), tr("Beside"), st.segmented_control, titles.__getitem__, required=True)
    left, right = st.columns(2, gap="medium")
    pair, theme = (view.receives, view.gives), state.theme()
    with left:
        cells = np.nan_to_num(learned)
        title = tr("Learned contributions")
        figure = drawn(figures.matrix, cells, run.space, title, "contribution", None, theme, pair)
        chart(figure, "beside_learned", figures.matrix_table(cells, run.space))
    with right:
        other = known[chosen]
        figure = drawn(figures.matrix, other, run.space, titles[chosen], chosen, None, theme, pair)
        chart(figure, f"beside_{chosen}", figures.matrix_table(other, run.space))
    alt = tr("How learned contributions go with what else is known of pairs")
    html_table(_kinships(learned, known), alt=alt, digits=2)
    st.caption(_beside_words(run, "planted" in known))
    return Beside(learned, known, chosen)


def _kinships(learned: np.ndarray, known: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = {}
    for name, matrix in known.items():
        together = kinship(learned, matrix)
        rows[tr(KNOWN[name]).lower()] = (together.pearson, together.spearman, together.n)
    columns = [tr("Pearson's r"), tr("Spearman's ρ"), tr("pairs")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _beside_words(run: Run, drawn: bool) -> str:
    told = [
        tr(
            "Contributions, all heads together, are means over the images that {hold} both emotions, less what the "
            "column gives to emotions that are absent; pairs without such an image count 0 in the matrix and not in "
            "the table, which is over ordered pairs of different emotions. Co-occurrence and correlation are of the "
            "training labels: contributions that only repeat them would be a habit, not an interaction.",
            hold=tr("are drawn with") if drawn else tr("were named by somebody with"),
        )
    ]
    graded = (run.grades or {}).get("contributions")
    if graded:
        told.append(
            tr(
                "These are other scenes for every pair; the grade, which compares each scene with itself less one "
                "emotion, finds r = {r:.2f} over the planted pairs.", r=graded["r"],
            )
        )  # fmt: skip
    return sentences(*told)


@waiting(mark("Reading the labels of the training data …"))
@st.cache_data(max_entries=8, show_spinner=False)
def _known(run_digest: str, _run: Run) -> dict[str, np.ndarray]:
    return dict(known_of_pairs(_run))
