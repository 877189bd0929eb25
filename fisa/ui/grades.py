"""What the explanations of runs are worth, drawn part by part for the Grades page; it reads stored grades only."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import is_drawn
from fisa.explain.attribution import METHODS
from fisa.explain.goals import GOALS, SPLIT, goal_of
from fisa.explain.grade_kinds import GRADES, PARTS, PartName
from fisa.explain.graded import Grades, failed_checks, stored_grades
from fisa.runs import Run
from fisa.ui import cache, state
from fisa.ui.state import plain
from fisa.ui.widgets import PROBLEMS, chart, choose, html_table, problem

SPLITS = (SPLIT, "rendering", "triple", "strength", "palette", *(f"clutter-{level}" for level in range(4)))
"""Splits in the order of curves; others come after these."""
_OTHERS = "choose_beside"

Shelf = Mapping[str, Mapping[str, Grades]]
"""By the name of the run, and by split, its grades."""


def settle(run: Run) -> tuple[dict[str, Run], dict[str, dict[str, Grades]]]:
    """Open the chosen runs, that of the sidebar first; return them by name, and their grades by name and split."""
    folders = cache.run_folders()
    first = str(state.get("run"))
    wanted = [name for name in (state.get("beside") or "").split(",") if name and name != first]
    runs = {first: run}
    for name in wanted:
        if name not in folders:
            st.warning(f"There is no run “{plain(state.clip(name))}” here.", icon=":material/link_off:")
            continue
        try:
            runs[name] = cache.open_run(folders[name])
        except PROBLEMS as error:
            problem(error)
    return runs, {name: stored_grades(each) for name, each in runs.items()}


def choose_others(runs: Mapping[str, Run]) -> None:
    """Draw the choice of the runs that stand beside that of the sidebar."""
    first, *others = runs
    st.session_state[_OTHERS] = others
    st.multiselect(
        "Side by side with", [name for name in cache.run_folders() if name != first], key=_OTHERS,
        on_change=lambda: state.put("beside", ",".join(st.session_state[_OTHERS])), placeholder="other runs",
    )  # fmt: skip


def settle_view(shelf: Shelf) -> tuple[str, PartName, str]:
    """Resolve the split, the part and the grade of the view among what is stored; return them."""
    splits = ordered({split for stored in shelf.values() for split in stored})
    split = state.resolve("graded", splits, splits[0], "graded split")
    found = {row.grade for stored in shelf.values() if split in stored for row in stored[split].rows}
    parts = parts_of(found)
    part = cast(PartName, state.resolve("part", parts, parts[0], "part of the grades", state.get("part") in PARTS))
    grades = grades_of(part, found)
    return split, part, state.resolve("grade", grades, grades[0], "grade", quiet=state.get("grade") in GRADES)


def ordered(splits: set[str]) -> list[str]:
    """Return splits in the order of ``SPLITS``, others after them by name."""
    return sorted(splits, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))


def parts_of(found: set[str]) -> list[PartName]:
    """Return the parts that have any of the grades ``found``."""
    return [part for part in PARTS if grades_of(part, found)]


def grades_of(part: PartName, found: set[str]) -> list[str]:
    """Return those of the grades ``found`` that belong to a part, in their order."""
    return [grade for grade, kind in GRADES.items() if kind.part == part and grade in found]


def long_table(shelf: Shelf, split: str) -> pd.DataFrame:
    """Return a row a run, grade and subject of one split: ``run``, the fields of ``GradeRow``, ``shown``, ``fails``."""
    tables = []
    for name, stored in shelf.items():
        if split in stored:
            fails = failed_checks(stored[split].rows)
            table = stored[split].table().assign(run=name)
            table["shown"] = [title_of(subject) for subject in table["subject"]]
            table["fails"] = [", ".join(fails.get(subject, {})).replace("_", " ") for subject in table["subject"]]
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def title_of(subject: str) -> str:
    """Return a subject as people read it."""
    return METHODS[subject].title if subject in METHODS else subject.replace("_", " ").capitalize()


def goals(shelf: Shelf) -> None:
    """Draw which goals each run keeps."""
    rows: dict[str, list[str]] = {}
    graded = {name: stored[SPLIT] for name, stored in shelf.items() if SPLIT in stored}
    for (grade, subject), goal in GOALS.items():
        cells = []
        for stored in graded.values():
            own = next((row for row in stored.rows if (row.grade, row.subject) == (grade, subject)), None)
            verdict = "" if own is None else f", {'kept' if goal.kept(own.value) else 'missed'}"
            cells.append("does not apply" if own is None else f"{_numbers(own.value, own.low, own.high)}{verdict}")
        rows[f"{GRADES[grade].title} {goal}"] = cells
    if not graded:
        st.caption("No run shown here has been graded on iid, for which the goals are set.")
        return
    kept = sum(cell.endswith("kept") for cells in rows.values() for cell in cells[:1])
    asked = sum(cells[0] != "does not apply" for cells in rows.values())
    st.markdown(f"{plain(next(iter(graded)))} keeps **{kept} of {asked}** goals that apply to it.")
    html_table(pd.DataFrame.from_dict(rows, orient="index", columns=list(graded)), alt="Goals, kept or missed")
    st.caption(f"Goals are set for the full method on {SPLIT}; every run is held to them. In brackets 95 % intervals.")


def leaderboard(table: pd.DataFrame, part: PartName) -> None:
    """Draw methods, baselines and ceilings by grades, with their intervals; a click on a column sorts by it."""
    grades = grades_of(part, set(table["grade"]))
    shown = {GRADES[grade].title: st.column_config.NumberColumn(format="%.3f") for grade in grades}
    st.dataframe(
        wide_table(table, grades), column_config=shown, key=f"grades_{part}", placeholder="–",
        alt=f"{PARTS[part]}: grades of every subject",
    )  # fmt: skip


def wide_table(table: pd.DataFrame, grades: Sequence[str]) -> pd.DataFrame:
    """Return a row a run and subject of :func:`long_table`: kind, each grade and its interval, the sanity check."""
    lines: dict[tuple[str, str], dict[str, object]] = {}
    for row in table[table["grade"].isin(grades)].to_dict("records"):
        line = lines.setdefault((row["run"], row["shown"]), {"kind": row["kind"]})
        line["kind"] = row["kind"] if row["kind"] == "method" else line["kind"]  # untrained, it is its own baseline
        title = GRADES[row["grade"]].title
        line[title], line[f"{title}, 95 %"] = row["value"], _bounds(row["low"], row["high"])
    for row in table[table["grade"].str.startswith("sanity.shuffled")].to_dict("records"):
        if line := lines.get((row["run"], row["shown"]), {}):
            line["sanity"] = f"fails {row['fails']}" if row["fails"] else "passes"
    wide = pd.DataFrame.from_dict(lines, orient="index")
    wide.index = pd.MultiIndex.from_tuples(list(lines), names=["run", "subject"])
    if table["run"].nunique() == 1:
        wide.index = wide.index.droplevel("run")
    order = [column for grade in grades for column in (GRADES[grade].title, f"{GRADES[grade].title}, 95 %")]
    wide = wide[["kind", *order, *(["sanity"] if "sanity" in wide else [])]]
    return wide.sort_values(["kind", order[0]], key=_by_kind, ascending=[True, False], kind="stable")


def dots(table: pd.DataFrame, grade: str, split: str) -> None:
    """Draw one grade with its intervals."""
    rows = table[table["grade"] == grade].copy()
    marks = ["*" if fails else "" for fails in rows["fails"]]
    rows["subject"] = rows["shown"] + pd.Series(marks, index=rows.index)
    limits = [goal for subject in table.loc[rows.index, "subject"] if (goal := goal_of(grade, subject, split))]
    figure = figures.grade_dots(rows, GRADES[grade].title, limits[0].limit if limits else None, state.theme())
    chart(figure, f"dots_{grade}", rows[["run", "subject", "kind", "value", "low", "high", "n", "scenes"]])
    better = "" if GRADES[grade].better == "neither" else f" The {GRADES[grade].better} the better."
    fails = " A star marks a method that fails a sanity check." if any(marks) else ""
    st.caption(
        f"{GRADES[grade].meaning}{better} Hollow: baselines, and the ceiling; bars: 95 % bootstrap intervals over "
        f"scenes.{fails}"
    )


def curves(shelf: Shelf, grade: str) -> None:
    """Draw one grade of every method over the graded splits, where there are two or more."""
    lines = []
    for name, stored in shelf.items():
        for split in ordered(set(stored)):
            for row in stored[split].rows:
                if row.grade == grade and row.kind == "method":
                    who = title_of(row.subject) if len(shelf) == 1 else f"{title_of(row.subject)}, {name}"
                    lines.append((who, split, row.value, row.low, row.high))
    table = pd.DataFrame(lines, columns=["line", "split", "value", "low", "high"])
    if table["split"].nunique() < 2:
        st.caption(f"Only one split is graded. {command_for(list(shelf)[:1], 'rendering')} adds a shift.")
        return
    table = table.sort_values("split", key=lambda names: names.map(ordered(set(names)).index), kind="stable")
    chart(figures.grade_curves(table, GRADES[grade].title, None, state.theme()), f"curves_{grade}", table)


def missing(runs: Mapping[str, Run], shelf: Shelf, split: str | None) -> None:
    """Say which of the runs are not graded, why, and what grades them."""
    absent = []
    for name, run in runs.items():
        if not is_drawn(run.config.data.name) or run.task.name != "distribution":
            st.info(
                f"{plain(name)} was trained on {plain(run.config.data.name)}, where nobody knows which places bear "
                "which emotion: its explanations cannot be graded.", icon=":material/help:",
            )  # fmt: skip
        elif not shelf[name] or (split is not None and split not in shelf[name]):
            absent.append(name)
    if absent:
        where = f" on {split}" if split else ""
        st.info(
            f"Not graded{where} yet: {', '.join(map(plain, absent))}. {command_for(absent, split)} does that; "
            "it can be interrupted and goes on where it stopped.", icon=":material/grading:",
        )  # fmt: skip


def _from_here(path: Path) -> Path:
    """Return a path as one writes it in the folder that the studio was started from."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def command_for(names: Sequence[str], split: str | None) -> str:
    """Return the command that grades runs, as Markdown."""
    folders = cache.run_folders()
    paths = shlex.join(str(_from_here(folders[name])) for name in names)
    return f"`python -m fisa grade {paths}{f' --split {split}' if split not in (None, SPLIT) else ''} --store`"


def notes(shelf: Shelf, split: str) -> None:
    """Say what the grades rest on and what was left out."""
    for name, stored in shelf.items():
        if split in stored:
            grades = stored[split]
            sizes = grades.settings
            st.caption(
                f"**{plain(name)}** ({grades.digest}), {plain(grades.data)} {plain(split)}, data version "
                f"{grades.version}, code {grades.code}. Scenes: {sizes['located']} localisation, {sizes['scenes']} "
                f"interaction, {sizes['attributed']} attribution, {sizes['checked']} deletion and checks, at most. "
                + " ".join(plain(note) for note in grades.notes)
            )


def definitions() -> None:
    """Say what each grade is."""
    with st.expander("What each grade is"):
        rows = {f"{PARTS[kind.part]}: {kind.title}": [kind.meaning] for kind in GRADES.values()}
        html_table(pd.DataFrame.from_dict(rows, orient="index", columns=["meaning"]))
        st.caption("Equations and sources: docs/methods.md, section 15.2.")


def controls(part: PartName, found: set[str]) -> None:
    """Draw the choice of the part and of its grade, among the grades ``found``."""
    choose(
        "part", parts_of(found), "Part", st.segmented_control, lambda name: PARTS[cast(PartName, name)], required=True
    )
    choose("grade", grades_of(part, found), "Chart of", shown=lambda grade: GRADES[grade].title, width=280)


def choose_split(shelf: Shelf) -> None:
    """Draw the choice of the graded split."""
    choose("graded", ordered({split for stored in shelf.values() for split in stored}), "Split", width=160)


def _by_kind(column: pd.Series) -> pd.Series:
    kinds = {"method": 0, "baseline": 1, "ceiling": 2}
    return column.map(kinds) if column.name == "kind" else column


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None or low != low else f"{low:.3f} to {high:.3f}"


def _numbers(value: float, low: float | None, high: float | None) -> str:
    bounds = _bounds(low, high)
    return f"{value:.3f} [{bounds.replace(' to ', ', ')}]" if bounds else f"{value:.3f}"
