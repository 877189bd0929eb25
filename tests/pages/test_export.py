"""What Explain and Compare offer for download: made when asked for, and with the numbers on the page."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.explain import explain
from fisa.export import report
from fisa.figures import paper
from fisa.language import using
from fisa.runs import load_run
from fisa.ui import export
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]
HEADS = {"\x89PNG": "png", "%PDF": "pdf", "<?xm": "svg"}


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """What pages offer, as they draw it; drawing a figure or a report meanwhile is an error."""
    found: list[Offer] = []
    draw = export.draw

    def note(offer: Offer) -> None:
        found.append(offer)
        with pytest.MonkeyPatch.context() as patch:
            for made in ("wheel", "bars", "matrix", "scatter", "to_bytes"):
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
    return {**tables, **figures, "html": re.sub(r'base64,[^"]*', "", str(offer.others["html"]()))}


def test_a_name_becomes_a_file_name(full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    button = export.st.download_button
    monkeypatch.setattr(export.st, "download_button", lambda *a, **k: (named.append(a[2]), button(*a, **k)))
    monkeypatch.setattr(export, "of_image", lambda *_: Offer("a/../<b> \U0001f600", {}, {"bars": pytest.fail}, {}, {}))
    visit("explain", run="fisa", image="iid-00003")
    assert named == [f"a-..-b-bars.{form}" for form in paper.FORMS]
