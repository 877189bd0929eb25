"""What only one system says stands on the Explain page, and in the explanation itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest

from fisa.commands.explain import explain as explain_command
from fisa.config import RunConfig
from fisa.datasets import open_dataset
from fisa.emotions import MIKELS8
from fisa.evaluation import prediction_frame, summarise
from fisa.explain import explain
from fisa.models import build_model
from fisa.runs import NewRun, Run, save_run
from fisa.ui.extras import maps_of

Visit = Callable[..., AppTest]
SMALL = {"name": "plain", "width": 8}


def save(folder: Path, model: dict[str, Any]) -> Run:
    """A run of fresh weights over planted-tiny: what matters here is what it says, not how well."""
    torch.manual_seed(0)
    config = RunConfig.model_validate(
        {"name": "x", "data": {"name": "planted-tiny", "image_size": 32}, "model": {**model, "backbone": SMALL}}
    )
    data = open_dataset("planted-tiny", split="test", image_size=32)
    uniform = np.full((len(data), 8), 1 / 8)
    state = build_model(config.model, MIKELS8).state_dict()
    history = pd.DataFrame({"epoch": [1], "seconds": [0.5], "train_loss": [2.0], "validation_kl": [1.0], "lr": [0.1]})
    new = NewRun(
        config, MIKELS8, state, history, summarise(data, uniform), prediction_frame(data, uniform), {"seed": 0}
    )
    return save_run(folder / model["name"].replace("_", "-"), new)


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (app.header, app.caption) for element in kind)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"name": "ew_mtcnn"}, ["Only in ew-mtcnn", "The prior:", "Scores of the emotions", "amusement"]),
        ({"name": "sentiment_metric"}, ["Gram matrices", "also gives sentiment"]),
        ({"name": "csr"}, ["The prediction on the emotion circle", "Length of that vector"]),
        ({"name": "style_edl", "gram_width": 8}, ["The graph:", "graph of the training labels", "also gives class"]),
        ({"name": "fisa", "members": 2, "dim": 8, "heads": 2}, ["What the members of the committee gain together"]),
        ({"name": "emotion_gcn"}, ["The graph:"]),
        ({"name": "two_level_attention"}, ["Weight of each stage of the network", "Where it looks"]),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_the_page_shows_them(model: dict[str, Any], words: list[str], shelf: Path, visit: Visit) -> None:
    run = save(shelf, model)
    app = visit("explain", run=run.name)
    assert not app.exception and not app.error
    assert [word for word in words if word not in said(app).replace("\\", "")] == []


def test_maps_are_the_masks_and_the_attention_of_unnamed_features() -> None:
    mask, attention = np.full((2, 3), 0.5), np.arange(8.0).reshape(2, 2, 2)
    found = maps_of({"mask_2": mask, "latent_attention": attention, "stage_attention": np.ones(3)})
    assert list(found) == ["stage 2", "feature 1", "feature 2"]
    assert found["stage 2"] is mask and found["feature 2"].tolist() == [[4, 5], [6, 7]]


def test_a_system_without_any_says_nothing(shelf: Path, visit: Visit) -> None:
    app = visit("explain", run=save(shelf, {"name": "cnn"}).name)
    assert not app.exception and "Only in" not in said(app)


def test_the_command_line_gives_them_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = save(tmp_path, {"name": "dbc_ldl", "bits": 5})
    explain_command(run.path, "planted-tiny:iid:0", None, (), None)
    document = json.loads(capsys.readouterr().out)
    assert sorted(document["extras"]) == ["code", "decoded"]
    assert len(document["extras"]["code"]) == 5 and sum(document["extras"]["decoded"]) == pytest.approx(1, abs=1e-5)


def test_an_explanation_holds_those_of_its_image(tmp_path: Path) -> None:
    run = save(tmp_path, {"name": "ssdl"})
    image = open_dataset("planted-tiny", split="test", image_size=32)[0].image
    found = explain(run, image)
    q = found.distribution
    np.testing.assert_allclose(found.extras["polarity"], [q[4:].sum(), 0, q[:4].sum()], atol=1e-6)
