"""The sentences below a comparison table: where a run comes from, what was mapped, errors of single labels, grades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fisa.datasets import is_drawn


def notes_on(system: str, metrics: Mapping[str, Any], grades: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the sentences that belong to one row; see ``fisa.studies.comparison.Result`` for the arguments."""
    yield from _transfer_notes(system, metrics)
    if labels := metrics.get("single_labels"):
        yield f"errors of {system}: {errors_in_words(labels)}."
    yield from _grade_notes(system, grades or {})


def _transfer_notes(system: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    """Say in full what the marks of a row say in short."""
    data, trained_on = metrics["data"], metrics.get("trained_on", metrics["data"])
    if is_drawn(trained_on) and not is_drawn(data):
        yield f"{system} has only seen drawn scenes ({trained_on}); it was never taught what {data} holds."
    elif trained_on != data:
        yield f"{system} was trained on {trained_on}, not on {data}."
    mapped = metrics.get("mapped")
    for part in ("predictions", "targets"):
        if mapped and mapped[part]["from"] != mapped[part]["to"]:
            yield (
                f"{system}: {part} mapped from {mapped[part]['from']} to {mapped[part]['to']} "
                f"({mapped[part]['reason']})."
            )
    if mapped and (never := mapped["predictions"]["never"]):
        yield f"{system} can predict no {', '.join(never)}: every degree of it counts as its error."
    if mapped and mapped["share_left_out"] > 0:
        yield (
            f"{system}: {mapped['share_left_out']:.1%} of what it predicts lies on labels that the map leaves "
            "out; the rest was scaled to sum to 1."
        )
    if mapped and mapped["images_left_out"]:
        yield f"{system}: {mapped['images_left_out']} images left out, whose labels the map leaves out."
    if seen := metrics.get("seen"):
        yield f"{system} was trained or chosen on {seen} of the images; on these it says little of new ones."


def errors_in_words(labels: Mapping[str, Any]) -> str:
    """Say where the errors of single labels lie, beside errors drawn evenly among the wrong labels.

    Args:
        labels: As ``fisa.evaluation.as_json`` returns them.
    """
    wrong = int(np.sum(labels["confusion"]) - np.trace(labels["confusion"]))
    words = [f"{wrong} of {labels['n']} images"]
    if labels["steps"] is not None:
        pairs = zip(labels["steps"], labels["steps_chance"], strict=True)
        said = (f"{share:.0%} at {place} (by chance {chance:.0%})" for place, (share, chance) in enumerate(pairs, 1))
        words.append(f"by steps on the wheel {', '.join(said)}")
    if labels["same_polarity"] is not None:
        words.append(
            f"{labels['same_polarity']:.0%} keep the polarity (by chance {labels['same_polarity_chance']:.0%})"
        )
    if labels["tied"]:
        words.append(f"{labels['tied']} images with tied labels left out")
    return "; ".join(words)


def _grade_notes(system: str, grades: Mapping[str, Any]) -> Iterator[str]:
    if grade := grades.get("localisation"):
        rest = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in grade["baselines"].items())
        yield f"localisation of {system}: {_interval(grade, 'hit')}, n = {grade['n']}; baselines: {rest}."
    if grade := grades.get("contributions"):
        yield f"contributions of {system}: r = {_interval(grade, 'r')}, n = {grade['n']} pairs."


def _interval(grade: Mapping[str, Any], key: str) -> str:
    return f"{grade[key]:.3f} [{grade['low']:.3f}, {grade['high']:.3f}]"
