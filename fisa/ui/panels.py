"""The explanation of one image, drawn part by part; Explain, Compare and Your images share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import pandas as pd
import streamlit as st

from fisa import figures
from fisa.emotions import EmotionSpace
from fisa.language import mark, sentences, tr
from fisa.records import Explanation
from fisa.ui import around, keys, pictures, reading, state
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, drawn, selected

Quantity = Literal["effect", "interaction", "contribution"]
MATRICES: dict[Quantity, str] = {
    "effect": mark("Effect"), "interaction": mark("Weight"), "contribution": mark("Contribution"),
}  # fmt: skip
_THUMBNAIL = 96
_MEANING = {
    "effect": mark("How emotion j (column) acts on emotion i (row): above 1 cooperation, below 1 competition."),
    "interaction": mark(
        "The effect over its row sum: the share of emotion i (row) that comes from emotion j (column)."
    ),
    "contribution": mark(
        "Signed share of emotion j (column) in the logit of emotion i (row); with the bias they sum to it."
    ),
}


def wheel_order(space: EmotionSpace) -> list[int]:
    """Return the columns in wheel order; in their own order where the space has no wheel."""
    return list(space.wheel) or list(range(len(space)))


def settle(found: Explanation) -> str:
    """Resolve what the panel shows of ``found`` (emotion, matrix, head, opacity, masks); return the emotion."""
    labels = found.space.labels
    strongest = labels[int(found.distribution.argmax())]
    emotion = state.resolve("emotion", labels, strongest, tr("emotion"))
    state.resolve_number("opacity", 0, 1, 0.6, tr("Opacity"))
    state.resolve("masks", ("off", "on"), "off", tr("setting of the masks"))
    quantities = available(found)
    if quantities:
        state.resolve_optional("lit", pairs(found.space), tr("pair of emotions"))
        quantity = settle_matrix(quantities)
        state.resolve("head", _heads(found, quantity), "grid", tr("head"))
    return emotion


def available(found: Explanation) -> list[Quantity]:
    """Return which of ``MATRICES`` the system has."""
    return [name for name in MATRICES if matrix_of(found, name) is not None]


def pairs(space: EmotionSpace) -> list[str]:
    """Return every pair as links name it, such as ``fear<-awe``: fear receives from awe."""
    order = wheel_order(space)
    return [pair_name(space, receives, gives) for receives in order for gives in order]


def pair_name(space: EmotionSpace, receives: int, gives: int) -> str:
    """Return how links name a pair."""
    return f"{space.labels[receives]}<-{space.labels[gives]}"


def lit(space: EmotionSpace) -> tuple[int, int] | None:
    """Return the pair that is lit, (receives, gives), or None."""
    labels = (state.get("lit") or "").split("<-")
    known = len(labels) == 2 and all(label in space.labels for label in labels)  # another run may have lit it
    return (space.index(labels[0]), space.index(labels[1])) if known else None


def picture(found: Explanation, subject: Subject, emotion: str) -> None:
    """Draw the picture with the attention of ``emotion`` and the controls of the overlay."""
    index = found.space.index(emotion)
    opacity, outlined = float(state.get("opacity") or 0), state.get("masks") == "on"
    layers = []
    said = tr("{image} with no attention map", image=subject.name)
    if found.attention is not None:
        layers.append((found.attention[index], found.space.colours[index]))
        said = tr("{image} with attention of {emotion}", image=subject.name, emotion=tr(emotion))
    pair = lit(found.space)
    if pair is not None and pair[0] == index and pair[1] != index and found.attention is not None:
        layers.append((found.attention[pair[1]], found.space.colours[pair[1]]))
        said = tr(
            "{image} with attention of {emotion} and of {giver}, which acts on it",
            image=subject.name, emotion=tr(emotion), giver=found.space.names[pair[1]],
        )  # fmt: skip
    shown = [number for number, shows in enumerate(subject.shows) if outlined and shows == index]
    st.image(pictures.attended(subject, layers, opacity, shown), width="stretch", alt=said)
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.attention is not None:
            st.session_state["choose_opacity"] = opacity
            st.slider(
                tr("Opacity of the attention"), 0.0, 1.0, step=0.05, key="choose_opacity",
                on_change=state.commit, args=("opacity",), width=150, label_visibility="collapsed",
            )  # fmt: skip
            st.caption(tr("opacity"), width="content")
        if subject.masks:
            st.button(
                tr("Hide masks") if outlined else tr("Show masks"), shortcut=keys.shortcut("masks"), type="tertiary",
                key="masks", on_click=state.put, args=("masks", "off" if outlined else "on"),
            )  # fmt: skip
        if found.attention is not None:
            reading.show("overlay")


def emotion_strip(found: Explanation, subject: Subject, emotion: str, system: str) -> None:
    """Draw one small overlay for each emotion in wheel order; its button chooses the emotion."""
    with st.container(horizontal=True, gap=6, key="emotion_strip"):
        for index in wheel_order(found.space):
            label, name = found.space.labels[index], found.space.names[index]
            with st.container(width=_THUMBNAIL, gap=None):
                if found.attention is not None:
                    layer = (found.attention[index], found.space.colours[index])
                    small = pictures.attended(subject, [layer], 0.75, side=_THUMBNAIL * 2)
                    st.image(small, width="stretch", alt=tr("Attention of {emotion}", emotion=name))
                shown = f":primary[**{name}**]" if label == emotion else name
                st.button(
                    shown, key=f"emotion_{label}", type="tertiary", width="stretch",
                    on_click=state.put, args=("emotion", label),
                )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_attention_words(found, subject, found.space.index(emotion), system))
        around.draw([found.space.labels[index] for index in wheel_order(found.space)], emotion)


def _attention_words(found: Explanation, subject: Subject, emotion: int, system: str) -> str:
    name = found.space.names[emotion]
    if found.attention is None:
        run = plain(system)
        told = [tr("{run} has no attention maps: it does not say which place an emotion comes from.", run=run)]
    else:
        null = 0.0 if found.null is None else found.null[emotion]
        told = [
            tr("{null:.0%} of the attention of {emotion} rests on no place at all (the null share).",
               null=null, emotion=name)
        ]  # fmt: skip
        if found.receptive_field is not None:
            sees, size = found.receptive_field, found.input_size
            told.append(tr("Each cell of the map sees {sees} of {size} px.", sees=sees, size=size))
            if sees / size > 0.5:
                told.append(tr("That is more than half of the image, so read the map with care."))
    if subject.masks and emotion not in subject.shows:
        told.append(tr("No motif of {emotion} is planted in this scene.", emotion=name))
    return sentences(*told)


def emotion_buttons(space: EmotionSpace) -> None:
    """Draw the choice of the emotion without pictures."""
    choose(
        "emotion", [space.labels[index] for index in wheel_order(space)], tr("Emotion"), st.pills, tr,
        required=True, label_visibility="collapsed",
    )  # fmt: skip


def distributions(
    named: dict[str, np.ndarray], space: EmotionSpace, key: str, pair: tuple[int, int] | None = None
) -> None:
    """Draw distributions on the wheel, a pair of emotions lit, with their table; second minus first is the gap."""
    figure = drawn(figures.wheel, space, named, state.theme(), pair)
    table = figures.distribution_table(space, named)
    if len(named) > 2:  # the gap between the first two stands beside them
        table.insert(2, tr("gap"), table.pop(tr("gap")))
    most = max(float(np.max(degrees)) for degrees in named.values())
    bar = st.column_config.ProgressColumn(width=82, format="%.3f", min_value=0, max_value=most)
    columns = dict.fromkeys(map(str, table.columns), bar)
    columns[tr("gap")] = st.column_config.NumberColumn(width=70, format="%+.3f")
    chart(figure, key, table, reading="wheel", columns=columns)


def named_distributions(found: Explanation, subject: Subject, system: str) -> dict[str, np.ndarray]:
    """Return truth, prediction and votes under the names that charts show, the truth first."""
    name = system if system not in subject.known else tr("run {name}", name=system)
    first = {"truth": subject.known["truth"]} if "truth" in subject.known else {}
    return {**first, name: found.distribution, **{k: v for k, v in subject.known.items() if k != "truth"}}


def matrices(found: Explanation, system: str, key: str) -> None:
    """Draw the interaction matrices: which quantity, then all heads, one head or all together."""
    quantities = available(found)
    if not quantities:
        st.caption(tr("{run} has no interaction heads and no contributions to show.", run=plain(system)))
        return
    quantity = settle_matrix(quantities)
    heads = _heads(found, quantity)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_matrix(quantities)
        choose("head", heads, tr("Head"), st.selectbox, lambda head: _head_name(head, quantity), width=180)
    if len(quantities) < len(MATRICES):
        st.caption(tr("{run} has no interaction heads, only direct contributions.", run=plain(system)))
    st.caption(tr(_MEANING[quantity]))
    values, head = matrix_of(found, quantity), state.get("head") or "grid"
    assert values is not None
    if head == "grid":
        _every_head(found, values, quantity, f"{key}_grid_{quantity}")
        return
    one = together(values, quantity) if head == "together" else values[int(head) - 1]
    place = f"{key}_{quantity}_{head}"
    _single_matrix(found, one, quantity, head, place)


def settle_matrix(quantities: Sequence[Quantity]) -> Quantity:
    """Resolve which of ``quantities`` is shown; one that only this system lacks is no fault of the link."""
    quiet = state.get("matrix") in MATRICES
    return cast(Quantity, state.resolve("matrix", quantities, quantities[0], tr("matrix"), quiet))


def choose_matrix(quantities: Sequence[Quantity]) -> None:
    """Draw the choice between the matrices that are there."""
    choose(
        "matrix", quantities, tr("Quantity"), st.segmented_control,
        lambda name: tr(MATRICES[cast(Quantity, name)]), required=True,
    )  # fmt: skip


def _every_head(found: Explanation, values: np.ndarray, quantity: Quantity, key: str) -> None:
    def pick() -> None:
        cell = selected(key)
        if cell:
            state.put("head", str(int(cell[0]) + 1))
            state.put("emotion", found.space.labels[int(cell[1])])
            state.put("lit", pair_name(found.space, int(cell[1]), int(cell[2])))

    tables = {number: figures.matrix_table(one, found.space) for number, one in enumerate(values, start=1)}
    twin = pd.concat(tables, names=[tr("head")])
    figure = drawn(figures.matrix_grid, values, found.space, quantity, state.theme())
    chart(figure, key, twin, pick)
    names = tr(", ").join(found.space.names[i] for i in wheel_order(found.space))
    st.caption(tr("Click a cell to open its head. Rows and columns: {emotions}.", emotions=names))


def _single_matrix(found: Explanation, values: np.ndarray, quantity: Quantity, head: str, key: str) -> None:
    def pick() -> None:
        cell = selected(key)
        state.put("lit", pair_name(found.space, int(cell[0]), int(cell[1])) if cell else "")
        if cell:
            state.put("emotion", found.space.labels[int(cell[0])])

    highlight = lit(found.space)
    title = _head_name(head, quantity)
    figure = drawn(figures.matrix, values, found.space, title, quantity, None, state.theme(), highlight)
    chart(figure, key, figures.matrix_table(values, found.space), pick)
    if highlight:
        gets, gives = (found.space.names[index] for index in highlight)
        with st.container(horizontal=True, vertical_alignment="center"):
            words = tr(
                "{receiver} receives from {giver}: {quantity} {value:+.3f}. "
                "Both are lit on the wheel and on the picture.",
                receiver=gets, giver=gives, quantity=tr(MATRICES[quantity]).lower(), value=values[highlight],
            )  # fmt: skip
            st.caption(words, width="content")
            st.button(tr("Put out"), key=f"{key}_out", type="tertiary", on_click=state.put, args=("lit", ""))
    else:
        st.caption(tr("Click a cell to light the pair on the wheel and on the picture."))


def together(values: np.ndarray | None, quantity: Quantity) -> np.ndarray:
    """Return all heads in one matrix [C, C]: contributions add up, the others are averaged."""
    assert values is not None
    return np.asarray(values.sum(0) if quantity == "contribution" else values.mean(0))


def contributions(
    found: Explanation, emotion: str, system: str, key: str, reach: tuple[float, float] | None = None
) -> None:
    """Draw who pushes the logit of ``emotion`` up or down; ``reach`` is the axis that several charts share."""
    if found.contributions is None or found.bias is None:
        st.caption(tr("{run} has no contributions: its logits do not split by emotion.", run=plain(system)))
        return
    index = found.space.index(emotion)
    shares = found.contributions.sum(0)[index]
    bias, logit = float(found.bias[index]), float(found.logits[index])
    figure = drawn(figures.contribution_bars, shares, bias, logit, found.space, index, state.theme(), reach)
    rows = [(found.space.names[source], shares[source]) for source in wheel_order(found.space)]
    to = tr("to {emotion}", emotion=tr(emotion))
    twin = pd.DataFrame([*rows, (tr("bias"), bias), (tr("logit"), logit)], columns=[tr("from"), to])
    chart(figure, key, twin)


def matrix_of(found: Explanation, quantity: Quantity) -> np.ndarray | None:
    """Return one of ``MATRICES``, [H, C, C], or None where the system has none."""
    return {"effect": found.effect, "interaction": found.interaction, "contribution": found.contributions}[quantity]


def _heads(found: Explanation, quantity: Quantity) -> list[str]:
    values = matrix_of(found, quantity)
    count = 0 if values is None else len(values)
    return ["grid", "together", *(str(number + 1) for number in range(count))] if count > 1 else ["together"]


def _head_name(head: str, quantity: Quantity) -> str:
    if head == "grid":
        return tr("Every head")
    if head == "together":
        return tr("Sum over heads") if quantity == "contribution" else tr("Mean over heads")
    return tr("Head {head}", head=head)
