"""What the dominant emotion of a run's test images is taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa import evaluation, figures
from fisa.classification import Classification, classify
from fisa.datasets import Dataset
from fisa.runs import Run
from fisa.studies import errors_in_words
from fisa.ui import cache, reading, state
from fisa.ui.counted import counted
from fisa.ui.state import plain
from fisa.ui.widgets import chart, drawn


@st.cache_data(max_entries=32, show_spinner=False)
@counted("confusion")
def _classified(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> Classification:
    predicted = _run.predictions[list(_dataset.space.labels)].to_numpy(float)
    return classify(evaluation.target_of(_dataset), predicted, _dataset.space)


def draw(run: Run) -> None:
    """Draw the confusion matrix of the test images that have one dominant label, with its numbers and words.

    Nothing is drawn for a run that predicts no distribution.
    """
    if run.task.name != "distribution":
        return
    reading.header(f"What {plain(run.name)} mistakes for what", "confusion")
    dataset = cache.test_data(run)
    try:
        found = _classified(run.digest, dataset.version, run, dataset)
    except ValueError as error:
        st.caption(f"No confusion matrix: {plain(str(error))}.")
        return
    labels = evaluation.as_json(found)
    words = f"Test images by their dominant emotion. Errors: {errors_in_words(labels)}."
    measures = f"Macro F1 {found.macro_f1:.3f}, balanced accuracy {found.balanced_accuracy:.3f}"
    low_high = f"accuracy {found.accuracy.value:.3f} [{found.accuracy.low:.3f}, {found.accuracy.high:.3f}]"
    st.caption(plain(f"{words} {measures}, {low_high}, n = {found.n}."))
    totals = found.confusion.sum(axis=1, keepdims=True)
    shares = np.divide(found.confusion, totals, out=np.zeros(found.confusion.shape), where=totals > 0)
    order = list(dataset.space.wheel) or list(range(len(dataset.space)))
    names = [dataset.space.labels[column] for column in order]
    twin = pd.DataFrame(found.confusion[np.ix_(order, order)], pd.Index(names, name="true"), names)
    figure = drawn(figures.matrix, shares, dataset.space, "", "confusion", 1.0, state.theme())
    chart(figure, "confusion", twin)
