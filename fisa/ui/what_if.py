"""What if: edits of the image or of the model, and what they do to the prediction; a link holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.datasets.planted import PlantedDataset, Scene
from fisa.explain.baselines import WORDS
from fisa.explain.edits import (
    Cover,
    Edit,
    EditError,
    Feature,
    Remove,
    Scale,
    Silence,
    Swap,
    join_edits,
    parse_edit,
    split_edits,
)
from fisa.explain.embeddings import are_kept
from fisa.explain.what_if import (
    Means,
    Outcome,
    check_edit,
    edited_image,
    edited_scene,
    feature_means,
    what_if,
)
from fisa.figures.boxes import Box
from fisa.figures.checks import signed, top_emotions
from fisa.language import tr
from fisa.records import Explanation
from fisa.runs import Run
from fisa.ui import cache, panels, reading, state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import meter
from fisa.ui.state import plain
from fisa.ui.what_if_form import STAND_TITLES, add, new_edit
from fisa.ui.widgets import chart, html_table, table_twin

_OPEN = "what_if_open"


def settle(run: Run, scene: Scene | None) -> list[Edit]:
    """Return the edits that the view asks for; those that cannot be done are named and left out.

    Args:
        run: Whose model may be changed.
        scene: Behind the image, None where it is no drawing; see :func:`scene_of`.
    """
    asked = state.get("edits")
    if not asked:
        return []
    edits = []
    for text in split_edits(asked):
        try:
            edit = parse_edit(text)
            check_edit(edit, run, scene)
        except EditError as error:
            state.notice(tr("Left out: {error}.", error=error))
        else:
            edits.append(edit)
    state.keep("edits", join_edits(edits))
    return edits


def draw(run: Run, found: Explanation, subject: Subject, scene: Scene | None, edits: Sequence[Edit]) -> None:
    """Draw the section: closed until it is asked for, so that nobody waits for it."""
    reading.header(tr("What if"), "what_if")
    if edits:
        st.session_state[_OPEN] = True
    if not st.toggle(tr("Change the picture or the model"), key=_OPEN, on_change=_reset):
        st.caption(tr("Cover a region, leave out a motif, silence a head, scale an interaction, and see what changes."))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _picture(subject, scene, edits)
    with right:
        new_edit(run, scene, edits)
        _listed(edits)
    if edits:
        outcome = _outcome(run, found, subject, scene, edits)
        _changes(outcome, run, scene, edits)


def scene_of(dataset: Dataset, subject: Subject) -> Scene | None:
    """Return the scene behind an image, or None where it is no drawing."""
    if not isinstance(dataset, PlantedDataset):
        return None
    return dataset.scene(int(np.flatnonzero(dataset.manifest["id"] == subject.name)[0]))


def in_words(edit: Edit) -> str:
    """Say what an edit does."""
    match edit:
        case Cover():
            return tr(
                "Cover {left:.0%} to {right:.0%} across, {top:.0%} to {bottom:.0%} down, with {fill}",
                left=edit.left, right=edit.right, top=edit.top, bottom=edit.bottom, fill=tr(WORDS[edit.fill]),
            )  # fmt: skip
        case Remove(number=None):
            return tr("Leave out the motifs of {emotion}", emotion=tr(edit.emotion))
        case Remove():
            return tr("Leave out motif {number} of {emotion}", number=edit.number, emotion=tr(edit.emotion))
        case Silence():
            return tr("Silence head {head}", head=edit.head)
        case Feature():
            return tr(
                "Class feature of {emotion}: {stand}", emotion=tr(edit.emotion), stand=tr(STAND_TITLES[edit.stand])
            )
        case Swap():
            return tr("Exchange the label embeddings of {first} and {second}",
                      first=tr(edit.first), second=tr(edit.second))  # fmt: skip
        case Scale():
            return tr("What {giver} contributes to {receiver}, times {factor:g}",
                      giver=tr(edit.source), receiver=tr(edit.target), factor=edit.factor)  # fmt: skip


def _picture(subject: Subject, scene: Scene | None, edits: Sequence[Edit]) -> None:
    """Draw the edited picture, on which a box can be dragged."""
    # A key for every state: the box that was drawn becomes an edit, and is gone from the next picture.
    key = f"what_if_picture_{join_edits(edits)}"

    def cover() -> None:
        drawn = _drawn_box(key)
        if drawn is not None:
            add(edits, Cover(*drawn, st.session_state.get("what_if_fill", "blur")))

    boxes: list[Box] = [(e.left, e.top, e.right, e.bottom) for e in edits if isinstance(e, Cover)]
    alt = tr("{image} as edited: {edits}. Drag a box to cover it, or give its sides as numbers.",
             image=subject.name, edits=tr("; ").join(map(in_words, edits)) or tr("nothing changed"))  # fmt: skip
    image = _edited_picture(subject.digest, join_edits(edits), subject, scene, edits)
    chart(figures.boxable_picture(image, boxes, alt, state.theme(), subject.aspect), key, None, cover, ("box",))
    st.caption(tr("Drag a box over what you want to cover."))


def _drawn_box(key: str) -> Box | None:
    """Return the box that was drawn last, within the picture; None where it has no area there."""
    boxes = (st.session_state.get(key) or {}).get("selection", {}).get("box", [])
    if not boxes:
        return None
    sides = [sorted(min(max(round(float(side), 3), 0.0), 1.0) for side in boxes[-1][axis]) for axis in ("x", "y")]
    (left, right), (top, bottom) = sides
    return (left, top, right, bottom) if left < right and top < bottom else None


def _listed(edits: Sequence[Edit]) -> None:
    """Draw the edits that are in force, each with a button that takes it back, and one for all."""
    for place, edit in enumerate(edits):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            rest, words = join_edits([*edits[:place], *edits[place + 1 :]]), in_words(edit)
            st.button(
                "", icon=":material/close:", help=tr("Take back: {edit}", edit=words), key=f"what_if_drop_{place}",
                on_click=state.put, args=("edits", rest),
            )  # fmt: skip
            st.markdown(plain(words), width="stretch")
    if edits:
        st.button(tr("Reset"), icon=":material/restart_alt:", key="what_if_reset", on_click=_reset)


def _reset() -> None:
    state.put("edits", "")


def _changes(outcome: Outcome, run: Run, scene: Scene | None, edits: Sequence[Edit]) -> None:
    before, after, space = outcome.before.distribution, outcome.after.distribution, run.space
    st.markdown(
        tr("**{run}** would predict {after} instead of {before}.",
           run=plain(run.name), after=top_emotions(space, after, 2), before=top_emotions(space, before, 2))
    )  # fmt: skip
    left, right = st.columns(2, gap="medium")
    named = {tr("before"): before, tr("after"): after}
    if scene is not None and not any(isinstance(edit, Cover) for edit in edits):
        named["truth"] = edited_scene(scene, edits).distribution
    with left:
        panels.distributions(named, space, "what_if_wheel")
        if "truth" in named and any(isinstance(edit, Remove) for edit in edits):
            st.caption(tr("The truth is that of the scene without what was left out."))
    with right:
        html_table(_written(outcome, run), alt=tr("Logits and degrees before and after the edits"))
        numbers = outcome.table().iloc[panels.wheel_order(space)]
        table_twin(numbers.rename(index=tr, columns=tr).rename_axis(tr("emotion")), "what_if_changes")
        if outcome.absent is not None:
            st.caption(
                tr(
                    "In the gauge: less the mean change of the emotions that the scene does not show, as the grades "
                    "count it, since a softmax ignores what all logits share."
                )
            )


def _written(outcome: Outcome, run: Run) -> pd.DataFrame:
    """Return a row an emotion in wheel order: logit and its exact change, degree in per cent and its change."""
    order = panels.wheel_order(run.space)
    before, after, gauged = outcome.before, outcome.after, outcome.gauged
    columns = {
        tr("logit"): [f"{signed(before.logits[i])} → {signed(after.logits[i])}" for i in order],
        tr("change"): [signed(outcome.change[i], 3) for i in order],
        tr("in the gauge"): [] if gauged is None else [signed(gauged[i], 3) for i in order],
        tr("degree, %"): [f"{100 * before.distribution[i]:.1f} → {100 * after.distribution[i]:.1f}" for i in order],
    }
    index = [run.space.names[i] for i in order]
    return pd.DataFrame({name: texts for name, texts in columns.items() if texts}, index=index)


def _outcome(run: Run, found: Explanation, subject: Subject, scene: Scene | None, edits: Sequence[Edit]) -> Outcome:
    means: Means = {}
    if any(isinstance(edit, Feature) and edit.stand != "zero" for edit in edits):
        dataset = cache.test_data(run)
        if not are_kept(run, dataset):
            with meter(tr("Looking at every test image …")) as progress:
                feature_means(run, dataset, progress)
        means = _means(run.digest, dataset.version, run, dataset)
    return _computed(run.digest, subject.digest, join_edits(edits), run, found, subject, scene, means)


@st.cache_data(max_entries=128, show_spinner=False)
@counted("edited")
def _computed(
    run_digest: str,
    image_digest: str,
    edits: str,
    _run: Run,
    _found: Explanation,
    _subject: Subject,
    _scene: Scene | None,
    _means: Means,
) -> Outcome:
    asked = [parse_edit(text) for text in split_edits(edits)]
    return what_if(_run, _subject.seen_by(_run), asked, _scene, _means, _found)


@st.cache_data(max_entries=8, show_spinner=False)
def _means(run_digest: str, data_version: str, _run: Run, _dataset: Dataset) -> Means:
    return feature_means(_run, _dataset)


@st.cache_data(max_entries=32, show_spinner=False)
def _edited_picture(
    image_digest: str, edits: str, _subject: Subject, _scene: Scene | None, _edits: Sequence[Edit]
) -> np.ndarray:
    return edited_image(_subject.picture, _edits, len(_subject.picture), _scene)
