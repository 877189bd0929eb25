"""What if: the form that makes an edit, whose fields follow from its kind."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fisa.datasets.planted import Scene
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
)
from fisa.explain.what_if import KINDS, heads_of, motifs_of, refusal, shown_by
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.ui import panels, state
from fisa.ui.state import plain

TITLES: dict[type[Edit], str] = {
    Cover: mark("Cover a region"),
    Remove: mark("Leave out motifs"),
    Silence: mark("Silence a head"),
    Feature: mark("Remove an emotion's feature"),
    Swap: mark("Exchange two label embeddings"),
    Scale: mark("Scale an interaction"),
}
STAND_TITLES = {
    "absent": mark("its mean over images without the emotion"),
    "mean": mark("its mean over all images"),
    "zero": mark("zero, which no image has"),
}
_KIND = "what_if_kind"
_SIDES = {
    "left": mark("Left, 0 to 1"), "top": mark("Top, 0 to 1"), "right": mark("Right, 0 to 1"),
    "bottom": mark("Bottom, 0 to 1"),
}  # fmt: skip


def new_edit(run: Run, scene: Scene | None, edits: Sequence[Edit]) -> None:
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
        choices = _removable(scene)
        st.selectbox(tr("Motifs"), choices, format_func=choices.__getitem__, key="what_if_motif")
    elif kind is Silence:
        st.selectbox(tr("Head"), range(1, heads_of(run) + 1), key="what_if_head")
    elif kind is Feature:
        st.selectbox(tr("Class feature of"), labels, format_func=tr, key="what_if_feature")
        st.selectbox(tr("In its place"), STANDS, format_func=lambda each: tr(STAND_TITLES[each]), key="what_if_stand")
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


def _removable(scene: Scene) -> dict[str, str]:
    """Return what can be left out of a scene: text of an edit -> title. Of several motifs of an emotion, all or one."""
    titles: dict[str, str] = {}
    for emotion in shown_by(scene):
        places = motifs_of(scene, Remove(emotion))
        titles[str(Remove(emotion))] = tr("{emotion}, all", emotion=tr(emotion)) if len(places) > 1 else tr(emotion)
        for number, place in enumerate(places if len(places) > 1 else [], start=1):
            motif = scene.motifs[place]
            titles[str(Remove(emotion, number))] = tr(
                "{emotion}, motif {number}: {across:.0%} across, {down:.0%} down, strength {strength:.2f}",
                emotion=tr(emotion), number=number, across=motif.x, down=motif.y, strength=motif.strength,
            )  # fmt: skip
    return titles


def _submit(kind: type[Edit], edits: Sequence[Edit]) -> None:
    try:
        add(edits, _chosen(kind))
    except EditError as error:
        st.session_state["what_if_refused"] = str(error)


def _chosen(kind: type[Edit]) -> Edit:
    """Return the edit that the fields describe."""

    def field(name: str) -> str:
        return str(st.session_state[f"what_if_{name}"])

    texts = {
        Cover: lambda: f"cover:{','.join(map(field, _SIDES))},{field('fill')}",
        Remove: lambda: field("motif"),
        Silence: lambda: f"silence:{field('head')}",
        Feature: lambda: f"feature:{field('feature')},{field('stand')}",
        Swap: lambda: f"swap:{field('first')},{field('second')}",
        Scale: lambda: f"scale:{field('target')}<-{field('source')},{field('factor')}",
    }
    return parse_edit(texts[kind]())


def add(edits: Sequence[Edit], new: Edit) -> None:
    """Put one more edit behind those in force."""
    state.put("edits", join_edits([*edits, new]))
