"""What pages offer for download: made when asked for, and with the numbers on the page."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from offering import buttons, check_figures, files_of
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain import explain
from fisa.explain.attribution import METHODS, applicable, attribute
from fisa.explain.deletion import curves
from fisa.explain.targets import Target
from fisa.export import report
from fisa.figures import paper
from fisa.language import using
from fisa.runs import load_run
from fisa.ui import export, image_export
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]


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
        pytest.param({"page": "explain", "run": "fisa"}, marks=pytest.mark.slow),
        {"page": "metrics", "run": "fisa"},
        pytest.param({"page": "interactions", "run": "fisa", "predicted": "fear"}, marks=pytest.mark.slow),
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


def test_a_run_that_is_called_as_its_provenance_is_keeps_its_column() -> None:
    table = pd.DataFrame({"data": [0.25]}, pd.Index(["a.png"], name="image"))
    offer = Offer("x", {"data": "planted", "command": "python"}, tables={"errors": lambda: table})
    found = pd.read_csv(io.StringIO(text_of(offer, "errors", "csv")))
    assert found.to_dict("records") == [{"image": "a.png", "data": 0.25, "export_data": "planted", "command": "python"}]


def test_a_name_becomes_a_file_name(full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    button = export.st.download_button
    monkeypatch.setattr(export.st, "download_button", lambda *a, **k: (named.append(a[2]), button(*a, **k)))
    monkeypatch.setattr(
        image_export, "offer_of", lambda *_: Offer("a/../<b> \U0001f600", {}, {"bars": pytest.fail}, {}, {})
    )
    visit("explain", run="fisa", image="iid-00003")
    assert named == [f"a-..-b-bars.{form}" for form in paper.FORMS]
