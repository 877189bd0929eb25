"""What a run's maps are worth, by its stored grades: one short line beside each map; nothing is computed here."""

from __future__ import annotations

import streamlit as st

from fisa.datasets import is_drawn
from fisa.explain.goals import SPLIT
from fisa.explain.grade_kinds import GRADES, PartName
from fisa.explain.graded import GradeRow, failures_of, stored_grades
from fisa.figures.checks import listed
from fisa.language import mark, sentences, tr
from fisa.records import Explanation
from fisa.runs import Run
from fisa.ui import state
from fisa.ui.grades import CHECKED

AGREEMENTS = (mark("faithfulness"), mark("validity"))
_HIT, _LIFT = "localisation", "localisation.lift"


def under_attention(run: Run, found: Explanation) -> None:
    """Draw below an attention map how often those of the run find the motifs, with the way to all its grades."""
    if found.attention is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(tr("Planted scenes: {grade}", grade=of_attention(run, lift=True)), width="content")
        link("attention", _HIT)


def link(part: PartName, grade: str, beside: str = "") -> None:
    """Draw the way to one grade of the run, and of those ``beside`` it, as the Grades page names them."""
    query = {"run": str(state.get("run")), "beside": beside, "part": part, "grade": grade}
    asked = {name: text for name, text in query.items() if text}
    st.page_link(
        "pages/grades.py", label=tr("Grades"), icon=":material/grading:", help=tr(GRADES[grade].meaning),
        query_params=asked,
    )  # fmt: skip


def of_attention(run: Run, lift: bool = False) -> str:
    """Say how often the attention of an emotion peaks on its own motifs; with ``lift``, how much of it lies there."""
    hit, mass = _find(run, _HIT, "attention"), _find(run, _LIFT, "attention")
    if hit is None:
        return tr("not graded")
    told = tr("hit rate {numbers}", numbers=_numbers(*hit))
    return tr("{told}, lift {lift:.1f}", told=told, lift=mass[0].value) if lift and mass else told


def of_method(run: Run, method: str) -> str:
    """Say how well what a method lays on a motif agrees with what the model does without that motif."""
    found = _find(run, AGREEMENTS[0], method)
    return f"{tr(AGREEMENTS[0])} {_numbers(*found)}" if found else tr("not graded")


def of_method_in_full(run: Run, method: str, as_usual: bool = True) -> str:
    """Say what a method is worth where the truth is known: its stored grades beside the best baseline.

    Args:
        run: A run.
        method: Key of ``METHODS``.
        as_usual: Whether the map that it stands beside was made like those that were graded.
    """
    stored = stored_grades(run)
    split = next(iter(sorted(stored, key=lambda name: name != SPLIT)), SPLIT)
    rows = [row for row in stored[split].rows if row.grade in AGREEMENTS] if stored else []
    words = []
    for grade in AGREEMENTS:
        own = next((row for row in rows if (row.grade, row.subject) == (grade, method)), None)
        rest = [row.value for row in rows if row.grade == grade and row.kind == "baseline"]
        if own is not None:
            told = f"{tr(grade)} {_numbers(own)}"
            words.append(tr("{told}, best baseline {best:.2f}", told=told, best=max(rest)) if rest else told)
    if not words and not is_drawn(run.config.data.name):
        return tr("Not graded: only runs that were trained on drawn scenes can be.")
    if not words:
        return tr("Not graded yet: `python -m fisa grade RUN --store` does that on planted scenes.")
    graded = tr("Graded on {n} planted scenes ({split}): {grades}.",
                n=rows[0].scenes, split=split, grades=tr("; ").join(words))  # fmt: skip
    failed = listed([tr(CHECKED[check]) for check in failures_of(run).get(method, ())])
    fails = tr("**It fails the sanity check by {checks}.**", checks=failed) if failed else ""
    return sentences(graded, "" if as_usual else tr("That is with the usual head and baseline."), fails)


def _find(run: Run, grade: str, method: str) -> tuple[GradeRow, str] | None:
    """Return a grade of a method with its split: iid as graded at length, as after the training, else another."""
    stored = {split: grades.rows for split, grades in stored_grades(run).items()}
    shelves = [(SPLIT, stored.pop(SPLIT, ())), (SPLIT, _brief(run)), *sorted(stored.items())]
    wanted = (grade, method, "method")
    return next(
        ((row, split) for split, rows in shelves for row in rows if (row.grade, row.subject, row.kind) == wanted), None
    )


def _brief(run: Run) -> tuple[GradeRow, ...]:
    """Return what the training graded of the attention, on all scenes of the test split."""
    told = (run.grades or {}).get("localisation")
    if not told:
        return ()
    n, scenes = told["n"], told["scenes"]
    hit = GradeRow(_HIT, "attention", "method", told["hit"], told["low"], told["high"], n, scenes)
    return hit, GradeRow(_LIFT, "attention", "method", told["lift"], None, None, n, scenes)


def _numbers(row: GradeRow, split: str = SPLIT) -> str:
    """Write a grade with its 95 % interval, and its split where that is not the usual one."""
    bounds = "" if row.low is None else f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.value:.2f}{bounds}{'' if split == SPLIT else f' ({split})'}"
