"""The sentences below a comparison table: where a run comes from, what was mapped, errors of single labels, grades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from fisa.datasets import is_drawn
from fisa.language import Phrase, mark

BASELINES = {
    "area": mark("area"), "constant": mark("constant"), "any_motif": mark("any motif"),
    "other_emotion": mark("other emotion"), "untrained": mark("untrained"),
}  # fmt: skip
"""How the baselines of localisation are called."""
CONSTANT = Phrase(mark("constant: the mean distribution of the training images, said of every image."))
"""What stands below a table of real data, whose first row it is."""


def notes_on(system: str, metrics: Mapping[str, Any], grades: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the sentences that belong to one row; see ``fisa.studies.comparison.Result`` for the arguments."""
    yield from _transfer_notes(system, metrics)
    if labels := metrics.get("single_labels"):
        yield Phrase(mark("errors of {system}: {errors}."), system=system, errors=errors_in_words(labels))
    yield from _grade_notes(system, grades or {})


def _transfer_notes(system: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    """Say in full what the marks of a row say in short."""
    data, trained_on = metrics["data"], metrics.get("trained_on", metrics["data"])
    if is_drawn(trained_on) and not is_drawn(data):
        text = mark("{system} has only seen drawn scenes ({trained_on}); it was never taught what {data} holds.")
        yield Phrase(text, system=system, trained_on=trained_on, data=data)
    elif trained_on != data:
        text = mark("{system} was trained on {trained_on}, not on {data}.")
        yield Phrase(text, system=system, trained_on=trained_on, data=data)
    mapped = metrics.get("mapped")
    for part, text in (
        ("predictions", mark("{system}: predictions mapped from {one} to {other} ({reason}).")),
        ("targets", mark("{system}: targets mapped from {one} to {other} ({reason}).")),
    ):
        if mapped and mapped[part]["from"] != mapped[part]["to"]:
            one, other, reason = (mapped[part][key] for key in ("from", "to", "reason"))
            yield Phrase(text, system=system, one=one, other=other, reason=reason)
    if mapped and (never := mapped["predictions"]["never"]):
        text = mark("{system} can predict no {never}: every degree of it counts as its error.")
        yield Phrase(text, system=system, never=enumerated(list(map(Phrase, never))))
    if mapped and mapped["share_left_out"] > 0:
        text = mark(
            "{system}: {share:.1%} of what it predicts lies on labels that the map leaves out; the rest was scaled to "
            "sum to 1."
        )
        yield Phrase(text, system=system, share=mapped["share_left_out"])
    if mapped and mapped["images_left_out"]:
        text = mark("{system}: {n} images left out, whose labels the map leaves out.")
        yield Phrase(text, system=system, n=mapped["images_left_out"])
    if seen := metrics.get("seen"):
        text = mark("{system} was trained or chosen on {seen} of the images; on these it says little of new ones.")
        yield Phrase(text, system=system, seen=seen)


def enumerated(parts: Sequence[str], joint: str = mark("{first}, {rest}")) -> str:
    """Join phrases with commas, or by ``joint``, so that the whole is a phrase that ``tr`` looks up part by part."""
    return reduce(lambda rest, first: Phrase(joint, first=first, rest=rest), reversed(parts))


def errors_in_words(labels: Mapping[str, Any]) -> str:
    """Say where the errors of single labels lie, beside errors drawn evenly among the wrong labels.

    Args:
        labels: As ``fisa.evaluation.as_json`` returns them.
    """
    wrong = int(np.sum(labels["confusion"]) - np.trace(labels["confusion"]))
    words: list[str] = [Phrase(mark("{wrong} of {n} images"), wrong=wrong, n=labels["n"])]
    if labels["steps"] is not None:
        pairs = zip(labels["steps"], labels["steps_chance"], strict=True)
        text = mark("{share:.0%} at {place} (by chance {chance:.0%})")
        said = [Phrase(text, share=share, place=place, chance=chance) for place, (share, chance) in enumerate(pairs, 1)]
        words.append(Phrase(mark("by steps on the wheel {said}"), said=enumerated(said)))
    if labels["same_polarity"] is not None:
        text = mark("{share:.0%} keep the polarity (by chance {chance:.0%})")
        words.append(Phrase(text, share=labels["same_polarity"], chance=labels["same_polarity_chance"]))
    if labels["tied"]:
        words.append(Phrase(mark("{n} images with tied labels left out"), n=labels["tied"]))
    return enumerated(words, mark("{first}; {rest}"))


def _grade_notes(system: str, grades: Mapping[str, Any]) -> Iterator[str]:
    if grade := grades.get("localisation"):
        known = {name: Phrase(BASELINES.get(name, name.replace("_", " "))) for name in grade["baselines"]}
        parts = grade["baselines"].items()
        rest = enumerated([Phrase("{name} {value:.3f}", name=known[name], value=value) for name, value in parts])
        text = mark("localisation of {system}: {hit}, n = {n}; baselines: {rest}.")
        yield Phrase(text, system=system, hit=_interval(grade, "hit"), n=grade["n"], rest=rest)
    if grade := grades.get("contributions"):
        text = mark("contributions of {system}: r = {r}, n = {n} pairs.")
        yield Phrase(text, system=system, r=_interval(grade, "r"), n=grade["n"])


def _interval(grade: Mapping[str, Any], key: str) -> str:
    return f"{grade[key]:.3f} [{grade['low']:.3f}, {grade['high']:.3f}]"
