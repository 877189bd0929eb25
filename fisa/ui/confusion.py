"""What the dominant emotion of a run's test images is taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa import evaluation, figures
from fisa.classification import Classification, classify
from fisa.datasets import Dataset, groups_of
from fisa.language import tr
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
    return classify(evaluation.target_of(_dataset), predicted, _dataset.space, groups_of(_dataset))


def draw(run: Run) -> None:
    """Draw the confusion matrix of the test images that have one dominant label, with its numbers and words.

    Nothing is drawn for a run that predicts no distribution.
    """
    if run.task.name != "distribution":
        return
    reading.header(tr("What {run} mistakes for what", run=plain(run.name)), "confusion")
    dataset = cache.test_data(run)
    try:
        found = _classified(run.digest, dataset.version, run, dataset)
    except ValueError as error:
        st.caption(tr("No confusion matrix: {why}.", why=plain(str(error))))
        return
    labels = evaluation.as_json(found)
    words = tr(
        "Test images by their dominant emotion. Errors: {errors}. Macro F1 {f1:.3f}, balanced accuracy {balanced:.3f}, "
        "accuracy {accuracy:.3f} [{low:.3f}, {high:.3f}], n = {n}.",
        errors=errors_in_words(labels),
        f1=found.macro_f1,
        balanced=found.balanced_accuracy,
        accuracy=found.accuracy.value,
        low=found.accuracy.low,
        high=found.accuracy.high,
        n=found.n,
    )
    st.caption(plain(words))
    totals = found.confusion.sum(axis=1, keepdims=True)
    shares = np.divide(found.confusion, totals, out=np.zeros(found.confusion.shape), where=totals > 0)
    order = list(dataset.space.wheel) or list(range(len(dataset.space)))
    names = [dataset.space.names[column] for column in order]
    twin = pd.DataFrame(found.confusion[np.ix_(order, order)], pd.Index(names, name=tr("true")), names)
    figure = drawn(figures.matrix, shares, dataset.space, "", "confusion", 1.0, state.theme())
    chart(figure, "confusion", twin)
