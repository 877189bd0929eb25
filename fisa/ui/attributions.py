"""Which places of an image speak for a target: one method's signed map, with what it is compared with and its gap."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fisa.explain.asking import Settings
from fisa.explain.attribution import FASTEST, METHODS, applicable, attribute
from fisa.explain.baselines import BASELINES, WORDS
from fisa.explain.graded import failures_of
from fisa.explain.targets import Target
from fisa.language import mark, sentences, tr
from fisa.records import Attribution, Explanation
from fisa.runs import Run
from fisa.ui import graded, pictures, state
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import waiting
from fisa.ui.panels import wheel_order
from fisa.ui.state import plain
from fisa.ui.widgets import choose

COMPARED = frozenset({"integrated_gradients", "gradient_shap", "occlusion", "feature_ablation"})
"""Methods that compare the image with a baseline, which can be chosen."""
USUAL = "usual"
"""What the view holds for a head or a baseline that nobody chose."""
_NOUNS = {"method_head": mark("head"), "baseline": mark("baseline")}
_SETTINGS = {
    "head": mark("head"), "seed": mark("seed"), "steps": mark("steps"), "samples": mark("samples"),
    "window": mark("window"), "stride": mark("stride"),
}  # fmt: skip


def settle(run: Run, found: Explanation, subject: Subject, emotion: str) -> tuple[str, ...]:
    """Resolve target, method, and the head or the baseline that the method takes; return the names that are shared.

    The target is kept as what is asked about ``emotion``, such as ``-awe``.
    """
    about = _questions(found, subject, emotion)
    stale = (state.get("target") or "").lstrip("<-") == emotion  # right until the emotion was changed
    wish = state.resolve("target", about, about[0], tr("target"), quiet=stale)
    methods = methods_for(run, wish)
    first = next(name for name in FASTEST if name in methods)
    method = state.resolve("method", methods, first, tr("method"), quiet=state.get("method") in METHODS)
    taken = _taken(found, method)
    for name, options in taken.items():
        state.resolve(name, options, USUAL, tr(_NOUNS[name]))
    return ("target", "method", *taken)


def draw(run: Run, found: Explanation, subject: Subject, emotion: str) -> Attribution:
    """Draw the map with the choice of method and target; return what is shown."""
    about, methods = _questions(found, subject, emotion), methods_for(run, asked())
    left, right = st.columns(2, gap="medium")
    with right:
        choose("method", methods, tr("Method"), shown=lambda name: marked(run, name))
        choose("target", about, tr("Target"), shown=lambda each: _words(each, emotion))
        taken = _taken(found, str(state.get("method")))
        if "method_head" in taken:
            choose("method_head", taken["method_head"], tr("Head of the interaction"), shown=_head_words)
        if "baseline" in taken:
            choose("baseline", taken["baseline"], tr("Compared with"), shown=_baseline_words)
        settings = settings_of(found)
        attribution = attribution_of(run, subject, str(state.get("method")), asked(), emotion, settings)
        st.markdown(_numbers(attribution))
        st.caption(_meaning(attribution))
        st.caption(graded.of_method_in_full(run, attribution.method, as_usual=settings == Settings()))
    with left:
        alt = tr(
            "{image}: {method} of {target}", image=subject.name, method=tr(METHODS[attribution.method].title),
            target=_words(asked(), emotion),
        )  # fmt: skip
        st.image(pictures.signed(subject, attribution.values), width="stretch", alt=alt)
    return attribution


def asked() -> str:
    """Return the target of the view, as what is asked about an emotion."""
    return str(state.get("target"))


def settings_of(found: Explanation) -> Settings:
    """Return how the chosen method is asked: with the head or the baseline of the view, where it takes one."""
    chosen = {name: str(state.get(name)) for name in _taken(found, str(state.get("method")))}
    head = chosen.get("method_head", USUAL)
    baseline = next((kind for kind in BASELINES if kind == chosen.get("baseline")), None)
    return Settings(baseline=baseline, head=None if head == USUAL else int(head))


def _taken(found: Explanation, method: str) -> dict[str, list[str]]:
    """Return what of head and baseline a method takes, each with its options."""
    heads = len(found.interaction) if method == "interaction" and found.interaction is not None else 0
    taken = {"method_head": [USUAL, *(str(head + 1) for head in range(heads))]} if heads > 1 else {}
    return taken | ({"baseline": [USUAL, *BASELINES]} if method in COMPARED else {})


def _head_words(head: str) -> str:
    return tr("Mean over heads") if head == USUAL else tr("Head {head}", head=head)


def _baseline_words(baseline: str) -> str:
    return next((tr(WORDS[kind]) for kind in BASELINES if kind == baseline), tr("what is usual for the method"))


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


def truth_for(subject: Subject, asked: str) -> np.ndarray | None:
    """Return the truth that an answer depends on, a key of its cache: two copies of an image may have other votes."""
    return truth_of(subject) if asked == "kl" else None


def attribution_of(
    run: Run, subject: Subject, method: str, asked: str, emotion: str, settings: Settings | None = None
) -> Attribution:
    """Return one method's answer, as it is usually asked without ``settings``; computed once."""
    target, settings = target_of(asked, emotion), settings or Settings()
    return _attribution(run.digest, subject.digest, method, target, settings, truth_for(subject, asked), run, subject)


def _questions(found: Explanation, subject: Subject, emotion: str) -> list[str]:
    others = [found.space.labels[i] for i in wheel_order(found.space) if found.space.labels[i] != emotion]
    pushes = [f"<-{other}" for other in others] if found.contributions is not None else []
    return ["logit", *pushes, *(f"-{other}" for other in others), *(["kl"] if subject.known else []), "entropy"]


def _words(asked: str, emotion: str) -> str:
    if asked == "logit":
        return tr("logit of {emotion}", emotion=tr(emotion))
    if asked.startswith("<-"):
        return tr("what {giver} does to {emotion}", giver=tr(asked[2:]), emotion=tr(emotion))
    if asked.startswith("-"):
        return tr("logit of {emotion} less that of {other}", emotion=tr(emotion), other=tr(asked[1:]))
    return {"kl": tr("KL to the truth"), "entropy": tr("entropy of the prediction")}[asked]


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
    run_digest: str,
    image_digest: str,
    method: str,
    target: str,
    settings: Settings,
    truth: np.ndarray | None,
    _run: Run,
    _subject: Subject,
) -> Attribution:
    parsed = Target.parse(target, _run.space)
    return attribute(_run, _subject.seen_by(_run), method, parsed, settings, truth)


def _numbers(found: Attribution) -> str:
    if found.delta is None or found.gap is None or found.tolerance is None:
        return tr("The target is **{value:+.3f}**. The map has no sum to be held to.", value=found.value)
    words = tr("The target is **{value:+.3f}**, **{delta:+.3f}** from {baseline}.",
               value=found.value, delta=found.delta, baseline=plain(tr(found.baseline)))  # fmt: skip
    gap = (
        tr("The places sum to {total:+.3f}: a gap of {gap:.2g}, complete (at most {most:.2g}).",
           total=found.values.sum(), gap=found.gap, most=found.tolerance)
        if found.complete else
        tr("The places sum to {total:+.3f}: a gap of {gap:.2g}, not complete (at most {most:.2g}).",
           total=found.values.sum(), gap=found.gap, most=found.tolerance)
    )  # fmt: skip
    lost = tr("{amount:+.3f} lies at no place, in the null shares.", amount=found.unplaced) if found.unplaced else ""
    return sentences(words, gap, lost)


def marked(run: Run, method: str) -> str:
    """Return the title of a method, with a mark where it fails a sanity check on this run."""
    title = tr(METHODS[method].title)
    return tr("{method} (fails a sanity check)", method=title) if method in failures_of(run) else title


def _meaning(found: Attribution) -> str:
    words = tr("Warm places raise the target, cold ones lower it.")
    if found.method == "attention":
        words = tr("Attention has no sign: it says where an emotion looks, not what that does.")
    named = {tr(_SETTINGS.get(name, name)): tr(value) if isinstance(value, str) else value
             for name, value in found.settings.items()}  # fmt: skip
    settings = tr(", ").join(f"{name} {value}" for name, value in named.items())
    return sentences(words, tr("{settings}.", settings=settings[:1].upper() + settings[1:]) if settings else "")
