"""What pages offer for download: made when asked for, and with the numbers on the page."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fisa.classification import classify
from fisa.datasets import DataError, open_dataset
from fisa.distances import entropy
from fisa.emotions import MIKELS8
from fisa.evaluation import target_of, truth_of
from fisa.explain import explain
from fisa.explain.heads import importance, linear_cka, matrices_of, pattern_similarity
from fisa.explain.pairs import kinship, known_of_pairs, learned_effects, present_in
from fisa.export import report
from fisa.figures import paper
from fisa.language import using
from fisa.runs import load_run
from fisa.transport import wheel_transport
from fisa.ui import export, heads_known, metrics_export
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
            for made in ("wheel", "bars", "matrix", "grid", "head_similarity", "forest", "scatter", "to_bytes"):
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


def test_interactions_offers_what_it_shows(full: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("interactions", run="fisa", reference="co-occurrence", pair="fear<-awe")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX"]
    (offer,) = offers
    assert [*offer.figures] == [
        "mean-contributions-of-every-head", "likeness-of-means", "likeness-by-image", "importance",
        "learned-contributions", "co-occurrence",
    ]  # fmt: skip
    check_figures(offer, tuple(offer.figures))
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    matrices = matrices_of(run, data)
    fear, awe = MIKELS8.index("fear"), MIKELS8.index("awe")

    means = table_of(offer, "mean-contributions-of-every-head")
    assert len(means) == 4 * 8 * 8 and "images" not in means
    cell = means[(means["head"] == 2) & (means["receives"] == "fear") & (means["gives"] == "awe")]
    assert cell["value"].item() == pytest.approx(matrices.contribution[:, 1, fear, awe].mean(dtype=float))
    pushes = table_of(offer, "images-of-the-pair").set_index("id")["contribution"]
    assert pushes.abs().is_monotonic_decreasing and pushes.size == len(data)
    every = pd.Series(matrices.pushes(fear, awe), index=data.manifest["id"])
    np.testing.assert_allclose(pushes, every[pushes.index], rtol=1e-6)
    assert offer.about_of("images-of-the-pair")["pair"] == "awe on fear, all heads together"
    numbers = [str(head) for head in range(1, 5)]
    np.testing.assert_allclose(
        table_of(offer, "likeness-of-means")[numbers],
        pattern_similarity(matrices.mean("contribution"), "contribution"),
    )
    np.testing.assert_allclose(
        table_of(offer, "likeness-by-image")[numbers], linear_cka(matrices.contribution), atol=1e-12
    )
    silenced = importance(run, data, matrices)
    changes = table_of(offer, "importance").set_index("head")
    assert changes["change"].to_list() == pytest.approx(
        [*(one.value for one in silenced.heads), silenced.without.value]
    )
    assert changes.loc["all", "low"] == pytest.approx(silenced.without.low)
    assert f"{silenced.whole:.4f}" in text_of(offer, "importance", "md")
    learned, known = learned_effects(matrices, present_in(data)), known_of_pairs(run)
    pairs = table_of(offer, "pairs").set_index(["receives", "gives"])
    for name, values in {"learned contribution": learned, **known}.items():
        assert pairs.loc[("fear", "awe"), name] == pytest.approx(values[fear, awe], nan_ok=True)
    beside = table_of(offer, "learned-against-known").set_index("beside")
    assert beside.loc["planted", "pearson"] == pytest.approx(kinship(learned, known["planted"]).pearson)
    assert "of the labels of the training split" in offer.about_of("co-occurrence")["known"]
    assert offer.about["command"] == f"python -m fisa report {full / 'fisa'}" and run.digest in offer.about["run"]


def test_interactions_names_the_images_that_means_are_of(full: Path, visit: Visit, offers: list[Offer]) -> None:
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    matrices = matrices_of(run, data)
    column = int(np.bincount(matrices.predicted).argmax())
    label = MIKELS8.labels[column]
    spread = entropy(run.predictions[list(MIKELS8.labels)].to_numpy(float))
    least = round(float(np.median(spread[matrices.predicted == column])) - 1e-3, 4)
    rows = (matrices.predicted == column) & (spread > least)
    assert 0 < rows.sum() < len(data)
    asked = {"matrix": "interaction", "predicted": label, "filter": f"entropy>{least}"}
    app = visit("interactions", run="fisa", head="3", pair="fear<-awe", **asked)
    assert not app.exception and not app.error
    (offer,) = offers
    name = "mean-weights-of-head-3"
    check_figures(offer, (name,))
    (matrix, _) = offer.figures[name]("one").axes
    order = list(MIKELS8.wheel)
    shown = matrices.mean("interaction", rows)[2][np.ix_(order, order)]
    np.testing.assert_allclose(matrix.images[0].get_array(), shown)
    means = table_of(offer, name)
    assert set(means["head"]) == {3} and means["value"].to_numpy() == pytest.approx(shown.ravel())
    images = f"{rows.sum()} of {len(data)}: entropy above {least:.4g}; predicted {label}"
    assert set(means["images"]) == {images}
    assert len(table_of(offer, "images-of-the-pair")) == rows.sum()
    assert offer.about_of("images-of-the-pair")["pair"] == "awe on fear, head 3"
    narrowed = {part for part in {*offer.figures, *offer.tables} if offer.about_of(part).get("images") == images}
    assert narrowed == {name, "images-of-the-pair", "likeness-of-means", "learned-contributions", "pairs",
                        "learned-against-known"}  # fmt: skip
    page, query = offer.about["page"].split("?")
    assert page == "interactions" and dict(parse_qsl(query)).items() >= asked.items()
    assert app.selectbox(key="export_figure").options[0] == "Mean weights: Head 3"
    # Another head has another figure; what was chosen before is no more, and no page breaks over it.
    app.selectbox(key="export_figure").set_value(name).run()
    app.selectbox(key="choose_head").set_value("together").run()
    assert not app.exception and app.selectbox(key="export_figure").value in offers[-1].figures
    together = table_of(offers[-1], "mean-weights")
    every = matrices.mean("interaction", rows).mean(0)  # weights of heads are averaged, not added
    np.testing.assert_allclose(together["value"], every[np.ix_(order, order)].ravel())


def test_interactions_offers_the_rest_where_the_training_data_are_gone(
    full: Path, visit: Visit, offers: list[Offer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise DataError("planted-tiny: is gone")

    monkeypatch.setattr(heads_known, "draw", gone)
    app = visit("interactions", run="fisa")
    assert not app.exception and len(app.error) == 1 and "is gone" in app.error[0].value
    assert "importance" in offers[0].tables and not {"pairs", "learned-contributions"} & {*offers[0].tables}
    assert "learned-contributions" not in offers[0].figures


def test_metrics_offers_the_mistakes_of_a_run(full: Path, visit: Visit, offers: list[Offer]) -> None:
    app = visit("metrics", run="fisa")
    assert not app.exception and not app.error
    assert app.get("popover")[0].proto.popover.label == "Export"
    (offer,) = offers
    assert [*offer.figures] == [*offer.tables] == ["confusion", "mass-transfer"]
    check_figures(offer, ("confusion", "mass-transfer"))
    run, data = load_run(full / "fisa"), open_dataset("planted-tiny")
    predicted, order = run.predictions[list(MIKELS8.labels)].to_numpy(float), list(MIKELS8.wheel)
    found = classify(target_of(data), predicted, MIKELS8)
    labels = [MIKELS8.labels[column] for column in order]
    counts = table_of(offer, "confusion")
    assert counts["true"].to_list() == labels
    np.testing.assert_array_equal(counts[labels], found.confusion[np.ix_(order, order)])
    mass = table_of(offer, "mass-transfer")
    known = truth_of(data)
    assert known is not None
    expected = wheel_transport(known, predicted, MIKELS8.wheel).mean(0)[np.ix_(order, order)]
    np.testing.assert_allclose(mass[labels], expected, atol=1e-12)
    drawn = offer.figures["confusion"]("one").axes[0].images[0]
    rows = np.maximum(found.confusion.sum(1, keepdims=True), 1)
    np.testing.assert_allclose(drawn.get_array(), (found.confusion / rows)[np.ix_(order, order)])
    assert drawn.get_clim() == (0, 1)
    moved = np.asarray(offer.figures["mass-transfer"]("two").axes[0].images[0].get_array())
    np.testing.assert_allclose(moved, expected * (1 - np.eye(8)), atol=1e-12)
    assert offer.about["command"] == f"python -m fisa evaluate {full / 'fisa'}"

    some = metrics_export.of_mistakes(run, data, replace(found, n=61, tied=3), None)
    assert [*some.figures] == [*some.tables] == ["confusion"]
    assert some.about_of("confusion")["images"] == "61 of 64: 3 images with tied labels left out"
    whole = metrics_export.of_mistakes(run, data, replace(found, n=64, tied=0), expected)
    assert "images" not in whole.about_of("confusion")
    offers.clear()
    assert not visit("metrics").exception and len(offers) == 1


def table_of(offer: Offer, name: str) -> pd.DataFrame:
    """A table as who downloads its CSV reads it."""
    return pd.read_csv(io.StringIO(text_of(offer, name, "csv")))


@pytest.mark.parametrize(
    "view",
    [
        {"page": "explain", "run": "fisa"},
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


def files_of(offer: Offer) -> dict[str, str]:
    """Every table, every figure but for the ids of its clip paths, and the page but for its pictures."""
    tables = {f"{name}.{form}": text_of(offer, name, form) for name in offer.tables for form in ("csv", "md", "tex")}
    drawn = {name: paper.to_bytes(draw("two"), "svg", offer.about_of(name)) for name, draw in offer.figures.items()}
    figures = {f"{name}.svg": re.sub(r"\bp[0-9a-f]{10}\b", "", svg.decode()) for name, svg in drawn.items()}
    pages = {suffix: str(make()) for suffix, make in offer.others.items() if suffix == "html"}
    return {**tables, **figures, **{name: re.sub(r'base64,[^"]*', "", page) for name, page in pages.items()}}


def test_a_name_becomes_a_file_name(full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    button = export.st.download_button
    monkeypatch.setattr(export.st, "download_button", lambda *a, **k: (named.append(a[2]), button(*a, **k)))
    monkeypatch.setattr(export, "of_image", lambda *_: Offer("a/../<b> \U0001f600", {}, {"bars": pytest.fail}, {}, {}))
    visit("explain", run="fisa", image="iid-00003")
    assert named == [f"a-..-b-bars.{form}" for form in paper.FORMS]
