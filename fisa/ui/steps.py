"""What the pages show of runs that predict the steps of sequences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from matplotlib.figure import Figure
from streamlit.delta_generator import DeltaGenerator

from fisa import figures
from fisa.datasets.sequences import SequenceSet
from fisa.distances import kl
from fisa.evaluation import EvaluationError
from fisa.figures import paper
from fisa.figures.courses import Series
from fisa.language import ENGLISH, mark, tr, using
from fisa.runs import Run
from fisa.sequence_measures import ARRIVALS, change_counts
from fisa.steps import is_planted, known_of
from fisa.ui import browse, cache, export, state
from fisa.ui.meters import waiting
from fisa.ui.state import plain
from fisa.ui.widgets import chart, html_table

SORTS = {"index": mark("Number"), "error": mark("Error, worst first")}
_MODALITIES = {"frames": mark("frames"), "text": mark("text"), "speech": mark("speech")}


def is_sequence(run: Run) -> bool:
    """Whether ``run`` predicts sequences, of which most pages have nothing to show."""
    return run.task.name == "sequence"


def notice(run: Run) -> None:
    """Say where a run of sequences is shown, in place of what a page shows of images."""
    state.share("run")
    st.info(
        tr(
            "{run} predicts sequences, not single images: Explain shows it step by step, Metrics compares it.",
            run=plain(run.name),
        ),
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
    sort = state.resolve("sort", list(SORTS), "index", tr("order"), quiet=state.get("sort") in browse.SORTS)
    order = [
        dataset.ids[place] for place in (np.argsort(-error, kind="stable") if sort == "error" else range(len(parts)))
    ]
    name = state.resolve("image", order, order[0], tr("sequence"))
    state.share("run", "image", "sort")
    with bar:
        browse.bar(order, name, {key: tr(title) for key, title in SORTS.items()})
    place = dataset.ids.index(name)
    rows = parts[place]
    matched, claimed, real = change_counts(known[rows].argmax(1), predicted[rows].argmax(1), np.array([len(rows)]))[
        0
    ].tolist()
    told, tools = st.columns([6, 1], vertical_alignment="top")
    told.markdown(
        tr(
            "**{sequence}**: {steps} steps, {real} changes of emotion, of which {run} finds {matched} within a step, "
            "among {claimed} that it predicts. Mean KL {error:.3f} nats, smaller than that of {worse:.0%} of the {n} "
            "sequences.", sequence=plain(name), steps=len(rows), real=real, run=plain(run.name), matched=matched,
            claimed=claimed, error=error[place], worse=np.mean(error > error[place]), n=len(parts),
        )
    )  # fmt: skip
    _strip(dataset, name, rows)
    read = {one: events[place] for one, events in dataset.series.items()}
    shown = {one: (events.times, events.values) for one, events in read.items() if len(events.times)}
    courses = courses_of(run.name, dataset, known[rows], predicted[rows])
    figure = figures.emotion_course(dataset.space, courses, shown, state.theme())
    with tools:
        export.draw(_offer(run, dataset, name, rows, known, predicted, shown))
    chart(figure, "course", _twin(run, dataset, known, predicted, rows), reading="sequence")
    st.caption(tr("Dotted lines stand where the emotion of the largest degree changes."))
    _missing(dataset, place, rows)


@using(ENGLISH)
def _offer(
    run: Run,
    dataset: SequenceSet,
    name: str,
    rows: np.ndarray,
    known: np.ndarray,
    predicted: np.ndarray,
    series: Series,
) -> export.Offer:
    """Return what is offered for download of one sequence, in English."""
    about = export.about_split(run, dataset) | {"sequence": name}
    courses = courses_of(run.name, dataset, known[rows], predicted[rows])

    def steps() -> pd.DataFrame:
        degrees = [
            pd.DataFrame(course, columns=[f"{label} ({which})" for label in dataset.space.labels])
            for which, course in courses.items()
        ]
        twin = _twin(run, dataset, known, predicted, rows)
        return twin.join(pd.concat(degrees, axis=1).set_index(twin.index))

    def course(width: paper.Width) -> Figure:
        return paper.course(dataset.space, courses, series, width)

    return export.Offer(f"{run.name}-{name}", about, {"course": course}, {"steps": steps}).english


def courses_of(name: str, dataset: SequenceSet, known: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return what was and what a run of this name predicts, by what a figure calls them; no two are called the same."""
    title = tr("truth") if is_planted(dataset) else tr("target")
    return {title: known, name if name != title else tr("run {name}", name=name): predicted}


def _predicted(run: Run, dataset: SequenceSet) -> np.ndarray:
    if list(run.predictions["id"]) != list(dataset.manifest["id"]):
        raise EvaluationError(f"{run.name}: its predictions are of other sequences; evaluate the run again")
    return run.predictions[list(dataset.space.labels)].to_numpy(float)


def _strip(dataset: SequenceSet, name: str, rows: np.ndarray) -> None:
    if dataset.frames is None or not dataset.frames.present[rows].any():
        st.caption(tr("This sequence has no frames."))
        return
    strip = _frames(dataset.version, name, dataset, rows[dataset.frames.present[rows]])
    st.image(strip, width="stretch", alt=tr("The frames of {sequence}, one a step, from left to right", sequence=name))


@waiting(mark("Drawing frames …"))
@st.cache_data(max_entries=64, show_spinner=False)
def _frames(version: str, name: str, _dataset: SequenceSet, _rows: np.ndarray) -> np.ndarray:
    assert _dataset.frames is not None
    pictures = [_dataset.frames[int(row)] for row in _rows]
    side = min(picture.shape[0] for picture in pictures)
    return np.concatenate([picture[:side, : picture.shape[1]] for picture in pictures], axis=1)


def _twin(run: Run, dataset: SequenceSet, known: np.ndarray, predicted: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    names = np.array(dataset.space.names)
    fine = run.predictions["fine"].to_numpy(int)[rows]
    return pd.DataFrame(
        {
            tr("step"): dataset.manifest["step"].to_numpy()[rows],
            tr("true"): names[known[rows].argmax(1)],
            tr("predicted"): names[predicted[rows].argmax(1)],
            tr("fine"): [
                tr(", ").join((names[each // len(ARRIVALS)], tr(ARRIVALS[each % len(ARRIVALS)]))) for each in fine
            ],
            "KL": kl(known[rows], predicted[rows]),
        }
    ).set_index(tr("step"))


def _missing(dataset: SequenceSet, place: int, rows: np.ndarray) -> None:
    """Say which modalities the sequence has, and at how many of its steps or with how many events."""
    there = {} if dataset.frames is None else {"frames": int(dataset.frames.present[rows].sum())}
    there |= {name: int(part.present[rows].sum()) for name, part in dataset.vectors.items()}
    table = {}
    for name, count in there.items():
        words = tr("{n} of {total} steps", n=count, total=len(rows))
        table[tr(_MODALITIES.get(name, name))] = words if count else tr("missing")
    for name, each in dataset.series.items():
        count = len(each[place].times)
        table[tr("series {name}", name=name)] = tr("{n} events", n=count) if count else tr("missing")
    html_table(pd.Series(table, dtype=object).to_frame(tr("what there is")), alt=tr("Modalities of the sequence"))
