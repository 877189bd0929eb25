"""What the dominant emotion of a run's test images is taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from fisa import evaluation, figures
from fisa.classification import Classification, classify
from fisa.datasets import Dataset, groups_of
from fisa.emotions import EmotionSpace
from fisa.language import tr
from fisa.runs import Run
from fisa.studies import errors_in_words
from fisa.ui import cache, panels, reading, state
from fisa.ui.counted import counted
from fisa.ui.state import plain
from fisa.ui.widgets import chart, drawn


@st.cache_data(max_entries=32, show_spinner=False)
@counted("confusion")
def _classified(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> Classification:
    predicted = _run.predictions[list(_dataset.space.labels)].to_numpy(float)
    return classify(evaluation.target_of(_dataset), predicted, _dataset.space, groups_of(_dataset))


def draw(run: Run) -> Classification | None:
    """Draw the confusion matrix of the test images that have one dominant label, with its numbers and words.

    Returns:
        What is drawn; None where there is none, as for a run that predicts no distribution.
    """
    if run.task.name != "distribution":
        return None
    reading.header(tr("What {run} mistakes for what", run=plain(run.name)), "confusion")
    dataset = cache.test_data(run)
    try:
        found = _classified(run.digest, dataset.version, run, dataset)
    except ValueError as error:
        st.caption(tr("No confusion matrix: {why}.", why=plain(str(error))))
        return None
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
    space = dataset.space
    figure = drawn(figures.matrix, found.shares, space, "", "confusion", 1.0, state.theme())
    chart(figure, "confusion", counts(found, space))
    return found


def counts(found: Classification, space: EmotionSpace) -> pd.DataFrame:
    """Return how many images of each label, a row, are taken for which, a column; both in wheel order."""
    order = panels.wheel_order(space)
    names = [space.names[column] for column in order]
    return pd.DataFrame(found.confusion[np.ix_(order, order)], pd.Index(names, name=tr("true")), names)
