"""What the Grades page offers for download: the charts and tables of what explanations are worth."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fisa.explain.goals import GOALS, SPLIT, goal_of
from fisa.explain.grade_kinds import GRADES, PARTS, PartName
from fisa.export import provenance_of
from fisa.export.explanation import Draw
from fisa.figures import paper
from fisa.language import ENGLISH, Phrase, mark, using
from fisa.runs import Run
from fisa.ui import grades
from fisa.ui.export import Offer, Sheet
from fisa.ui.grades_choice import Shelf, grades_of, ordered

ARROWS = {"larger": " ↑", "smaller": " ↓", "neither": ""}
DIGITS = 3
_SCENES = {
    "located": "localisation", "scenes": "interaction", "attributed": "attribution", "checked": "deletion and checks",
}  # fmt: skip
_STAR = "* fails a sanity check"
_INTERVALS = "In brackets 95 % bootstrap intervals over scenes, each with its counterfactuals."


@using(ENGLISH)
def of_grades(runs: Mapping[str, Run], shelf: Shelf, split: str, part: PartName, grade: str) -> Offer:
    """Return what is offered for graded runs, in English.

    Args:
        runs: Side by side, by name.
        shelf: Their grades.
        split: Whose grades are shown; one of the runs has some.
        part: Of the grades, whose table is shown.
        grade: Of which the charts are.
    """
    splits = ordered({each for stored in shelf.values() for each in stored})
    title = Phrase(GRADES[grade].title)
    table, over, wide = f"grades-of-{part}", f"{grade}-over-splits", _about(runs, shelf, splits)
    figures: dict[str, Draw] = {grade: partial(_dots, shelf, split, grade)}
    if grades.curve_rows(shelf, grade)["split"].nunique() > 1:
        figures[over] = partial(_curves, shelf, grade)
    graded = {name: stored[SPLIT] for name, stored in shelf.items() if SPLIT in stored}
    return Offer(
        name=f"{'-'.join(name for name in runs if shelf[name])}-{split}",
        about=_about(runs, shelf, [split]),
        figures=figures,
        tables={
            table: partial(leaderboard_sheet, shelf, split, part),
            **({"goals": partial(goals_sheet, shelf)} if graded else {}),
            "all-grades": partial(all_sheet, shelf),
        },
        own={over: wide, "all-grades": wide, **({"goals": _about(runs, shelf, [SPLIT])} if graded else {})},
        called={
            grade: title,
            over: Phrase(mark("{grade} over splits"), grade=title),
            table: Phrase(mark("Grades: {part}"), part=Phrase(PARTS[part])),
        },
    ).english


def _about(runs: Mapping[str, Run], shelf: Shelf, splits: Sequence[str]) -> dict[str, str]:
    """Return where the grades of some splits come from; ``runs`` says so of one run, too, as tables have a ``run``."""
    found = {name: [shelf[name][split] for split in splits if split in shelf[name]] for name in runs}
    graded = [name for name, own in found.items() if own]
    each = [one for own in found.values() for one in own]
    data = dict.fromkeys(f"{one.data}, version {one.version}, split {one.split}" for one in each)
    chosen = [word for split in splits for word in ("--split", split)]
    paths = [str(runs[name].path) for name in graded]
    command = shlex.join(["python", "-m", "fisa", "grade", *paths, *chosen, "--store"])
    about = provenance_of([runs[name] for name in graded], "; ".join(data), None, command)
    made = [
        f"{name} on {one.split} by code {one.code}, of at most "
        + ", ".join(f"{one.settings[size]} scenes for {what}" for size, what in _SCENES.items())
        for name, own in found.items()
        for one in own
    ]
    named = {"runs" if name == "run" else name: words for name, words in about.items()}
    return {**named, "graded": "; ".join(made)}


def _dots(shelf: Shelf, split: str, grade: str, width: paper.Width) -> Figure:
    rows, goal = grades.dotted(grades.long_table(shelf, split), grade, split)
    note = _STAR if rows["fails"].any() else ""
    return paper.grade_dots(rows, GRADES[grade].title, goal, note, width)


def _curves(shelf: Shelf, grade: str, width: paper.Width) -> Figure:
    return paper.grade_curves(grades.curve_rows(shelf, grade), GRADES[grade].title, width)


def leaderboard_sheet(shelf: Shelf, split: str, part: PartName) -> Sheet:
    """Return methods, baselines and ceilings by the grades of one part, the best method of each in bold."""
    table = grades.long_table(shelf, split)
    names = grades_of(part, set(table["grade"]))
    numbers = grades.ranked(table, names)
    texts, best = {"kind": list(numbers["kind"])}, {"kind": [False] * len(numbers)}
    for name in names:
        title = f"{GRADES[name].title}{ARROWS[GRADES[name].better]}"
        cells = zip(numbers[name], numbers[f"{name}_low"], numbers[f"{name}_high"], strict=True)
        texts[title] = [grades.numbers_of(*cell) if cell[0] == cell[0] else "–" for cell in cells]
        best[title] = _best(numbers[name].where(numbers["kind"] == "method"), GRADES[name].better)
    if "sanity" in numbers:
        texts["sanity"], best["sanity"] = list(numbers["sanity"].fillna("–")), [False] * len(numbers)
    index = grades.lines_of(numbers)
    foot = [_INTERVALS, *(f"{GRADES[name].title}: {GRADES[name].meaning}" for name in names)]
    return Sheet(numbers, pd.DataFrame(texts, index=index), pd.DataFrame(best, index=index), foot)


def _best(values: pd.Series, better: str) -> list[bool]:
    """Tell which values show the digits of the best one; of fewer than two, or where none is better, none."""
    shown = values.round(DIGITS)
    if better == "neither" or shown.count() < 2:
        return [False] * len(shown)
    return list(shown == (shown.max() if better == "larger" else shown.min()))


def goals_sheet(shelf: Shelf) -> Sheet:
    """Return the goals, kept or missed: as numbers a row a goal and run, to read a column a run."""
    graded = {name: stored[SPLIT] for name, stored in shelf.items() if SPLIT in stored}
    rows = []
    for name, stored in graded.items():
        found = {(row.grade, row.subject): row for row in stored.rows}
        for key, goal in GOALS.items():
            row = found.get(key)
            value = (np.nan,) * 3 if row is None else (row.value, row.low, row.high)
            rows.append((name, *key, str(goal), *value, None if row is None else goal.kept(row.value)))
    columns = ["run", "grade", "subject", "goal", "value", "low", "high", "kept"]
    numbers = pd.DataFrame(rows, columns=columns).set_index("run")
    texts = grades.goal_texts(graded)
    return Sheet(numbers, texts, texts.notna() & False, [grades.goals_said()])


def all_sheet(shelf: Shelf) -> Sheet:
    """Return every grade of every split: as numbers with the columns of ``python -m fisa grade --format csv``."""
    splits = ordered({split for stored in shelf.values() for split in stored})
    table = pd.concat([grades.long_table(shelf, split).assign(split=split) for split in splits], ignore_index=True)
    goals = [goal_of(*of) for of in zip(table["grade"], table["subject"], table["split"], strict=True)]
    kept = [None if goal is None else goal.kept(value) for goal, value in zip(goals, table["value"], strict=True)]
    table = table.assign(
        goal=pd.Series([None if goal is None else str(goal) for goal in goals], dtype=object),
        kept=pd.Series(kept, dtype=object),
    )
    keys = ["grade", "subject", "kind", "value", "low", "high", "n", "scenes", "goal", "kept"]
    cells = zip(table["value"], table["low"], table["high"], strict=True)
    texts = pd.DataFrame(
        {
            "run": table["run"],
            "split": table["split"],
            "grade": [GRADES[name].title if name in GRADES else name for name in table["grade"]],
            "subject": table["shown"],
            "kind": table["kind"],
            "value": [grades.numbers_of(*cell) for cell in cells],
            "n": table["n"],
            "scenes": table["scenes"],
            "goal": [_verdict(goal, one) for goal, one in zip(table["goal"], kept, strict=True)],
        }
    ).set_index("run")
    return Sheet(table.set_index(["run", "split"])[keys], texts, texts.notna() & False, [_INTERVALS])


def _verdict(goal: str | None, kept: bool | None) -> str:
    return "–" if goal is None else f"{goal}, {'kept' if kept else 'missed'}"
