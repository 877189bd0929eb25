"""What the explanations of runs are worth, drawn part by part for the Grades page; it reads stored grades only."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from fisa import figures
from fisa.datasets import is_drawn
from fisa.explain.attribution import METHODS
from fisa.explain.goals import GOALS, SPLIT, Goal, goal_of
from fisa.explain.grade_kinds import GRADES, PARTS, PartName
from fisa.explain.graded import GradeRow, Grades, failed_checks
from fisa.language import mark, sentences, tr
from fisa.runs import Run
from fisa.ui import cache, state
from fisa.ui.grades_choice import Shelf, grades_of, ordered
from fisa.ui.state import plain
from fisa.ui.widgets import chart, html_table

SUBJECTS = {
    "any_motif": mark("Any motif"),
    "area": mark("Area"),
    "constant": mark("Constant"),
    "logits": mark("Logits"),
    "other_emotion": mark("Other emotion"),
    "own_change": mark("Own change"),
    "own_motifs": mark("Own motifs"),
    "random": mark("Random"),
    "same": mark("Same"),
    "true_logits": mark("True logits"),
    "untrained": mark("Untrained"),
}
"""What baselines, ceilings and other explanations than ``METHODS`` are called; ``_`` stands for a space."""
CHECKED = {"shuffled_weights": mark("shuffled weights"), "shuffled_labels": mark("shuffled labels")}
"""What each of ``fisa.explain.graded.CHECKS`` shuffles."""
KINDS = {"method": mark("method"), "baseline": mark("baseline"), "ceiling": mark("ceiling")}
"""What the subjects of grades are, in the order of tables."""
BETTER = {"larger": mark("The larger the better."), "smaller": mark("The smaller the better.")}
COLUMNS = (mark("run"), mark("subject"), mark("kind"), mark("value"), mark("low"), mark("high"), "n", mark("scenes"))
CURVES = (mark("line"), mark("split"), *COLUMNS[3:6])
"""Of the numbers behind a chart, and behind one over several splits."""


def long_table(shelf: Shelf, split: str) -> pd.DataFrame:
    """Return a row a run, grade and subject of one split: ``run``, the fields of ``GradeRow``, ``shown``, ``fails``.

    The last two are in the person's language.
    """
    tables = []
    for name, stored in shelf.items():
        if split in stored:
            fails = failed_checks(stored[split].rows)
            table = stored[split].table().assign(run=name)
            table["shown"] = [title_of(subject) for subject in table["subject"]]
            failed = ([tr(CHECKED[check]) for check in fails.get(subject, {})] for subject in table["subject"])
            table["fails"] = [tr(", ").join(checks) for checks in failed]
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def title_of(subject: str) -> str:
    """Return a subject as people read it."""
    if subject in METHODS:
        return tr(METHODS[subject].title)
    key = subject.replace(" ", "_")
    return tr(SUBJECTS[key]) if key in SUBJECTS else subject.replace("_", " ").capitalize()


def goals(shelf: Shelf) -> None:
    """Draw which goals each run keeps."""
    graded = {name: stored[SPLIT] for name, stored in shelf.items() if SPLIT in stored}
    if not graded:
        st.caption(tr("No run shown here has been graded on iid, for which the goals are set."))
        return
    first = [(_row_of(next(iter(graded.values())), *of), goal) for of, goal in GOALS.items()]
    kept = [goal.kept(row.value) for row, goal in first if row is not None]
    st.markdown(
        tr("{run} keeps **{kept} of {n}** goals that apply to it.",
           run=plain(next(iter(graded))), kept=sum(kept), n=len(kept))
    )  # fmt: skip
    html_table(goal_texts(graded), alt=tr("Goals, kept or missed"))
    st.caption(goals_said())


def goal_texts(graded: Mapping[str, Grades]) -> pd.DataFrame:
    """Return a row a goal and a column a run: its number with its interval, and whether it keeps the goal."""
    rows = {
        f"{tr(GRADES[grade].title)} {goal}": [
            _verdict(_row_of(stored, grade, subject), goal) for stored in graded.values()
        ]
        for (grade, subject), goal in GOALS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(graded)).rename_axis("goal")


def goals_said() -> str:
    """Say what the goals are."""
    return tr(
        "Goals are set for the full method on {split}; every run is held to them. In brackets 95 % intervals.",
        split=SPLIT,
    )


def _row_of(stored: Grades, grade: str, subject: str) -> GradeRow | None:
    return next((row for row in stored.rows if (row.grade, row.subject) == (grade, subject)), None)


def _verdict(row: GradeRow | None, goal: Goal) -> str:
    """Say whether a grade keeps a goal."""
    if row is None:
        return tr("does not apply")
    numbers = numbers_of(row.value, row.low, row.high)
    return tr("{numbers}, kept", numbers=numbers) if goal.kept(row.value) else tr("{numbers}, missed", numbers=numbers)


def leaderboard(table: pd.DataFrame, part: PartName) -> None:
    """Draw methods, baselines and ceilings by grades, with their intervals; a click on a column sorts by it."""
    grades = grades_of(part, set(table["grade"]))
    shown = {tr(GRADES[grade].title): st.column_config.NumberColumn(format="%.3f") for grade in grades}
    st.dataframe(
        wide_table(table, grades), column_config=shown, key=f"grades_{part}", placeholder="–",
        alt=tr("{part}: grades of every subject", part=tr(PARTS[part])),
    )  # fmt: skip


def wide_table(table: pd.DataFrame, grades: Sequence[str]) -> pd.DataFrame:
    """Return a row a run and subject of :func:`long_table`: kind, each grade and its interval, the sanity check.

    All words are in the person's language.
    """
    wide = ranked(table, grades)
    shown: dict[str, object] = {tr("kind"): [tr(KINDS[kind]) for kind in wide["kind"]]}
    for grade in grades:
        title = tr(GRADES[grade].title)
        ends = zip(wide[grade], wide[f"{grade}_low"], wide[f"{grade}_high"], strict=True)
        bounds = [_bounds(low, high) if value == value else None for value, low, high in ends]
        shown |= {title: list(wide[grade]), tr("{grade}, 95 %", grade=title): bounds}
    shown |= {tr("sanity"): list(wide["sanity"])} if "sanity" in wide else {}
    index = lines_of(wide)
    return pd.DataFrame(shown, index=index.set_names([tr(str(name)) for name in index.names]))


def lines_of(wide: pd.DataFrame) -> pd.Index:
    """Return what names the rows of :func:`ranked`: run and subject, or of one run the subject alone."""
    return wide.index if wide.index.unique("run").size > 1 else wide.index.get_level_values("subject")


def ranked(table: pd.DataFrame, grades: Sequence[str]) -> pd.DataFrame:
    """Return a row a ``run`` and ``subject`` of :func:`long_table`: methods first, the best at the first grade on top.

    Columns: ``kind``; each grade, and it with ``_low`` and ``_high``, NaN where there is none; and where any method was
    checked ``sanity``, in the person's language, as the subjects are.
    """
    lines: dict[tuple[str, str], dict[str, object]] = {}
    for row in table[table["grade"].isin(grades)].to_dict("records"):
        line = lines.setdefault((row["run"], row["shown"]), {"kind": row["kind"]})
        line["kind"] = row["kind"] if row["kind"] == "method" else line["kind"]  # untrained, it is its own baseline
        line |= {row["grade"]: row["value"], f"{row['grade']}_low": row["low"], f"{row['grade']}_high": row["high"]}
    for row in table[table["grade"].str.startswith("sanity.shuffled")].to_dict("records"):
        if line := lines.get((row["run"], row["shown"]), {}):
            line["sanity"] = tr("fails {checks}", checks=row["fails"]) if row["fails"] else tr("passes")
    wide = pd.DataFrame.from_dict(lines, orient="index")
    wide.index = pd.MultiIndex.from_tuples(list(lines), names=["run", "subject"])
    wide = wide.sort_values(["kind", grades[0]], key=_by_kind, ascending=[True, False], kind="stable")
    numbers = [f"{grade}{end}" for grade in grades for end in ("", "_low", "_high")]
    wide = wide.astype(dict.fromkeys(numbers, float))
    return wide[["kind", *numbers, *(["sanity"] if "sanity" in wide else [])]]


def dots(table: pd.DataFrame, grade: str, split: str) -> None:
    """Draw one grade with its intervals."""
    rows, goal = dotted(table, grade, split)
    figure = figures.grade_dots(rows, tr(GRADES[grade].title), goal, state.theme())
    twin = rows.assign(kind=[tr(KINDS[kind]) for kind in rows["kind"]])[list(COLUMNS)]
    chart(figure, f"dots_{grade}", twin.rename(columns=tr))
    told = [tr(GRADES[grade].meaning)]
    if GRADES[grade].better in BETTER:
        told.append(tr(BETTER[GRADES[grade].better]))
    told.append(tr("Hollow: baselines, and the ceiling; bars: 95 % bootstrap intervals over scenes."))
    if rows["fails"].any():
        told.append(tr("A star marks a method that fails a sanity check."))
    st.caption(sentences(*told))


def dotted(table: pd.DataFrame, grade: str, split: str) -> tuple[pd.DataFrame, float | None]:
    """Return what :func:`fisa.figures.grade_dots` draws of :func:`long_table`, stars at what fails; and the goal."""
    rows = table[table["grade"] == grade]
    limits = [goal.limit for subject in rows["subject"] if (goal := goal_of(grade, subject, split))]
    names = [f"{shown}*" if fails else shown for shown, fails in zip(rows["shown"], rows["fails"], strict=True)]
    return rows.assign(subject=names, fails=rows["fails"] != ""), limits[0] if limits else None


def curves(shelf: Shelf, grade: str) -> None:
    """Draw one grade of every method over the graded splits, where there are two or more."""
    table = curve_rows(shelf, grade)
    if table["split"].nunique() < 2:
        command = command_for(list(shelf)[:1], "rendering")
        st.caption(tr("Only one split is graded. {command} adds a shift.", command=command))
        return
    figure = figures.grade_curves(table, tr(GRADES[grade].title), None, state.theme())
    chart(figure, f"curves_{grade}", table.rename(columns=tr))


def curve_rows(shelf: Shelf, grade: str) -> pd.DataFrame:
    """Return what :func:`fisa.figures.grade_curves` draws: one grade of every method by split, under ``CURVES``."""
    lines = []
    for name, stored in shelf.items():
        for split in ordered(set(stored)):
            for row in stored[split].rows:
                if row.grade == grade and row.kind == "method":
                    who = title_of(row.subject)
                    who = who if len(shelf) == 1 else tr("{subject}, {run}", subject=who, run=name)
                    lines.append((who, split, row.value, row.low, row.high))
    table = pd.DataFrame(lines, columns=list(CURVES))
    return table.sort_values("split", key=lambda names: names.map(ordered(set(names)).index), kind="stable")


def missing(runs: Mapping[str, Run], shelf: Shelf, split: str | None) -> None:
    """Say which of the runs are not graded, why, and what grades them."""
    absent = []
    for name, run in runs.items():
        if not is_drawn(run.config.data.name) or run.task.name != "distribution":
            st.info(
                tr(
                    "{run} was trained on {data}, where nobody knows which places bear which emotion: its explanations "
                    "cannot be graded.", run=plain(name), data=plain(run.config.data.name),
                ), icon=":material/help:",
            )  # fmt: skip
        elif not shelf[name] or (split is not None and split not in shelf[name]):
            absent.append(name)
    if absent:
        names = tr(", ").join(map(plain, absent))
        said = tr("Not graded on {split} yet: {runs}.", split=split, runs=names) if split else (
            tr("Not graded yet: {runs}.", runs=names)
        )  # fmt: skip
        how = tr("{command} does that; it can be interrupted and goes on where it stopped.",
                 command=command_for(absent, split))  # fmt: skip
        st.info(sentences(said, how), icon=":material/grading:")


def _from_here(path: Path) -> Path:
    """Return a path as one writes it in the folder that the studio was started from."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def command_for(names: Sequence[str], split: str | None) -> str:
    """Return the command that grades runs, as Markdown."""
    folders = cache.run_folders()
    paths = [str(_from_here(folders[name])) for name in names]
    chosen = [] if split in (None, SPLIT) else ["--split", split]
    command = shlex.join(["python", "-m", "fisa", "grade", *paths, *chosen, "--store"])
    return f"`{command}`"


def notes(shelf: Shelf, split: str) -> None:
    """Say what the grades rest on and what was left out."""
    for name, stored in shelf.items():
        if split in stored:
            grades = stored[split]
            sizes = grades.settings
            told = tr(
                "**{run}** ({digest}), {data} {split}, data version {version}, code {code}. Scenes: {located} "
                "localisation, {scenes} interaction, {attributed} attribution, {checked} deletion and checks, at most.",
                run=plain(name), digest=grades.digest, data=plain(grades.data), split=plain(split),
                version=grades.version, code=grades.code, located=sizes["located"], scenes=sizes["scenes"],
                attributed=sizes["attributed"], checked=sizes["checked"],
            )  # fmt: skip
            st.caption(sentences(told, *map(plain, grades.notes)))


def definitions() -> None:
    """Say what each grade is."""
    with st.expander(tr("What each grade is")):
        rows = {
            tr("{part}: {grade}", part=tr(PARTS[kind.part]), grade=tr(kind.title)): [tr(kind.meaning)]
            for kind in GRADES.values()
        }
        html_table(pd.DataFrame.from_dict(rows, orient="index", columns=[tr("meaning")]))
        st.caption(tr("Equations and sources: docs/methods.md, section 15.2."))


def _by_kind(column: pd.Series) -> pd.Series:
    return column.map(list(KINDS).index) if column.name == "kind" else column


def _bounds(low: float | None, high: float | None) -> str:
    if low is None or high is None or low != low:
        return ""
    return tr("{low:.3f} to {high:.3f}", low=low, high=high)


def numbers_of(value: float, low: float | None, high: float | None) -> str:
    """Write a number with its interval, if it has one."""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]" if _bounds(low, high) else f"{value:.3f}"
