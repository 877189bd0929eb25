"""What if: edits of the image or of the model, and what they do to the prediction; a link holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import Dataset
from fisa.datasets.planted import PlantedDataset, Scene
from fisa.explain.baselines import BASELINES, WORDS
from fisa.explain.edits import (
    LARGEST_FACTOR,
    STANDS,
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
    KINDS,
    Means,
    Outcome,
    check_edit,
    edited_image,
    edited_scene,
    feature_means,
    heads_of,
    refusal,
    shown_by,
    what_if,
)
from fisa.figures.boxes import Box
from fisa.figures.checks import signed, top_emotions
from fisa.language import mark, tr
from fisa.records import Explanation
from fisa.runs import Run
from fisa.ui import panels, reading, state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import meter
from fisa.ui.state import plain
from fisa.ui.widgets import chart, html_table, table_twin

TITLES: dict[type[Edit], str] = {
    Cover: mark("Cover a region"),
    Remove: mark("Leave out an emotion's motifs"),
    Silence: mark("Silence a head"),
    Feature: mark("Remove an emotion's feature"),
    Swap: mark("Exchange two label embeddings"),
    Scale: mark("Scale an interaction"),
}
_STANDS = {
    "absent": mark("its mean over images without the emotion"),
    "mean": mark("its mean over all images"),
    "zero": mark("zero, which no image has"),
}
_OPEN, _KIND = "what_if_open", "what_if_kind"
_SIDES = {
    "left": mark("Left, 0 to 1"), "top": mark("Top, 0 to 1"), "right": mark("Right, 0 to 1"),
    "bottom": mark("Bottom, 0 to 1"),
}  # fmt: skip


def settle(run: Run, dataset: Dataset, subject: Subject) -> list[Edit]:
    """Return the edits that the view asks for; those that cannot be done are named and left out."""
    asked = state.get("edits")
    if not asked:
        return []
    scene, edits = _scene(dataset, subject), []
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


def draw(run: Run, dataset: Dataset, found: Explanation, subject: Subject, edits: Sequence[Edit]) -> None:
    """Draw the section: closed until it is asked for, so that nobody waits for it."""
    reading.header(tr("What if"), "what_if")
    if edits:
        st.session_state[_OPEN] = True
    if not st.toggle(tr("Change the picture or the model"), key=_OPEN, on_change=_reset):
        st.caption(tr("Cover a region, leave out a motif, silence a head, scale an interaction, and see what changes."))
        return
    scene = _scene(dataset, subject)
    left, right = st.columns(2, gap="medium")
    with left:
        _picture(subject, scene, edits)
    with right:
        _new_edit(run, scene, edits)
        _listed(edits)
    if edits:
        outcome = _outcome(run, dataset, found, subject, scene, edits)
        _changes(outcome, run, scene, edits)


def in_words(edit: Edit) -> str:
    """Say what an edit does."""
    match edit:
        case Cover():
            return tr(
                "Cover {left:.0%} to {right:.0%} across, {top:.0%} to {bottom:.0%} down, with {fill}",
                left=edit.left, right=edit.right, top=edit.top, bottom=edit.bottom, fill=tr(WORDS[edit.fill]),
            )  # fmt: skip
        case Remove():
            return tr("Leave out the motifs of {emotion}", emotion=tr(edit.emotion))
        case Silence():
            return tr("Silence head {head}", head=edit.head)
        case Feature():
            return tr("Class feature of {emotion}: {stand}", emotion=tr(edit.emotion), stand=tr(_STANDS[edit.stand]))
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
            _add(edits, Cover(*drawn, st.session_state.get("what_if_fill", "blur")))

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


def _new_edit(run: Run, scene: Scene | None, edits: Sequence[Edit]) -> None:
    """Draw the choice of an edit and its fields; what cannot be done here is said."""
    lacking = {kind: refusal(kind, run, scene) for kind in KINDS}
    possible = [kind for kind in KINDS if lacking[kind] is None]
    titles = [TITLES[kind] for kind in possible]
    if st.session_state.get(_KIND) not in titles:
        st.session_state[_KIND] = titles[0]
    kind = possible[titles.index(st.selectbox(tr("Edit"), titles, format_func=tr, key=_KIND))]
    if kind is Cover:  # not in the form, whose fields wait for its button: a box that is dragged takes this, too
        st.selectbox(tr("Filled with"), list(BASELINES), format_func=lambda fill: tr(WORDS[fill]), key="what_if_fill")
    with st.form("what_if_form", border=False):
        _fields(kind, run, scene)
        st.form_submit_button(tr("Add"), icon=":material/add:", on_click=_submit, args=(kind, tuple(edits)))
    refused = st.session_state.pop("what_if_refused", None)
    if refused:
        st.warning(plain(refused), icon=":material/block:")
    for reason in dict.fromkeys(reason for reason in lacking.values() if reason is not None):
        missing = tr(", ").join(tr(TITLES[kind]).lower() for kind in KINDS if lacking[kind] == reason)
        st.caption(plain(tr("Not here: {edits}; {reason}.", edits=missing, reason=reason)))


def _fields(kind: type[Edit], run: Run, scene: Scene | None) -> None:
    labels = [run.space.labels[column] for column in panels.wheel_order(run.space)]
    if kind is Cover:
        for names in (("left", "right"), ("top", "bottom")):
            for column, name in zip(st.columns(2), names, strict=True):
                middle = 0.25 if name in ("left", "top") else 0.75
                column.number_input(tr(_SIDES[name]), 0.0, 1.0, middle, 0.05, key=f"what_if_{name}")
    elif kind is Remove:
        assert scene is not None
        st.selectbox(tr("Motifs of"), shown_by(scene), format_func=tr, key="what_if_motif")
    elif kind is Silence:
        st.selectbox(tr("Head"), range(1, heads_of(run) + 1), key="what_if_head")
    elif kind is Feature:
        st.selectbox(tr("Class feature of"), labels, format_func=tr, key="what_if_feature")
        st.selectbox(tr("In its place"), STANDS, format_func=lambda each: tr(_STANDS[each]), key="what_if_stand")
    elif kind is Swap:
        for column, name, words, place in zip(
            st.columns(2), ("first", "second"), (tr("The first"), tr("The second")), (0, 1), strict=True
        ):
            column.selectbox(words, labels, place, format_func=tr, key=f"what_if_{name}")
    else:
        for column, name, words, place in zip(
            st.columns(2), ("source", "target"), (tr("What this contributes"), tr("to this")), (0, 1), strict=True
        ):
            column.selectbox(words, labels, place, format_func=tr, key=f"what_if_{name}")
        st.number_input(tr("times"), -LARGEST_FACTOR, LARGEST_FACTOR, 0.0, 0.5, key="what_if_factor")


def _submit(kind: type[Edit], edits: Sequence[Edit]) -> None:
    try:
        _add(edits, _chosen(kind))
    except EditError as error:
        st.session_state["what_if_refused"] = str(error)


def _chosen(kind: type[Edit]) -> Edit:
    """Return the edit that the fields describe."""

    def field(name: str) -> str:
        return str(st.session_state[f"what_if_{name}"])

    texts = {
        Cover: lambda: f"cover:{','.join(map(field, _SIDES))},{field('fill')}",
        Remove: lambda: f"remove:{field('motif')}",
        Silence: lambda: f"silence:{field('head')}",
        Feature: lambda: f"feature:{field('feature')},{field('stand')}",
        Swap: lambda: f"swap:{field('first')},{field('second')}",
        Scale: lambda: f"scale:{field('target')}<-{field('source')},{field('factor')}",
    }
    return parse_edit(texts[kind]())


def _add(edits: Sequence[Edit], new: Edit) -> None:
    state.put("edits", join_edits([*edits, new]))


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


def _outcome(
    run: Run, dataset: Dataset, found: Explanation, subject: Subject, scene: Scene | None, edits: Sequence[Edit]
) -> Outcome:
    means: Means = {}
    if any(isinstance(edit, Feature) and edit.stand != "zero" for edit in edits):
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


def _scene(dataset: Dataset, subject: Subject) -> Scene | None:
    """Return the scene behind an image, or None where it is no drawing."""
    if not isinstance(dataset, PlantedDataset):
        return None
    return dataset.scene(int(np.flatnonzero(dataset.manifest["id"] == subject.name)[0]))
