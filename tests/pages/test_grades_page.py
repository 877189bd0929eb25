"""The Grades page: what it shows is what is stored, and what was not graded says so with the command."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from graded_runs import store_by_hand
from streamlit.testing.v1 import AppTest

from fisa.explain import localisation
from fisa.runs import load_run

Visit = Callable[..., AppTest]


def unescaped(text: object) -> str:
    return re.sub(r"\\(?=\W)", "", str(text)).replace("\u00a0", " ")


def said(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning)
    return unescaped("\n".join(str(element.value) for kind in kinds for element in kind))


def test_methods_stand_beside_baselines_and_ceilings(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="fisa")
    assert not app.exception and not app.error and not app.warning
    table = app.dataframe[0].value
    assert table.index.tolist() == ["Grad-CAM", "Attention", "Same", "Own change"]  # methods, best first
    assert table["Faithfulness"].tolist() == [0.7, 0.5, 0.6, 1.0]
    assert table.loc["Grad-CAM", "Faithfulness, 95 %"] == "0.650 to 0.750"
    assert table.loc["Own change", "Faithfulness, 95 %"] == ""
    assert table.loc["Grad-CAM", "sanity"] == "fails shuffled weights" and table.loc["Attention", "sanity"] == "passes"
    words = said(app)
    assert "Not graded: occlusion." in words and "docs/methods.md, section 15.2" in words
    assert app.query_params["part"] == "attribution" and app.query_params["grade"] == "faithfulness"


def test_goals_are_kept_or_missed(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="fisa")
    goals = app.table[0].value
    cells = {unescaped(name): unescaped(value) for name, value in goals.iloc[:, 0].items()}
    assert cells["Hit ≥ 0.95"] == "0.960 [0.950, 0.970], kept"
    assert cells["Slope ≥ 0.85"] == "0.740 [0.690, 0.790], missed"
    assert cells["Leak ≤ 0.03"].endswith("kept")
    assert cells["Direct path ≥ 0.9"] == "does not apply"
    assert "keeps 3 of 4 goals" in said(app).replace("**", "")


def test_part_grade_and_split_are_chosen_and_shared(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="fisa", part="checks", graded="rendering")
    assert not app.exception and not app.warning
    assert app.query_params["grade"] == "sanity.untrained"
    assert app.dataframe[0].value["kind"].tolist() == ["method", "method"]
    app.selectbox(key="choose_grade").set_value("sanity.shuffled_weights").run()
    assert app.query_params["grade"] == "sanity.shuffled_weights" and not app.exception
    app.button_group(key="choose_part").set_value("attention").run()
    assert app.query_params["part"] == "attention" and app.query_params["grade"] == "localisation"
    shown = app.dataframe[0].value
    assert shown.loc["Attention", "Hit"] == pytest.approx(0.76)  # .96 less .2 on rendering
    assert visit("grades", run="fisa", graded="rendring").query_params["graded"] == "rendering"


def test_splits_are_drawn_as_curves(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="fisa")
    twin = app.dataframe[-1].value
    assert twin[twin["line"] == "Attention"][["split", "value"]].to_numpy().tolist() == [
        ["iid", 0.5],
        ["rendering", 0.3],
    ]
    assert len(app.get("plotly_chart")) == 2


def test_runs_side_by_side_and_what_was_not_graded(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="fisa", beside="cnn,gone")
    assert not app.exception and "“gone”" in said(app)
    assert f"Not graded on iid yet: cnn. `python -m fisa grade {graded / 'cnn'} --store`" in said(app)
    store_by_hand(load_run(graded / "cnn"), shift=0.1)
    app = visit("grades", run="fisa", beside="cnn")
    table = app.dataframe[0].value
    assert table["Faithfulness"].to_dict()["cnn", "Attention"] == pytest.approx(0.4)
    assert len(table) == 8 and "Not graded on" not in said(app)
    app.multiselect(key="choose_beside").set_value([]).run()
    assert "beside" not in app.query_params and len(app.dataframe[0].value) == 4
    shutil.copytree(graded / "cnn", graded / "a, b")
    app = visit("grades", run="fisa")
    app.multiselect(key="choose_beside").set_value(["cnn", "a, b"]).run()
    assert not app.warning and app.query_params["beside"] == "cnn,a%2C b"
    assert app.multiselect(key="choose_beside").value == ["cnn", "a, b"]


def test_a_run_without_grades_says_what_grades_it(graded: Path, visit: Visit) -> None:
    app = visit("grades", run="cnn")
    assert not app.exception and not app.error and not app.dataframe
    assert f"Not graded yet: cnn. `python -m fisa grade {graded / 'cnn'} --store` does that" in said(app)


def test_nothing_is_computed_when_the_page_opens(graded: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localisation, "render", None)
    monkeypatch.setattr("fisa.runs.Run.output", None)
    assert not visit("grades", run="fisa").exception


def test_explain_reads_the_stored_grades_and_marks_what_fails(graded: Path, visit: Visit) -> None:
    app = visit("explain", run="fisa", method="grad_cam")
    assert not app.exception and not app.error
    words = said(app).replace("**", "")
    assert (
        "Graded on 10 planted scenes (iid): faithfulness 0.70 [0.65, 0.75], best baseline 0.60; validity 0.30" in words
    )
    assert "It fails the sanity check by shuffled weights." in words
    offered = app.selectbox(key="choose_method").options
    assert "Grad-CAM (fails a sanity check)" in offered and "Attention" in offered


def test_a_command_names_runs_as_one_writes_them_in_the_folder_of_the_studio(
    shelf: Path, tiny_runs: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_runs / "cnn", shelf / "a run")
    monkeypatch.chdir(shelf.parent)
    assert f"`python -m fisa grade '{shelf.name}/a run' --store`" in said(visit("grades", run="a run"))
