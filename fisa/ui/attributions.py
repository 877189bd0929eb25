"""Which places of an image speak for a target: one method's signed map, with what it is compared with and its gap."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fisa import figures
from fisa.explain.attribution import FASTEST, METHODS, applicable, attribute
from fisa.explain.goals import SPLIT
from fisa.explain.graded import failed_checks, stored_grades
from fisa.explain.targets import Target
from fisa.language import mark
from fisa.records import Attribution, Explanation
from fisa.runs import Run
from fisa.ui import state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.panels import in_shape, wheel_order
from fisa.ui.state import plain
from fisa.ui.widgets import choose

AGREEMENTS = ("faithfulness", "validity")


def settle(run: Run, found: Explanation, subject: Subject, emotion: str) -> None:
    """Resolve method and target; the target is kept as what is asked about ``emotion``, such as ``-awe``."""
    about = _questions(found, subject, emotion)
    stale = (state.get("target") or "").lstrip("<-") == emotion  # right until the emotion was changed
    wish = state.resolve("target", about, about[0], "target", quiet=stale)
    methods = methods_for(run, wish)
    first = next(name for name in FASTEST if name in methods)
    state.resolve("method", methods, first, "method", quiet=state.get("method") in METHODS)


def draw(run: Run, found: Explanation, subject: Subject, emotion: str) -> Attribution:
    """Draw the map with the choice of method and target; return what is shown."""
    about, methods = _questions(found, subject, emotion), methods_for(run, asked())
    left, right = st.columns(2, gap="medium")
    with right:
        choose("method", methods, "Method", shown=lambda name: marked(run, name))
        choose("target", about, "Target", shown=lambda each: _words(each, emotion))
        attribution = attribution_of(run, subject, str(state.get("method")), asked(), emotion)
        st.markdown(_numbers(attribution))
        st.caption(_meaning(attribution))
        st.caption(_graded(run, attribution.method))
    with left:
        shown = figures.signed_overlay(subject.picture, attribution.values, state.theme())
        what = f"{METHODS[attribution.method].title} of {_words(asked(), emotion)}"
        st.image(in_shape(shown, subject.aspect), width="stretch", alt=f"{subject.name}: {what}")
    return attribution


def asked() -> str:
    """Return the target of the view, as what is asked about an emotion."""
    return str(state.get("target"))


def methods_for(run: Run, asked: str) -> list[str]:
    """Return the methods that can answer what is asked."""
    return _applicable(run.digest, _kind(asked), run)


def target_of(asked: str, emotion: str) -> str:
    """Return the target, as :class:`fisa.explain.targets.Target` reads it."""
    return {"logit": emotion, "kl": "kl", "entropy": "entropy"}.get(asked, f"{emotion}{asked}")


def truth_of(subject: Subject) -> np.ndarray | None:
    """Return the truth of an image, or its votes; None where neither is known."""
    truth = subject.known.get("truth", subject.known.get("votes"))
    return None if truth is None else np.asarray(truth)


def attribution_of(run: Run, subject: Subject, method: str, asked: str, emotion: str) -> Attribution:
    """Return one method's answer; computed once."""
    return _attribution(run.digest, subject.digest, method, target_of(asked, emotion), run, subject)


def _questions(found: Explanation, subject: Subject, emotion: str) -> list[str]:
    others = [found.space.labels[i] for i in wheel_order(found.space) if found.space.labels[i] != emotion]
    pushes = [f"<-{other}" for other in others] if found.contributions is not None else []
    return ["logit", *pushes, *(f"-{other}" for other in others), *(["kl"] if subject.known else []), "entropy"]


def _words(asked: str, emotion: str) -> str:
    if asked == "logit":
        return f"logit of {emotion}"
    if asked.startswith("<-"):
        return f"what {asked[2:]} does to {emotion}"
    if asked.startswith("-"):
        return f"logit of {emotion} less that of {asked[1:]}"
    return {"kl": "KL to the truth", "entropy": "entropy of the prediction"}[asked]


def _kind(asked: str) -> str:
    if asked.startswith("<-"):
        return "interaction"
    return asked if asked in ("kl", "entropy") else "linear"


@st.cache_data(max_entries=64, show_spinner=False)
def _applicable(run_digest: str, kind: str, _run: Run) -> list[str]:
    return list(applicable(_run, kind))


@waiting(mark("Attributing …"))
@st.cache_data(max_entries=256, show_spinner=False)
@counted("attribution")
def _attribution(
    run_digest: str, image_digest: str, method: str, target: str, _run: Run, _subject: Subject
) -> Attribution:
    parsed = Target.parse(target, _run.space)
    return attribute(_run, _subject.seen_by(_run), method, parsed, truth=truth_of(_subject))


def _numbers(found: Attribution) -> str:
    if found.delta is None or found.gap is None or found.tolerance is None:
        return f"The target is **{found.value:+.3f}**. The map has no sum to be held to."
    words = f"The target is **{found.value:+.3f}**, **{found.delta:+.3f}** from {plain(found.baseline)}."
    gap = f"The places sum to {found.values.sum():+.3f}: a gap of {found.gap:.2g}, "
    gap += f"{'complete' if found.complete else 'not complete'} (at most {found.tolerance:.2g})."
    lost = f" {found.unplaced:+.3f} lies at no place, in the null shares." if found.unplaced else ""
    return f"{words} {gap}{lost}"


def _graded(run: Run, method: str) -> str:
    """Say what the method is worth where the truth is known: its stored grades beside the best baseline."""
    stored = stored_grades(run)
    split = next(iter(sorted(stored, key=lambda name: name != SPLIT)), SPLIT)
    rows = [row for row in stored[split].rows if row.grade in AGREEMENTS] if stored else []
    words = []
    for grade in AGREEMENTS:
        own = next((row for row in rows if (row.grade, row.subject) == (grade, method)), None)
        rest = [row.value for row in rows if row.grade == grade and row.kind == "baseline"]
        if own is not None:
            bounds = "" if own.low is None else f" [{own.low:.2f}, {own.high:.2f}]"
            words.append(f"{grade} {own.value:.2f}{bounds}, best baseline {max(rest, default=0):.2f}")
    if not words:
        return "Not graded yet: `python -m fisa grade RUN --store` does that on planted scenes."
    failed = [check.replace("_", " ") for check in _failed(run).get(method, ())]
    mark = f" **It fails the sanity check by {' and '.join(failed)}.**" if failed else ""
    return f"Graded on {rows[0].scenes} planted scenes ({split}): {'; '.join(words)}.{mark}"


def marked(run: Run, method: str) -> str:
    """Return the title of a method, with a mark where it fails a sanity check on this run."""
    return f"{METHODS[method].title} (fails a sanity check)" if method in _failed(run) else METHODS[method].title


def _failed(run: Run) -> dict[str, list[str]]:
    """Return by method the sanity checks that it fails on any graded split."""
    failed: dict[str, list[str]] = {}
    for grades in stored_grades(run).values():
        for method, checks in failed_checks(grades.rows).items():
            failed.setdefault(method, []).extend(check for check in checks if check not in failed.get(method, ()))
    return failed


def _meaning(found: Attribution) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    words = "Warm places raise the target, cold ones lower it."
    if found.method == "attention":
        words = "Attention has no sign: it says where an emotion looks, not what that does."
    return f"{words} {settings[:1].upper()}{settings[1:]}." if settings else words
