"""What pages offer for download: made when asked for, and with the numbers on the page."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from graded_runs import store_by_hand
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain import explain
from fisa.explain.attribution import METHODS, applicable, attribute
from fisa.explain.deletion import curves
from fisa.explain.graded import stored_grades
from fisa.explain.targets import Target
from fisa.export import report
from fisa.figures import paper
from fisa.language import using
from fisa.runs import load_run
from fisa.ui import export
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]
HEADS = {"\x89PNG": "png", "%PDF": "pdf", "<?xm": "svg"}
DRAWN = (
    "wheel", "bars", "matrix", "scatter", "forest", "grade_dots", "grade_curves", "deletion_curves", "to_bytes",
)  # fmt: skip


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """What pages offer, as they draw it; drawing a figure or a report meanwhile is an error."""
    found: list[Offer] = []
    draw = export.draw

    def note(offer: Offer) -> None:
        found.append(offer)
        with pytest.MonkeyPatch.context() as patch:
            for made in DRAWN:
                patch.setattr(paper, made, lambda *_: pytest.fail("drawn before it was asked for"))
            draw(offer)

    monkeypatch.setattr(export, "draw", note)
    return found


def buttons(app: AppTest) -> list[str]:
    return [button.proto.label for button in app.get("download_button")]


def check_figures(offer: Offer, names: tuple[str, ...]) -> None:
    for name in names:
        figure = offer.figures[name]("one")
        kinds = {HEADS[paper.to_bytes(figure, form, offer.about)[:4].decode("latin-1")] for form in paper.FORMS}
        assert kinds == set(paper.FORMS)


def test_explain_offers_figures_tables_and_a_page(full: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("explain", run="fisa", image="iid-00003", emotion="awe")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX", "HTML", "JSON", "NPZ"]
    (offer,) = offers
    assert "contributions-to-awe" in offer.figures and "attribution" in offer.figures
    check_figures(offer, ("contributions-to-awe",))
    expected = explain(load_run(full / "fisa"), open_dataset("planted-tiny")[3].image).distribution
    table = pd.read_csv(io.StringIO(text_of(offer, "prediction", "csv"))).set_index("emotion")
    np.testing.assert_allclose(table.loc[list(MIKELS8.labels), "fisa"], expected, atol=1e-9)
    assert load_run(full / "fisa").digest in table["run"].iloc[0] and table["image"].iloc[0] == "iid-00003"
    assert f"fisa explain {full / 'fisa'} planted-tiny:iid:3 --method contributions" in table["command"].iloc[0]
    assert text_of(offer, "prediction", "tex").count(r"\midrule") == 1
    assert text_of(offer, "prediction", "md").startswith("| emotion")
    with np.load(io.BytesIO(bytes(offer.others["npz"]())), allow_pickle=False) as arrays:  # type: ignore[arg-type]
        assert arrays["attention"].shape[0] == 8
    assert str(offer.others["html"]()).lstrip().startswith("<!DOCTYPE html>")


def test_explain_offers_deletion_and_insertion_where_the_page_shows_them(
    full: Path, visit: Visit, offers: list[Offer]
) -> None:
    visit("explain", run="fisa", image="iid-00003", emotion="awe")
    app = visit("explain", run="fisa", image="iid-00003", emotion="awe", methods="on", lang="zh_Hans")
    assert not app.exception and not app.error
    closed, offer = offers
    name = "deletion-and-insertion"
    assert name not in closed.figures and name not in closed.tables
    assert {name} == offer.figures.keys() - closed.figures.keys() == offer.tables.keys() - closed.tables.keys()
    run, image = load_run(full / "fisa"), open_dataset("planted-tiny")[3].image
    target = Target.parse("awe", run.space)
    maps = {method: attribute(run, image, method, target).values for method in applicable(run)}
    table = pd.read_csv(io.StringIO(text_of(offer, name, "csv"))).set_index("method")
    for method, own in curves(run, image, maps, target).items():
        np.testing.assert_allclose(table.loc[method, "share"], own.shares)
        np.testing.assert_allclose(table.loc[method, "deletion"], own.deletion, atol=1e-6)
        np.testing.assert_allclose(table.loc[method, "insertion"], own.insertion, atol=1e-6)
    assert list(dict.fromkeys(table.index))[-1] == "random" and set(table.index) == {*maps, "random"}
    # That command makes no such curves; the page does.
    assert "command" not in table and table["page"].iloc[0].startswith("explain?run=fisa&image=iid-00003&emotion=awe")
    assert "methods=on" in table["page"].iloc[0] and run.digest in table["run"].iloc[0]
    check_figures(offer, (name,))
    panels = [axes for axes in offer.figures[name]("two").axes if axes.lines]
    assert [axes.get_title() for axes in panels] == [METHODS[each].title for each in dict.fromkeys(table.index[:-1])
                                                     if each in METHODS]  # fmt: skip


def test_compare_offers_both_runs(
    full: Path, visit: Visit, offers: list[Offer], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("compare", run="fisa", against="cnn", image="iid-00003")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX", "HTML"]
    (offer,) = offers
    check_figures(offer, ("errors", "training", "measures"))
    table = pd.read_csv(io.StringIO(text_of(offer, "measures", "csv"))).set_index("measure")
    np.testing.assert_allclose(table["cnn − fisa"], table["cnn"] - table["fisa"], atol=1e-12)
    assert table.loc["Cosine ↑", "cnn − fisa_low"] <= table.loc["Cosine ↑", "cnn − fisa"]
    assert "model.name" in text_of(offer, "settings", "md")
    monkeypatch.setattr(report, "WORST", 1)
    assert "cnn − fisa" in str(offer.others["html"]())


@pytest.mark.parametrize(
    "view",
    [
        {"page": "explain", "run": "fisa"},
        pytest.param({"page": "compare", "run": "fisa", "against": "cnn"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_files_are_english_in_a_chinese_session(
    full: Path, visit: Visit, offers: list[Offer], view: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "WORST", 1)
    for language in ("en", "zh_Hans"):
        app = visit(**view, image="iid-00003", emotion="awe", lang=language)
        assert not app.exception and not app.error
    english, chinese = offers
    assert (chinese.name, chinese.about, chinese.own) == (english.name, english.about, english.own)
    assert chinese.figures.keys() == english.figures.keys() and chinese.tables.keys() == english.tables.keys()
    with using("zh_Hans"):  # for whoever presses the button
        files = files_of(chinese)
    for name, content in files_of(english).items():
        assert files.pop(name) == content
    assert not files


def files_of(offer: Offer) -> dict[str, str]:
    """Every table, every figure but for the ids of its clip paths, and the page but for its pictures."""
    tables = {f"{name}.{form}": text_of(offer, name, form) for name in offer.tables for form in ("csv", "md", "tex")}
    drawn = {name: paper.to_bytes(draw("two"), "svg", offer.about_of(name)) for name, draw in offer.figures.items()}
    figures = {f"{name}.svg": re.sub(r"\bp[0-9a-f]{10}\b", "", svg.decode()) for name, svg in drawn.items()}
    pages = {"html": re.sub(r'base64,[^"]*', "", str(offer.others["html"]()))} if "html" in offer.others else {}
    return {**tables, **figures, **pages}


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


def test_a_run_that_is_called_as_its_provenance_is_keeps_its_column() -> None:
    table = pd.DataFrame({"data": [0.25]}, pd.Index(["a.png"], name="image"))
    offer = Offer("x", {"data": "planted", "command": "python"}, tables={"errors": lambda: table})
    found = pd.read_csv(io.StringIO(text_of(offer, "errors", "csv")))
    assert found.to_dict("records") == [{"image": "a.png", "data": 0.25, "export_data": "planted", "command": "python"}]


def test_a_name_becomes_a_file_name(full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    button = export.st.download_button
    monkeypatch.setattr(export.st, "download_button", lambda *a, **k: (named.append(a[2]), button(*a, **k)))
    monkeypatch.setattr(export, "of_image", lambda *_: Offer("a/../<b> \U0001f600", {}, {"bars": pytest.fail}, {}, {}))
    visit("explain", run="fisa", image="iid-00003")
    assert named == [f"a-..-b-bars.{form}" for form in paper.FORMS]
