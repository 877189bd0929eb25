"""What the pages show of runs that predict the steps of sequences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa import figures
from fisa.datasets.sequences import SequenceSet
from fisa.distances import kl
from fisa.evaluation import EvaluationError
from fisa.language import mark
from fisa.runs import Run
from fisa.sequence_measures import ARRIVALS, change_counts
from fisa.steps import is_planted, known_of
from fisa.ui import browse, cache, state
from fisa.ui.meters import waiting
from fisa.ui.state import plain
from fisa.ui.widgets import chart, html_table

SORTS = {"index": "Number", "error": "Error, worst first"}


def is_sequence(run: Run) -> bool:
    """Whether ``run`` predicts sequences, of which most pages have nothing to show."""
    return run.task.name == "sequence"


def notice(run: Run) -> None:
    """Say where a run of sequences is shown, in place of what a page shows of images."""
    state.share("run")
    st.info(
        f"{plain(run.name)} predicts sequences, not single images: Explain shows it step by step, Metrics compares it.",
        icon=":material/timeline:",
    )


def explain_page(run: Run, bar: DeltaGenerator) -> None:
    """Draw Explain: a sequence's frames, its true and predicted emotions over time, and the moments of change."""
    dataset = cache.test_data(run)
    assert isinstance(dataset, SequenceSet)
    predicted = _predicted(run, dataset)
    known = known_of(dataset)
    parts = np.split(np.arange(len(known)), np.cumsum(dataset.lengths)[:-1])
    error = np.array([kl(known[rows], predicted[rows]).mean() for rows in parts])
    sort = state.resolve("sort", list(SORTS), "index", "order")
    order = [
        dataset.ids[place] for place in (np.argsort(-error, kind="stable") if sort == "error" else range(len(parts)))
    ]
    name = state.resolve("image", order, order[0], "sequence")
    state.share("run", "image", "sort")
    with bar:
        browse.bar(order, name, SORTS)
    place = dataset.ids.index(name)
    rows = parts[place]
    matched, claimed, real = change_counts(known[rows].argmax(1), predicted[rows].argmax(1), np.array([len(rows)]))[
        0
    ].tolist()
    st.markdown(
        f"**{plain(name)}**: {len(rows)} steps, {real} changes of emotion, of which {plain(run.name)} finds {matched} "
        f"within a step, among {claimed} that it predicts. Mean KL {error[place]:.3f} nats, smaller than that of "
        f"{np.mean(error > error[place]):.0%} of the {len(parts)} sequences."
    )
    _strip(dataset, name, rows)
    title = "truth" if is_planted(dataset) else "target"
    read = {one: events[place] for one, events in dataset.series.items()}
    shown = {one: (events.times, events.values) for one, events in read.items() if len(events.times)}
    figure = figures.emotion_course(
        dataset.space, {title: known[rows], run.name: predicted[rows]}, shown, state.theme()
    )
    chart(figure, "course", _twin(run, dataset, known, predicted, rows), reading="sequence")
    st.caption("Dotted lines stand where the emotion of the largest degree changes.")
    _missing(dataset, place, rows)


def _predicted(run: Run, dataset: SequenceSet) -> np.ndarray:
    if list(run.predictions["id"]) != list(dataset.manifest["id"]):
        raise EvaluationError(f"{run.name}: its predictions are of other sequences; evaluate the run again")
    return run.predictions[list(dataset.space.labels)].to_numpy(float)


def _strip(dataset: SequenceSet, name: str, rows: np.ndarray) -> None:
    if dataset.frames is None or not dataset.frames.present[rows].any():
        st.caption("This sequence has no frames.")
        return
    strip = _frames(dataset.version, name, dataset, rows[dataset.frames.present[rows]])
    st.image(strip, width="stretch", alt=f"The frames of {name}, one a step, from left to right")


@waiting(mark("Drawing frames …"))
@st.cache_data(max_entries=64, show_spinner=False)
def _frames(version: str, name: str, _dataset: SequenceSet, _rows: np.ndarray) -> np.ndarray:
    assert _dataset.frames is not None
    pictures = [_dataset.frames[int(row)] for row in _rows]
    side = min(picture.shape[0] for picture in pictures)
    return np.concatenate([picture[:side, : picture.shape[1]] for picture in pictures], axis=1)


def _twin(run: Run, dataset: SequenceSet, known: np.ndarray, predicted: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    labels = np.array(dataset.space.labels)
    fine = run.predictions["fine"].to_numpy(int)[rows]
    return pd.DataFrame(
        {
            "step": dataset.manifest["step"].to_numpy()[rows],
            "true": labels[known[rows].argmax(1)],
            "predicted": labels[predicted[rows].argmax(1)],
            "fine": [f"{labels[each // len(ARRIVALS)]}, {ARRIVALS[each % len(ARRIVALS)]}" for each in fine],
            "KL": kl(known[rows], predicted[rows]),
        }
    ).set_index("step")


def _missing(dataset: SequenceSet, place: int, rows: np.ndarray) -> None:
    """Say which modalities the sequence has, and at how many of its steps or with how many events."""
    there = {} if dataset.frames is None else {"frames": int(dataset.frames.present[rows].sum())}
    there |= {name: int(part.present[rows].sum()) for name, part in dataset.vectors.items()}
    table = {name: [f"{count} of {len(rows)} steps" if count else "missing"] for name, count in there.items()}
    events = {name: len(each[place].times) for name, each in dataset.series.items()}
    table |= {f"series {name}": [f"{count} events" if count else "missing"] for name, count in events.items()}
    html_table(
        pd.DataFrame.from_dict(table, orient="index", columns=["what there is"]), alt="Modalities of the sequence"
    )
