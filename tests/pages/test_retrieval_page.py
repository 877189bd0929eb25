"""The Retrieval page: what it shows of a query is what the library found."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit
import torch
from streamlit.testing.v1 import AppTest

from fisa.config import RunConfig
from fisa.datasets import Photographs, open_dataset
from fisa.emotions import RATINGS
from fisa.evaluation import prediction_frame, summarise
from fisa.explain.embeddings import EMBEDDINGS
from fisa.explain.retrieval import retrieve
from fisa.models import build_model
from fisa.runs import NewRun, Run, load_run, save_run
from fisa.ui.export import Offer

Visit = Callable[..., AppTest]


@pytest.fixture
def photographs(photograph_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the two runs on files, as the studio's artifacts."""
    monkeypatch.setenv("FISA_ARTIFACTS", str(photograph_runs))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    return photograph_runs


def save_metric(folder: Path, root: Path) -> Run:
    """A run with two embeddings over the files of an Emotion6 tree, of fresh weights."""
    torch.manual_seed(0)
    document: dict[str, Any] = {
        "name": "metric",
        "data": {"name": "emotion6", "root": str(root), "image_size": 32},
        "model": {"name": "sentiment_metric", "gram_width": 4, "backbone": {"name": "plain", "width": 8}},
    }
    config = RunConfig.model_validate(document)
    data = open_dataset("emotion6", root)
    even = np.full((len(data), len(data.space)), 1 / len(data.space))
    history = pd.DataFrame({"epoch": [1], "seconds": [0.5], "train_loss": [2.0], "validation_kl": [1.0], "lr": [0.1]})
    state = build_model(config.model, data.space).state_dict()
    new = NewRun(config, data.space, state, history, summarise(data, even), prediction_frame(data, even), {})
    return save_run(folder / "metric", new)


def said(app: AppTest) -> str:
    texts = [str(element.value) for kind in (app.header, app.markdown, app.caption) for element in kind]
    return re.sub(r"\\(?=\W)", "", "\n".join(texts))


def test_neighbours_are_those_of_the_library(photographs: Path, visit: Visit) -> None:
    run = load_run(photographs / "cnn")
    found = retrieve(run, 5)["fc"]
    name = str(found.ids[4])
    app = visit("retrieval", run="cnn", image=name, k="5", by="polarity")
    assert not app.exception and not app.error and not app.warning
    shown = app.dataframe[0].value
    assert shown["id"].tolist() == found.gallery_ids[found.neighbours[4]].tolist()
    assert shown["distance"].tolist() == pytest.approx(found.distances[4].tolist())
    assert shown["right"].tolist() == found.hits["polarity"][4].tolist()
    words = said(app)
    right = int(found.hits["polarity"][4].sum())
    assert f"{right} of the 5 nearest share the polarity" in words
    assert words.count(":material/check_circle:") == right and words.count(":material/cancel:") == 5 - right
    table = app.table[0].value
    score = found.scores["emotion"]
    assert f"{score.mean_average_precision.value:.3f} [" in re.sub(r"\\(?=\W)", "", table.iloc[0, 0])
    assert float(re.sub(r"\\(?=\W)", "", str(table.iloc[0, 1]))) == pytest.approx(
        score.mean_average_precision_chance, abs=5e-4
    )
    assert "has one embedding; the Map page shows its projection" in words


def test_a_neighbour_becomes_the_query(photographs: Path, visit: Visit) -> None:
    app = visit("retrieval", run="cnn")
    nearest = app.dataframe[0].value["id"].iloc[0]
    app.button(key="neighbour_0").click().run()
    assert not app.exception and app.query_params["image"] == nearest
    app.button(key="next_image" if not app.button(key="next_image").disabled else "previous_image").click().run()
    assert not app.exception and app.query_params["image"] != nearest


def test_two_embeddings_are_chosen_between_and_projected(
    photograph_runs: Path, shelf: Path, visit: Visit, offers: list[Offer]
) -> None:
    root = load_run(photograph_runs / "cnn").config.data.root
    assert root is not None
    found = retrieve(save_metric(shelf, root), 10)
    app = visit("retrieval", run="metric", embedding="fc")
    assert not app.exception and not app.error
    assert app.dataframe[0].value["distance"].tolist() == pytest.approx(found["fc"].distances[0].tolist())
    app.selectbox(key="choose_embedding").set_value("sentiment_vector").run()
    assert app.query_params["embedding"] == "sentiment_vector"
    assert app.dataframe[0].value["distance"].tolist() == pytest.approx(found["sentiment_vector"].distances[0].tolist())
    assert len(app.table[0].value) == 4  # two embeddings by two criteria
    assert "FC against Sentiment vector" in said(app) and not app.get("plotly_chart")
    assert "maps" not in offers[-1].figures
    app.button(key="project").click().run()
    assert not app.exception and len(app.get("plotly_chart")) == 2
    assert len(visit("retrieval", run="metric").get("plotly_chart")) == 2  # kept from then on
    drawn = [axes.get_title() for axes in offers[-1].figures["maps"]("two").axes]
    assert drawn == [EMBEDDINGS[name][0] for name in ("fc", "sentiment_vector")]


@pytest.mark.parametrize(("bound", "said"), [(0.0, 1), (1.0, 0)])
def test_an_embedding_that_may_have_collapsed_is_named(
    photographs: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch, bound: float, said: int
) -> None:
    monkeypatch.setattr("fisa.explain.retrieval.COLLAPSED", bound)
    likeness = retrieve(load_run(photographs / "cnn"), 10)["fc"].likeness
    told = [each.value for each in visit("retrieval", run="cnn").warning]
    assert len(told) == said
    assert all(each.startswith("FC: the vectors") and f"mean cosine of {likeness:.5f}." in each for each in told)


def test_what_a_link_asks_in_vain_is_said(photographs: Path, visit: Visit) -> None:
    app = visit("retrieval", run="cnn", k="7", embedding="sentiment_vector")
    assert not app.exception and app.query_params["k"] in ("5", "10", "20")
    # A number that is not offered is said; an embedding that only this run lacks is no fault of the link.
    assert len(app.warning) == 1 and "“7”" in app.warning[0].value
    assert app.query_params["embedding"] == "fc"


def test_data_without_emotions_are_one_line(photographs: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Photographs.__init__

    def rated(self: Photographs, *arguments: Any) -> None:
        whole(self, *arguments)
        self.space = RATINGS

    monkeypatch.setattr(Photographs, "__init__", rated)
    streamlit.cache_resource.clear()  # data sets that were opened before
    app = visit("retrieval", run="cnn")
    streamlit.cache_resource.clear()
    assert not app.exception
    assert [re.sub(r"\\(?=\W)", "", error.value) for error in app.error] == [
        "cnn: emotion6 has no emotions by which its images could be retrieved"
    ]
