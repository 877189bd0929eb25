"""What Grades offers for download: made when asked for, and with the numbers that are stored."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from graded_runs import store_by_hand
from offering import buttons, check_figures, files_of
from streamlit.testing.v1 import AppTest

from fisa.explain.graded import stored_grades
from fisa.language import using
from fisa.runs import load_run
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]


def test_grades_offers_its_charts_and_tables(graded: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("grades", run="fisa")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX"]
    assert app.selectbox(key="export_figure").options == ["Faithfulness", "Faithfulness over splits"]
    assert app.selectbox(key="export_table").options == ["Grades: Attribution", "Goals", "All grades"]
    (offer,) = offers
    assert offer.name == "fisa-iid"
    check_figures(offer, ("faithfulness", "faithfulness-over-splits"))
    (dots,) = offer.figures["faithfulness"]("one").axes
    names = [label.get_text() for label in dots.get_yticklabels()]
    assert names == ["Grad-CAM*", "Attention", "Same", "Own change"]  # the star: it fails a sanity check
    (over,) = offer.figures["faithfulness-over-splits"]("two").axes
    assert [list(group.lines[0].get_ydata()) for group in over.containers] == [[0.5, 0.3], [0.7, 0.7]]


def test_tables_of_grades_hold_what_is_stored(graded: Path, visit: Visit, offers: list[Offer]) -> None:
    visit("grades", run="fisa", graded="rendering")
    (offer,) = offers
    run = load_run(graded / "fisa")
    stored = {(row.grade, row.subject): row for row in stored_grades(run)["rendering"].rows}
    table = pd.read_csv(io.StringIO(text_of(offer, "grades-of-attribution", "csv"))).set_index("subject")
    assert list(table.index) == ["Grad-CAM", "Attention", "Same", "Own change"] and set(table["run"]) == {"fisa"}
    for title, subject in {"Grad-CAM": "grad_cam", "Attention": "attention", "Same": "same"}.items():
        row = stored["faithfulness", subject]
        numbers = table.loc[title, ["faithfulness", "faithfulness_low", "faithfulness_high"]]
        assert list(numbers) == [row.value, row.low, row.high]
    assert table.loc["Own change", "faithfulness"] == 1 and np.isnan(table.loc["Own change", "faithfulness_low"])
    assert table["runs"].iloc[0] == f"fisa (digest {run.digest})"
    assert table["data"].iloc[0] == "planted-tiny, version version, split rendering"
    assert table["command"].iloc[0] == f"python -m fisa grade {graded / 'fisa'} --split rendering --store"
    assert table["graded"].iloc[0].startswith("fisa on rendering by code code, of at most 40 scenes for localisation")

    read = text_of(offer, "grades-of-attribution", "md")
    # 0.5 less 0.2 on this split; Grad-CAM is the best method, and the ceiling is no method.
    assert "**0.700 [0.650, 0.750]**" in read and " 0.300 [0.250, 0.350]" in read and " 1.000 |" in read
    assert "Faithfulness ↑" in read and "fails shuffled weights" in read
    assert r"\textbf{0.700 [0.650, 0.750]}" in text_of(offer, "grades-of-attribution", "tex")

    goals = pd.read_csv(io.StringIO(text_of(offer, "goals", "csv"))).set_index(["grade", "subject"])
    # Goals are set on iid, whichever split is shown.
    assert list(goals.loc[("localisation", "attention"), ["value", "goal", "kept"]]) == [0.96, "≥ 0.95", True]
    assert list(goals.loc[("recovery.slope", "contributions"), ["value", "kept"]]) == [0.74, False]
    assert np.isnan(goals.loc[("path.direct", "interaction"), "value"])
    assert "--split iid " in goals["command"].iloc[0]
    assert "0.740 [0.690, 0.790], missed" in text_of(offer, "goals", "md")

    everything = pd.read_csv(io.StringIO(text_of(offer, "all-grades", "csv")))
    assert len(everything) == 2 * len(stored)  # of both splits
    one = everything.set_index(["split", "grade", "subject"]).loc[("rendering", "localisation", "attention")]
    assert one["value"] == stored["localisation", "attention"].value and np.isnan(float(one["goal"]))
    assert "--split iid --split rendering --store" in everything["command"].iloc[0]


def test_grades_are_english_in_a_chinese_session(graded: Path, visit: Visit, offers: list[Offer]) -> None:
    for language in ("en", "zh_Hans"):
        assert not visit("grades", run="fisa", lang=language).exception
    english, chinese = offers
    assert (chinese.name, chinese.about, chinese.own) == (english.name, english.about, english.own)
    with using("zh_Hans"):
        files = files_of(chinese)
        assert chinese.words_of("faithfulness") != "Faithfulness"  # but the choice is in the person's language
    assert files == files_of(english)


def test_the_smaller_is_the_better_where_a_grade_says_so(graded: Path, visit: Visit, offers: list[Offer]) -> None:
    store_by_hand(load_run(graded / "cnn"), shift=0.1)
    app = visit("grades", run="fisa", beside="cnn", part="checks")
    assert not app.exception
    (offer,) = offers
    assert offer.name == "fisa-cnn-iid" and "cnn (digest" in offer.about["runs"]
    lines = text_of(offer, "grades-of-checks", "md").splitlines()
    assert "Shuffled weights ↓" in lines[0] and "Untrained network " in lines[0] and lines[0].startswith("| run")
    # Of both runs .12 and .4; the level of the untrained network is no contest.
    assert sum("**0.120" in line for line in lines) == 2 and not any("**0.400" in line for line in lines)
    assert not any("**0.100" in line for line in lines)


def test_one_split_has_no_curves_and_what_is_not_graded_no_export(
    graded: Path, visit: Visit, offers: list[Offer]
) -> None:
    assert not visit("grades", run="cnn").exception and not offers
    store_by_hand(load_run(graded / "cnn"), "rendering")
    app = visit("grades", run="cnn", part="attention")
    assert not app.exception and list(offers[0].figures) == ["localisation"]
    assert list(offers[0].tables) == ["grades-of-attention", "all-grades"]  # no goals: they are set on iid
