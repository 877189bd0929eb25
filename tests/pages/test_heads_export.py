"""What Interactions and Metrics offer for download, and which images they say it is of."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from offering import buttons, check_figures, table_of
from streamlit.testing.v1 import AppTest

from fisa.classification import classify
from fisa.datasets import DataError, open_dataset
from fisa.distances import entropy
from fisa.emotions import MIKELS8
from fisa.evaluation import target_of, truth_of
from fisa.explain.heads import importance, linear_cka, matrices_of, pattern_similarity
from fisa.explain.pairs import kinship, known_of_pairs, learned_effects, present_in
from fisa.runs import load_run
from fisa.transport import wheel_transport
from fisa.ui import heads_known, metrics_export
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]


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
