"""What the map is made of and how it is coloured: chosen in the view, made in a process of its own at a click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.emotions import EmotionSpace
from fisa.explain.embeddings import TITLES, offered_vectors
from fisa.explain.maps import Made, Map, look_at_map, own_map, start_map, stop_map, usual
from fisa.explain.projection import METRICS, STEPS, ProjectionError, ProjectionSettings, largest_perplexity
from fisa.language import mark, sentences, tr
from fisa.runs import Run
from fisa.ui import cache, others, rated, reading, selection, state
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, choose, guard, other_run, problem

COLOURS = {
    "emotion": mark("Emotion"), "error": mark("Error"), "entropy": mark("Entropy"), "difference": mark("Two runs"),
}  # fmt: skip
RATED = {
    "valence": mark("Valence"), "arousal": mark("Arousal"), "error": mark("Error"), "difference": mark("Two runs"),
}  # fmt: skip
TOLD = {
    "emotion": mark("dominant emotion"),
    "entropy": mark("entropy of the prediction in nats"),
    "valence": mark("predicted valence"),
    "arousal": mark("predicted arousal"),
}
ERRORS = {
    "distribution": mark("error, KL to the truth in nats"),
    "rated": mark("mean squared error"),
}
"""What the errors of runs of either kind are."""
DISTANCES = {"cosine": mark("cosine"), "euclidean": mark("euclidean")}
"""What each of ``METRICS`` is called."""
KEYS = ("vectors", "perplexity", "metric", "seed", "second", "colour", "drag")
SEEDS = 9999
EVERY = 1.0
"""Seconds between two looks at a map that is being made."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """How dots are coloured: a value for each image of the data set, in its order.

    Attributes:
        key: What the values are computed from, beside the run and the data.
        said: What they are, a text of the table of strings.
        values: Labels of ``space``, or numbers; [N].
        space: Of labels, else None.
        names: What ``said`` names.
        middle: Of numbers that differ in both directions, else None.
    """

    key: str
    said: str
    values: np.ndarray
    space: EmotionSpace | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    middle: float | None = None

    @property
    def title(self) -> str:
        """What the values are, in the person's language, also as the column of the table."""
        return tr(self.said, **self.names)

    @property
    def scale(self) -> figures.Scale:
        """Of numbers."""
        return figures.Scale() if self.space is not None else figures.Scale(self.title, self.middle)


def settle(run: Run, dataset: Dataset) -> Made:
    """Resolve of which vectors and with which settings the map is made; what is usual for the run needs no words."""
    offered = _offered(run.digest, run)
    default = _usual(run, len(dataset), offered[0])
    vectors = state.resolve("vectors", offered, default.vectors, tr("vectors"), state.get("vectors") in TITLES)
    settings = default.settings
    largest = max(largest_perplexity(len(dataset)), 1)
    perplexity = state.resolve_number("perplexity", 1, largest, settings.perplexity, tr("Perplexity"))
    metric = state.resolve("metric", METRICS, settings.metric, tr("distance"))
    seed = round(state.resolve_number("seed", 0, SEEDS, settings.seed, tr("Seed")))
    made = Made(vectors, ProjectionSettings(perplexity, next(each for each in METRICS if each == metric), seed))
    for name, word, own in zip(KEYS, made.words(), default.words(), strict=False):
        if word == own:
            state.drop(name)
    return made


def settle_second(run: Run, made: Made) -> Made | None:
    """Resolve whether the same images stand beside the map as other vectors place them; all else is as for the map."""
    others = [each for each in _offered(run.digest, run) if each != made.vectors]
    if state.get("second") in TITLES and state.get("second") not in others:
        state.drop("second")  # another run was chosen, or the map has become that of these vectors itself
    second = state.resolve_optional("second", others, tr("vectors"))
    return replace(made, vectors=second) if second else None


@st.cache_data(max_entries=64, show_spinner=False)
def _offered(run_digest: str, _run: Run) -> tuple[str, ...]:
    return offered_vectors(_run)


def _usual(run: Run, count: int, vectors: str) -> Made:
    own = own_map(run, vectors)
    return usual(vectors, count) if own is None else own.made


def settle_looks(run: Run) -> None:
    """Resolve colouring and what dragging does."""
    colours = colours_of(run)
    quiet = state.get("colour") in COLOURS | RATED
    state.resolve("colour", list(colours), next(iter(colours)), tr("colouring"), quiet)
    selection.settle_drag()


def colours_of(run: Run) -> dict[str, str]:
    """Return by what the map of a run can be coloured."""
    return RATED if rated.is_rated(run) else COLOURS


def controls(run: Run, dataset: Dataset, made: Made) -> None:
    """Draw the choice of colour, of vectors and settings, and of what dragging does; all must be resolved already."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="map_controls"):
        colours = colours_of(run)
        words = {name: tr(title) for name, title in colours.items()}
        choose("colour", list(colours), tr("Colour by"), st.segmented_control, words.__getitem__, required=True)
        if state.get("colour") == "difference" and len(cache.run_folders()) > 1:
            others.choose_one()
        selection.choose_drag("map")
        with st.popover(tr("Made of"), icon=":material/tune:", key="map_made"):
            _settings(run, dataset, made)
        reading.show("map")


def _settings(run: Run, dataset: Dataset, made: Made) -> None:
    largest = float(max(largest_perplexity(len(dataset)), 1))
    settings = made.settings
    shown = {"vectors": made.vectors, "metric": settings.metric}
    for name, value in {**shown, "perplexity": settings.perplexity, "seed": settings.seed}.items():
        st.session_state[state.key(name)] = value
    st.selectbox(
        tr("Vectors"), _offered(run.digest, run), key="choose_vectors", format_func=lambda name: tr(TITLES[name]),
        on_change=state.commit, args=("vectors",),
    )  # fmt: skip
    others = ["", *(each for each in _offered(run.digest, run) if each != made.vectors)]
    if len(others) > 1:
        st.session_state[state.key("second")] = state.get("second") or ""
        st.selectbox(
            tr("Beside it, by other vectors"), others, key="choose_second", on_change=state.commit, args=("second",),
            format_func=lambda name: tr(TITLES[name]) if name else tr("no second map"),
        )  # fmt: skip
    st.selectbox(
        tr("Distance"), METRICS, key="choose_metric", format_func=lambda name: tr(DISTANCES[name]),
        on_change=state.commit, args=("metric",),
    )  # fmt: skip
    st.number_input(
        tr("Perplexity"), 1.0, largest, step=1.0, key="choose_perplexity", on_change=state.commit, args=("perplexity",)
    )
    st.number_input(tr("Seed"), 0, SEEDS, step=1, key="choose_seed", on_change=state.commit, args=("seed",))
    st.caption(
        tr(
            "Perplexity is about how many neighbours count; {n:,} images allow {largest:g}.",
            n=len(dataset), largest=largest,
        )
    )  # fmt: skip


def colouring(run: Run, dataset: Dataset) -> Colouring:
    """Resolve the run to compare with and return the colours; where they cannot be compared, say so and show errors."""
    chosen = state.get("colour") or ""
    table = cache.samples(run, dataset)
    if chosen == "emotion":
        return Colouring(chosen, TOLD[chosen], table["dominant"].to_numpy(), run.space)
    if chosen == "difference":
        found = _difference(run, dataset, table["error"].to_numpy(float))
        if found is not None:
            return found
    column = chosen if chosen in table and chosen in TOLD else "error"
    said = ERRORS["rated" if rated.is_rated(run) else "distribution"] if column == "error" else TOLD[column]
    return Colouring(column, said, table[column].to_numpy(float))


def _difference(run: Run, dataset: Dataset, errors: np.ndarray) -> Colouring | None:
    other = other_run()
    if other is None:
        return None
    try:
        if rated.is_rated(run) != rated.is_rated(other):
            raise ProjectionError(
                f"{run.name} and {other.name} do not predict the same, so that no error compares them"
            )
        gaps = errors - cache.samples(other, dataset)["error"].to_numpy(float)
    except PROBLEMS as error:
        problem(error)
        return None
    return Colouring(
        f"difference {other.name} {other.digest}", mark("error of {run} less that of {other}"), gaps,
        names={"run": run.name, "other": other.name}, middle=0.0,
    )  # fmt: skip


def words(shown: Map) -> str:
    """Say what a map is made of, and how far it can be trusted."""
    settings, trust = shown.made.settings, shown.trust
    told = [
        tr("t-SNE of {n} test images by “{vectors}”: perplexity {perplexity:g}, {distance} distance, seed {seed}.",
           n=len(shown.points), vectors=tr(TITLES[shown.made.vectors]), perplexity=settings.perplexity,
           distance=tr(DISTANCES[settings.metric]), seed=settings.seed)
    ]  # fmt: skip
    if trust is not None:
        trusted = tr("Trustworthiness {value:.3f}", value=trust.value)
        if trust.points != len(shown.points):
            trusted = tr("Trustworthiness {value:.3f} on a sample of {n}", value=trust.value, n=trust.points)
        told.append(tr("{trusted}: 1 where the {neighbours} nearest on the map are the nearest before it.",
                       trusted=trusted, neighbours=trust.neighbours))  # fmt: skip
    return sentences(*told, tr("Distances between far groups, and the axes, mean nothing."))


def work(run: Run, dataset: Dataset, made: Made, label: str, why: str) -> None:
    """Draw how far the process is that makes a map, or why there is none, with the button that starts it."""
    found = look_at_map(run, dataset, made)
    if found.state == "running":
        _watch(run, dataset, made)
        return
    if found.state == "failed":
        st.error(plain(found.error), icon=":material/error:")
    elif found.state == "interrupted":
        st.info(tr("The last attempt was interrupted; what it had finished is kept."), icon=":material/pause_circle:")
    if st.button(label, icon=":material/scatter_plot:", type="primary", key="map_run"):
        try:
            start_map(run, dataset, made)
        except ProjectionError as error:
            problem(error)
            return
        st.rerun()
    st.caption(why)


@st.fragment(run_every=EVERY)
def _watch(run: Run, dataset: Dataset, made: Made) -> None:
    """Show how far the process is, each second, until it ends; then draw the page anew."""
    with guard():  # the page's own does not reach what a fragment does by itself
        found = look_at_map(run, dataset, made)
        if found.state != "running":
            st.rerun()
        steps = found.done - (found.total - STEPS)
        laying = found.total and steps > 0
        doing = tr("Making the map: laying out …") if laying else tr("Making the map: looking at images …")
        st.progress(found.done / max(found.total, 1), doing)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(tr("Stop"), icon=":material/stop:", on_click=stop_map, args=(run, dataset, made), key="map_stop")
            st.caption(tr("It goes on when this page is left or loaded again, and when the studio is closed."))
