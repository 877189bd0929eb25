"""The explanation of one image, drawn part by part; Explain, Compare and Your images share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from fisa import figures
from fisa.emotions import EmotionSpace
from fisa.metrics import METRICS
from fisa.records import Explanation
from fisa.ui import around, keys, reading, state
from fisa.ui.cache import Subject
from fisa.ui.state import plain
from fisa.ui.widgets import chart, choose, drawn, html_table, selected

Quantity = Literal["effect", "interaction", "contribution"]
MATRICES: dict[Quantity, str] = {"effect": "Effect", "interaction": "Weight", "contribution": "Contribution"}
_THUMBNAIL = 96
_MEANING = {
    "effect": "How emotion j (column) acts on emotion i (row): above 1 cooperation, below 1 competition.",
    "interaction": "The effect over its row sum: the share of emotion i (row) that comes from emotion j (column).",
    "contribution": "Signed share of emotion j (column) in the logit of emotion i (row); with the bias they sum to it.",
}


def wheel_order(space: EmotionSpace) -> list[int]:
    """Return the columns in wheel order; in their own order where the space has no wheel."""
    return list(space.wheel) or list(range(len(space)))


def settle(found: Explanation) -> str:
    """Resolve what the panel shows of ``found`` (emotion, matrix, head, opacity, masks); return the emotion."""
    labels = found.space.labels
    strongest = labels[int(found.distribution.argmax())]
    emotion = state.resolve("emotion", labels, strongest, "emotion")
    state.resolve_number("opacity", 0, 1, 0.6, "Opacity")
    state.resolve("masks", ("off", "on"), "off", "setting of the masks")
    quantities = available(found)
    if quantities:
        state.resolve_optional("lit", pairs(found.space), "pair of emotions")
        quantity = settle_matrix(quantities)
        state.resolve("head", _heads(found, quantity), "grid", "head")
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


def overlay(
    found: Explanation, subject: Subject, emotion: int, opacity: float, outlined: bool, size: int
) -> np.ndarray:
    """Return the picture with the attention map of one emotion over it; uint8 RGB [size, size, 3]."""
    picture = subject.picture if subject.picture.shape[0] == size else _small(subject.picture, size)
    outlines = [mask for mask, shows in zip(subject.masks, subject.shows, strict=True) if outlined and shows == emotion]
    if found.attention is None:
        flat = np.zeros((1, 1))
        return figures.attention_overlay(picture, flat, "#000000", 0.0, outlines) if outlines else picture
    colour = found.space.colours[emotion]
    return figures.attention_overlay(picture, found.attention[emotion], colour, opacity, outlines)


def picture(found: Explanation, subject: Subject, emotion: str) -> None:
    """Draw the picture with the attention of ``emotion`` and the controls of the overlay."""
    index = found.space.index(emotion)
    opacity, outlined = float(state.get("opacity") or 0), state.get("masks") == "on"
    image = overlay(found, subject, index, opacity, outlined, subject.picture.shape[0])
    what = f"attention of {emotion}" if found.attention is not None else "no attention map"
    pair = lit(found.space)
    if pair is not None and pair[0] == index and pair[1] != index and found.attention is not None:
        gives = found.space.labels[pair[1]]
        image = figures.attention_overlay(image, found.attention[pair[1]], found.space.colours[pair[1]], opacity)
        what += f" and of {gives}, which acts on it"
    st.image(in_shape(image, subject.aspect), width="stretch", alt=f"{subject.name} with {what}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.attention is not None:
            st.session_state["choose_opacity"] = opacity
            st.slider(
                "Opacity of the attention", 0.0, 1.0, step=0.05, key="choose_opacity",
                on_change=state.commit, args=("opacity",), width=150, label_visibility="collapsed",
            )  # fmt: skip
            st.caption("opacity", width="content")
        if subject.masks:
            st.button(
                "Hide masks" if outlined else "Show masks", shortcut=keys.shortcut("masks"), type="tertiary",
                key="masks", on_click=state.put, args=("masks", "off" if outlined else "on"),
            )  # fmt: skip
        if found.attention is not None:
            reading.show("overlay")


def emotion_strip(found: Explanation, subject: Subject, emotion: str, system: str) -> None:
    """Draw one small overlay for each emotion in wheel order; its button chooses the emotion."""
    with st.container(horizontal=True, gap=6, key="emotion_strip"):
        for index in wheel_order(found.space):
            label = found.space.labels[index]
            with st.container(width=_THUMBNAIL, gap=None):
                if found.attention is not None:
                    small = overlay(found, subject, index, 0.75, False, _THUMBNAIL * 2)
                    st.image(small, width="stretch", alt=f"Attention of {label}")
                shown = f":primary[**{label}**]" if label == emotion else label
                st.button(
                    shown, key=f"emotion_{label}", type="tertiary", width="stretch",
                    on_click=state.put, args=("emotion", label),
                )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_attention_words(found, subject, found.space.index(emotion), system))
        around.draw([found.space.labels[index] for index in wheel_order(found.space)], emotion)


def _attention_words(found: Explanation, subject: Subject, emotion: int, system: str) -> str:
    label = found.space.labels[emotion]
    words = []
    if found.attention is None:
        words.append(f"{plain(system)} has no attention maps: it does not say which place an emotion comes from.")
    else:
        null = 0.0 if found.null is None else found.null[emotion]
        words.append(f"{null:.0%} of the attention of {label} rests on no place at all (the null share).")
        if found.receptive_field is not None:
            side = found.receptive_field / found.input_size
            words.append(f"Each cell of the map sees {found.receptive_field} of {found.input_size} px.")
            if side > 0.5:
                words.append("That is more than half of the image, so read the map with care.")
    if subject.masks and emotion not in subject.shows:
        words.append(f"No motif of {label} is planted in this scene.")
    return " ".join(words)


def emotion_buttons(space: EmotionSpace) -> None:
    """Draw the choice of the emotion without pictures."""
    choose(
        "emotion", [space.labels[index] for index in wheel_order(space)], "Emotion", st.pills,
        required=True, label_visibility="collapsed",
    )  # fmt: skip


def distributions(
    named: dict[str, np.ndarray], space: EmotionSpace, key: str, pair: tuple[int, int] | None = None
) -> None:
    """Draw distributions on the wheel, a pair of emotions lit, with their table; second minus first is the gap."""
    figure = drawn(figures.wheel, space, named, state.theme(), pair)
    chart(figure, key, figures.distribution_table(space, named), reading="wheel")


def headline(found: Explanation, subject: Subject, system: str, table: pd.DataFrame | None = None) -> str:
    """Say in Markdown what is predicted and, where it is known, how far from the truth that is."""
    words = [f"**{plain(system)}** predicts {_strongest(found.space, found.distribution)}."]
    if "truth" in subject.known:
        words.append(f"The truth is {_strongest(found.space, subject.known['truth'])}.")
    elif not subject.known:
        words.append("There is no ground truth for this image.")
    if table is not None:
        error = float(table.loc[table["id"] == subject.name, "error"].iloc[0])
        worse = _share_worse(table["error"], error, False)
        words.append(f"Its error is {error:.4f} nats, smaller than on {worse:.0%} of the test images.")
    return " ".join(words)


def _strongest(space: EmotionSpace, row: np.ndarray) -> str:
    first, second = np.argsort(-row, kind="stable")[:2]
    return f"{space.labels[first]} {row[first]:.0%}, {space.labels[second]} {row[second]:.0%}"


def named_distributions(found: Explanation, subject: Subject, system: str) -> dict[str, np.ndarray]:
    """Return truth, prediction and votes under the names that charts show, the truth first."""
    name = system if system not in subject.known else f"run {system}"
    first = {"truth": subject.known["truth"]} if "truth" in subject.known else {}
    return {**first, name: found.distribution, **{k: v for k, v in subject.known.items() if k != "truth"}}


def measures(table: pd.DataFrame, name: str) -> None:
    """Draw the measures of one test image with the share of test images that are worse."""
    row = table.loc[table["id"] == name].iloc[0]
    rows = {}
    if "kl_truth" in table:
        rows["KL to the truth"] = (float(row["kl_truth"]), _share_worse(table["kl_truth"], row["kl_truth"], False))
    for metric in METRICS.values():
        value = float(row[metric.name])
        rows[metric.title] = (value, _share_worse(table[metric.name], value, metric.higher_is_better))
    shown = pd.DataFrame.from_dict(rows, orient="index", columns=["this image", "better than"])
    shown["better than"] = [f"{share:.0%} of test images" for share in shown["better than"]]
    html_table(shown, alt=f"Measures of {name}")
    if "kl_truth" in table:
        st.caption("The first row is measured on the true distribution, the others on the raters' votes.")


def _share_worse(values: pd.Series, value: float, higher_is_better: bool) -> float:
    column = values.to_numpy(float)
    return float(np.mean(column < value if higher_is_better else column > value))


def matrices(found: Explanation, system: str, key: str) -> None:
    """Draw the interaction matrices: which quantity, then all heads, one head or all together."""
    quantities = available(found)
    if not quantities:
        st.caption(f"{plain(system)} has no interaction heads and no contributions to show.")
        return
    quantity = settle_matrix(quantities)
    heads = _heads(found, quantity)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_matrix(quantities)
        choose("head", heads, "Head", st.selectbox, lambda head: _head_name(head, quantity), width=180)
    if len(quantities) < len(MATRICES):
        st.caption(f"{plain(system)} has no interaction heads, only direct contributions.")
    st.caption(_MEANING[quantity])
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
    return cast(Quantity, state.resolve("matrix", quantities, quantities[0], "matrix", quiet))


def choose_matrix(quantities: Sequence[Quantity]) -> None:
    """Draw the choice between the matrices that are there."""
    choose(
        "matrix", quantities, "Quantity", st.segmented_control, lambda name: MATRICES[cast(Quantity, name)],
        required=True,
    )  # fmt: skip


def _every_head(found: Explanation, values: np.ndarray, quantity: Quantity, key: str) -> None:
    def pick() -> None:
        cell = selected(key)
        if cell:
            state.put("head", str(int(cell[0]) + 1))
            state.put("emotion", found.space.labels[int(cell[1])])
            state.put("lit", pair_name(found.space, int(cell[1]), int(cell[2])))

    labels = found.space.labels
    parts = [figures.matrix_table(one, found.space).assign(head=number + 1) for number, one in enumerate(values)]
    twin = pd.concat(parts).set_index("head", append=True).swaplevel()
    figure = drawn(figures.matrix_grid, values, found.space, quantity, state.theme())
    chart(figure, key, twin, pick)
    st.caption(
        f"Click a cell to open its head. Rows and columns: {', '.join(labels[i] for i in wheel_order(found.space))}."
    )


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
        gets, gives = (found.space.labels[index] for index in highlight)
        with st.container(horizontal=True, vertical_alignment="center"):
            words = f"{gets} receives from {gives}: {MATRICES[quantity].lower()} {values[highlight]:+.3f}."
            st.caption(f"{words} Both are lit on the wheel and on the picture.", width="content")
            st.button("Put out", key=f"{key}_out", type="tertiary", on_click=state.put, args=("lit", ""))
    else:
        st.caption("Click a cell to light the pair on the wheel and on the picture.")


def together(values: np.ndarray | None, quantity: Quantity) -> np.ndarray:
    """Return all heads in one matrix [C, C]: contributions add up, the others are averaged."""
    assert values is not None
    return np.asarray(values.sum(0) if quantity == "contribution" else values.mean(0))


def contributions(found: Explanation, emotion: str, system: str, key: str) -> None:
    """Draw who pushes the logit of ``emotion`` up or down."""
    if found.contributions is None or found.bias is None:
        st.caption(f"{plain(system)} has no contributions: its logits do not split by emotion.")
        return
    index = found.space.index(emotion)
    shares = found.contributions.sum(0)[index]
    bias, logit = float(found.bias[index]), float(found.logits[index])
    figure = drawn(figures.contribution_bars, shares, bias, logit, found.space, index, state.theme())
    rows = [(found.space.labels[source], shares[source]) for source in wheel_order(found.space)]
    twin = pd.DataFrame([*rows, ("bias", bias), ("logit", logit)], columns=["from", f"to {emotion}"])
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
        return "Every head"
    if head == "together":
        return "Sum over heads" if quantity == "contribution" else "Mean over heads"
    return f"Head {head}"


def in_shape(square: np.ndarray, aspect: float) -> np.ndarray:
    """Give a square back the shape that the photograph had, within reason."""
    side, aspect = len(square), min(max(aspect, 1 / 3), 3)
    width, height = (side, round(side / aspect)) if aspect > 1 else (round(side * aspect), side)
    return square if width == height else np.asarray(Image.fromarray(square).resize((width, height)))


def _small(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
