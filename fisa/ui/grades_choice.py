"""Which runs, which split, which part and which grade the Grades page shows: resolved, and chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import streamlit as st

from fisa.explain.goals import SPLIT
from fisa.explain.grade_kinds import GRADES, PARTS, PartName
from fisa.explain.graded import Grades, stored_grades
from fisa.language import tr
from fisa.runs import Run
from fisa.ui import cache, others, state
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, choose, problem

SPLITS = (SPLIT, "rendering", "triple", "strength", "palette", *(f"clutter-{level}" for level in range(4)))
"""Splits in the order of curves; others come after these."""
_OTHERS = "choose_beside"

Shelf = Mapping[str, Mapping[str, Grades]]
"""By the name of the run, and by split, its grades."""


def settle(run: Run) -> tuple[dict[str, Run], dict[str, dict[str, Grades]]]:
    """Open the chosen runs, that of the sidebar first; return them by name, and their grades by name and split."""
    folders = cache.run_folders()
    first = str(state.get("run"))
    wanted = [name for name in others.names_in(state.get("beside") or "") if name != first]
    runs = {first: run}
    for name in wanted:
        if name not in folders:
            said = tr("There is no run “{wanted}” here.", wanted=plain(state.clip(name)))
            st.warning(said, icon=":material/link_off:")
            continue
        try:
            runs[name] = cache.open_run(folders[name])
        except PROBLEMS as error:
            problem(error)
    return runs, {name: stored_grades(each) for name, each in runs.items()}


def choose_others(runs: Mapping[str, Run]) -> None:
    """Draw the choice of the runs that stand beside that of the sidebar."""
    first, *beside = runs
    st.session_state[_OTHERS] = beside
    st.multiselect(
        tr("Side by side with"), [name for name in cache.run_folders() if name != first], key=_OTHERS,
        on_change=lambda: state.put("beside", others.text_of(st.session_state[_OTHERS])), placeholder=tr("other runs"),
    )  # fmt: skip


def settle_view(shelf: Shelf) -> tuple[str, PartName, str]:
    """Resolve the split, the part and the grade of the view among what is stored; return them."""
    splits = ordered({split for stored in shelf.values() for split in stored})
    split = state.resolve("graded", splits, splits[0], tr("graded split"))
    found = {row.grade for stored in shelf.values() if split in stored for row in stored[split].rows}
    parts = parts_of(found)
    noun = tr("part of the grades")
    part = cast(PartName, state.resolve("part", parts, parts[0], noun, state.get("part") in PARTS))
    grades = grades_of(part, found)
    return split, part, state.resolve("grade", grades, grades[0], tr("grade"), quiet=state.get("grade") in GRADES)


def ordered(splits: set[str]) -> list[str]:
    """Return splits in the order of ``SPLITS``, others after them by name."""
    return sorted(splits, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))


def parts_of(found: set[str]) -> list[PartName]:
    """Return the parts that have any of the grades ``found``."""
    return [part for part in PARTS if grades_of(part, found)]


def grades_of(part: PartName, found: set[str]) -> list[str]:
    """Return those of the grades ``found`` that belong to a part, in their order."""
    return [grade for grade, kind in GRADES.items() if kind.part == part and grade in found]


def controls(part: PartName, found: set[str]) -> None:
    """Draw the choice of the part and of its grade, among the grades ``found``."""
    parts = {str(each): tr(PARTS[each]) for each in parts_of(found)}
    choose("part", list(parts), tr("Part"), st.segmented_control, parts.__getitem__, required=True)
    choose("grade", grades_of(part, found), tr("Chart of"), shown=lambda grade: tr(GRADES[grade].title), width=280)


def choose_split(shelf: Shelf) -> None:
    """Draw the choice of the graded split."""
    choose("graded", ordered({split for stored in shelf.values() for split in stored}), tr("Split"), width=160)
