"""What Data and Retrieval offer for download: what they show, of the images that they show it of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trees
from offering import buttons, check_figures, table_of
from streamlit.testing.v1 import AppTest

from fisa.datasets import open_dataset, statistics
from fisa.emotions import EKMAN7, MIKELS8
from fisa.explain.retrieval import retrieve
from fisa.runs import load_run
from fisa.ui.export import Offer, text_of

Visit = Callable[..., AppTest]


@pytest.fixture
def alone(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FISA_DATA", raising=False)


def test_data_offers_what_a_set_holds(alone: None, visit: Visit, offers: list[Offer]) -> None:
    app = visit("data", data="planted-tiny", split="iid")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX"]
    (offer,) = offers
    assert [*offer.figures] == ["mean-distribution", "label-totals", "entropy", "co-occurrence", "correlation"]
    assert [*offer.tables] == ["splits", "label-totals", "entropy", "co-occurrence", "correlation", "votes-an-image"]
    check_figures(offer, tuple(offer.figures))
    data, train = open_dataset("planted-tiny"), open_dataset("planted-tiny", split="train")
    degrees, labels = statistics.degrees_of(data.manifest, MIKELS8), list(MIKELS8.labels)
    order = statistics.vote_order(statistics.degrees_of(train.manifest, MIKELS8))
    totals = table_of(offer, "label-totals").set_index("label")
    assert list(totals.index) == [labels[column] for column in order]
    np.testing.assert_allclose(totals.loc[labels, "mean"], degrees.mean(0))
    assert totals["votes"].sum() == data.manifest["votes"].sum()
    together = table_of(offer, "co-occurrence").set_index("named")
    np.testing.assert_allclose(together.loc[labels, labels], statistics.co_occurrence(degrees))
    correlation = table_of(offer, "correlation").set_index("label")
    np.testing.assert_allclose(correlation.loc[labels, labels], np.corrcoef(degrees.T))
    spread = table_of(offer, "entropy")
    assert spread["images"].sum() == len(data) and spread["to"].iloc[-1] == pytest.approx(np.log(8))
    assert offer.about["images"] == f"{len(data)} of {totals_of(offer)}"
    assert offer.about["command"] == "python -m fisa data show planted-tiny --split iid"
    assert offer.about["page"] == "data?data=planted-tiny&view=holds&split=iid"
    bars = offer.figures["entropy"]("one").axes[0].patches
    assert [bar.get_height() for bar in bars] == spread["images"].to_list()

    visit("data", data="planted-tiny")
    whole = offers[-1]
    assert whole.about["images"] == "{0} of {0}".format(totals_of(whole))
    assert whole.about["digest of the rows"] != offer.about["digest of the rows"]
    assert whole.about["command"] == "python -m fisa data show planted-tiny"


def totals_of(offer: Offer) -> int:
    return int(table_of(offer, "splits").set_index("split").loc["all", "images"])


def test_data_offers_of_a_folder_what_it_has(alone: None, visit: Visit, offers: list[Offer], tmp_path: Path) -> None:
    root = tmp_path / "Emotion6 of <mine>"
    trees.emotion6(root, 12)
    assert not visit("data", data=str(root)).exception
    (offer,) = offers
    assert "ratings" in offer.figures and "votes-an-image" not in offer.figures
    check_figures(offer, ("ratings", "mean-distribution"))
    assert set(table_of(offer, "label-totals")["label"]) == set(EKMAN7.labels)
    ratings = table_of(offer, "ratings")
    dots = [dot for drawn in offer.figures["ratings"]("one").axes[0].collections for dot in drawn.get_offsets()]
    assert sorted(map(tuple, dots)) == sorted(map(tuple, ratings[["valence", "arousal"]].to_numpy()))
    assert offer.about["data"] == f"emotion6, {root}" and str(root) in text_of(offer, "label-totals", "csv")


def test_data_offers_of_an_empty_part_the_splits_alone(alone: None, visit: Visit, offers: list[Offer]) -> None:
    app = visit("data", data="planted-tiny", text="there is no such image")
    assert not app.exception and not app.error
    (offer,) = offers
    assert not offer.figures and [*offer.tables] == ["splits"] and offer.about["images"].startswith("0 of ")


def test_retrieval_offers_what_was_found(full: Path, visit: Visit, offers: list[Offer]) -> None:
    run = load_run(full / "fisa")
    found = retrieve(run, 5)["class_features"]
    name = str(found.ids[3])
    app = visit("retrieval", run="fisa", image=name, k="5", by="polarity")
    assert not app.exception and not app.error
    assert buttons(app) == ["SVG", "PNG", "PDF", "CSV", "MD", "TEX"]
    (offer,) = offers
    assert [*offer.figures] == ["nearest"] and [*offer.tables] == ["nearest", "retrieval"]
    check_figures(offer, ("nearest",))
    nearest = table_of(offer, "nearest")
    assert nearest["id"].to_list() == list(found.gallery_ids[found.neighbours[3]])
    assert nearest["right"].to_list() == list(found.hits["polarity"][3])
    np.testing.assert_allclose(nearest["distance"], found.distances[3], rtol=1e-5)
    shown = [axes for axes in offer.figures["nearest"]("two").axes if axes.images]
    signs = ["✓" if right else "✗" for right in found.hits["polarity"][3]]
    assert [axes.get_xlabel().split("\n")[1][0] for axes in shown] == ["q", *signs]
    scores = table_of(offer, "retrieval").set_index("by")
    assert scores.loc["emotion", "mAP"] == pytest.approx(found.scores["emotion"].mean_average_precision.value)
    assert scores.loc["polarity", "precision@5 low"] == pytest.approx(found.scores["polarity"].precision.low)
    assert offer.about_of("nearest")["query"] == name and "query" not in offer.about_of("retrieval")
    assert offer.about["command"] == f"python -m fisa retrieve {full / 'fisa'} --k 5"
    assert f"image={name}" in offer.about["page"]
