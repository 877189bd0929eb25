import streamlit as st

from fisa.language import tr
from fisa.runs import Run
from fisa.ui import export, grades, grades_choice, grades_export, reading, state, steps, widgets


def page(run: Run) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    runs, shelf = grades_choice.settle(run)
    st.markdown(
        tr(
            "An explanation that cannot be wrong explains nothing. Planted scenes say which pixels carry which emotion "
            "and which emotions push one another, so that every way to explain has a grade here, beside what is had "
            "without understanding (baselines) and the best that can be (ceilings)."
        )
    )
    if not any(shelf.values()):
        state.share("run", "beside")
        grades_choice.choose_others(runs)
        grades.missing(runs, shelf, None)
        grades.definitions()
        return
    split, part, grade = grades_choice.settle_view(shelf)
    state.share("run", "beside", "graded", "part", "grade")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        grades_choice.choose_others(runs)
        grades_choice.choose_split(shelf)
        export.draw(grades_export.of_grades(runs, shelf, split, part, grade))
    grades.missing(runs, shelf, split)

    reading.header(tr("Goals"), "goals")
    grades.goals(shelf)

    reading.header(tr("Methods, baselines and ceilings"), "grades")
    table = grades.long_table(shelf, split)
    grades_choice.controls(part, set(table["grade"]))
    grades.leaderboard(table, part)
    grades.dots(table, grade, split)

    reading.header(tr("Where the scenes shift"), "shifts")
    grades.curves(shelf, grade)
    grades.notes(shelf, split)
    grades.definitions()


state.enter("grades")
st.title(tr("Grades"), anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen)
