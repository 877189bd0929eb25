"""How one image stands: what is predicted of it and what is true, in words, and its measures among all test images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa.emotions import EmotionSpace
from fisa.language import sentences, tr
from fisa.metrics import METRICS
from fisa.records import Explanation
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import html_table


def headline(found: Explanation, subject: Subject, system: str, table: pd.DataFrame | None = None) -> str:
    """Say in Markdown what is predicted and, where it is known, how far from the truth that is."""
    strongest = _strongest(found.space, found.distribution)
    told = [tr("**{run}** predicts {emotions}.", run=plain(system), emotions=strongest)]
    if "truth" in subject.known:
        told.append(tr("The truth is {emotions}.", emotions=_strongest(found.space, subject.known["truth"])))
    elif not subject.known:
        told.append(tr("There is no ground truth for this image."))
    if table is not None:
        error = float(table.loc[table["id"] == subject.name, "error"].iloc[0])
        worse = _share_worse(table["error"], error, False)
        told.append(
            tr("Its error is {error:.4f} nats, smaller than on {worse:.0%} of the test images.",
               error=error, worse=worse)
        )  # fmt: skip
    return sentences(*told)


def _strongest(space: EmotionSpace, row: np.ndarray) -> str:
    return tr(", ").join(f"{space.names[i]} {row[i]:.0%}" for i in np.argsort(-row, kind="stable")[:2])


def measures(table: pd.DataFrame, name: str) -> None:
    """Draw the measures of one test image with the share of test images that are worse."""
    row = table.loc[table["id"] == name].iloc[0]
    rows = {}
    if "kl_truth" in table:
        rows[tr("KL to the truth")] = (float(row["kl_truth"]), _share_worse(table["kl_truth"], row["kl_truth"], False))
    for metric in METRICS.values():
        value = float(row[metric.name])
        rows[tr(metric.title)] = (value, _share_worse(table[metric.name], value, metric.higher_is_better))
    texts = {title: [value, tr("{share:.0%} of test images", share=share)] for title, (value, share) in rows.items()}
    shown = pd.DataFrame.from_dict(texts, orient="index", columns=[tr("this image"), tr("better than")])
    html_table(shown, alt=tr("Measures of {image}", image=name))
    if "kl_truth" in table:
        st.caption(tr("The first row is measured on the true distribution, the others on the raters' votes."))


def _share_worse(values: pd.Series, value: float, higher_is_better: bool) -> float:
    column = values.to_numpy(float)
    return float(np.mean(column < value if higher_is_better else column > value))
