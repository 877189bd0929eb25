"""Where on the wheel a run puts the mass that belongs elsewhere, and the images in which it does."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from fisa import evaluation, figures
from fisa.datasets import Dataset
from fisa.emotions import EmotionSpace
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.slices import Slice, as_link
from fisa.transport import wheel_transport
from fisa.ui import cache, panels, reading, selection, state
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, selected

SHOWN = 8
"""Images of a pair that are shown here."""
IN_SLICE = 100
"""Images of a pair that the gallery opens."""
_KEY = "transfer"


def applies(run: Run) -> bool:
    """Tell whether a run predicts distributions of emotions that have a wheel."""
    return run.task.name == "distribution" and bool(run.space.wheel)


def settle(run: Run) -> None:
    """Resolve which pair of emotions is looked at: the one between which most mass goes, if none was asked for."""
    if not applies(run):
        state.drop("moved")
        return
    mass = moved(_couplings_of(run, cache.test_data(run)).mean(0))
    most = _pair(run.space, *np.unravel_index(int(mass.argmax()), mass.shape))
    state.resolve("moved", _pairs(run.space), most, tr("transfer between emotions"))


def draw(run: Run) -> NDArray[np.float64] | None:
    """Draw the mass-transfer matrix of the test images, and those in which most goes from one emotion to another.

    The pair must be settled.

    Returns:
        The mean mass that goes from emotion to emotion, [C, C], with what stays; None for a run to which it does not
        apply, for which nothing is drawn.
    """
    if not applies(run):
        return None
    dataset = cache.test_data(run)
    couplings = _couplings_of(run, dataset)
    mean = np.asarray(couplings.mean(0))
    chosen = str(state.get("moved"))
    true, predicted = (run.space.index(label) for label in chosen.split(">"))
    reading.header(tr("Where {run} puts mass that belongs elsewhere", run=plain(run.name)), "transfer")
    left, right = st.columns(2, gap="medium")
    with left:
        pair = (true, predicted)
        figure = figures.matrix(moved(mean), run.space, "", "transfer", None, state.theme(), pair)
        chart(figure, _KEY, table(mean, run.space), partial(_take_cell, run.space))
        st.caption(_words(run, dataset, mean))
    with right:
        _images(run, dataset, couplings[:, true, predicted], chosen)
    return mean


def moved(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean mass that goes from emotion to emotion, [C, C], without what stays."""
    return mean - np.diag(np.diag(mean))


def table(mean: NDArray[np.float64], space: EmotionSpace) -> pd.DataFrame:
    """Return the mean mass that goes from each emotion, a row, to each, a column, with what stays; in wheel order."""
    order = panels.wheel_order(space)
    names = [space.names[column] for column in order]
    return pd.DataFrame(mean[np.ix_(order, order)], pd.Index(names, name=tr("true")), names)


def _couplings_of(run: Run, dataset: Dataset) -> NDArray[np.float64]:
    return _couplings(run.digest, dataset.version, run, dataset)


@waiting(mark("Following the mass of each prediction …"))
@st.cache_resource(max_entries=4, show_spinner=False)
@counted("transport")
def _couplings(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> NDArray[np.float64]:
    """Return the mass that goes from emotion to emotion in each test image, [N, C, C]; the truth where it is known."""
    truth = evaluation.truth_of(_dataset)
    target = evaluation.target_of(_dataset) if truth is None else truth
    predicted = _run.predictions[list(_run.space.labels)].to_numpy(float)
    return wheel_transport(target, predicted, _run.space.wheel)


def _words(run: Run, dataset: Dataset, mean: NDArray[np.float64]) -> str:
    steps = run.space.wheel_steps()
    stays, near = np.trace(mean), mean[steps == 1].sum()
    known = tr("truth") if evaluation.truth_of(dataset) is not None else tr("votes")
    return tr(
        "Mean over {n:,} test images of the cheapest way around the wheel from the {known} to the prediction: "
        "{stays:.1%} of the mass stays (the diagonal, left out here), {near:.1%} goes to a neighbour, {further:.1%} "
        "further; {steps:.3f} steps in the mean. Click a cell for its images.",
        n=len(dataset),
        known=known,
        stays=stays,
        near=near,
        further=1 - stays - near,
        steps=(mean * steps).sum(),
    )


def _images(run: Run, dataset: Dataset, mass: NDArray[np.float64], chosen: str) -> None:
    """Draw the images in which most mass goes from one emotion to another, and a way to more of them."""
    choose("moved", _pairs(run.space), tr("From the true to the predicted emotion"), shown=_spoken)
    order = np.argsort(-mass, kind="stable")
    order = order[mass[order] > 0][:IN_SLICE]
    ids = dataset.manifest["id"].astype(str).to_numpy()
    if not len(order):
        st.caption(tr("In no test image does mass go this way."))
        return
    said = {ids[place]: f"{mass[place]:.1%}" for place in order[:SHOWN]}
    selection.pictures(run, dataset, said)
    st.caption(
        tr(
            "The share of the whole distribution that goes this way; {some:.0%} of the images have some. A name opens "
            "the image on Explain.",
            some=(mass > 0).mean(),
        )
    )
    part = Slice(chosen.replace(">", " to "), dataset.name, dataset.split, dataset.version, tuple(ids[order]))
    link = {"run": str(state.get("run")), "slice": as_link(part), "filter": ""}
    words = tr("All of them in the gallery")
    if len(order) > SHOWN:
        words = tr("The {n} with most of it in the gallery", n=len(order))
    st.page_link("pages/gallery.py", label=words, icon=":material/grid_view:", query_params=link)


def _take_cell(space: EmotionSpace) -> None:
    cell = selected(_KEY)
    if cell and cell[0] != cell[1]:
        state.put("moved", _pair(space, *cell))


def _pairs(space: EmotionSpace) -> list[str]:
    order = panels.wheel_order(space)
    return [_pair(space, true, predicted) for true in order for predicted in order if true != predicted]


def _pair(space: EmotionSpace, true: int | np.intp, predicted: int | np.intp) -> str:
    return f"{space.labels[int(true)]}>{space.labels[int(predicted)]}"


def _spoken(pair: str) -> str:
    true, predicted = map(tr, pair.split(">"))
    return tr("{true} to {predicted}", true=true, predicted=predicted)
